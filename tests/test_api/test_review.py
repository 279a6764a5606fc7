"""The review queue."""

import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from src.api.settings import ServiceSettings
from src.api.store import Store
from tests.test_api.mutations import pictures
from tests.test_api.running import running, tiny_settings
from tests.test_api.test_batch import png


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return tiny_settings(tmp_path, keep_predictions=True)


@pytest.fixture
def client(settings: ServiceSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


def read(client: TestClient, image: bytes) -> dict:
    return client.post("/predict/", files={"file": image}).json()


def test_the_least_certain_come_first_until_they_are_decided(client):
    readings = [read(client, png(bars)) for bars in (1, 2, 3, 4, 5, 6)]
    queue = client.get("/review", params={"limit": 4}).json()
    assert queue["remaining"] == 6
    confidences = [one["confidence"] for one in queue["items"]]
    assert len(confidences) == 4
    assert confidences == sorted(reading["confidence"] for reading in readings)[:4]
    first, second, third = queue["items"][:3]
    assert {name: first[name] for name in readings[0]} in readings
    client.post("/corrections", data={"text": "right", "prediction_id": first["id"]})
    client.post("/corrections", data={"text": second["text"] or "a", "prediction_id": second["id"]})
    assert client.post(f"/review/{third['id']}/dismiss").status_code == 204
    left = client.get("/review").json()
    assert (left["remaining"], left["keeping"]) == (3, True)
    assert not {first["id"], second["id"], third["id"]} & {one["id"] for one in left["items"]}
    assert client.post(f"/review/{'0' * 32}/dismiss").status_code == 404


@pytest.mark.parametrize("kind", ["grey", "deep", "alpha", "cmyk", "tiff", "float", "turned", "webp", "bits"])
def test_images_are_shown_as_png_turned_as_they_were_read(client, kind):
    reading = read(client, pictures()[kind])
    answer = client.get(f"/predictions/{reading['id']}/image")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert {"width": image.width, "height": image.height} == reading["image"]


def test_unless_it_is_turned_on_nothing_is_kept(settings):
    with running(settings.model_copy(update={"keep_predictions": False})) as client:
        reading = read(client, png(2))
        assert client.get("/review").json() == {"items": [], "remaining": 0, "keeping": False}
        assert client.get(f"/predictions/{reading['id']}/image").status_code == 404
        assert client.post("/corrections", data={"text": "right", "prediction_id": reading["id"]}).status_code == 201


def test_a_store_that_fails_does_not_keep_an_image_from_being_read(settings, tmp_path):
    with running(settings) as client:
        read(client, png(1))
        with sqlite3.connect(tmp_path / "service" / "longhand.db") as database:
            database.execute("DROP TABLE predictions")
        assert read(client, png(2))["text"]
        answer = client.get("/review")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "predictions" not in answer.text


def test_readings_whose_time_is_over_are_removed_and_corrected_images_stay(client, tmp_path):
    old, corrected, new = (read(client, png(bars)) for bars in (1, 2, 3))
    client.post("/corrections", data={"text": "right", "prediction_id": corrected["id"]})
    with sqlite3.connect(tmp_path / "service" / "longhand.db") as database:
        database.execute("UPDATE predictions SET created = '2020-01-01' WHERE id != ?", (new["id"],))
    store = Store(f"sqlite:///{tmp_path / 'service' / 'longhand.db'}")
    assert store.purge(days=30) == 2
    assert store.purge(days=30) == 0
    store.close()
    assert [one["id"] for one in client.get("/review").json()["items"]] == [new["id"]]
    with sqlite3.connect(tmp_path / "service" / "longhand.db") as database:
        assert database.execute("SELECT count(*) FROM images").fetchone() == (2,)
    assert client.get(f"/predictions/{old['id']}/image").status_code == 404
