"""The page's files as the service sends them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from src.api import routes
from src.api.problems import add_problem_handlers
from src.api.routes.page import page_router

FOLDER = Path(routes.__file__).parents[1] / "page"


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(page_router())
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_each_file_is_served_as_it_is(client: TestClient, path: Path) -> None:
    kinds = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for encoding in ("gzip", "identity"):
        answer = client.get(f"/page/{path.name}", headers={"accept-encoding": encoding})
        assert answer.content == path.read_bytes()
        assert answer.headers["content-type"].startswith(kinds[path.suffix])
        assert answer.headers.get("content-encoding", "identity") == encoding
    assert path.read_text(encoding="utf-8").count("\n") < 250
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", path.read_text(encoding="utf-8")), "names another host"


def test_a_browser_that_has_a_file_is_not_sent_it_again(client: TestClient) -> None:
    first = client.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/", headers={"if-none-match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("name", ["none.js", "../api.py", "..%2fapi.py", "%2e%2e/api.py", "/etc/passwd"])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/page/{name}")
    assert answer.status_code == 404
    assert "import" not in answer.text


def test_the_page_needs_nothing_that_the_policy_forbids() -> None:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert set(re.findall(r'"page/([^"]+)"', html)) <= {path.name for path in FOLDER.iterdir()}
