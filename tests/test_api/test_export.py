"""The export of more corrections than fit into memory."""

import csv
import hashlib
import io
import os
import tarfile
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert

from src.api.export import corrections_archive
from src.api.store import Store, StoredCorrection
from src.api.store.tables import Image
from tests.test_api.test_api import picture

COUNT = 2000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Many corrections of long texts: twenty megabytes of them, that compress badly."""
    store = Store(f"sqlite:///{tmp_path / 'longhand.db'}")
    contents = [picture() + number.to_bytes(4, "big") for number in range(COUNT)]
    images = [{"digest": hashlib.sha256(content).hexdigest(), "content": content} for content in contents]
    with store.database.session() as session, session.begin():
        session.execute(insert(Image), images)
        session.execute(
            insert(StoredCorrection),
            [
                {
                    "id": f"{number:032x}", "prediction_id": "0" * 32, "image": image["digest"],
                    "text": f"text {number}", "read": os.urandom(5000).hex(), "confidence": 0.5, "model_name": "a",
                    "model_version": "1", "created": datetime.now(UTC), "current": True,
                }
                for number, image in enumerate(images)
            ],
        )  # fmt: skip
    return store


def test_memory_does_not_grow_with_the_table(store: Store, tmp_path: Path):
    file = tmp_path / "corrections.tar.gz"
    tracemalloc.start()
    try:
        with file.open("wb") as archive:
            for piece in corrections_archive(store):
                assert len(piece) <= 2**16
                archive.write(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert file.stat().st_size > 10 * 2**20
    assert peak < 15 * 2**20, f"{peak / 2**20:.1f} MB"
    with tarfile.open(file) as archive:
        table = archive.extractfile("metadata.csv")
        assert table is not None
        rows = list(csv.DictReader(io.TextIOWrapper(table, encoding="utf-8", newline="")))
        assert {row["text"] for row in rows} == {f"text {number}" for number in range(COUNT)}
        assert {row["file_name"] for row in rows} <= set(archive.getnames())
    store.close()
