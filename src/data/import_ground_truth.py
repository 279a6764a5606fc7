"""`longhand import`: a folder or archive of ground truth, brought into data/raw as an archive of its own."""

import gzip
import logging
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from src.data.archives import archive_stem, unpack
from src.data.formats.ground_truth import Folder
from src.data.formats.readers import detect_format, read_ground_truth
from src.data.patterns import compile_pattern, compile_patterns
from src.data.sidecar import SIDECAR, Sidecar, write_sidecar
from src.errors import GroundTruthError
from src.files import write_whole
from src.params import ExtractParams

logger = logging.getLogger(__name__)

# IAM's own downloads, and the folder that each is unpacked to.
_IAM_DOWNLOADS = ("words", "lines", "ascii", "sentences")


def import_ground_truth(
    source: Path,
    raw: Path,
    *,
    name: str | None = None,
    format: str | None = None,  # noqa: A002 (the word of the command line)
    collection: str | None = None,
    writer_pattern: str | None = None,
    drop_patterns: Sequence[str] = (),
) -> Path:
    """Pack ground truth into an archive of data/raw, with a longhand.yaml that says how to read it.

    Args:
        source: A folder (IAM, ALTO or PAGE with images, a table with images, or IAM's downloads `words.tgz` or
            `lines.tgz` beside `ascii.tgz`), or an archive of one.
        raw: Folder of archives.
        name: The archive's name without suffix; the source's name by default.
        format: iam, alto, page or table; found out by default.
        collection: Where the samples come from; archives of one collection share writers. The name by default.
        writer_pattern: Regular expression whose first group is the writer in a page's or image's name.
        drop_patterns: Regular expressions; a sample whose text matches one whole is left out.

    Returns:
        The archive.

    Raises:
        GroundTruthError: The source does not exist, holds no known format, or no row that could be used.
        ArchiveError: The source is an archive that is corrupt or unsafe.
        ParamsError: A pattern is malformed.
    """
    if not source.exists():
        raise GroundTruthError(f"{source}: not found")
    if writer_pattern:
        compile_pattern(writer_pattern, "writer pattern", group=True)
    compile_patterns(drop_patterns, "drop patterns")
    stem = name or (archive_stem(source) if source.is_file() else source.resolve().name)
    if not stem or "/" in stem or "\\" in stem or stem.startswith("."):
        raise GroundTruthError(f"{source}: {stem!r} is no name for an archive; give one of letters and digits")
    with tempfile.TemporaryDirectory(prefix="longhand-import-") as temporary:
        folder = Folder(_unpacked(source, Path(temporary)))
        sidecar = Sidecar(
            collection=collection or stem,
            format=format or detect_format(folder),
            writer_pattern=writer_pattern,
            drop_patterns=tuple(drop_patterns),
        )
        _check(folder, sidecar)
        target = raw / f"{stem}.tar.gz"
        write_sidecar(sidecar, Path(temporary) / SIDECAR)
        _pack(folder, Path(temporary) / SIDECAR, target)
    logger.info("%s: written (%s, collection %s)", target, sidecar.format, sidecar.collection)
    return target


def _unpacked(source: Path, temporary: Path) -> Path:
    """The folder that holds the ground truth, unpacked if need be."""
    limits = ExtractParams()
    if source.is_file():
        if archive_stem(source) is None:
            raise GroundTruthError(f"{source}: neither a folder nor an archive (*.tar.gz, *.tgz, *.tar, *.zip)")
        folder = temporary / "archive"
        folder.mkdir()
        unpack(source, folder, max_members=limits.max_members, max_bytes=limits.max_bytes)
        return folder
    downloads = [source / f"{part}.tgz" for part in _IAM_DOWNLOADS if (source / f"{part}.tgz").is_file()]
    if not downloads:
        return source
    names = {path.stem for path in downloads}
    if "ascii" not in names or not names & {"words", "lines"}:
        raise GroundTruthError(f"{source}: IAM needs ascii.tgz beside words.tgz or lines.tgz; found {sorted(names)}")
    root = temporary / "iam"
    for path in downloads:
        if path.stem == "sentences":
            continue  # the same lines again, cut into sentences
        folder = root / path.stem
        folder.mkdir(parents=True)
        unpack(path, folder, max_members=limits.max_members, max_bytes=limits.max_bytes)
    return root


def _check(folder: Folder, sidecar: Sidecar) -> None:
    """Read the ground truth once, so that a fault shows now and not in the pipeline."""
    pattern = compile_pattern(sidecar.writer_pattern, "writer pattern", group=True) if sidecar.writer_pattern else None
    truth = read_ground_truth(folder, sidecar.format, pattern)
    logger.info(
        "%d rows by %d writers, %d rows cannot be used",
        len(truth.rows),
        len({row.writer for row in truth.rows}),
        len(truth.rejected),
    )
    for reason, count in Counter(fault.reason.partition(":")[0] for fault in truth.rejected).most_common(10):
        logger.info("  %6d %s", count, reason)
    if not truth.rows:
        raise GroundTruthError(f"{folder.root}: no row of its {sidecar.format} ground truth can be used")


def _pack(folder: Folder, sidecar: Path, target: Path) -> None:
    """Pack a folder; the same files make the same bytes."""
    with (
        write_whole(target) as temporary,
        temporary.open("wb") as raw,
        # Images are compressed already: the fastest level costs little and gains as much as the best.
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, sidecar, SIDECAR)
        for file in tqdm(folder.files, desc=target.name, unit="file", mininterval=0.5, disable=None):
            if file != SIDECAR:
                _add(tar, folder.root / file, file)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = path.stat().st_size
    member.mode = 0o644
    with path.open("rb") as content:
        tar.addfile(member, content)
    tar.members = []  # type: ignore[attr-defined]  # tarfile keeps all
