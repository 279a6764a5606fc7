"""Real Prometheus, Alertmanager and node-exporter on free ports of the loopback interface, with the project's files."""

import json
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"


def program(*names: str) -> str:
    """A program by one of its names (Debian's, then its makers'); the test is skipped where it is not installed."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"{names[-1]} is not installed (Debian: apt install {names[0]})")
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until(found: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """Wait for something that is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"{seconds:g} s without {what}"
        time.sleep(0.2)
    return value


@contextmanager
def started(command: list[str], folder: Path, url: str) -> Iterator[None]:
    """A program while it runs; it answers at `url` before the block begins."""
    log = folder / f"{Path(command[0]).name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(url, timeout=5).close()
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                return False
            return True

        until(answers, f"an answer from {command[0]}")
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of an expression now: a list of series."""
        asked = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(asked, timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The value of an expression that has one series; None: it has none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {series["metric"]["alertname"] for series in self.query('ALERTS{alertstate="firing"}')}


@contextmanager
def prometheus(folder: Path, targets: dict[str, str], alertmanager: str = "127.0.0.1:9") -> Iterator[Prometheus]:
    """Prometheus with the project's configuration and rules, where seconds stand for minutes.

    Args:
        folder: Where its data goes.
        targets: Job -> host:port; other jobs are left out.
        alertmanager: host:port.
    """
    command, port = program("prometheus"), free_port()
    config = yaml.safe_load((MONITORING / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [alertmanager]
    targets = targets | {"prometheus": f"127.0.0.1:{port}"}
    config["scrape_configs"] = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    for job in config["scrape_configs"]:
        job["static_configs"][0]["targets"] = [targets[job["job_name"]]]
    home = folder / "prometheus"
    (home / "rules").mkdir(parents=True)
    for file in (MONITORING / "prometheus" / "rules").glob("*.yml"):
        text = re.sub(r"^( +for:) \w+$", r"\1 1s", file.read_text(), flags=re.M)
        (home / "rules" / file.name).write_text(text)
    (home / "prometheus.yml").write_text(yaml.safe_dump(config))
    url = f"http://127.0.0.1:{port}"
    arguments = [f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}"]
    with started([command, *arguments, f"--web.listen-address=127.0.0.1:{port}"], folder, f"{url}/-/ready"):
        yield Prometheus(url)


@dataclass
class Receiver:
    """What a webhook has got: (path, the alert)."""

    url: str
    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def got(self, name: str, status: str = "firing") -> list[tuple[str, dict[str, Any]]]:
        """The messages of an alert."""
        return [
            (path, alert)
            for path, alert in self.alerts
            if alert["labels"]["alertname"] == name and alert["status"] == status
        ]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """A webhook."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.alerts.extend((self.path, alert) for alert in message["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """The test's output stays readable."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@contextmanager
def alertmanager(folder: Path, webhook: str) -> Iterator[str]:
    """Alertmanager with the project's configuration, where seconds stand for minutes; gives host:port."""
    command, port = program("prometheus-alertmanager", "alertmanager"), free_port()
    text = (MONITORING / "alertmanager" / "alertmanager.yml").read_text()
    text = re.sub(r"(group_wait|group_interval): \w+", r"\1: 1s", text)
    file = folder / "alertmanager.yml"
    file.write_text(text.replace("http://host.docker.internal:5001", webhook))
    arguments = [f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address="]
    address = f"127.0.0.1:{port}"
    with started([command, *arguments, f"--web.listen-address={address}"], folder, f"http://{address}/-/ready"):
        yield address


@contextmanager
def node_exporter(folder: Path, textfiles: Path) -> Iterator[str]:
    """node-exporter, which also shows the files of a folder; gives host:port."""
    command, address = program("prometheus-node-exporter", "node_exporter"), f"127.0.0.1:{free_port()}"
    arguments = [f"--web.listen-address={address}", f"--collector.textfile.directory={textfiles}"]
    with started([command, *arguments], folder, f"http://{address}/metrics"):
        yield address
