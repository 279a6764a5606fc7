"""`longhand keys`, `longhand read --server`, `longhand import --corrections`: run as people run them."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from src.data.extract_raw_data import extract_raw_data
from src.params import ExtractParams
from tests.test_api.server import ROOT, serve
from tests.test_api.test_api import picture
from tests.test_api.test_batch import png
from tests.tiny_model import write_tiny_model


@pytest.fixture
def longhand(tmp_path: Path):
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "LONGHAND_DATABASE_URL": f"sqlite:///{tmp_path / 'longhand.db'}",
    }

    def run(*arguments: str, code: int = 0, **variables: str) -> str:
        command = [sys.executable, "-m", "src.cli", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment | variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return run


def test_keys_are_made_shown_used_and_revoked(longhand, tmp_path):
    key = longhand("keys", "add", "scanner").strip()
    assert key.startswith("lh_") and len(key) > 40
    assert longhand("keys", "list").startswith("scanner\treader\t")
    assert "exists" in longhand("keys", "add", "scanner", code=1)
    assert "no role" in longhand("keys", "add", "other", "--role", "king", code=2)
    (tmp_path / "word.png").write_bytes(picture())
    with serve(tmp_path, write_tiny_model(tmp_path / "tiny.onnx"), keys="on") as server:
        assert "401" in longhand("read", "--server", server.url, "word.png", code=1)
        assert longhand("read", "--server", server.url, "word.png", LONGHAND_KEY=key).startswith("b b\t")
    longhand("keys", "revoke", "scanner")
    assert longhand("keys", "list") == ""
    assert "no valid key" in longhand("keys", "revoke", "scanner", code=1)


def test_a_service_reads_many_files_and_tells_of_bad_ones(longhand, tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "b.png").write_bytes(b"no image")
    with serve(tmp_path, write_tiny_model(tmp_path / "tiny.onnx")) as server:
        told = longhand("read", "--server", server.url, "a.png", "b.png", "c.png", code=1)
        assert "b.png: the file is no image" in told and "c.png: not found" in told
        assert longhand("read", "--server", server.url, "--json", "a.png").startswith('{"image": "a.png", "id": ')
        assert longhand("read", "--server", server.url, "a.png", LONGHAND_MODEL="tiny.onnx").startswith("b b\t")
        careful = longhand("read", "--server", server.url, "--careful", "a.png")
        assert careful == longhand("read", "--model", "tiny.onnx", "--careful", "a.png")
        assert careful != longhand("read", "--server", server.url, "a.png")
        assert "own model" in longhand("read", "--server", server.url, "--model", "tiny.onnx", "a.png", code=2)


def test_an_empty_list_is_refused_and_not_taken_for_none(longhand, tmp_path):
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "empty.txt").write_text("\n \n")
    write_tiny_model(tmp_path / "tiny.onnx")
    for where in (("--model", "tiny.onnx"), ("--server", "http://127.0.0.1:9")):
        told = longhand("read", *where, "--vocabulary", "empty.txt", "a.png", code=1)
        assert "empty.txt: holds no text" in told


def test_corrections_come_into_the_next_training(longhand, tmp_path):
    with serve(tmp_path, write_tiny_model(tmp_path / "tiny.onnx")) as server, httpx.Client(base_url=server.url) as http:
        for bars in range(1, 6):
            answer = http.post("/corrections", data={"text": f"text {bars}"}, files={"file": png(bars)})
            assert answer.status_code == 201
    first = Path(longhand("import", "--corrections").strip())
    content = first.read_bytes()
    assert first == tmp_path / "data" / "raw" / "corrections.tar.gz"
    longhand("import", "--corrections")
    assert first.read_bytes() == content
    extract_raw_data(tmp_path / "data" / "raw", tmp_path / "extracted", ExtractParams())
    assert len(list((tmp_path / "extracted").rglob("*.png"))) == 5
    assert "--corrections" in longhand("import", code=2)


def test_without_corrections_nothing_is_written(longhand, tmp_path):
    assert "no row" in longhand("import", "--corrections", code=1)
    assert not (tmp_path / "data" / "raw" / "corrections.tar.gz").exists()
