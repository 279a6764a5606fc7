"""Answers restricted to a list, sent or kept on the server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.test_api.running import running, tiny_settings
from tests.test_api.test_api import picture


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with running(tiny_settings(tmp_path, max_vocabulary=100)) as client:
        yield client


def read(client: TestClient, **form: str) -> tuple[int, str]:
    answer = client.post("/predict/", files={"file": picture()}, data=form)
    body = answer.json()
    return answer.status_code, body.get("text", body.get("detail"))


def test_a_list_that_is_sent_restricts_the_answer(client):
    assert read(client) == (200, "b b")
    assert read(client, vocabulary="a a\nab\nb") == (200, "a a")
    assert read(client, vocabulary="b b") == (200, "b b")


@pytest.mark.parametrize(
    ("form", "status", "reason"),
    [
        ({"vocabulary": "\n \n"}, 422, "no entry"),
        ({"vocabulary": "\n".join("ab" * (1 + n) for n in range(101))}, 422, "101 entries"),
        ({"vocabulary": "xyz"}, 422, "characters"),
        ({"vocabulary": "b", "vocabulary_name": "towns"}, 422, "not both"),
        ({"vocabulary_name": "towns"}, 404, "towns"),
        ({"min_confidence": "1.5"}, 422, "min_confidence"),
        ({"alternatives": "21"}, 422, "alternatives"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_reason(client, form, status, reason):
    answered, detail = read(client, **form)
    assert answered == status
    assert reason in detail


def test_a_list_is_kept_used_replaced_and_removed(client):
    put = client.put("/vocabularies/towns", content=b"ab\n\nb b\nab\n")
    assert put.status_code == 200
    assert (put.json()["name"], put.json()["entries"]) == ("towns", 2)
    assert read(client, vocabulary_name="towns") == (200, "b b")
    client.put("/vocabularies/towns", content=b"ab")
    assert read(client, vocabulary_name="towns") == (200, "ab")
    assert client.get("/vocabularies/towns").text == "ab"
    assert [one["name"] for one in client.get("/vocabularies").json()["vocabularies"]] == ["towns"]
    assert client.delete("/vocabularies/towns").status_code == 204
    assert client.delete("/vocabularies/towns").status_code == 404
    assert read(client, vocabulary_name="towns")[0] == 404


@pytest.mark.parametrize(
    ("name", "content", "status"),
    [("towns", b"\xff\xfe", 422), ("towns", b"", 422), ("%2E", b"a", 422), ("A B", b"a", 422)],
)
def test_bad_lists_and_names_are_refused(client, name, content, status):
    assert client.put(f"/vocabularies/{name}", content=content).status_code == status


def test_a_low_confidence_asks_for_review(client):
    answers = [
        client.post("/predict/", files={"file": picture()}, data={"min_confidence": value}).json()
        for value in ("0", "1")
    ]
    assert [answer["needs_review"] for answer in answers] == [False, True]
    assert "predictions_to_review_total 1.0" in client.get("/metrics").text
