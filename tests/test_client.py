"""The Python client, with a real service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from src.client import Client
from src.errors import ServiceError
from tests.test_api.server import Server, serve
from tests.test_api.test_api import picture
from tests.test_api.test_batch import png
from tests.tiny_model import write_tiny_model


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("client")
    with serve(folder, write_tiny_model(folder / "tiny.onnx")) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def test_it_reads_and_corrects(client: Client):
    reading = client.read(picture(), alternatives=2, min_confidence=1.0)
    assert reading.text == "b b"
    assert reading.needs_review
    assert len(reading.alternatives) == 2
    told = client.correct("a b", prediction_id=reading.id, author="ml", writer="Anna")
    assert (told.read, told.text, told.author, told.writer) == ("b b", "a b", "ml", "Anna")


def test_it_reads_from_a_list(client: Client):
    assert client.read(picture(), vocabulary=["ab", "a a"]).text == "a a"
    with pytest.raises(ServiceError, match=r"404.*no vocabulary 'towns'"):
        client.read(picture(), vocabulary_name="towns")


def test_it_reads_carefully(client: Client, tmp_path: Path):
    (tmp_path / "a.png").write_bytes(picture())
    plain, careful = (client.read(picture(), careful=care) for care in (False, True))
    assert careful.confidence != plain.confidence
    (line,) = client.read_many([tmp_path / "a.png"], careful=True)
    assert line.prediction is not None and line.prediction.confidence == careful.confidence


def test_it_reads_many_files_in_order(client: Client, tmp_path: Path):
    paths = [tmp_path / f"{number}.png" for number in range(230)]
    for number, path in enumerate(paths):
        path.write_bytes(png(1 + number % 3) if number != 7 else b"no image")
    lines = list(client.read_many(paths))
    assert [line.name for line in lines] == [str(path) for path in paths]
    assert lines[7].problem is not None and lines[7].problem.status == 415
    alone = [client.read(png(bars)).text for bars in (1, 2, 3)]
    assert [line.prediction.text for line in lines if line.prediction] == [
        alone[number % 3] for number in range(230) if number != 7
    ]


def test_what_goes_wrong_is_told(client: Client, tmp_path: Path):
    with pytest.raises(ServiceError, match=r"422.*empty"):
        client.read(b"")
    with pytest.raises(ValueError, match="no entry"):
        client.read(picture(), vocabulary=[])
    (tmp_path / "a.png").write_bytes(picture())
    with pytest.raises(ServiceError, match=r"422.*characters"):
        client.read(picture(), vocabulary=["xyz"])
    (line,) = client.read_many([tmp_path / "a.png"], vocabulary=["xyz"])
    assert line.problem is not None and line.problem.status == 422
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(ServiceError, match="does not answer"):
        nobody.read(picture())


def test_a_key_is_sent(tmp_path: Path):
    with serve(tmp_path, write_tiny_model(tmp_path / "tiny.onnx"), keys="on") as server:
        with Client(server.url) as client, pytest.raises(ServiceError, match=r"401.*X-API-Key"):
            client.read(picture())
        with Client(server.url, key="lh_wrong") as client, pytest.raises(ServiceError, match=r"401.*not known"):
            client.read(picture())
