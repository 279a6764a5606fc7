"""Stage: the word classifier's labels as one-hot vectors."""

import json
import logging
from pathlib import Path

import numpy as np

from src.data.artefacts import require
from src.data.partition import PARTS
from src.errors import GroundTruthError
from src.files import write_whole_folder
from src.params import load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def one_hot_encode_labels(labels: Path, classifier: Path, target: Path) -> None:
    """Write a row with a single 1 for each sample.

    Args:
        labels: labels.json; a class's number is its place there.
        classifier: Folder of reshape_data with {part}_labels.npy, int64 [N].
        target: Folder to write: {part}.npy, float32 [N, classes].

    Raises:
        MissingArtefactError: An earlier stage was not run.
        GroundTruthError: A label has no class in labels.json.
    """
    classes = len(json.loads(require(labels, "encode_data").read_text(encoding="utf-8"))["labels"])
    with write_whole_folder(target) as folder:
        for part in PARTS:
            source = require(classifier / f"{part}_labels.npy", "reshape_data")
            values = np.load(source)
            if values.size and not 0 <= values.min() <= values.max() < classes:
                raise GroundTruthError(
                    f"{source}: labels {values.min()} to {values.max()}, but {labels} has {classes} classes; "
                    "run python src/data/encode_data.py and reshape_data.py again"
                )
            one_hot = np.zeros((len(values), classes), np.float32)
            one_hot[np.arange(len(values)), values] = 1.0
            np.save(folder / f"{part}.npy", one_hot)
    logger.info("%d classes", classes)


def main() -> None:
    """Write data/processed/one_hot."""
    paths = Paths()
    load_params(paths.params)  # a mistake in params.yaml is told by every stage
    one_hot_encode_labels(paths.labels, paths.classifier_samples, paths.one_hot)


if __name__ == "__main__":
    run(main)
