"""The service within the test's own process, with the tiny model and a database in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from src.api.api import create_app
from src.api.settings import ServiceSettings
from tests.tiny_model import write_tiny_model


def tiny_settings(folder: Path, **settings: object) -> ServiceSettings:
    """Settings with the tiny model and a database of its own; without keys unless they are asked for."""
    values = {"keys": "off", "database_url": f"sqlite:///{folder / 'service' / 'longhand.db'}"} | settings
    return ServiceSettings(model=write_tiny_model(folder / "tiny.onnx"), **values)


@contextmanager
def running(settings: ServiceSettings) -> Iterator[TestClient]:
    """A client of the service while it runs."""
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client
