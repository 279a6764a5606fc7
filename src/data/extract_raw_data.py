"""Stage 1: unpack every archive of data/raw, once, and nothing that leaves its folder."""

import hashlib
import json
import logging
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from src.data.archives import ARCHIVE_SUFFIXES, archive_stem, unpack
from src.errors import ArchiveError, MissingArtefactError
from src.files import write_whole, write_whole_folder
from src.params import ExtractParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)

MARKER = ".extracted.json"


@dataclass(frozen=True)
class Marker:
    """Which archive a folder was unpacked from.

    Attributes:
        size: Bytes of the archive.
        modified: Its time of modification, in nanoseconds.
        sha256: Its digest, hexadecimal.
        members: Files that it held.
    """

    size: int
    modified: int
    sha256: str
    members: int


def extract_raw_data(raw: Path, extracted: Path, params: ExtractParams) -> list[Path]:
    """Unpack the archives of a folder; archives that are unpacked already are left alone.

    Args:
        raw: Folder of archives (*.tar.gz, *.tgz, *.tar, *.zip).
        extracted: Folder that gets one folder an archive, named by its stem; folders of archives that are gone
            are removed.
        params: Limits of one archive.

    Returns:
        The folders, one an archive, by name.

    Raises:
        MissingArtefactError: `raw` holds no archive.
        ArchiveError: An archive is corrupt, truncated, unsafe or past a limit, or two have the same stem.
    """
    archives = find_archives(raw)
    if not archives:
        raise MissingArtefactError(
            f"{raw}: no archive ({', '.join(ARCHIVE_SUFFIXES)}); put raw_data.tar.gz there or use `longhand import`"
        )
    extracted.mkdir(parents=True, exist_ok=True)
    for path in extracted.iterdir():
        if path.name not in archives:
            logger.info("%s: its archive is gone; removed", path)
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for stem, archive in archives.items():
        _extract(archive, extracted / stem, params)
    return [extracted / stem for stem in archives]


def find_archives(raw: Path) -> dict[str, Path]:
    """List the archives of a folder.

    Args:
        raw: The folder; it may be missing.

    Returns:
        Stem -> archive, by stem.

    Raises:
        ArchiveError: Two archives have the same stem.
    """
    archives: dict[str, Path] = {}
    for path in sorted(raw.glob("*")):
        stem = archive_stem(path)
        if stem is None or path.name.startswith(".") or not path.is_file():
            continue
        if stem in archives:
            raise ArchiveError(f"{path}: has the same name as {archives[stem].name}; rename or remove one of them")
        archives[stem] = path
    return archives


def _extract(archive: Path, folder: Path, params: ExtractParams) -> None:
    status = archive.stat()
    known = _read_marker(folder / MARKER)
    if known and (known.size, known.modified) == (status.st_size, status.st_mtime_ns):
        logger.info("%s: unpacked already (%d files)", archive, known.members)
        return
    with archive.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if known and known.sha256 == sha256:
        logger.info("%s: touched, but the same; unpacked already (%d files)", archive, known.members)
        with write_whole(folder / MARKER) as temporary:
            _write_marker(temporary, Marker(status.st_size, status.st_mtime_ns, sha256, known.members))
        return
    with write_whole_folder(folder) as temporary:
        members = unpack(archive, temporary, max_members=params.max_members, max_bytes=params.max_bytes)
        _write_marker(temporary / MARKER, Marker(status.st_size, status.st_mtime_ns, sha256, members))
    logger.info("%s: %d files unpacked", archive, members)


def _read_marker(path: Path) -> Marker | None:
    try:
        return Marker(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        logger.warning("%s: not readable (%s); the archive is unpacked again", path, error)
        return None


def _write_marker(path: Path, marker: Marker) -> None:
    path.write_text(json.dumps(asdict(marker), indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Unpack data/raw."""
    paths = Paths()
    extract_raw_data(paths.raw, paths.extracted, load_params(paths.params).extract)


if __name__ == "__main__":
    run(main)
