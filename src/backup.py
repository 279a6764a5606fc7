"""All state of a project in one archive, and back: what no other file could bring again.

That is the service's store, the archives of ground truth, the registry, MLflow's store, what the pipeline remembers and
params.yaml. Samples, reports and trained files that are not in the registry are made again from these.
"""

import hashlib
import io
import logging
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from src.data.archives import unpack
from src.errors import BackupError
from src.files import write_whole
from src.paths import Paths
from src.registry.published import sha256_of

logger = logging.getLogger(__name__)

STORE = Path("data/service/longhand.db")  # its name in an archive, wherever it lies
_MLFLOW, _ARTIFACTS = Path("mlflow.db"), Path("mlartifacts")
_PIECES = (
    Path("params.yaml"), Path("data/raw"), STORE, Path("data/pipeline/state.json"), Path("models/registry"), _MLFLOW,
    _ARTIFACTS,
)  # fmt: skip
# A fresh clone has these: they are no state.
_CLONED = frozenset({"params.yaml", "data/raw/.gitignore"})
_CONTENTS = "backup.json"
_NO_LIMIT = 2**62
# Where MLflow notes in which folder its artifacts lie.
_PLACES = {
    "experiments": ("artifact_location",),
    "runs": ("artifact_uri",),
    "model_versions": ("source", "storage_location"),
}


class Contents(BaseModel):
    """What an archive says of itself.

    Attributes:
        created: When it was made.
        root: URI of the project's folder that it was made of.
        files: Name -> SHA-256 of each file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    created: datetime
    root: str
    files: dict[str, str]


def backup(paths: Paths, store: Path | None, target: Path) -> Contents:
    """Write an archive of all state; the service may go on, a run of the pipeline may not.

    Args:
        paths: The project.
        store: SQLite's file of the service's store; None: the store is elsewhere, and not in the archive.
        target: The .tar.gz; whole or not at all, and only its owner may read it.

    Returns:
        What is in it.

    Raises:
        BackupError: A run of the pipeline is at work, or there is nothing to keep.
    """
    digests: dict[str, str] = {}
    with (
        _no_run(paths),
        tempfile.TemporaryDirectory(prefix="longhand-backup-") as scratch,
        write_whole(target) as temporary,
    ):
        temporary.touch(mode=0o600)
        with tarfile.open(temporary, "w:gz", compresslevel=1) as archive:  # images are compressed already
            for name, file in _files(paths, store, Path(scratch), target.resolve()):
                with file.open("rb") as stream:  # once: what is hashed is what is packed, if it is replaced meanwhile
                    digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
                    stream.seek(0)
                    archive.addfile(archive.gettarinfo(arcname=name, fileobj=stream), stream)
            contents = Contents(created=datetime.now(UTC), root=paths.root.resolve().as_uri(), files=digests)
            told = contents.model_dump_json(indent=1).encode()
            member = tarfile.TarInfo(_CONTENTS)
            member.size, member.mode = len(told), 0o600
            archive.addfile(member, io.BytesIO(told))
        if not digests.keys() - _CLONED:
            raise BackupError(f"{paths.root}: holds no state; run the command in the project's folder")
    logger.info("%s: %d files", target, len(digests))
    return contents


def restore(paths: Paths, store: Path, source: Path, force: bool = False) -> Contents:
    """Bring a project's folder to what an archive holds; end the service before.

    Args:
        paths: The project; a fresh clone, or with `force` any.
        store: Where SQLite's file of the service's store goes.
        source: Written by `backup`.
        force: Whether state that is there may be replaced.

    Returns:
        What is in it.

    Raises:
        BackupError: The archive is damaged or not of `backup`, or the folder holds state.
        ArchiveError: The archive cannot be unpacked.
    """
    places = {piece: paths.root / piece for piece in _PIECES} | {STORE: store}
    cloned = {paths.root / name for name in _CLONED}
    there = [place for place in places.values() if _holds(place, cloned)]
    if there and not force:
        raise BackupError(f"{there[0]}: there is state already; restore into a fresh clone, or replace it by --force")
    paths.root.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".restore-", suffix=".tmp", dir=paths.root))
    try:
        fresh, old = scratch / "new", scratch / "old"
        fresh.mkdir()
        contents = _unpack_checked(source, fresh)
        _settle(fresh / _MLFLOW, contents.root, paths.root.resolve().as_uri())
        _exchange(fresh, old, places)
    finally:
        shutil.rmtree(scratch)
    logger.info("%s: %d files of %s", paths.root, len(contents.files), f"{contents.created:%Y-%m-%d %H:%M} UTC")
    return contents


@contextmanager
def _no_run(paths: Paths) -> Iterator[None]:
    """Keep the scheduled pipeline away, which changes all this."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    paths.pipeline.mkdir(parents=True, exist_ok=True)
    with (paths.pipeline / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError("a run of the pipeline is at work; wait for its end, and try again") from error
        yield


def _files(paths: Paths, store: Path | None, scratch: Path, target: Path) -> Iterator[tuple[str, Path]]:
    """Each file to keep, by its name in the archive."""
    databases = {_MLFLOW: paths.root / _MLFLOW} | ({STORE: store} if store is not None else {})
    for piece in _PIECES:
        place = paths.root / piece
        if piece == STORE or piece in databases:
            if piece in databases and databases[piece].exists():
                copy = scratch / piece.name
                _copy_database(databases[piece], copy)
                yield piece.as_posix(), copy
        elif place.is_file():
            yield piece.as_posix(), place
        else:
            for file in sorted(place.rglob("*")):
                # A name that ends in .tmp was left by a write that was killed.
                if file.is_file() and file.suffix != ".tmp" and file.resolve() != target:
                    yield file.relative_to(paths.root).as_posix(), file


def _copy_database(source: Path, target: Path) -> None:
    """Copy a database as it is at one moment, while others write to it."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=60)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, no log beside it


def _unpack_checked(source: Path, folder: Path) -> Contents:
    """Unpack an archive, and see that all that was in it is as it was."""
    if not source.is_file():
        raise BackupError(f"{source}: not found")
    unpack(source, folder, max_members=_NO_LIMIT, max_bytes=_NO_LIMIT)
    try:
        contents = Contents.model_validate_json((folder / _CONTENTS).read_bytes())
    except (OSError, ValidationError) as error:
        raise BackupError(f"{source}: was not written by `longhand backup`, or not to its end: {error}") from error
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()} - {_CONTENTS}
    wrong = sorted(found ^ contents.files.keys())
    wrong += [name for name, digest in contents.files.items() if name in found and sha256_of(folder / name) != digest]
    if wrong:
        raise BackupError(f"{source}: damaged: {wrong[0]} is not what was packed; take another backup")
    return contents


def _settle(database: Path, before: str, now: str) -> None:
    """Tell MLflow that its artifacts lie below another folder."""
    if before == now or not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, columns in _PLACES.items():
            for column in columns:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
                    (f"{now}/", len(before) + 2, len(before) + 1, f"{before}/"),
                )


def _exchange(fresh: Path, old: Path, places: dict[Path, Path]) -> None:
    """Put the new state in the place of the old: all of it, or none."""
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(source, target)
        moved.append((source, target))

    try:
        for number, (piece, place) in enumerate(places.items()):
            if piece == Path("params.yaml") and not (fresh / piece).exists():
                continue
            # A database has its log beside it, which is of no other.
            for known in (place, *(place.with_name(place.name + end) for end in ("-wal", "-shm"))):
                if known.exists():
                    move(known, old / str(number) / known.name)
            if (fresh / piece).exists():
                move(fresh / piece, place)
    except BaseException:
        for source, target in reversed(moved):
            source.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(target, source)
        raise


def _holds(place: Path, cloned: set[Path]) -> bool:
    files = place.rglob("*") if place.is_dir() else [place]
    return any(file.is_file() and file not in cloned for file in files)
