"""A real service with too many clients, slow ones, ones that go away, and a model exchanged under them."""

import io
import json
import shutil
import socket
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from src.recognition.model_file import read_info
from tests.test_api.running import running, tiny_settings
from tests.test_api.server import Server, serve
from tests.test_api.test_api import picture
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("pressure")
    with serve(folder, write_tiny_model(folder / "tiny.onnx"), max_waiting=3, upload_seconds=2) as server:
        yield server


def read(http: httpx.Client) -> httpx.Response:
    return http.post("/predict/", files={"file": picture()})


def half_sent(server: Server) -> socket.socket:
    """A connection over which a part of an upload came."""
    connection = socket.create_connection(("127.0.0.1", server.port))
    head = (b"POST /predict/ HTTP/1.1", b"Host: x", b"Content-Type: multipart/form-data; boundary=x")
    connection.sendall(b"\r\n".join((*head, b"Content-Length: 5000", b"", b"")))
    connection.sendall(b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(900))
    return connection


def test_too_many_are_told_to_come_again_and_none_waits_without_end(server: Server):
    with httpx.Client(base_url=server.url, timeout=30) as http, ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: read(http), range(400)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 503}, statuses
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.headers["retry-after"] == "1" for answer in refused)
    assert all("busy" in answer.json()["detail"] for answer in refused)
    assert max(answer.elapsed.total_seconds() for answer in answers) < 10


def test_slow_clients_hold_nobody_up_and_are_sent_away(server: Server):
    slow = [half_sent(server) for _ in range(50)]
    start = time.monotonic()
    with httpx.Client(base_url=server.url, timeout=30) as http:
        times = [read(http).elapsed.total_seconds() for _ in range(20)]
        assert sorted(times)[10] < 0.5
        for connection in slow:
            connection.settimeout(10)
            assert b" 408 " in connection.recv(4096).partition(b"\r\n")[0]
        assert 1.5 < time.monotonic() - start < 10
    for connection in slow:
        connection.close()


def test_clients_that_go_away_leave_nothing_behind(server: Server):
    with httpx.Client(base_url=server.url, timeout=30) as http:
        assert read(http).status_code == 200
        threads = server.threads()
        for _ in range(100):
            half_sent(server).close()
        assert read(http).status_code == 200
        assert server.threads() <= threads + 2
        assert "queue_length 0.0" in http.get("/metrics").text
    assert not list((server.log.parent / "tmp").iterdir())


def test_one_that_waits_too_long_is_told_to_come_again(tmp_path: Path):
    with running(tiny_settings(tmp_path, max_seconds=1e-6)) as client:
        answer = client.post("/predict/", files={"file": picture()})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert "waited" in answer.json()["detail"]
        assert 'requests_refused_total{reason="timeout"} 1.0' in client.get("/metrics").text


def pages(count: int) -> bytes:
    """A zip archive of large pictures, six megabytes each when they are taken out."""
    large = io.BytesIO()
    grey = np.full((2000, 3000), 255, np.uint8)
    grey[900:1100, 500:2500] = 20
    Image.fromarray(grey).save(large, "BMP")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            archive.writestr(f"{number}.bmp", large.getvalue())
    return buffer.getvalue()


def test_many_images_are_answered_as_they_are_read_in_bounded_memory(tmp_path: Path):
    count = 200
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with serve(tmp_path, model, recent_megabytes=1) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        http.post("/predict/batch", files={"files": pages(1)}).raise_for_status()
        before, most, times = server.resident(), 0, []
        with http.stream("POST", "/predict/batch", files={"files": pages(count)}) as answer:
            for line in answer.iter_lines():
                assert json.loads(line)["prediction"]["text"]
                times.append(time.monotonic())
                most = max(most, server.resident())
        assert len(times) == count
        assert times[0] < times[0] + (times[-1] - times[0]) / 2 < times[-10]
        assert most - before < 600 * 2**20 < count * 6 * 10**6, f"{(most - before) / 2**20:.0f} MB"


def test_a_client_that_leaves_in_the_middle_of_many_images_frees_the_readers(tmp_path: Path):
    count = 200
    model = write_tiny_model(tmp_path / "tiny.onnx")
    with serve(tmp_path, model, recent_megabytes=1) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        with http.stream("POST", "/predict/batch", files={"files": pages(count)}) as answer:
            assert json.loads(next(answer.iter_lines()))["prediction"]["text"]

        def done() -> float:
            return sum(
                float(line.split()[-1])
                for line in http.get("/metrics").text.splitlines()
                if line.startswith("predictions_total{")
            )

        deadline = time.monotonic() + 10
        while (seen := done()) < (time.sleep(0.5) or done()):
            assert time.monotonic() < deadline, "it reads on for nobody"
        assert seen < count / 2
        assert read(http).status_code == 200
        assert not list((tmp_path / "tmp").iterdir())


def test_another_model_comes_into_service_without_a_request_lost(tmp_path: Path):
    first = write_tiny_model(tmp_path / "first.onnx")
    other = read_info(first).model_copy(update={"version": "2"})
    second = write_tiny_model(tmp_path / "second.onnx", {"longhand": other.model_dump_json()})
    served = tmp_path / "served.onnx"
    shutil.copyfile(first, served)
    statuses: Counter[tuple[int, str]] = Counter()
    done = threading.Event()

    def send(url: str) -> None:
        with httpx.Client(base_url=url, timeout=30) as http:
            while not done.is_set():
                answer = read(http)
                statuses[answer.status_code, answer.json().get("model", {}).get("version")] += 1

    with serve(tmp_path, served) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        clients = [threading.Thread(target=send, args=(server.url,)) for _ in range(4)]
        for client in clients:
            client.start()
        for model in (second, first) * 3:
            shutil.copyfile(model, tmp_path / "new.onnx")
            (tmp_path / "new.onnx").replace(served)
            assert http.post("/models/reload").json()["version"] == read_info(model).version
            assert http.get("/models").json()["models"][0]["version"] == read_info(model).version
        served.write_bytes(b"not a model")
        assert http.post("/models/reload").status_code == 503
        assert read(http).json()["model"]["version"] == "1"  # the model before stays
        done.set()
        for client in clients:
            client.join()
    assert {status for status, _ in statuses} == {200}, statuses
    assert statuses[200, "1"] > 10 and statuses[200, "2"] > 10, statuses
