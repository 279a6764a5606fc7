"""Who may do what."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from src.api.api import create_app
from src.api.keys import Role, digest_of
from src.api.settings import ServiceSettings
from src.api.store import Store
from tests.test_api.test_api import picture
from tests.tiny_model import write_tiny_model

KEYS = {role: f"lh_{role}_secret" for role in Role}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    for role, key in KEYS.items():
        store.add_key(f"{role}-key", role, digest_of(key))
    yield store
    store.close()


def app(tmp_path: Path, **settings: object) -> TestClient:
    url = f"sqlite:///{tmp_path / 'longhand.db'}"
    model = write_tiny_model(tmp_path / "tiny.onnx")
    made = create_app(ServiceSettings(model=model, database_url=url, **settings))
    return TestClient(made, raise_server_exceptions=False, client=("127.0.0.1", 50000))


def read(client: TestClient, **headers: str) -> int:
    return client.post("/predict/", files={"file": picture()}, headers=headers).status_code


def test_each_role_may_do_what_it_should(tmp_path, store):
    with app(tmp_path, keys="on") as client:
        for role, allowed in ((Role.READER, [200, 403]), (Role.CORRECTOR, [200, 403]), (Role.ADMIN, [200, 200])):
            key = {"X-API-Key": KEYS[role]}
            put = client.put("/vocabularies/towns", content=b"ab", headers=key)
            assert [read(client, **key), put.status_code] == allowed
            assert read(client, Authorization=f"Bearer {KEYS[role]}") == 200


@pytest.mark.parametrize(
    "headers", [{}, {"X-API-Key": "lh_wrong"}, {"X-API-Key": ""}, {"Authorization": "Bearer lh_wrong"}]
)
def test_without_a_key_nothing_is_read(tmp_path, store, headers):
    with app(tmp_path, keys="on") as client:
        answer = client.post("/predict/", files={"file": picture()}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        for path in ("/models", "/vocabularies"):
            assert client.get(path, headers=headers).status_code == 401
        assert client.get("/ready").status_code == 200


def test_a_revoked_key_is_refused_within_seconds(tmp_path, store):
    with app(tmp_path, keys="on") as client:
        assert read(client, **{"X-API-Key": KEYS[Role.READER]}) == 200
        assert store.revoke_key("reader-key")
        deadline = time.monotonic() + 20
        while read(client, **{"X-API-Key": KEYS[Role.READER]}) == 200:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert read(client, **{"X-API-Key": KEYS[Role.ADMIN]}) == 200


def test_keys_are_not_stored(tmp_path, store):
    content = b"".join(file.read_bytes() for file in tmp_path.glob("longhand.db*"))
    assert digest_of(KEYS[Role.ADMIN]).encode() in content
    assert not any(key.encode() in content for key in KEYS.values())


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),  # through a proxy on this machine
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 401),
        ("127.0.0.1", {"X-API-Key": "lh_wrong"}, 401),
        ("not an address", {}, 401),
    ],
)
def test_this_machine_itself_needs_no_key_unless_told(tmp_path, client, headers, status):
    made = app(tmp_path)
    with TestClient(made.app, raise_server_exceptions=False, client=(client, 50000)) as http:
        assert read(http, **headers) == status


def test_a_key_that_asks_too_often_waits_and_others_do_not(tmp_path, store):
    with app(tmp_path, keys="on", rate_limit="3/minute") as client:
        first, second = ({"X-API-Key": KEYS[role]} for role in (Role.READER, Role.ADMIN))
        assert [read(client, **first) for _ in range(4)] == [200, 200, 200, 429]
        answer = client.post("/predict/", files={"file": picture()}, headers=first)
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert "3 per 1 minute" in answer.json()["detail"]
        assert read(client, **second) == 200


def test_other_sites_may_not_call_unless_told(tmp_path):
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    with app(tmp_path) as client:
        assert "access-control-allow-origin" not in client.options("/predict/", headers=asked).headers
    with app(tmp_path, cors_origins="https://example.org") as client:
        headers = client.options("/predict/", headers=asked).headers
        assert headers["access-control-allow-origin"] == "https://example.org"
        other = client.options("/predict/", headers=asked | {"Origin": "https://example.com"}).headers
        assert "access-control-allow-origin" not in other


def test_every_answer_has_the_security_headers_and_names_no_software(tmp_path):
    with app(tmp_path) as client:
        answers = [
            client.get("/"),
            client.get("/health"),
            client.get("/none"),
            client.post("/predict/"),
            client.get("/docs"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert len(answer.headers["x-request-id"]) == 32
        assert "server" not in answer.headers
    assert all("unsafe-inline" not in answer.headers["content-security-policy"] for answer in answers[:4])
    assert "https://" not in answers[4].text  # the documentation comes from here
