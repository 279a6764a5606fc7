"""Stage: the frequent words' packed images -> arrays of one size a part, for the word classifier."""

import logging
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from src.data.artefacts import read_columns, require
from src.data.partition import PARTS
from src.data.samples import PackedSamples
from src.files import write_whole_folder
from src.params import FeatureParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def reshape_data(encoded: Path, split: Path, samples: Path, target: Path, params: FeatureParams) -> dict[str, int]:
    """Bring the images of the frequent words to one size.

    Args:
        encoded: encoded.parquet.
        split: Folder of split_data.
        samples: Folder of prepare_features.
        target: Folder to write, for each part: {part}_images.npy uint8 [N, height, width, 1] (0 = paper),
            {part}_labels.npy int64 [N] and {part}_sample_ids.txt, in the order of encoded.parquet.
        params: Height and width.

    Returns:
        Samples of each part; all 0 where the data set has no frequent words.

    Raises:
        MissingArtefactError: An earlier stage was not run.
        GroundTruthError: The packed samples do not hold a frequent word's image.
    """
    frame = read_columns(encoded, "encode_data", ["sample_id", "label"], where=[("label", ">=", 0)])
    packed = PackedSamples(samples)
    counts = {}
    with write_whole_folder(target) as folder:
        for part in PARTS:
            listing = require(split / f"{part}.txt", "split_data").read_text(encoding="utf-8")
            chosen = frame[frame["sample_id"].isin(set(listing.splitlines()))]
            _write_part(folder, part, chosen, packed, params)
            counts[part] = len(chosen)
    logger.info("frequent words: %s", ", ".join(f"{part} {count}" for part, count in counts.items()))
    return counts


def _write_part(folder: Path, part: str, chosen: pd.DataFrame, packed: PackedSamples, params: FeatureParams) -> None:
    shape = (len(chosen), params.classifier_height, params.classifier_width, 1)
    # The file itself is filled: a large vocabulary's images need not fit in memory.
    images = open_memmap(folder / f"{part}_images.npy", mode="w+", dtype=np.uint8, shape=shape)
    for place, sample_id in enumerate(chosen["sample_id"]):
        images[place, :, :, 0] = fit(
            packed[packed.row_of(sample_id)], params.classifier_height, params.classifier_width
        )
    images.flush()
    np.save(folder / f"{part}_labels.npy", chosen["label"].to_numpy(np.int64))
    ids = "".join(f"{sample_id}\n" for sample_id in chosen["sample_id"])
    (folder / f"{part}_sample_ids.txt").write_text(ids, encoding="utf-8")


def fit(ink: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Scale an image into a frame, its aspect kept, padded with paper on the right and below.

    Args:
        ink: uint8 [H, W], 0 = paper.
        height: Rows of the frame.
        width: Columns of the frame.

    Returns:
        uint8 [height, width].
    """
    factor = min(height / ink.shape[0], width / ink.shape[1])
    size = (max(1, round(ink.shape[1] * factor)), max(1, round(ink.shape[0] * factor)))
    method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    scaled = cv2.resize(ink, size, interpolation=method)
    frame = np.zeros((height, width), np.uint8)
    frame[: size[1], : size[0]] = scaled
    return frame


def main() -> None:
    """Write data/processed/classifier."""
    paths = Paths()
    params = load_params(paths.params).features
    reshape_data(paths.encoded, paths.split, paths.samples, paths.classifier_samples, params)


if __name__ == "__main__":
    run(main)
