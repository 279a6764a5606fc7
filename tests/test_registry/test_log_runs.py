"""Trainings are read back from a real MLflow store."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from src.errors import MissingArtefactError
from src.paths import Paths
from src.registry.log_runs import log_runs
from tests.tiny_model import info, write_tiny_model


@pytest.fixture
def paths(tmp_path, monkeypatch) -> Paths:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    paths = Paths(tmp_path)
    training = {"data_version": "abc123", "samples": 7, "params": {"learning_rate": 0.5, "channels": [1, 2]}}
    write_tiny_model(paths.recognizer_model, info(version="v1", training=training).to_metadata())
    history = {"epoch": [1, 2], "step": [10, 20], "validation_cer": [0.5, 0.25], "seconds": [1.0, 2.0]}
    pd.DataFrame(history).to_csv(paths.recognizer / "history.csv", index=False)
    (paths.recognizer / "curves.png").write_bytes(b"\x89PNG")
    measure(paths, 0.2)
    return paths


def measure(paths: Paths, cer: float) -> None:
    paths.reports.mkdir(exist_ok=True)
    (paths.reports / "metrics.json").write_text(json.dumps({"recognizer_cer": cer, "classifier_accuracy": 0.5}))


def store(paths: Paths) -> MlflowClient:
    return MlflowClient(f"sqlite:///{paths.root}/mlflow.db")


def test_a_run_holds_parameters_curves_data_version_model_and_figures(paths):
    runs = log_runs(paths)
    assert json.loads(paths.logged_runs.read_text()) == runs
    run = store(paths).get_run(runs["recognizer"])
    assert run.info.status == "FINISHED"
    assert run.data.tags["data_version"] == "abc123"
    assert run.data.params["params.learning_rate"] == "0.5"
    assert run.data.metrics["test.recognizer_cer"] == 0.2
    assert "test.classifier_accuracy" not in run.data.metrics
    curve = store(paths).get_metric_history(runs["recognizer"], "validation_cer")
    assert [(point.step, point.value) for point in curve] == [(10, 0.5), (20, 0.25)]
    artifacts = {item.path for item in store(paths).list_artifacts(runs["recognizer"], "model")}
    assert artifacts == {"model/recognizer.onnx", "model/history.csv", "model/curves.png"}
    kept = Path(store(paths).download_artifacts(runs["recognizer"], "model/recognizer.onnx"))
    assert kept.read_bytes() == paths.recognizer_model.read_bytes()


def test_the_word_classifier_has_a_run_with_its_own_figures(paths):
    paths.classifier.mkdir(parents=True)
    write_tiny_model(paths.classifier / "word_classifier.onnx", info(version="c1").to_metadata())
    for name in ("history.csv", "curves.png"):
        shutil.copy(paths.recognizer / name, paths.classifier / name)
    run = store(paths).get_run(log_runs(paths)["word_classifier"])
    assert {key for key in run.data.metrics if key.startswith("test.")} == {"test.classifier_accuracy"}
    assert run.data.tags["model_version"] == "c1"


def test_measured_again_the_model_keeps_its_run(paths):
    first = log_runs(paths)
    measure(paths, 0.1)
    assert log_runs(paths) == first
    assert store(paths).get_run(first["recognizer"]).data.metrics["test.recognizer_cer"] == 0.1


def test_another_version_is_another_run(paths):
    first = log_runs(paths)
    write_tiny_model(paths.recognizer_model, info(version="v2").to_metadata())
    assert log_runs(paths)["recognizer"] != first["recognizer"]


def test_an_interrupted_run_is_made_anew(paths, monkeypatch):
    def fail(*_: object) -> None:
        raise ConnectionError("pulled the plug")

    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(MlflowClient, "set_tag", fail)
        log_runs(paths)
    run_id = log_runs(paths)["recognizer"]
    assert store(paths).get_run(run_id).info.status == "FINISHED"
    artifacts = {item.path for item in store(paths).list_artifacts(run_id, "model")}
    assert "model/curves.png" in artifacts


def test_an_empty_address_means_the_local_store(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    run_id = log_runs(paths)["recognizer"]
    assert store(paths).get_run(run_id).info.artifact_uri.startswith((paths.root / "mlartifacts").as_uri())


def test_the_environment_names_the_store(paths, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/elsewhere.db")
    monkeypatch.chdir(tmp_path)
    run_id = log_runs(paths)["recognizer"]
    assert not (paths.root / "mlflow.db").exists()
    assert MlflowClient(f"sqlite:///{tmp_path}/elsewhere.db").get_run(run_id).info.status == "FINISHED"


def test_each_model_is_a_version_with_its_data_code_and_figures(paths):
    runs = log_runs(paths)
    (version,) = store(paths).search_model_versions("name = 'recognizer'")
    assert version.run_id == runs["recognizer"]
    assert version.tags["model_version"] == "v1"
    assert version.tags["data_version"] == "abc123"
    assert version.tags["test.recognizer_cer"] == "0.2"
    assert "git_commit" in version.tags
    assert store(paths).get_model_version_by_alias("recognizer", "challenger").version == version.version
    measure(paths, 0.1)
    log_runs(paths)
    (again,) = store(paths).search_model_versions("name = 'recognizer'")
    assert again.tags["test.recognizer_cer"] == "0.1", "measured again, it is the same version"


@pytest.fixture
def server(tmp_path) -> Iterator[str]:
    """A real tracking server, as docs/operations.md starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store_uri, artifacts = f"sqlite:///{tmp_path}/server.db", str(tmp_path / "server-artifacts")
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", store_uri, "--artifacts-destination", artifacts]
    command += ["--allowed-hosts", f"127.0.0.1:{port}"]
    environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log = (tmp_path / "server.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(240):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
                break
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
        log.close()


def test_a_server_keeps_the_run_and_its_files(paths, tmp_path, monkeypatch, server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    run_id = log_runs(paths)["recognizer"]
    run = MlflowClient(server).get_run(run_id)
    assert run.data.metrics["test.recognizer_cer"] == 0.2
    kept = Path(MlflowClient(server).download_artifacts(run_id, "model/recognizer.onnx", str(tmp_path)))
    assert kept.read_bytes() == paths.recognizer_model.read_bytes()
    assert list((tmp_path / "server-artifacts").rglob("recognizer.onnx")), "the server holds the files, not the client"


def test_without_a_model_the_training_is_named(tmp_path):
    with pytest.raises(MissingArtefactError, match="train_recognizer"):
        log_runs(Paths(tmp_path))
