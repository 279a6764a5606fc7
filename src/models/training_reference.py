"""What the training images looked like, for the model file: the service compares with it what it is shown.

A training puts it into its file. Into one that was trained before, on the samples of this project:
`python src/models/training_reference.py models/recognizer/recognizer.onnx`.
"""

import logging
import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnx

from src.data.samples import PackedSamples
from src.errors import MissingArtefactError
from src.files import write_whole
from src.models.dataset import Part, load_part
from src.params import load_params
from src.paths import Paths
from src.recognition.model_file import read_info
from src.recognition.reference import Reference
from src.stage import run

logger = logging.getLogger(__name__)


def training_reference(train: Part, samples: PackedSamples, train_only: Collection[str]) -> Reference | None:
    """Describe the images and texts of the training part.

    Args:
        train: The training part.
        samples: The packed images, with what they looked like.
        train_only: Collections that are learnt from and never measured, such as drawn ones: people do not send what
            looks like these. They are left out, unless there is nothing else.

    Returns:
        The reference; None if it was not noted what the images looked like.
    """
    table = samples.appearance()
    if table is None:
        logger.warning("%s: not noted what the images looked like; the service will not measure drift", samples.folder)
        return None
    chosen = np.array([source not in train_only for source in train.sources])
    if not chosen.any():
        chosen[:] = True
    columns = {name: values.to_numpy(np.float64)[train.rows[chosen]] for name, values in table.items()}
    lengths = np.array([len(text) for text in train.texts], np.float64)
    writers = [writer for writer, wanted in zip(train.writers, chosen, strict=True) if wanted]
    return Reference.of({str(name): values for name, values in columns.items()} | {"length": lengths[chosen]}, writers)


def write_reference(source: Path, target: Path, reference: Reference) -> None:
    """Copy a model file, with another reference; it stays the same model, of the same version.

    Args:
        source: The ONNX file.
        target: The ONNX file to write; may be the same.
        reference: What its training images looked like.

    Raises:
        ModelFileError: The file is no recognizer's.
    """
    info = read_info(source).model_copy(update={"reference": reference})
    network = onnx.load(source)
    onnx.helper.set_model_props(network, info.to_metadata())
    with write_whole(target) as temporary:
        onnx.save(network, temporary)


def main() -> None:
    """Put the reference of the project's training part into a model file."""
    paths = Paths()
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else paths.recognizer_model
    samples = PackedSamples(paths.samples)
    train = load_part("train", paths.encoded, paths.split, samples)
    reference = training_reference(train, samples, load_params(paths.params).split.train_only)
    if reference is None:
        raise MissingArtefactError(f"{paths.samples}: older than this; run python src/data/prepare_features.py again")
    write_reference(model, model, reference)
    logger.info("%s: knows what %d training images looked like", model, reference.samples)


if __name__ == "__main__":
    run(main)
