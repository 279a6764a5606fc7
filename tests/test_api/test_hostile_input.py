"""Damaged and malicious uploads to a real service: each is answered, none does harm."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.test_api.mutations import mutated, pictures
from tests.test_api.server import Server, serve
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("hostile")
    model = write_tiny_model(folder / "tiny.onnx")
    with serve(folder, model, max_upload_bytes=1_000_000, max_pixels=2_000_000) as server:
        yield server


def send(http: httpx.Client, content: bytes) -> int:
    answer = http.post("/predict/", files={"file": ("image.png", content, "image/png")})
    if answer.is_error:
        told = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert told["status"] == answer.status_code and told["detail"]
        assert "Traceback" not in answer.text and "/" not in told["detail"].replace("RFC", "")
    return answer.status_code


@pytest.mark.parametrize("name", pictures())
def test_every_kind_of_image_is_read_or_refused_by_its_kind(server: Server, name: str):
    with httpx.Client(base_url=server.url) as http:
        assert send(http, pictures()[name]) == (415 if name == "gif" else 200)


def test_thousands_of_mutated_files(server: Server):
    files = list(mutated(2_000, seed=7))
    assert len(set(files)) > 1_900
    with httpx.Client(base_url=server.url, timeout=60) as http, ThreadPoolExecutor(4) as pool:
        warm = list(pool.map(lambda file: send(http, file), files[:400]))
        before = server.resident()
        statuses = Counter(warm + list(pool.map(lambda file: send(http, file), files[400:])))
    assert set(statuses) <= {200, 413, 415, 422}, statuses
    assert min(statuses[200], statuses[415], statuses[422]) > 100, statuses
    assert server.process.poll() is None
    assert server.resident() < 1.15 * before + 20e6
    assert not list((Path(server.log.parent) / "tmp").iterdir())
    assert "unexpected fault" not in server.log.read_text()
