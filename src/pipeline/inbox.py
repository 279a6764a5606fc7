"""Archives of a person's folder, copied to where the pipeline reads: between the two lies a container's volume."""

import logging
import os
import shutil
from pathlib import Path

from src.data.extract_raw_data import find_archives
from src.errors import PipelineError
from src.files import write_whole

logger = logging.getLogger(__name__)


def take_in(raw: Path, besides: str) -> list[Path]:
    """Copy the archives of LONGHAND_INBOX that are new or changed (by size and time of modification).

    Nothing is done where the variable is not set. An archive that has gone from the inbox stays where it was copied.

    Args:
        raw: Where they go; an archive of the same stem is replaced.
        besides: Stem of the archive that only the pipeline writes; one in the inbox is of another store.

    Returns:
        The copies that were made.

    Raises:
        PipelineError: The inbox, or an archive in it, is missing or may not be read.
        ArchiveError: Two archives have the same stem.
    """
    inbox = os.environ.get("LONGHAND_INBOX")
    if not inbox:
        return []
    copies = []
    try:
        next(Path(inbox).iterdir(), None)  # a folder that cannot be read is a mistake, and not an empty one
        there = find_archives(raw)
        for stem, archive in find_archives(Path(inbox)).items():
            copy = raw / archive.name
            if stem == besides or _same(archive, copy):
                continue
            with write_whole(copy) as temporary:
                shutil.copyfile(archive, temporary)
                shutil.copystat(archive, temporary)
            if stem in there and there[stem] != copy:  # the same, packed in another way
                there[stem].unlink()
            logger.info("%s came in", archive.name)
            copies.append(copy)
    except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
        raise PipelineError(
            f"{error.filename}: {error.strerror}; LONGHAND_INBOX names a folder of archives, which whoever runs the "
            "ingestion may read (in a container user 10001: chmod -R o+rX)"
        ) from error
    return copies


def _same(archive: Path, copy: Path) -> bool:
    if not copy.exists():
        return False
    first, second = archive.stat(), copy.stat()
    return (first.st_size, first.st_mtime_ns) == (second.st_size, second.st_mtime_ns)
