"""Corrections as an archive in the layout that `longhand import` takes: a table, its images, longhand.yaml."""

import csv
import gzip
import io
import tarfile
from collections.abc import Iterator

import yaml
from PIL import Image

from src.api.store import Store

COLLECTION = "corrections"
# MPO is what Pillow calls a JPEG that holds a second picture, as phones write them.
_SUFFIXES = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "TIFF": "tif", "WEBP": "webp", "BMP": "bmp"}
_COLUMNS = ("file_name", "text", "writer_id", "author", "read", "model", "created")


def corrections_archive(store: Store) -> Iterator[bytes]:
    """Pack the corrections that hold, the same bytes for the same corrections.

    Args:
        store: Holds them.

    Yields:
        Pieces of a .tar.gz; few images are in memory at a time.

    Raises:
        StoreError: The store cannot be opened.
    """
    packed = io.BytesIO()
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(_COLUMNS)
    sidecar = {"collection": COLLECTION, "format": "table"}
    # Images are compressed already: the fastest level costs little.
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        _add(archive, "longhand.yaml", yaml.safe_dump(sidecar).encode())
        for correction, content in store.truths():
            name = f"images/{correction.image}.{_suffix(content)}"
            _add(archive, name, content)
            created = correction.created.isoformat(timespec="seconds")
            known = (correction.writer or "", correction.author or "", correction.read, correction.model_version)
            rows.writerow((name, correction.text, *known, created))
            yield _taken(packed)
        _add(archive, "metadata.csv", table.getvalue().encode())
    yield _taken(packed)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o644
    archive.addfile(member, io.BytesIO(content))
    archive.members = []  # type: ignore[attr-defined]  # tarfile keeps all


def _suffix(content: bytes) -> str:
    with Image.open(io.BytesIO(content)) as image:
        return _SUFFIXES[image.format or "PNG"]


def _taken(buffer: io.BytesIO) -> bytes:
    """What was written to a buffer, which is empty afterwards."""
    content = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return content
