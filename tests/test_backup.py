"""`longhand backup` and `longhand restore`: all state, of a service that runs, into a folder that is new."""

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from src.backup import backup, restore
from src.errors import BackupError
from src.paths import Paths
from src.pipeline.state import State, read_state, write_state
from src.registry.client import client
from src.registry.promotion import history, rollback
from src.registry.versions import fetch, find
from tests.test_api.server import ROOT, serve
from tests.test_api.test_api import picture
from tests.test_api.test_batch import png
from tests.test_registry.made_registry import champion, make_registry


@pytest.fixture(autouse=True)
def _local_store(monkeypatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def make_project(root: Path) -> Paths:
    """A project with two versions, an archive, a state and settings; the store comes with the service."""
    paths = make_registry(root, "v1", "v2")
    paths.params.write_text("split: {seed: 3}\n")
    paths.raw.mkdir(parents=True)
    (paths.raw / ".gitignore").write_text("*\n!.gitignore\n")
    (paths.raw / "letters.tar.gz").write_bytes(b"letters")
    (paths.raw / ".half.tmp").write_bytes(b"left by a kill")
    write_state(paths, State(learnt="0123456789abcdef", succeeded=12.0))
    return paths


def longhand(root: Path, *arguments: str, code: int = 0) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LONGHAND_")}
    command = [sys.executable, "-m", "src.cli", *arguments]
    done = subprocess.run(
        command, cwd=root, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def serve_project(root: Path):
    return serve(root, None, database_url="sqlite:///data/service/longhand.db", registry="models/registry", keys="off")


def test_a_running_service_is_kept_and_serves_again_elsewhere(tmp_path):
    paths = make_project(tmp_path / "old")
    archive = tmp_path / "kept.tar.gz"
    with serve_project(paths.root) as service, httpx.Client(base_url=service.url) as http:
        for bars in range(1, 6):
            told = {"text": f"text {bars}", "writer": "anna"}
            assert http.post("/corrections", data=told, files={"file": png(bars)}).status_code == 201
        stop = threading.Event()

        def read_on() -> None:
            while not stop.is_set():
                assert http.post("/corrections", data={"text": "b b"}, files={"file": png(7)}).status_code == 201

        busy = threading.Thread(target=read_on)
        busy.start()
        try:
            assert "files" in longhand(paths.root, "backup", str(archive))
        finally:
            stop.set()
            busy.join()
    assert archive.stat().st_mode & 0o077 == 0, "it holds what people wrote, and the hashes of keys"

    fresh = tmp_path / "new"
    (fresh / "data" / "raw").mkdir(parents=True)
    (fresh / "data" / "raw" / ".gitignore").touch()
    (fresh / "params.yaml").write_text("{}\n")  # as in a clone
    assert "are in place" in longhand(fresh, "restore", str(archive))
    restored = Paths(fresh)
    assert restored.params.read_text() == "split: {seed: 3}\n"
    assert {file.name for file in restored.raw.iterdir()} == {".gitignore", "letters.tar.gz"}
    assert read_state(restored) == read_state(paths)
    assert sorted(path.name for path in fresh.iterdir() if path.name.endswith(".tmp")) == []
    with serve_project(fresh) as service, httpx.Client(base_url=service.url) as http:
        assert http.get("/ready").json()["model"]["version"] == "v2" == champion(restored)
        texts = {item["text"] for item in http.get("/corrections", params={"writer": "anna"}).json()["items"]}
        assert texts == {f"text {bars}" for bars in range(1, 6)}
        assert http.post("/predict/", files={"file": picture()}).json()["text"] == "b b"


def test_the_registry_works_in_its_new_place(tmp_path):
    paths = make_project(tmp_path / "old")
    backup(paths, None, tmp_path / "kept.tar.gz")
    (tmp_path / "old").rename(tmp_path / "gone")
    restored = Paths(tmp_path / "new")
    restore(restored, restored.root / "store.db", tmp_path / "kept.tar.gz")
    store = client(restored)
    assert [event.version for event in history(restored)] == ["v1", "v2"]
    assert fetch(store, find(store, "v1"), tmp_path / "fetched").is_file(), "the artifacts are found where they lie now"
    assert rollback(restored).version == "v1" == champion(restored)


def test_state_is_not_overwritten_unless_that_is_said(tmp_path):
    first, second = make_project(tmp_path / "first"), make_project(tmp_path / "second")
    (second.raw / "other.tar.gz").write_bytes(b"other")
    with closing(sqlite3.connect(tmp_path / "store.db")) as database:
        database.execute("CREATE TABLE of_second (x)")
    (tmp_path / "store.db-wal").write_bytes(b"a log of another database")
    backup(first, None, tmp_path / "kept.tar.gz")
    with pytest.raises(BackupError, match=r"second/.*there is state already.*--force"):
        restore(second, tmp_path / "store.db", tmp_path / "kept.tar.gz")
    assert (second.raw / "other.tar.gz").exists()
    restore(second, tmp_path / "store.db", tmp_path / "kept.tar.gz", force=True)
    assert {file.name for file in second.raw.iterdir()} == {".gitignore", "letters.tar.gz"}
    assert not list(tmp_path.glob("store.db*")), "the state is the backup's, which had no store"


@pytest.mark.parametrize("fault", ["changed", "missing", "cut", "foreign"])
def test_a_damaged_backup_changes_nothing(tmp_path, fault):
    paths = make_project(tmp_path / "old")
    archive, damaged = tmp_path / "kept.tar.gz", tmp_path / "damaged.tar.gz"
    backup(paths, None, archive)
    if fault == "cut":
        damaged.write_bytes(archive.read_bytes()[:-3000])
    else:
        with tarfile.open(archive) as old, tarfile.open(damaged, "w:gz") as new:
            for member in old:
                content = old.extractfile(member)
                if fault == "foreign" and member.name == "backup.json":
                    continue
                if member.name == "data/raw/letters.tar.gz":
                    if fault == "missing":
                        continue
                    if fault == "changed":
                        content = (tmp_path / "old" / "params.yaml").open("rb")
                        member.size = (tmp_path / "old" / "params.yaml").stat().st_size
                new.addfile(member, content)
    other = make_project(tmp_path / "other")
    (other.raw / "other.tar.gz").write_bytes(b"other")
    before = {path: path.stat().st_mtime_ns for path in other.root.rglob("*") if path.is_file()}
    assert longhand(other.root, "restore", str(damaged), "--force", code=1).startswith("error: ")
    assert {path: path.stat().st_mtime_ns for path in other.root.rglob("*") if path.is_file()} == before


def test_an_exchange_that_fails_leaves_what_was_there(tmp_path):
    paths, other = make_project(tmp_path / "old"), make_project(tmp_path / "other")
    (other.raw / "other.tar.gz").write_bytes(b"other")
    backup(paths, None, tmp_path / "kept.tar.gz")
    (tmp_path / "file").write_text("a file, where the store's folder should be")
    with pytest.raises(OSError, match="file"):
        with closing(sqlite3.connect(tmp_path / "store.db")) as database:
            database.execute("CREATE TABLE of_old (x)")
        backup(paths, tmp_path / "store.db", tmp_path / "kept.tar.gz")
        restore(other, tmp_path / "file" / "store.db", tmp_path / "kept.tar.gz", force=True)
    assert (other.raw / "other.tar.gz").exists()
    assert champion(other) == "v2"
    assert json.loads((other.pipeline / "state.json").read_text())["succeeded"] == 12.0


def test_no_backup_while_the_pipeline_runs(tmp_path):
    paths = make_project(tmp_path / "old")
    with subprocess.Popen(["flock", str(paths.pipeline / "lock"), "sleep", "30"]) as run:
        try:
            for _ in range(100):
                if subprocess.run(["flock", "-n", str(paths.pipeline / "lock"), "true"], check=False).returncode:
                    break
            with pytest.raises(BackupError, match="a run of the pipeline is at work"):
                backup(paths, None, tmp_path / "kept.tar.gz")
        finally:
            run.terminate()
    assert not (tmp_path / "kept.tar.gz").exists()


def test_a_folder_without_state_is_told_of(tmp_path):
    for name in ("params.yaml", "data/raw/.gitignore"):  # as in a clone
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(BackupError, match="holds no state"):
        backup(Paths(tmp_path), None, tmp_path / "kept.tar.gz")
    assert not (tmp_path / "kept.tar.gz").exists()
    assert "not found" in longhand(tmp_path, "restore", "nothing.tar.gz", code=1)
