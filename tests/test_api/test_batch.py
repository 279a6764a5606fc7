"""Many images in one request."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.test_api.running import running, tiny_settings
from tests.test_api.test_batching import picture


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("batch")
    settings = tiny_settings(folder, max_upload_bytes=50_000, max_batch_files=60, max_waiting=2)
    with running(settings) as client:
        yield client


def png(bars: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(bars)).save(buffer, "PNG")
    return buffer.getvalue()


def text_of(client: TestClient, bars: int) -> str:
    text: str = client.post("/predict/", files={"file": png(bars)}).json()["text"]
    return text


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def lines(client: TestClient, files: dict[str, bytes], **form: str) -> list[dict[str, object]]:
    sent = [("files", (name, content)) for name, content in files.items()]
    answer = client.post("/predict/batch", files=sent, data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in answer.text.splitlines()]


def texts(answers: list[dict[str, object]]) -> list[object]:
    return [(line["prediction"] or line["problem"]).get("text", "refused") for line in answers]


def test_files_are_read_in_their_order_and_as_one_by_one(client):
    files = {f"{number}.png": png(1 + number % 4) for number in range(40)}
    answers = lines(client, files, alternatives="1")
    assert [line["name"] for line in answers] == list(files)
    alone = {
        bars: client.post("/predict/", files={"file": png(bars)}, data={"alternatives": "1"}).json()
        for bars in range(1, 5)
    }
    for number, line in enumerate(answers):
        expected = alone[1 + number % 4]
        for name in ("text", "alternatives", "characters", "image"):
            assert line["prediction"][name] == expected[name]
        assert line["problem"] is None


def test_a_bad_file_has_a_line_that_says_why_and_the_others_are_read(client):
    files = {
        "a.png": png(2),
        "b.txt": b"text",
        "c.png": bytes(60_000),
        "d.png": b"",
        "e.png": png(2)[:90],
        "f.png": png(1),
    }
    answers = lines(client, files)
    assert texts(answers) == [text_of(client, 2), *["refused"] * 4, text_of(client, 1)]
    assert [line["problem"] and line["problem"]["status"] for line in answers] == [None, 415, 413, 422, 422, None]


def test_archives_are_taken_apart(client):
    members = {
        "page/": b"",
        "page/1.png": png(1),
        "page/2.png": png(2),
        "__MACOSX/page/._1.png": b"x",
        ".DS_Store": b"x",
    }
    answers = lines(client, {"first.zip": packed(members), "last.png": png(1)})
    assert [line["name"] for line in answers] == ["page/1.png", "page/2.png", "last.png"]
    assert texts(answers) == [text_of(client, bars) for bars in (1, 2, 1)]


def test_damaged_archives_and_bombs_are_told(client):
    whole = packed({"a.png": png(2), "b.png": png(1)})
    broken = bytearray(whole)
    broken[60:70] = b"0123456789"
    bomb = packed({"zeros.png": bytes(50_000_000)})
    assert len(bomb) < 60_000
    many = packed({f"{number}.png": b"" for number in range(300)})
    answers = lines(client, {"cut.zip": whole[:-30], "broken.zip": bytes(broken), "bomb.zip": bomb, "many.zip": many})
    told = [(line["name"], line["problem"] and line["problem"]["status"]) for line in answers]
    assert told == [("cut.zip", 422), ("a.png", 422), ("b.png", None), ("zeros.png", 413), ("many.zip", 413)]


def test_more_files_than_allowed_end_the_answer_with_a_line_that_says_so(client):
    answers = lines(
        client,
        {
            "a.zip": packed({f"{n}.png": png(1) for n in range(55)}),
            "b.zip": packed({f"x{n}.png": png(1) for n in range(55)}),
        },
    )
    assert len(answers) == 61
    assert answers[-1]["problem"]["status"] == 413
    assert all(line["prediction"]["text"] == text_of(client, 1) for line in answers[:-1])


def test_a_vocabulary_holds_for_all(client):
    assert texts(lines(client, {"a.png": png(2), "b.png": png(1)}, vocabulary="a\nb")) == [
        "b",
        "b",
    ]  # and not "a", which is as short
    answer = client.post("/predict/batch", files=[("files", png(1))], data={"vocabulary": " \n"})
    assert answer.status_code == 422


def test_careful_readings_come_in_order_and_as_one_by_one(client):
    files = {f"{number}.png": png(1 + number % 3) for number in range(20)}
    plain, careful = (lines(client, files, careful=value) for value in ("false", "true"))
    form = {"careful": "true"}
    alone = [client.post("/predict/", files={"file": png(bars)}, data=form).json() for bars in (1, 2, 3)]
    for number, line in enumerate(careful):
        assert line["prediction"]["confidence"] == pytest.approx(alone[number % 3]["confidence"])
        assert line["prediction"]["confidence"] != plain[number]["prediction"]["confidence"]


def test_no_file_is_refused(client):
    assert client.post("/predict/batch").status_code == 422
