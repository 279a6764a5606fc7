import gc
import io
import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from src.api.api import create_app
from src.api.settings import ServiceSettings
from src.recognition import Recognizer
from src.recognition.images import decode_image
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def client(model: Path) -> Iterator[TestClient]:
    settings = ServiceSettings(model=model, max_upload_bytes=200_000, max_pixels=1_000_000, keys="off")
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def picture(kind: str = "PNG") -> bytes:
    grey = np.full((60, 200), 255, np.uint8)
    grey[20:40, 28:156] = 20
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG whose header promises 60,000 x 60,000 pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


def test_predict_reads_an_image(client: TestClient) -> None:
    response = client.post("/predict/", files={"file": ("a.png", picture())}, data={"alternatives": "2"})
    assert response.status_code == 200
    answer = response.json()
    assert answer["text"] == "b b"
    assert 0.9 < answer["confidence"] <= 1.0
    assert [word["text"] for word in answer["words"]] == ["b", "b"]
    assert "".join(character["text"] for character in answer["characters"]) == answer["text"]
    assert len(answer["alternatives"]) == 2
    assert answer["model"] == {"name": "tiny", "version": "1"}
    assert answer["id"]


def test_a_careful_reading_is_asked_for_by_a_field(client: TestClient, model: Path) -> None:
    (expected,) = Recognizer.load(model).read([decode_image(picture())], alternatives=3, careful=True)
    plain, careful = (
        client.post("/predict/", files={"file": picture()}, data={"careful": value}).json() for value in ("0", "1")
    )
    assert careful["text"] == expected.text
    assert careful["confidence"] == pytest.approx(expected.confidence)
    assert careful["confidence"] != plain["confidence"]
    assert [other["text"] for other in careful["alternatives"]] == [other.text for other in expected.alternatives]
    refused = client.post("/predict/", files={"file": picture()}, data={"careful": "perhaps"})
    assert refused.status_code == 422
    assert "careful" in refused.json()["detail"]
    described = client.get("/openapi.json").json()["components"]["schemas"]
    for form in ("Body_predict_predict__post", "Body_predict_batch_predict_batch_post"):
        assert described[form]["properties"]["careful"]["type"] == "boolean"


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        (b"", 422, "empty"),
        (b"just text", 415, "no image"),
        (picture()[:120], 422, "truncated"),
        (picture("JPEG")[:-300], 422, "truncated"),
        (bomb(), 413, "pixels"),
        (os.urandom(210_000), 413, "larger than"),
        (os.urandom(400_000), 413, "larger than"),
    ],
    ids=["empty", "text", "png", "jpeg", "bomb", "file too large", "body too large"],
)
def test_bad_files_are_refused_with_a_reason(client: TestClient, content: bytes, status: int, reason: str) -> None:
    response = client.post("/predict/", files={"file": ("/secret/x.png", content)})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert reason in response.json()["detail"]
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert client.post("/predict/", files={"file": picture()}).status_code == 200


def test_a_body_without_length_is_cut_off_at_the_limit(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(50):
            yield b"a" * 50_000

    response = client.post("/predict/", content=endless(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert response.status_code == 413
    assert "larger than" in response.json()["detail"]


def test_a_request_without_a_file_says_so(client: TestClient) -> None:
    response = client.post("/predict/")
    assert response.status_code == 422
    assert "file" in response.json()["detail"]
    assert client.get("/nowhere").json()["status"] == 404


def test_metrics_have_the_promised_names(client: TestClient) -> None:
    def value(start: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(start))

    requests, readings = 'http_requests_total{handler="/predict/"', "inference_time_seconds_count"
    before = value(requests), value(readings)
    client.post("/predict/", files={"file": picture()})
    client.post("/predict/", files={"file": b"text"})
    assert (value(requests), value(readings)) == (before[0] + 2, before[1] + 1)
    assert value("inference_time_seconds_sum") > 0


def test_unknown_addresses_do_not_grow_the_metrics(client: TestClient) -> None:
    def series() -> int:
        return sum(line.startswith("http_requests_total{") for line in client.get("/metrics").text.splitlines())

    client.get("/none")
    client.request("MADEUP", "/none")
    client.get("/metrics")
    before = series()
    for number in range(20):
        client.request(f"MADEUP{number}", "/none")
        assert client.get(f"/none/{number}").status_code == 404
    assert series() == before


def test_the_log_names_the_reading_and_holds_no_text(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "src.api.reader"):
        answer = client.post("/predict/", files={"file": picture()}).json()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "src.api.reader"]
    assert answer["id"] in line
    assert "3 characters" in line
    assert answer["text"] not in line


def test_page_docs_and_health(client: TestClient) -> None:
    assert "<form" in client.get("/").text
    assert client.get("/docs").status_code == 200
    assert client.get("/health").status_code == 200
    assert client.get("/ready").json()["model"]["name"] == "tiny"


def test_without_a_model_the_service_lives_and_says_why(tmp_path: Path) -> None:
    with TestClient(create_app(ServiceSettings(model=tmp_path / "none.onnx", keys="off"))) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/ready").status_code == 503
        response = client.post("/predict/", files={"file": picture()})
        assert response.status_code == 503
        assert "no model" in response.json()["detail"]
        assert str(tmp_path) not in response.text


def test_garbage_collections_look_only_through_what_requests_made(model: Path) -> None:
    with TestClient(create_app(ServiceSettings(model=model, keys="off"))):
        assert len(gc.get_objects()) < gc.get_freeze_count() / 10
    assert gc.get_freeze_count() == 0


def test_service_and_command_line_need_no_training_libraries() -> None:
    heavy = ["torch", "pandas", "mlflow", "pandera", "lightning", "src.models", "src.data"]
    program = f"import sys, src.api.api, src.cli; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_uvicorn_serves_the_app(model: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "src.api.api:app", "--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"LONGHAND_MODEL": str(model)})
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as response:
                    assert json.load(response)["status"] == "ready"
                break
            except urllib.error.URLError:
                assert time.monotonic() < deadline and server.poll() is None
                time.sleep(0.1)
        body = (
            b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + picture() + b"\r\n--x--\r\n"
        )
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/predict/", body, {"content-type": "multipart/form-data; boundary=x"}
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            assert json.load(response)["text"] == "b b"
    finally:
        server.terminate()
        server.wait(10)
