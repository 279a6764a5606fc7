"""Put the recognizer that was trained here into models/released, small enough for the repository."""

import logging
import shutil

from src.data.samples import PackedSamples
from src.errors import MissingArtefactError, ModelFileError
from src.models.compress import compress_weights
from src.models.metrics import overall
from src.models.readings import part_samples, read_samples
from src.paths import Paths, start_beside
from src.recognition import Recognizer
from src.stage import run

logger = logging.getLogger(__name__)

# What the compressed model may read worse: share of characters, on the validation writers.
_TOLERANCE = 0.001


def release(paths: Paths, samples: int = 1000) -> dict[str, float]:
    """Write models/released: recognizer.onnx, start.pt (what trainings start from), metrics.json, language_model.npz.

    Args:
        paths: Where the trained recognizer, its figures on the test writers and the validation samples lie.
        samples: Validation samples to read with both files.

    Returns:
        CER of the trained and of the released file on these samples.

    Raises:
        MissingArtefactError: The recognizer or its figures are not there.
        ModelFileError: The compressed file reads worse by more than 0.1 points.
    """
    figures = paths.reports / "metrics.json"
    start = start_beside(paths.recognizer_model)
    sources = {
        paths.recognizer_model: "models/train_recognizer", start: "models/train_recognizer",
        figures: "models/evaluate_model", paths.language_model: "data/build_language_model",
    }  # fmt: skip
    for needed, stage in sources.items():
        if not needed.exists():
            raise MissingArtefactError(f"{needed}: not found; run `python src/{stage}.py` first")
    packed = PackedSamples(paths.samples)
    validation = part_samples(paths, "validation")
    table = validation.sample(min(samples, len(validation)), random_state=0)
    candidate = paths.recognizer / "compressed.onnx"
    compress_weights(paths.recognizer_model, candidate)
    found = {
        name: overall(read_samples(Recognizer.load(file), packed, table))["cer"]
        for name, file in (("trained", paths.recognizer_model), ("released", candidate))
    }
    logger.info("CER on %d validation samples: trained %.4f, released %.4f", len(table), *found.values())
    if found["released"] > found["trained"] + _TOLERANCE:
        raise ModelFileError(f"{candidate}: reads worse than {paths.recognizer_model} ({found}); it is not released")
    paths.released_model.parent.mkdir(parents=True, exist_ok=True)
    candidate.replace(paths.released_model)
    shutil.copyfile(start, start_beside(paths.released_model))
    shutil.copyfile(figures, paths.released_model.with_name("metrics.json"))
    shutil.copyfile(paths.language_model, paths.released_model.with_name("language_model.npz"))
    return found


def main() -> None:
    """Release the project's recognizer."""
    release(Paths())


if __name__ == "__main__":
    run(main)
