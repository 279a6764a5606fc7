"""The challenger reads in the background: agreement is counted, and no answer waits for it."""

import threading
import time

import pytest

from src.api.shadow import Shadow
from src.registry.client import client as registry_client
from src.registry.log_runs import register_challenger
from src.registry.promotion import promote, publish
from src.registry.published import read_published, sha256_of, write_published
from tests.test_api.running import running
from tests.test_api.test_api import picture
from tests.test_api.test_follower import following, metric, until
from tests.test_registry.made_registry import make_registry, write_version
from tests.tiny_model import info, write_tiny_model

AGREE, DISAGREE = 'shadow_predictions_total{agrees="true"}', 'shadow_predictions_total{agrees="false"}'


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """A champion, and a challenger that reads the same."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("LONGHAND_MODEL", raising=False)
    paths = make_registry(tmp_path, "v1")
    register_challenger(paths, write_version(paths, "v2"))
    publish(paths, registry_client(paths))
    return paths


def read(client, **data: str) -> float:
    began = time.perf_counter()
    assert client.post("/predict/", files={"file": ("a.png", picture())}, data=data).json()["text"] == "b b"
    return time.perf_counter() - began


def test_agreement_and_time_are_counted(paths):
    with running(following(paths, shadow_share=1.0)) as client:
        for _ in range(5):
            read(client)
        until(lambda: metric(client, AGREE) == 5)
        assert metric(client, DISAGREE) == 0
        assert metric(client, "shadow_inference_time_seconds_count") == 5


def test_another_challenger_takes_over_and_may_disagree(paths):
    with running(following(paths, shadow_share=1.0)) as client:
        other = paths.root / "trained" / "v3" / "recognizer.onnx"
        write_tiny_model(other, info(version="v3", charset=("x", "y", "z", " ")).to_metadata())
        register_challenger(paths, other)
        publish(paths, registry_client(paths))

        def disagrees() -> bool:
            read(client)
            return metric(client, DISAGREE) > 0

        until(disagrees)
        promote(paths, "v3", "as if")
        until(lambda: client.get("/ready").json()["model"]["version"] == "v3")
        before = metric(client, AGREE) + metric(client, DISAGREE)
        client.post("/predict/", files={"file": ("a.png", picture())})
        time.sleep(0.3)
        assert metric(client, AGREE) + metric(client, DISAGREE) == before, "nothing challenges it any more"


def test_a_share_of_none_reads_nothing(paths):
    with running(following(paths)) as client:
        read(client)
        time.sleep(0.2)
        assert metric(client, AGREE) + metric(client, DISAGREE) == 0


@pytest.mark.parametrize("asked", [{"vocabulary": "b b\nc c"}, {"careful": "true"}])
def test_what_is_read_in_another_way_than_the_challenger_s_is_not_compared(paths, asked):
    with running(following(paths, shadow_share=1.0)) as client:
        assert client.post("/predict/", files={"file": ("a.png", picture())}, data=asked).status_code == 200
        time.sleep(0.2)
        assert metric(client, AGREE) + metric(client, DISAGREE) == 0


def test_a_challenger_that_hangs_delays_no_answer(paths, monkeypatch):
    hangs = threading.Event()
    monkeypatch.setattr(Shadow, "_compare", lambda *_: hangs.wait(20))
    with running(following(paths, shadow_share=1.0)) as client:
        slowest = max(read(client) for _ in range(30))
        assert slowest < 2.0
        assert metric(client, "shadow_dropped_total") >= 30 - 9
        hangs.set()


def test_a_challenger_that_cannot_be_loaded_harms_nothing(paths, caplog):
    found = read_published(paths.registry, "challenger")
    assert found is not None
    file = paths.registry / found.file
    file.write_bytes(b"no model")
    write_published(paths.registry, "challenger", found.model_copy(update={"sha256": sha256_of(file)}))
    with running(following(paths, shadow_share=1.0)) as client:
        read(client)
        until(lambda: "the challenger v2 does not read" in caplog.text)
        read(client)
