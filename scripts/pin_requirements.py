"""Write requirements*.txt from what is installed here: `python scripts/pin_requirements.py`.

Install the new versions into .venv, run the tests, then run this. Only what pyproject.toml asks for, directly or
through another package, is pinned; what else lies in the environment is left out.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

# The purposes in the order in which they are written; a package is written under the first that needs it.
PURPOSES = {
    "Serving": "longhand",
    "Ground truth to samples": "longhand[pipeline]",
    "Training and evaluation": "longhand[train]",
    "Development": "longhand[dev]",
}
# The lists beside requirements.txt: the purposes that they hold, and what they are for.
LISTS = {
    "requirements-serve.txt": (1, "The service and `longhand read`: no torch, pandas or mlflow."),
    "requirements-ingest.txt": (2, "Ground truth to samples, in a container: no torch or mlflow."),
    "requirements-train.txt": (3, "Training and evaluation, in a container."),
}
# Packages that other packages ask for only where they exist.
NOT_ON_WINDOWS = {"gunicorn", "uvloop"}
HEADER = """\
# Exact versions, written by scripts/pin_requirements.py; the ranges are in pyproject.toml.
"""


def needed_by(requirement: str) -> dict[str, str]:
    """Follow a requirement through all that it needs.

    Args:
        requirement: The name of an installed package, with extras.

    Returns:
        Name -> version of each package that is needed and installed here, without longhand itself.
    """
    versions: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = [Requirement(requirement)]
    while waiting:
        asked = waiting.pop()
        name, extras = canonicalize_name(asked.name), frozenset(asked.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            found = distribution(asked.name)
        except PackageNotFoundError:
            continue  # asked for on another system only
        versions[name] = Version(found.version).public  # without +cpu: the index decides the build
        for line in found.requires or []:
            further = Requirement(line)
            if further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
                waiting.append(further)
    versions.pop("longhand", None)
    return versions


def pins(versions: dict[str, str]) -> str:
    """One line a package, by name."""
    return "".join(
        f"{name}=={version}" + ('; sys_platform != "win32"' if name in NOT_ON_WINDOWS else "") + "\n"
        for name, version in sorted(versions.items())
    )


def main() -> None:
    """Write all lists."""
    root = Path(__file__).resolve().parents[1]
    written: set[str] = set()
    blocks = []
    for purpose, requirement in PURPOSES.items():
        new = {name: version for name, version in needed_by(requirement).items() if name not in written}
        written |= set(new)
        blocks.append(f"\n# {purpose}\n{pins(new)}")
    (root / "requirements.txt").write_text(f"{HEADER}{''.join(blocks)}\n-e .\n", encoding="utf-8")
    for name, (count, note) in LISTS.items():
        (root / name).write_text(f"{HEADER}# {note}\n{''.join(blocks[:count])}\n-e .\n", encoding="utf-8")


if __name__ == "__main__":
    main()
