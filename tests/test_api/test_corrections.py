"""Corrections: stored, listed, exported, forgotten."""

import csv
import hashlib
import io
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from src.api.settings import ServiceSettings
from src.data.archives import unpack
from src.data.formats.ground_truth import Folder
from src.data.formats.readers import read_ground_truth
from tests.test_api.mutations import pictures
from tests.test_api.running import running, tiny_settings
from tests.test_api.test_api import picture
from tests.test_api.test_batch import png

ID = "0" * 32


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return tiny_settings(tmp_path, max_upload_bytes=200_000)


@pytest.fixture
def client(settings: ServiceSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


def read(client: TestClient, image: bytes) -> dict:
    return client.post("/predict/", files={"file": image}).json()


def correct(client: TestClient, text: str, image: bytes | None = None, **form: str) -> dict:
    files = {"file": image} if image else None
    answer = client.post("/corrections", data={"text": text} | form, files=files)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_correction_holds_all_that_is_known(client):
    reading = read(client, picture())
    told = correct(client, " the  right\ntext ", prediction_id=reading["id"], author="ml", writer="Anna")
    assert told | {"id": 0, "created": 0} == {
        "id": 0, "created": 0, "prediction_id": reading["id"], "text": "the right text", "read": reading["text"],
        "confidence": reading["confidence"], "model": reading["model"], "author": "ml", "writer": "Anna",
        "image": hashlib.sha256(picture()).hexdigest(), "current": True,
    }  # fmt: skip
    assert client.get(f"/corrections/{told['id']}").json() == told
    assert client.get(f"/corrections/{told['id']}/image").content == picture()
    assert 'corrections_total{changed="true"} 1.0' in client.get("/metrics").text


def test_text_is_composed_and_control_characters_are_refused(client):
    assert correct(client, "e\u0301te\u0301", picture())["text"] == "\u00e9t\u00e9"
    for text in ("a\x07b", " \n ", "", "x" * 1001):
        assert client.post("/corrections", data={"text": text}, files={"file": picture()}).status_code == 422


def test_a_reading_that_is_not_remembered_needs_its_image(client):
    form = {"text": "right", "prediction_id": "0" * 32}
    answer = client.post("/corrections", data=form)
    assert answer.status_code == 404
    assert "`file`" in answer.json()["detail"]
    told = correct(client, "right", picture(), prediction_id="0" * 32)
    assert told["read"] == read(client, picture())["text"]
    assert client.post("/corrections", data={"text": "right"}).status_code == 422
    assert client.post("/corrections", data={"text": "right"}, files={"file": b"no image"}).status_code == 415


def test_the_newest_correction_of_an_image_holds(client):
    first, second = (correct(client, text, picture()) for text in ("one", "two"))
    assert first["image"] == second["image"]
    shown = client.get("/corrections").json()["items"]
    assert [(one["text"], one["current"]) for one in shown] == [("two", True), ("one", False)]
    assert client.delete(f"/corrections/{second['id']}").status_code == 204
    assert client.get(f"/corrections/{first['id']}").json()["current"]


def test_they_are_listed_page_by_page_and_filtered(client):
    reading = read(client, picture())
    made = [correct(client, f"text {n}", png(1 + n % 5), author="ab"[n % 2]) for n in range(9)]
    accepted = correct(client, reading["text"], prediction_id=reading["id"], author="c", writer="Anna")
    found, after = [], None
    while True:
        page = client.get("/corrections", params={"limit": 4} | ({"after": after} if after else {})).json()
        found += [one["id"] for one in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert found == [one["id"] for one in reversed([*made, accepted])]

    def count(**asked: str) -> int:
        return len(client.get("/corrections", params=asked).json()["items"])

    assert (count(author="a"), count(author="b"), count(writer="Anna"), count(author="nobody")) == (5, 4, 1, 0)
    assert (count(changed="false"), count(changed="true")) == (1, 9)
    assert (count(model="1"), count(model="2")) == (10, 0)
    middle = made[4]["created"]
    assert (count(since=middle), count(until=middle)) == (6, 4)
    assert client.get("/corrections", params={"limit": 0}).status_code == 422


def test_the_export_is_ground_truth_and_the_same_bytes_twice(client, tmp_path):
    kinds = ["grey", "jpeg", "tiff", "webp", "bmp", "deep"]
    for name in kinds:
        correct(client, f"wrong {name}", pictures()[name])
        correct(client, f"right, {name}", pictures()[name], writer="Anna", author="ml")
    exported = client.get("/corrections.tar.gz")
    assert exported.status_code == 200
    assert exported.content == client.get("/corrections.tar.gz").content
    (tmp_path / "corrections.tar.gz").write_bytes(exported.content)
    (tmp_path / "unpacked").mkdir()
    unpack(tmp_path / "corrections.tar.gz", tmp_path / "unpacked", max_members=100, max_bytes=10**7)
    truth = read_ground_truth(Folder(tmp_path / "unpacked"), "table")
    assert not truth.rejected
    assert sorted(row.transcription for row in truth.rows) == sorted(f"right, {name}" for name in kinds)
    assert {row.writer for row in truth.rows} == {"Anna"}
    with tarfile.open(fileobj=io.BytesIO(exported.content)) as archive:
        table = archive.extractfile("metadata.csv").read().decode()
    assert {row["author"] for row in csv.DictReader(io.StringIO(table))} == {"ml"}


def test_a_photograph_that_holds_a_second_picture_is_exported_as_the_jpeg_that_it_is(client):
    buffer = io.BytesIO()
    first, second = Image.new("L", (60, 40), 255), Image.new("L", (30, 20), 0)
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    correct(client, "right", buffer.getvalue())
    with tarfile.open(fileobj=io.BytesIO(client.get("/corrections.tar.gz").content)) as archive:
        assert [name for name in archive.getnames() if name.endswith(".jpg")]


def test_an_empty_store_exports_an_empty_archive(client):
    with tarfile.open(fileobj=io.BytesIO(client.get("/corrections.tar.gz").content)) as archive:
        assert archive.getnames() == ["longhand.yaml", "metadata.csv"]


def test_a_person_is_forgotten_with_image_and_text(client, settings, tmp_path):
    shared, own = png(2), png(3)
    correct(client, "secret of Anna", own, writer="Anna", author="ml")
    correct(client, "Anna's opinion", shared, author="Anna")
    kept = correct(client, "Bert's opinion", shared, author="Bert")
    reading = read(client, own)

    def on_disk(content: bytes) -> bool:
        return any(content in file.read_bytes() for file in (tmp_path / "service").iterdir())

    assert on_disk(own[-200:]) and on_disk(b"secret of Anna")
    assert client.delete("/people/Anna").json() == {"corrections": 2, "images": 1}
    assert not on_disk(own[-200:]) and not on_disk(b"secret of Anna") and not on_disk(b"Anna's opinion")
    assert on_disk(shared[-200:]) and on_disk(b"Bert's opinion")
    assert [one["id"] for one in client.get("/corrections").json()["items"]] == [kept["id"]]
    answer = client.post("/corrections", data={"text": "x", "prediction_id": reading["id"]})
    assert answer.status_code == 404, "the image was still remembered"
    assert client.delete("/people/Anna").json() == {"corrections": 0, "images": 0}


@pytest.mark.parametrize("sent", ["Ame\u0301lie", "  Am\u00e9lie ", "Am\u00e9lie"])
def test_a_name_is_found_however_it_is_composed(client, sent):
    correct(client, "text", picture(), author="Am\u00e9lie")
    assert len(client.get("/corrections", params={"author": sent}).json()["items"]) == 1
    assert client.delete(f"/people/{quote(sent, safe='')}").json()["corrections"] == 1


def test_a_name_with_a_slash_is_forgotten_too(client):
    correct(client, "text", picture(), author="desk 1/2")
    assert client.delete("/people/desk%201%2F2").json()["corrections"] == 1


def test_control_characters_are_refused_before_they_reach_the_database(settings, database_url):
    settings = settings.model_copy(update={"database_url": database_url})
    with running(settings) as client:
        for name in ("author", "writer", "model", "after"):
            assert client.get("/corrections", params={name: "a\0"}).status_code == 422, name
        assert client.delete("/people/a%00").status_code == 422
        form = {"text": "right", "prediction_id": "a\0"}
        assert client.post("/corrections", data=form, files={"file": picture()}).status_code == 422
        assert client.put("/vocabularies/towns", content=b"Bo\0nn").status_code == 422


def test_a_store_that_cannot_be_opened_is_told_and_reading_goes_on(settings, tmp_path):
    (tmp_path / "file").write_text("no folder")
    broken = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'file' / 'longhand.db'}"})
    with running(broken) as client:
        assert read(client, picture())["text"]
        answer = client.get("/corrections")
        assert answer.status_code == 503
        assert "store" in answer.json()["detail"] and str(tmp_path) not in answer.text
        assert client.get("/corrections.tar.gz").status_code == 503


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/corrections"), ("GET", f"/corrections/{ID}"), ("GET", f"/corrections/{ID}/image"),
        ("DELETE", f"/corrections/{ID}"), ("DELETE", "/people/Anna"), ("GET", "/corrections.tar.gz"),
        ("GET", "/review"), ("POST", f"/review/{ID}/dismiss"), ("GET", f"/predictions/{ID}/image"),
        ("GET", "/vocabularies"), ("GET", "/vocabularies/towns"), ("PUT", "/vocabularies/towns"),
        ("DELETE", "/vocabularies/towns"), ("POST", "/corrections"), ("POST", "/predict/"),
    ],
)  # fmt: skip
def test_a_database_that_fails_later_is_told_by_every_route(client, tmp_path, method, path):
    reading = read(client, picture())
    assert client.get("/corrections").status_code == 200  # it was opened
    with sqlite3.connect(tmp_path / "service" / "longhand.db") as database:
        for table in ("corrections", "predictions", "vocabularies", "images", "api_keys"):
            database.execute(f"DROP TABLE {table}")
    form: dict = {
        "PUT": {"content": b"Bonn"},
        "/predict/": {"files": {"file": picture()}, "data": {"vocabulary_name": "towns"}},
        "/corrections": {"data": {"text": "right", "prediction_id": reading["id"]}},
    }
    sent = form.get("PUT" if method == "PUT" else path, {}) if method in ("PUT", "POST") else {}
    answer = client.request(method, path, **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json"), answer.text
    assert answer.headers["retry-after"] == "5"
    assert "table" not in answer.text and "sqlite" not in answer.text.lower()
