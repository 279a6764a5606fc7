"""Stage 2: ground truth of any format -> the manifest, and a report of every row that cannot be used."""

import csv
import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from src.data.artefacts import require
from src.data.formats.ground_truth import Folder, Rejected, Row
from src.data.formats.readers import read_ground_truth
from src.data.manifest import write_manifest
from src.data.parallel import available_cores, map_in_order
from src.data.patterns import compile_pattern, compile_patterns, matching
from src.data.probe import Crop, Region, Task, probe
from src.data.sidecar import Sidecar, read_sidecar
from src.errors import GroundTruthError
from src.files import write_whole
from src.params import LoadParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)

_IMAGES_A_TASK = 256
# Fewer images are decoded sooner than processes start.
_IMAGES_FOR_A_POOL = 500


@dataclass(frozen=True)
class Candidate:
    """A row of ground truth with the archive that it came from."""

    archive: str
    collection: str
    row: Row

    @property
    def sample_id(self) -> str:
        """Identifier in the manifest."""
        return f"{self.collection}/{self.row.name}"

    @property
    def image(self) -> str:
        """Image, relative to the folder of all unpacked archives."""
        return f"{self.archive}/{self.row.image}"


def load_dataset(extracted: Path, manifest: Path, report: Path, params: LoadParams, workers: int = 0) -> pd.DataFrame:
    """Read all unpacked archives.

    Args:
        extracted: One folder an archive.
        manifest: Parquet file to write.
        report: CSV file (file, row, reason) of the rows that cannot be used, to write.
        params: How ground truth is understood.
        workers: Processes that decode images; 0: one a core.

    Returns:
        The manifest, by sample id.

    Raises:
        MissingArtefactError: `extracted` does not exist.
        GroundTruthError: A folder holds no known format, or no row can be used.
    """
    folders = sorted(
        path
        for path in require(extracted, "extract_raw_data").iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    rejected: list[Rejected] = []
    candidates: dict[str, Candidate] = {}
    for folder in folders:
        _read(folder, params, candidates, rejected)
    frame = _probe_all(extracted, list(candidates.values()), rejected, workers)
    _write_report(report, rejected)
    if frame.empty:
        raise GroundTruthError(f"{extracted}: no row of ground truth can be used; {report} says why of each")
    write_manifest(frame, manifest)
    for (source, level), rows in frame.groupby(["source", "level"]):
        logger.info("%s: %d %ss by %d writers", source, len(rows), level, rows["writer"].nunique())
    logger.info("%d samples; %d rows cannot be used (%s)", len(frame), len(rejected), report)
    for reason, count in Counter(_kind(fault.reason) for fault in rejected).most_common():
        logger.info("  %6d %s", count, reason)
    return frame


def _read(folder: Path, params: LoadParams, candidates: dict[str, Candidate], rejected: list[Rejected]) -> None:
    """Read one unpacked archive."""
    sidecar: Sidecar = read_sidecar(folder)
    pattern = sidecar.writer_pattern or params.line_writer_pattern
    writers = compile_pattern(pattern, "writer pattern", group=True) if pattern else None
    drops = compile_patterns(sidecar.drop_patterns, f"drop_patterns of {folder.name}")
    truth = read_ground_truth(Folder(folder), sidecar.format, writers)
    rejected += [Rejected(f"{folder.name}/{fault.file}", fault.row, fault.reason) for fault in truth.rejected]
    for row in truth.rows:
        candidate = Candidate(folder.name, sidecar.collection, row)
        drop = matching(row.transcription, drops)
        if drop is not None:
            rejected.append(_fault(candidate, f"drop pattern: {drop}"))
        elif candidate.sample_id in candidates:
            other = candidates[candidate.sample_id]
            rejected.append(
                _fault(candidate, f"repeated id: {candidate.sample_id} is in {other.archive}/{other.row.file}")
            )
        else:
            candidates[candidate.sample_id] = candidate


def _probe_all(extracted: Path, candidates: list[Candidate], rejected: list[Rejected], workers: int) -> pd.DataFrame:
    """Decode every image once and keep the samples that can be used."""
    samples: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        samples.setdefault(candidate.image, []).append(candidate)
    workers = 1 if len(samples) < _IMAGES_FOR_A_POOL else workers or available_cores()
    records: list[dict[str, object]] = []
    order = iter(samples.values())
    with tqdm(total=len(samples), desc="images", unit="image", mininterval=0.5, disable=None) as progress:
        for results in map_in_order(probe, _tasks(extracted, samples, workers), workers):
            for crops in results:
                for candidate, crop in zip(next(order), crops, strict=True):
                    if isinstance(crop, Crop):
                        records.append(_record(candidate, crop))
                    else:
                        rejected.append(_fault(candidate, crop))
            progress.update(len(results))
    return pd.DataFrame.from_records(records).sort_values("sample_id", ignore_index=True) if records else pd.DataFrame()


def _tasks(extracted: Path, samples: dict[str, list[Candidate]], workers: int) -> Iterator[Task]:
    size = max(1, min(_IMAGES_A_TASK, len(samples) // (workers * 8)))
    task: Task = []
    for image, candidates in samples.items():
        rows = (candidate.row for candidate in candidates)
        task.append((str(extracted / image), tuple(Region(row.box, row.polygon, row.page_size) for row in rows)))
        if len(task) == size:
            yield task
            task = []
    if task:
        yield task


def _record(candidate: Candidate, crop: Crop) -> dict[str, object]:
    row, collection = candidate.row, candidate.collection
    return {
        "sample_id": candidate.sample_id,
        "image": candidate.image,
        "box": crop.box,
        "polygon": crop.polygon,
        "transcription": row.transcription,
        "writer": f"{collection}/{row.writer}",
        "form": f"{collection}/{row.form}",
        "source": collection,
        "level": row.level,
        "quality": row.quality,
        "width": crop.width,
        "height": crop.height,
        "paper": crop.paper,
        "contrast": crop.contrast,
        "digest": crop.digest,
    }


def _fault(candidate: Candidate, reason: str) -> Rejected:
    return Rejected(f"{candidate.archive}/{candidate.row.file}", candidate.row.row, reason)


def _kind(reason: str) -> str:
    """The kind of a reason, without the names that differ from row to row."""
    return re.split(r":| of | from ", reason)[0] if not reason.startswith("missing image ") else "missing image"


def _write_report(report: Path, rejected: list[Rejected]) -> None:
    with write_whole(report) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("file", "row", "reason"))
        writer.writerows((fault.file, fault.row, fault.reason) for fault in rejected)


def main() -> None:
    """Write data/interim/manifest.parquet."""
    paths = Paths()
    load_dataset(paths.extracted, paths.manifest, paths.load_report, load_params(paths.params).load)


if __name__ == "__main__":
    run(main)
