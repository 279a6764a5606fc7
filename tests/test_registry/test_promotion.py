"""Promotion and rollback: MLflow's aliases, the folder that services follow, and the history agree."""

import json

import pytest
from mlflow.tracking import MlflowClient

from src.errors import RegistryError
from src.paths import Paths
from src.registry.client import client
from src.registry.log_runs import register_challenger
from src.registry.promotion import history, promote, publish, rollback
from src.registry.published import read_published, sha256_of, write_published
from src.registry.versions import alias
from tests.test_registry.made_registry import champion, make_registry, write_version


@pytest.fixture(autouse=True)
def _local_store(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def served(paths: Paths) -> str:
    """The champion by MLflow, which the folder must agree with."""
    found = alias(client(paths), "champion")
    assert found is not None
    assert found.version == champion(paths)
    assert f"versions/{found.version}/" in str(paths.served_model)
    return found.version


def test_a_promoted_version_is_champion_in_mlflow_and_in_the_folder(tmp_path):
    paths = make_registry(tmp_path, "v1")
    assert served(paths) == "v1"
    published = read_published(paths.registry, "champion")
    assert published is not None
    assert published.sha256 == sha256_of(paths.root / "trained" / "v1" / "recognizer.onnx")
    assert paths.served_model.read_bytes() == (paths.root / "trained" / "v1" / "recognizer.onnx").read_bytes()
    assert alias(client(paths), "challenger") is None, "it challenges nobody any more"


def test_a_registered_version_challenges_and_is_not_served(tmp_path):
    paths = make_registry(tmp_path, "v1")
    register_challenger(paths, write_version(paths, "v2"))
    assert served(paths) == "v1"
    publish(paths, client(paths))
    assert json.loads((paths.registry / "challenger.json").read_text())["version"] == "v2"


def test_rollback_goes_back_step_by_step_and_forward_again(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2", "v3")
    assert rollback(paths).version == "v2"
    assert served(paths) == "v2"
    assert rollback(paths).version == "v1", "not back to what was just taken out"
    with pytest.raises(RegistryError, match="no version to go back to"):
        rollback(paths)
    promote(paths, "v3", "mended")
    assert served(paths) == "v3"
    assert rollback(paths).version == "v1", "what was in service before v3 came again"


def test_the_history_tells_what_happened_in_order_and_why(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    rollback(paths, "it misreads 7")
    told = [(event.kind, event.version, event.before, event.reason) for event in history(paths)]
    assert told == [
        ("promoted", "v1", None, "v1 is good"),
        ("promoted", "v2", "v1", "v2 is good"),
        ("rolled back", "v1", "v2", "it misreads 7"),
    ]


def test_an_alias_that_was_set_in_mlflow_itself_counts(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    register_challenger(paths, write_version(paths, "v3"))
    store = client(paths)
    store.set_registered_model_alias("recognizer", "champion", "3")
    publish(paths, store)
    assert served(paths) == "v3"
    assert rollback(paths).version == "v2"


def test_a_promotion_that_was_interrupted_is_not_history(tmp_path, monkeypatch):
    paths = make_registry(tmp_path, "v1", "v2")
    register_challenger(paths, write_version(paths, "v3"))

    def fail(*_: object) -> None:
        raise ConnectionError("pulled the plug")

    with monkeypatch.context() as broken, pytest.raises(ConnectionError):
        broken.setattr(MlflowClient, "set_registered_model_alias", fail)
        promote(paths, "v3", "good")
    assert served(paths) == "v2"
    assert rollback(paths).version == "v1"


def test_a_folder_that_was_lost_is_published_again(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    for file in sorted(paths.registry.rglob("*"), reverse=True):
        file.rmdir() if file.is_dir() else file.unlink()
    publish(paths, client(paths))
    assert served(paths) == "v2"
    assert paths.served_model.is_file()


def test_a_file_that_was_damaged_meanwhile_is_fetched_again(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2")
    (paths.registry / "versions" / "v1" / "recognizer.onnx").write_bytes(b"half")
    rollback(paths)
    assert paths.served_model.read_bytes() == (paths.root / "trained" / "v1" / "recognizer.onnx").read_bytes()


def test_versions_that_nobody_needs_leave_the_folder(tmp_path):
    paths = make_registry(tmp_path, "v1", "v2", "v3", "v4")
    kept = sorted(folder.name for folder in (paths.registry / "versions").iterdir())
    assert kept == ["v3", "v4"], "the champion, and the one that a rollback needs"
    rollback(paths)
    assert rollback(paths).version == "v2", "an older one comes from MLflow"
    assert paths.served_model.is_file()


def test_a_version_that_is_not_there_is_named(tmp_path):
    paths = make_registry(tmp_path, "v1")
    with pytest.raises(RegistryError, match=r"no version 'v9' .*`longhand models list`"):
        promote(paths, "v9", "why not")
    with pytest.raises(RegistryError, match="is the champion already"):
        promote(paths, "v1", "again")


def test_a_registry_that_is_away_is_named_within_seconds(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(RegistryError, match=r"127\.0\.0\.1:9.*MLFLOW_TRACKING_URI"):
        rollback(Paths(tmp_path))


def test_a_damaged_folder_is_named_with_the_remedy(tmp_path):
    write_published(tmp_path, "champion", None)
    (tmp_path / "champion.json").write_text("{")
    with pytest.raises(RegistryError, match=r"champion\.json.*longhand models publish"):
        read_published(tmp_path, "champion")
