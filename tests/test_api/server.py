"""A real service in a process of its own, on a free port of the loopback interface."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running service.

    Attributes:
        url: Where it listens.
        process: Its process.
        log: What it wrote.
    """

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        return _kilobytes(self.process.pid, "VmRSS") * 1024

    def threads(self) -> int:
        """How many threads it has."""
        return _kilobytes(self.process.pid, "Threads")


def _kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


@contextmanager
def serve(folder: Path, model: Path | None, root: Path = ROOT, **settings: object) -> Iterator[Server]:
    """Start the service in a folder, where it may write; end it afterwards.

    Args:
        folder: Its current directory and its temporary one.
        model: The model file; None: the registry's champion.
        root: The clone whose code is run.
        **settings: Environment variables without their LONGHAND_.
    """
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(root), "TMPDIR": str(temporary),
        "LONGHAND_DATABASE_URL": f"sqlite:///{folder / 'longhand.db'}",
        **{f"LONGHAND_{name.upper()}": str(value) for name, value in settings.items()},
    }  # fmt: skip
    if model is not None:
        environment["LONGHAND_MODEL"] = str(model)
    command = [sys.executable, "-m", "uvicorn", "src.api.api:app", "--port", str(port), "--no-server-header"]
    log = folder / "service.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield Server(url, process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(f"{url}/ready", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the service did not start: {log.read_text()}") from error
            time.sleep(0.1)
