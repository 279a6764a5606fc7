"""The files of one request: images as they are, and the members of zip archives."""

import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from fastapi import HTTPException, UploadFile

from src.api.settings import ServiceSettings
from src.errors import ImageError

_ZIP = b"PK\x03\x04"
_END_OF_ARCHIVE = b"PK\x05\x06"
_DIRECTORY_BYTES = 256  # of a member, name and all, in the archive's directory


def each_file(
    files: Sequence[UploadFile], settings: ServiceSettings
) -> Iterator[tuple[str, bytes | ImageError | HTTPException]]:
    """Read the images that were sent, one at a time, so that few are in memory.

    Args:
        files: As they were sent.
        settings: Limits of one image and of their number.

    Yields:
        The file's name, and its bytes or why it cannot be had: an archive is damaged or encrypted there, or a limit is
        passed.
    """
    for count, (name, content) in enumerate(_each(files, settings), start=1):
        if count > settings.max_batch_files:
            yield name, HTTPException(413, f"more than {settings.max_batch_files:,} files; send the rest by themselves")
            return
        yield name, content


def _each(
    files: Sequence[UploadFile], settings: ServiceSettings
) -> Iterator[tuple[str, bytes | ImageError | HTTPException]]:
    for file in files:
        name = file.filename or ""
        file.file.seek(0)
        head = file.file.read(len(_ZIP))
        file.file.seek(0)
        if head == _ZIP:
            yield from _members(name, file.file, settings)
        else:
            yield name, _limited(file.file, settings.max_upload_bytes)


def _members(
    archive_name: str, file: IO[bytes], settings: ServiceSettings
) -> Iterator[tuple[str, bytes | ImageError | HTTPException]]:
    try:
        if _directory_bytes(file) > _DIRECTORY_BYTES * settings.max_batch_files:
            yield archive_name, HTTPException(413, f"the archive has more than {settings.max_batch_files:,} files")
            return
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, struct.error, ValueError, OSError):
        yield archive_name, ImageError("the zip archive is damaged")
        return
    with archive:
        for member in archive.infolist():
            hidden = any(part.startswith((".", "__MACOSX")) for part in member.filename.split("/"))
            if member.is_dir() or hidden:
                continue
            try:
                with archive.open(member) as content:
                    yield member.filename, _limited(content, settings.max_upload_bytes)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError, ValueError):
                # RuntimeError: encrypted. NotImplementedError: packed in a way that Python does not know.
                yield member.filename, ImageError("this member of the zip archive is damaged or encrypted")


def _limited(file: IO[bytes], limit: int) -> bytes | HTTPException:
    content = file.read(limit + 1)
    return content if len(content) <= limit else HTTPException(413, f"the file is larger than {limit:,} bytes")


def _directory_bytes(file: IO[bytes]) -> int:
    """Size of an archive's directory as its end says, since Python would read it whole; 2^32 - 1 where it is larger.

    Raises:
        ValueError: The end is not there.
    """
    file.seek(0, 2)
    file.seek(max(0, file.tell() - 2**16 - 22))
    tail = file.read()
    end = tail.rfind(_END_OF_ARCHIVE)
    if end < 0:
        raise ValueError("no end of archive")
    file.seek(0)
    # A locator before the end leads to sizes of 64 bits, which no archive of allowed size needs.
    if tail[max(0, end - 20) : end].startswith(b"PK\x06\x07"):
        return 2**32 - 1
    size: int = struct.unpack_from("<L", tail, end + 12)[0]
    return size
