"""What the service has acknowledged is there after it was killed."""

import hashlib
import signal
import sqlite3
import threading
import time
from pathlib import Path

import httpx

from tests.test_api.server import serve
from tests.test_api.test_batch import png
from tests.tiny_model import write_tiny_model


def test_no_acknowledged_correction_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "tiny.onnx")
    acknowledged: dict[str, tuple[str, bytes]] = {}

    def correct(url: str, worker: int) -> None:
        with httpx.Client(base_url=url, timeout=10) as http:
            for number in range(10_000):
                image = png(1 + (worker + number) % 20)
                text = f"text {worker} {number}"
                try:
                    reading = http.post("/predict/", files={"file": image}).json()
                    answer = http.post("/corrections", data={"text": text, "prediction_id": reading["id"]})
                    assert answer.status_code == 201, answer.text
                    acknowledged[answer.json()["id"]] = (text, image)
                except httpx.HTTPError:
                    return  # the server is dead

    with serve(tmp_path, model) as server:
        workers = [threading.Thread(target=correct, args=(server.url, number)) for number in range(4)]
        for worker in workers:
            worker.start()
        deadline = time.monotonic() + 60
        while len(acknowledged) < 60 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGKILL)
        for worker in workers:
            worker.join()
    assert len(acknowledged) >= 60
    with serve(tmp_path, model) as server, httpx.Client(base_url=server.url, timeout=30) as http:
        for name, (text, image) in acknowledged.items():
            stored = http.get(f"/corrections/{name}").json()
            assert stored["text"] == text
            assert stored["image"] == hashlib.sha256(image).hexdigest()
            assert http.get(f"/corrections/{name}/image").content == image
    with sqlite3.connect(tmp_path / "longhand.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (images,) = database.execute("SELECT count(*) FROM images").fetchone()
    assert len({image for _, image in acknowledged.values()}) <= images <= 20
