"""Archives, unpacked as a stream: no member may leave the folder, and size and count have limits."""

import gzip
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from tqdm import tqdm

from src.errors import ArchiveError

ARCHIVE_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")

_BLOCK = 2**20
# tarfile copies what is left of its buffer at every read: a large one costs more than it saves.
_TAR_BLOCK = 2**15
_TAR_END = bytes(512)


def archive_stem(path: Path) -> str | None:
    """Give an archive's name without its suffix.

    Args:
        path: Any file.

    Returns:
        The stem (`raw_data` of `raw_data.tar.gz`), or None when the file is no archive by its name.
    """
    for suffix in ARCHIVE_SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)]
    return None


def unpack(archive: Path, folder: Path, *, max_members: int, max_bytes: int) -> int:
    """Unpack an archive into a folder that holds nothing else.

    Args:
        archive: tar, gzipped tar or zip, told apart by its first bytes.
        folder: An existing, empty folder.
        max_members: Most members.
        max_bytes: Most unpacked bytes.

    Returns:
        The number of files written.

    Raises:
        ArchiveError: The archive is corrupt, truncated, encrypted, past a limit, or has a member that leaves the
            folder, a link that points out, or a device. `folder` may hold a part of it then.
    """
    writer = _Writer(archive, folder, max_members, max_bytes)
    try:
        if zipfile.is_zipfile(archive) and archive.name.lower().endswith(".zip"):
            _unpack_zip(archive, writer)
        else:
            _unpack_tar(archive, writer)
        writer.make_links()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ArchiveError(f"{archive}: corrupt or truncated ({error}); fetch it again") from error
    except (RuntimeError, NotImplementedError) as error:
        raise ArchiveError(f"{archive}: cannot be unpacked ({error}); pack it again without encryption") from error
    except (NotADirectoryError, IsADirectoryError, FileExistsError) as error:
        raise ArchiveError(f"{archive}: {error.filename} is both a file and a folder; pack it again") from error
    except OSError as error:
        raise ArchiveError(f"{archive}: cannot be unpacked: {error}") from error
    return writer.files


@dataclass
class _Writer:
    """Writes members below a folder and counts them against the limits."""

    archive: Path
    folder: Path
    max_members: int
    max_bytes: int
    members: int = 0
    files: int = 0
    written: int = 0
    links: list[tuple[str, str]] = field(default_factory=list)
    _folders: set[str] = field(default_factory=set)

    def count(self, size: int) -> None:
        """Count a member of `size` bytes before anything of it is written."""
        self.members += 1
        self.written += size
        if self.members > self.max_members:
            raise ArchiveError(f"{self.archive}: more than {self.max_members} members; see extract.max_members")
        if self.written > self.max_bytes:
            raise ArchiveError(f"{self.archive}: more than {self.max_bytes} bytes unpacked; see extract.max_bytes")

    def place(self, name: str) -> str:
        """Check a member's name and give its path relative to the folder."""
        if "\\" in name and os.sep == "/":
            name = name.replace("\\", "/")  # written by a Windows tool; on no system may it hide a `..`
        if "/../" not in f"/{name}/" and not name.startswith(("/", "./")) and ":" not in name and "\0" not in name:
            return name
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\0" in name or (len(name) > 1 and name[1] == ":"):
            raise ArchiveError(f"{self.archive}: member {name!r} leaves the folder; the archive is unsafe")
        return str(path)

    def make_folder(self, name: str) -> None:
        """Make a folder below the root."""
        if name not in self._folders:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._folders.add(name)

    def write(self, name: str, source: IO[bytes], size: int) -> None:
        """Write a member of `size` declared bytes."""
        place = self.place(name)
        self.make_folder(place.rpartition("/")[0])
        with open(f"{self.folder}/{place}", "wb", buffering=0) as target:  # noqa: PTH123 (a Path a member costs time)
            left = size
            while left > 0:
                block = source.read(min(left, _BLOCK))
                if not block:
                    raise EOFError(f"member {name!r} ends early")
                target.write(block)
                left -= len(block)
            if source.read(1):  # a zip's directory may lie about the size; reading past it also checks its CRC
                raise ArchiveError(f"{self.archive}: member {name!r} is larger than declared; the archive is unsafe")
        self.files += 1

    def link(self, name: str, target: str) -> None:
        """Remember a link; `target` is relative to the root of the archive."""
        place = self.place(name)
        goal = os.path.normpath(target)
        if goal.startswith(("..", "/")) or "\\" in target:
            raise ArchiveError(f"{self.archive}: link {name!r} points out of the archive; the archive is unsafe")
        self.links.append((place, goal))

    def make_links(self) -> None:
        """Give every link the content of the file that it names: what is unpacked holds no links at all."""
        goals = dict(self.links)
        for place, first in self.links:
            goal, seen = first, {place}
            while goal in goals and goal not in seen:
                seen.add(goal)
                goal = goals[goal]
            source, target = self.folder / goal, self.folder / place
            if not source.is_file():
                raise ArchiveError(f"{self.archive}: link {place!r} names no file of the archive; pack with `tar -h`")
            self.make_folder(place.rpartition("/")[0])
            if source != target:
                target.unlink(missing_ok=True)
                os.link(source, target)
                self.files += 1


def _unpack_tar(archive: Path, writer: _Writer) -> None:
    with archive.open("rb") as raw, _progress(archive) as progress:
        source = _Watched(raw, progress)
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain = _Tail(gzip.GzipFile(fileobj=cast("IO[bytes]", source)) if zipped else source)
        with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r|", bufsize=_TAR_BLOCK) as tar:
            for member in _members(tar):
                writer.count(member.size if member.isreg() else 0)
                if member.isreg():
                    content = tar.extractfile(member)
                    assert content is not None
                    writer.write(member.name, content, member.size)
                elif member.isdir():
                    writer.make_folder(writer.place(member.name))
                elif member.issym():
                    writer.link(
                        member.name,
                        f"{member.name.rpartition('/')[0] or '.'}/{member.linkname}"
                        if not member.linkname.startswith("/")
                        else member.linkname,
                    )
                elif member.islnk():
                    writer.link(member.name, member.linkname)
                else:
                    raise ArchiveError(
                        f"{archive}: member {member.name!r} is a device or a pipe; the archive is unsafe"
                    )
        while plain.read(_BLOCK):  # to the end: only there does gzip compare its checksum
            pass
        if not plain.tail.endswith(_TAR_END):
            raise EOFError("the end of the tar is missing")


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while (member := tar.next()) is not None:
        yield member
        tar.members = []  # type: ignore[attr-defined]  # tarfile keeps all; a million members would fill the memory


def _unpack_zip(archive: Path, writer: _Writer) -> None:
    with zipfile.ZipFile(archive) as source:
        members = source.infolist()
        for member in tqdm(members, desc=archive.name, unit="file", mininterval=0.5, disable=None):
            writer.count(member.file_size)
            mode = member.external_attr >> 16
            if member.is_dir():
                writer.make_folder(writer.place(member.filename))
            elif stat.S_ISLNK(mode):
                target = source.read(member).decode("utf-8", "surrogateescape")
                writer.link(
                    member.filename,
                    target if target.startswith("/") else f"{member.filename.rpartition('/')[0] or '.'}/{target}",
                )
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                raise ArchiveError(f"{archive}: member {member.filename!r} is a device; the archive is unsafe")
            else:
                with source.open(member) as content:
                    writer.write(member.filename, content, member.file_size)


def _progress(archive: Path) -> "tqdm[Any]":
    return tqdm(
        total=archive.stat().st_size, desc=archive.name, unit="B", unit_scale=True, mininterval=0.5, disable=None
    )


@dataclass
class _Watched:
    """A file whose reading moves a progress bar."""

    source: IO[bytes]
    progress: "tqdm[Any]"

    def read(self, size: int = -1) -> bytes:
        """Read and report."""
        block = self.source.read(size)
        self.progress.update(len(block))
        return block


@dataclass
class _Tail:
    """A stream that remembers its last bytes, to tell a truncated tar from a whole one."""

    source: Any
    tail: bytes = b""

    def read(self, size: int = -1) -> bytes:
        """Read and remember."""
        block = cast(bytes, self.source.read(size))
        if block:
            self.tail = (self.tail + block)[-512:] if len(block) < 512 else block[-512:]
        return block
