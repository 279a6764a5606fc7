"""The stages of dvc.yaml, run one after the other in processes of their own.

In a project that DVC watches (.dvc and Git are there) `dvc repro` runs each, so that it knows what is up to date.
Without, as in a container with volumes, the same commands are run in the file's order, each once for the same material.
"""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from src.errors import PipelineError
from src.paths import Paths

logger = logging.getLogger(__name__)

_DATA = "src/data/"


def stages(root: Path) -> dict[str, list[str]]:
    """Read dvc.yaml.

    Args:
        root: The project's folder.

    Returns:
        Stage -> its commands, in the file's order.
    """
    content = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: [cmd] if isinstance(cmd := stage["cmd"], str) else list(cmd) for name, stage in content.items()}


def data_stages(root: Path) -> list[str]:
    """The stages from ground truth to samples: those that need no training package."""
    return [name for name, commands in stages(root).items() if all(_DATA in command for command in commands)]


def run_stages(paths: Paths, names: Sequence[str], done: Sequence[str], note: Callable[[str], None]) -> None:
    """Run stages; what is done already is left out.

    Args:
        paths: The project.
        names: Which, in order.
        done: Those that ended in an earlier run on the same material.
        note: Told of each stage that ends.

    Raises:
        PipelineError: A stage failed; what it said stands above.
    """
    if (paths.root / ".dvc").is_dir() and (paths.root / ".git").exists():
        for name in names:  # one by one, so that an error names the stage
            _call(paths, [sys.executable, "-m", "dvc", "repro", "--single-item", name], name)
        return
    commands = stages(paths.root)
    for name in names:
        if name in done:
            logger.info("%s: done by the run before", name)
            continue
        for command in commands[name]:
            _call(paths, [sys.executable, *command.split()[1:]], name)
        note(name)


def _call(paths: Paths, command: list[str], name: str) -> None:
    logger.info("%s", " ".join(command[1:]))
    # The commands of dvc.yaml begin with `python`: this one's.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=paths.root, env=environment, check=False)
    if done.returncode:
        raise PipelineError(f"{name}: failed with code {done.returncode}; what it said stands above")
