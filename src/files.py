"""Artefacts are written whole or not at all: a temporary name beside the target, then a rename."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_whole(target: Path) -> Iterator[Path]:
    """Yield a temporary file name beside `target`; rename it over `target` when the block ends without error.

    Args:
        target: The file to write; its folder is made.

    Yields:
        The name to write to. It is removed when the block raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def write_whole_folder(target: Path) -> Iterator[Path]:
    """Yield a new folder beside `target`; put it in the place of `target` when the block ends without error.

    Args:
        target: The folder to write; what it held before is replaced.

    Yields:
        The folder to write into. It is removed when the block raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            old = target.with_name(f".{target.name}.{os.getpid()}.old.tmp")
            target.replace(old)
            temporary.replace(target)
            shutil.rmtree(old)
        else:
            temporary.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
