"""Stage: images -> normalised ink at one height and any width, packed into one memory-mapped file."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from src.data.artefacts import read_columns, require
from src.data.crops import Job, Page, Region, prepare
from src.data.parallel import map_in_order
from src.data.samples import SampleWriter, write_appearance
from src.errors import GroundTruthError
from src.files import write_whole_folder
from src.params import FeatureParams, load_params
from src.paths import Paths
from src.recognition.appearance import FEATURES
from src.recognition.normalize import NormalizationSettings
from src.stage import run

logger = logging.getLogger(__name__)

# Samples that one process takes at a time: their pixels are a few hundred kilobytes, far more than the cost of a task.
_SAMPLES_PER_JOB = 128


def prepare_features(encoded: Path, extracted: Path, target: Path, params: FeatureParams) -> None:
    """Cut, normalise and pack the image of every sample.

    Args:
        encoded: encoded.parquet; its row order is that of the packed samples.
        extracted: The folder that the image column is relative to.
        target: The samples folder to write (images.bin, index.parquet, appearance.parquet, settings.json); read it
            with PackedSamples.
        params: Height and greatest width of the images, number of processes.

    Raises:
        MissingArtefactError: An earlier stage was not run.
        ImageError: An image cannot be read or cut; load_dataset leaves none of these, so the files changed since.
        GroundTruthError: There are no samples.
    """
    frame = read_columns(encoded, "encode_data", ["sample_id", "image", "box", "polygon"])
    require(extracted, "extract_raw_data")
    if frame.empty:
        raise GroundTruthError(
            f"{encoded}: holds no samples; see the reports of load_dataset, filter_data and clean_data"
        )
    settings = NormalizationSettings(params.height, params.max_width)
    looks: NDArray[np.float32] = np.zeros((len(frame), len(FEATURES)), np.float32)
    with (
        write_whole_folder(target) as folder,
        SampleWriter(folder, frame["sample_id"].tolist(), settings) as writer,
        tqdm(total=len(frame), desc="prepare_features", unit="image", mininterval=1.0) as progress,
    ):
        for block in map_in_order(prepare, _jobs(frame, extracted, settings), params.workers):
            writer.append(block.rows, block.widths, block.pixels)
            looks[list(block.rows)] = block.looks
            progress.update(len(block.rows))
        write_appearance(folder, looks)
    logger.info("%d images of height %d in %s", len(frame), settings.height, target)


def _jobs(frame: pd.DataFrame, extracted: Path, settings: NormalizationSettings) -> Iterator[Job]:
    """Gather whole pages until they hold enough samples for one process to be worth starting."""
    pages: list[Page] = []
    samples = 0
    for page in _pages(frame, extracted):
        pages.append(page)
        samples += len(page.regions)
        if samples >= _SAMPLES_PER_JOB:
            yield Job(tuple(pages), settings)
            pages, samples = [], 0
    if pages:
        yield Job(tuple(pages), settings)


def _pages(frame: pd.DataFrame, extracted: Path) -> Iterator[Page]:
    """One page an image file, in the order of first appearance."""
    columns = frame[["sample_id", "box", "polygon"]].astype(object)
    ids, boxes, polygons = (columns[name].where(columns[name].notna(), None).to_numpy() for name in columns)
    numbers, images = pd.factorize(frame["image"])
    order = numbers.argsort(kind="stable")
    starts = numbers[order].searchsorted(range(len(images) + 1))
    for number, image in enumerate(images):
        rows = order[starts[number] : starts[number + 1]]
        regions = tuple(Region(int(row), ids[row], boxes[row], polygons[row]) for row in rows)
        yield Page(extracted / image, regions)


def main() -> None:
    """Run the stage with params.yaml on the project's paths."""
    paths = Paths()
    prepare_features(paths.encoded, paths.extracted, paths.samples, load_params(paths.params).features)


if __name__ == "__main__":
    run(main)
