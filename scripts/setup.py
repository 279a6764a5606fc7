"""Make .venv and install the pinned requirements, unless that is done: `python3.11 scripts/setup.py`.

Standard library only: it runs before anything is installed, on Linux, macOS and Windows.
"""

import hashlib
import os
import subprocess
import sys
import tomllib
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / ".installed"
PYTHON_VERSION = (3, 11)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
INDEX_SECONDS = 4.0


def wanted() -> str:
    """A digest of what decides the environment's content."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return hashlib.sha256(f"{sys.version}{project}{pins}".encode()).hexdigest()


def python() -> Path:
    """The interpreter of the environment."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def torch_arguments() -> list[str]:
    """The index of PyTorch's CPU wheels, where Linux has no NVIDIA GPU: the default wheel brings gigabytes of CUDA.

    An index that does not answer within seconds is left out; pip then takes what it finds by itself.
    """
    if sys.platform != "linux" or Path("/proc/driver/nvidia/version").exists():
        return []
    try:
        urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=INDEX_SECONDS).close()
    except OSError as error:
        print(f"setup: {CPU_INDEX} does not answer ({error}); pip's own index is used", file=sys.stderr)
        return []
    return ["--extra-index-url", CPU_INDEX]


def main() -> None:
    """Install if something changed."""
    if sys.version_info[:2] != PYTHON_VERSION:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"error: Python {found}: the pinned requirements are those of Python 3.11; install it and try again")
    if STAMP.exists() and STAMP.read_text() == wanted():
        return
    if not python().exists():
        venv.create(VENV, with_pip=True)
    command = [str(python()), "-m", "pip", "install", "--requirement", "requirements.txt", *torch_arguments()]
    result = subprocess.run(command, cwd=ROOT, check=False)
    if result.returncode != 0:
        sys.exit(f"error: pip failed ({result.returncode}); mend what it says and run this again")
    STAMP.write_text(wanted())


if __name__ == "__main__":
    main()
