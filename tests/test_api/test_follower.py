"""The service follows the champion: of a folder, of a real MLflow server, under load, while the registry is away."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from src.api.settings import ServiceSettings
from src.paths import Paths
from src.registry.client import client as registry_client
from src.registry.promotion import promote, publish, rollback
from src.registry.published import Published, sha256_of, write_published
from src.registry.sources import Source
from tests.test_api.running import running
from tests.test_api.server import serve
from tests.test_api.test_api import picture
from tests.test_registry.made_registry import make_registry
from tests.test_registry.test_log_runs import server  # noqa: F401 (a fixture)
from tests.tiny_model import info, write_tiny_model

SOON = 0.05


@pytest.fixture(autouse=True)
def _local_store(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("LONGHAND_MODEL", raising=False)


def following(paths: Paths, **changes: object) -> ServiceSettings:
    values = {"registry": str(paths.registry), "keys": "off", "follow_seconds": SOON} | changes
    database = f"sqlite:///{paths.root / 'service' / 'longhand.db'}"
    return ServiceSettings(registry_mirror=paths.root / "mirror", database_url=database, **values)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)


def version(client: TestClient) -> str:
    return str(client.get("/ready").json()["model"]["version"])


def reachable(client: TestClient) -> object:
    return client.get("/ready").json()["registry"]["reachable"]


def metric(client: TestClient, name: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return float(next(line for line in lines if line.startswith(f"{name} ")).split()[-1])


def test_what_is_promoted_or_rolled_back_is_read_with_soon(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    with running(following(paths)) as client:
        assert version(client) == "v2"
        rollback(paths)
        until(lambda: version(client) == "v1")
        promote(paths, "v2", "again")
        until(lambda: version(client) == "v2")
        answer = client.post("/predict/", files={"file": ("a.png", picture())}).json()
        assert (answer["text"], answer["model"]["version"]) == ("b b", "v2")
        assert reachable(client) is True
        assert metric(client, "registry_up") == 1
        assert metric(client, "model_created_timestamp_seconds") == info().created.timestamp()


def test_until_there_is_a_champion_what_lies_here_is_read_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = Paths(tmp_path)
    write_tiny_model(paths.released_model, info(version="released").to_metadata())
    with running(following(paths)) as client:
        assert version(client) == "released"
        write_tiny_model(paths.recognizer_model, info(version="trained").to_metadata())
        client.post("/models/reload")
        assert version(client) == "trained"
        make_registry(tmp_path, "v1")
        until(lambda: version(client) == "v1")


def test_a_registry_that_goes_away_is_told_of_and_what_is_in_service_stays(tmp_path):
    paths = make_registry(tmp_path, "v1")
    with running(following(paths)) as client:
        away = paths.registry.with_name("away")
        paths.registry.rename(away)
        until(lambda: reachable(client) is False)
        assert metric(client, "registry_up") == 0
        assert version(client) == "v1"
        assert client.post("/predict/", files={"file": ("a.png", picture())}).status_code == 200
        away.rename(paths.registry)
        until(lambda: reachable(client) is True)
        assert metric(client, "registry_up") == 1


def test_a_damaged_champion_is_not_taken(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    earlier = (paths.registry / "champion.json").read_text().replace("v2", "v1")  # its hash is that of another file
    with running(following(paths)) as client:
        (paths.registry / "champion.json").write_text(earlier)
        until(lambda: reachable(client) is False)
        assert version(client) == "v2"
        assert client.post("/predict/", files={"file": ("a.png", picture())}).status_code == 200
        publish(paths, registry_client(paths))
        until(lambda: reachable(client) is True)


def test_a_champion_that_is_no_recognizer_is_refused_once(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    champion = paths.registry / "champion.json"
    with running(following(paths)) as client:
        other = paths.registry / "versions" / "v1" / "recognizer.onnx"
        other.write_bytes(b"no model")
        now = Published.model_validate_json(champion.read_text())
        file = other.relative_to(paths.registry)
        wrong = now.model_copy(update={"version": "v9", "file": file, "sha256": sha256_of(other)})
        write_published(paths.registry, "champion", wrong)
        name = 'model_exchanges_total{result="failed"}'
        until(lambda: metric(client, name) == 1)
        time.sleep(10 * SOON)
        assert metric(client, name) == 1, "it is not tried every time"
        assert version(client) == "v2"


def test_a_named_model_file_is_served_whatever_the_registry_says(tmp_path):
    paths = make_registry(tmp_path, "v1")
    model = write_tiny_model(tmp_path / "mine.onnx", info(version="mine").to_metadata())
    with running(following(paths, model=model)) as client:
        assert version(client) == "mine"
        assert client.get("/ready").json()["registry"] == {"following": False, "reachable": None}


def test_a_server_is_followed_and_a_service_starts_while_it_is_away(tmp_path, monkeypatch, server):  # noqa: F811
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    paths = make_registry(tmp_path / "training", "v1", "v2")
    shutil.rmtree(paths.registry)  # the service runs on another machine, and has the server alone
    settings = following(paths, registry=server)
    with running(settings) as client:
        assert version(client) == "v2"
        rollback(paths)
        until(lambda: version(client) == "v1")
    source = Source("http://127.0.0.1:9", settings.registry_mirror)
    assert source.version_of("champion") == "v1"
    with running(settings.model_copy(update={"registry": "http://127.0.0.1:9"})) as client:
        assert version(client) == "v1", "what was mirrored is there"
        assert reachable(client) is False
        assert metric(client, "registry_up") == 0


def test_a_server_without_a_version_has_no_champion(tmp_path, server):  # noqa: F811
    source = Source(server, tmp_path / "mirror")
    source.refresh()
    assert source.version_of("champion") is None


@contextmanager
def load(url: str) -> Iterator[Counter[tuple[int, str]]]:
    """Clients that read one image after another; what they were answered is counted by status and version."""
    done, answers = threading.Event(), Counter[tuple[int, str]]()

    def read() -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            while not done.is_set():
                response = client.post("/predict/", files={"file": ("a.png", picture())})
                answers[response.status_code, response.json().get("model", {}).get("version", "")] += 1

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_ten_promotions_and_rollbacks_under_load_fail_no_request(tmp_path: Path):
    paths = make_registry(tmp_path, "v1", "v2")
    settings = {"registry": paths.registry, "follow_seconds": 0.1, "keys": "off", "registry_mirror": tmp_path / "m"}
    with (
        serve(tmp_path, None, **settings) as service,
        httpx.Client(base_url=service.url) as client,
        load(service.url) as answers,
    ):
        for _ in range(10):
            rollback(paths)
            until(lambda: client.get("/ready").json()["model"]["version"] == "v1")
            promote(paths, "v2", "again")
            until(lambda: client.get("/ready").json()["model"]["version"] == "v2")
        until(lambda: sum(answers.values()) > 200)
    assert {status for status, _ in answers} == {200}, answers
    assert min(answers[200, "v1"], answers[200, "v2"]) > 20, answers
