"""How many readings are taken in at a time."""

import asyncio
from pathlib import Path

import pytest
from fastapi import HTTPException

from src.api.reader import Reader, Request
from src.api.recent import Recent
from src.api.shadow import Shadow
from src.api.store import Store
from src.monitoring.metrics import Metrics
from src.recognition.careful import COPIES
from tests.test_api.running import tiny_settings

PLAIN, CAREFUL = Request(0, 0.0), Request(0, 0.0, careful=True)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """One that takes in two careful readings at a time, and ends none of itself."""

    async def never(*_: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(Reader, "_read", never)
    settings, metrics = tiny_settings(tmp_path, max_waiting=2 + len(COPIES), batch_size=4), Metrics()
    return Reader(settings, metrics, Recent(1000, 60.0), Store(settings.database_url), Shadow(settings, metrics))


async def begun(*readings) -> list[asyncio.Task]:
    tasks = [asyncio.create_task(reading) for reading in readings]
    await asyncio.sleep(0.05)
    return tasks


def test_a_careful_reading_takes_a_place_for_each_copy(reader: Reader):
    async def scenario() -> None:
        first = await begun(reader.read(b"", CAREFUL), reader.read(b"", PLAIN))
        with pytest.raises(HTTPException, match=f"{2 + len(COPIES)} readings are waiting"):
            await reader.read(b"", PLAIN)
        first[0].cancel()
        later = await begun(reader.read(b"", PLAIN), reader.read(b"", CAREFUL), reader.read(b"", CAREFUL))
        assert [task.done() for task in (*first, *later)] == [True, False, False, False, True]
        assert isinstance(later[-1].exception(), HTTPException)

    asyncio.run(scenario())


def test_careful_files_leave_room_for_others(reader: Reader, monkeypatch: pytest.MonkeyPatch):
    under_way: list[Request] = []

    async def note(_: Reader, __: bytes, request: Request) -> None:
        under_way.append(request)
        await asyncio.sleep(60)

    monkeypatch.setattr(Reader, "_read", note)

    async def scenario() -> None:
        await begun(*(reader.read_file(b"", CAREFUL) for _ in range(20)))
        assert len(under_way) == 8 // (1 + len(COPIES))
        await begun(*(reader.read_file(b"", PLAIN) for _ in range(20)))
        assert under_way.count(PLAIN) == 8

    asyncio.run(scenario())
