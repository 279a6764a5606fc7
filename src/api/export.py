"""Corrections as an archive in the layout that `longhand import` takes: a table, its images, longhand.yaml."""

import csv
import gzip
import io
import tarfile
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

import yaml
from PIL import Image

from src.api.store import Store

COLLECTION = "corrections"
# MPO is what Pillow calls a JPEG that holds a second picture, as phones write them.
_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "WEBP": "webp", "BMP": "bmp"}
_PIECE = 2**16  # bytes
_COLUMNS = ("file_name", "text", "writer_id", "author", "read", "model", "created")


def corrections_archive(store: Store) -> Iterator[bytes]:
    """Pack the corrections that hold, the same bytes for the same corrections.

    Args:
        store: Holds them.

    Yields:
        Pieces of a .tar.gz. Few images are in memory at a time; the table, which comes last, grows on disk.

    Raises:
        StoreError: The store cannot be opened.
    """
    sidecar = {"collection": COLLECTION, "format": "table"}
    with TemporaryFile() as packed, TemporaryFile() as table:
        text = io.TextIOWrapper(table, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(_COLUMNS)
        # Images are compressed already: the fastest level costs little.
        with (
            gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
            tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as archive,
        ):
            _add(archive, "longhand.yaml", io.BytesIO(yaml.safe_dump(sidecar).encode()))
            for correction, content in store.truths():
                name = f"images/{correction.image}.{_suffix(content)}"
                _add(archive, name, io.BytesIO(content))
                created = correction.created.isoformat(timespec="seconds")
                known = (correction.writer or "", correction.author or "", correction.read, correction.model_version)
                rows.writerow((name, correction.text, *known, created))
                yield from _taken(packed)
            _add(archive, "metadata.csv", table)
        yield from _taken(packed)


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    """Add a file's whole content."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = content.seek(0, io.SEEK_END), 0o644
    content.seek(0)
    archive.addfile(member, content)
    archive.members = []  # type: ignore[attr-defined]  # tarfile keeps all


def _suffix(content: bytes) -> str:
    with Image.open(io.BytesIO(content)) as image:
        return _SUFFIXES[image.format or "PNG"]


def _taken(buffer: IO[bytes]) -> Iterator[bytes]:
    """What was written to a buffer, which is empty afterwards."""
    buffer.seek(0)
    while piece := buffer.read(_PIECE):
        yield piece
    buffer.seek(0)
    buffer.truncate()
