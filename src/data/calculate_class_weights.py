"""Stage: how much each class of the word classifier weighs in its loss: rare ones more."""

import json
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.class_weight import compute_class_weight

from src.data.artefacts import require
from src.files import write_whole
from src.params import load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def calculate_class_weights(labels: Path, train_labels: Path, target: Path) -> NDArray[np.float64]:
    """Weigh the classes by their frequency in the training part.

    The weight of class c is scikit-learn's 'balanced' n / (k * n_c), divided by the mean over the classes, so that the
    loss has the scale of an unweighted one.

    Args:
        labels: labels.json; a class's number is its place there.
        train_labels: train_labels.npy of reshape_data, int64 [n].
        target: JSON file to write: {"weights": [...]}, one a class.

    Returns:
        float64 [k], mean 1; 0 for a class that no training writer wrote (it cannot be learnt). Empty without classes.

    Raises:
        MissingArtefactError: An earlier stage was not run.
    """
    names = json.loads(require(labels, "encode_data").read_text(encoding="utf-8"))["labels"]
    values = np.load(require(train_labels, "reshape_data"))
    weights = np.zeros(len(names), np.float64)
    present = np.unique(values)
    if present.size:
        balanced = compute_class_weight("balanced", classes=present, y=values)
        weights[present] = balanced / balanced.mean()
    missing = [name for number, name in enumerate(names) if number not in set(present.tolist())]
    if missing:
        logger.warning("no training writer wrote %s: the word classifier cannot learn them", ", ".join(missing))
    with write_whole(target) as temporary:
        temporary.write_text(json.dumps({"weights": weights.tolist()}, indent=1), encoding="utf-8")
    if present.size:
        logger.info("%d classes weigh %.2f to %.2f", present.size, weights[present].min(), weights.max())
    return weights


def main() -> None:
    """Write data/processed/class_weights.json."""
    paths = Paths()
    load_params(paths.params)  # a mistake in params.yaml is told by every stage
    calculate_class_weights(paths.labels, paths.classifier_samples / "train_labels.npy", paths.class_weights)


if __name__ == "__main__":
    run(main)
