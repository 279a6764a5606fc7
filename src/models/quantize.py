"""A model file -> the same with its convolutions in 8-bit integers: faster on any CPU of the last ten years.

Post-training quantization (Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, https://arxiv.org/abs/1712.05877): weights per channel, what goes into each
convolution per tensor. What comes out stays as it is, so that the residual sums lose nothing; so does the first
convolution, whose input is the image, and the LSTM, which runtimes read wrongly in 8 bits.
"""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from src.data.samples import PackedSamples
from src.errors import MissingArtefactError, ModelFileError
from src.files import write_whole
from src.models.dataset import Part, load_part
from src.models.metrics import overall, score_readings
from src.params import RecognizerParams, load_params
from src.paths import Paths
from src.recognition import Recognizer
from src.stage import run

logger = logging.getLogger(__name__)

_WIDTH_STEP = 32  # what the reader pads to
_WIDEST = 768  # pixels of a calibration image: more of a line shows nothing new
_CALIBRATION_IMAGES = 200
_COMPARED_IMAGES = 2000
# What the faster file may read worse: share of characters.
_TOLERANCE = 0.001


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Normalised images, one a batch."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next image as the network's input; None at the end."""
        image = next(self._images, None)
        if image is None:
            return None
        image = image[:, :_WIDEST]
        width = -(-image.shape[1] // _WIDTH_STEP) * _WIDTH_STEP
        batch = np.zeros((1, image.shape[0], width), np.uint8)
        batch[0, :, : image.shape[1]] = image
        return {"images": batch}


def quantize_convolutions(source: Path, target: Path, images: Sequence[NDArray[np.uint8]]) -> None:
    """Put the convolutions behind the first into 8 bits.

    Args:
        source: ONNX file with float32 weights.
        target: ONNX file to write, with the same inputs, outputs and metadata.
        images: Normalised images, uint8 [height, W], of training writers; a hundred or more show the ranges.

    Raises:
        ModelFileError: The file has no convolution behind the first.
    """
    model = onnx.load(source)
    convolutions = [node.name for node in model.graph.node if node.op_type == "Conv"]
    if len(convolutions) < 2:
        raise ModelFileError(f"{source}: no convolutions to quantize; is it quantized already?")
    with tempfile.TemporaryDirectory(prefix="longhand-quantize-") as folder:
        file = Path(folder) / "quantized.onnx"
        quantize_static(
            str(source),
            str(file),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=convolutions[:1],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"OpTypesToExcludeOutputQuantization": ["Conv"]},
        )
        quantized = onnx.load(file)
    onnx.helper.set_model_props(quantized, {entry.key: entry.value for entry in model.metadata_props})
    onnx.checker.check_model(quantized)
    with write_whole(target) as temporary:
        onnx.save(quantized, temporary)
    logger.info("%s: %d of %d convolutions in 8 bits", target, len(convolutions) - 1, len(convolutions))


def is_quantized(model: Path) -> bool:
    """Tell whether an ONNX file computes in 8 bits."""
    return any(node.op_type == "QuantizeLinear" for node in onnx.load(model).graph.node)


def quantize_if_as_good(paths: Paths, params: RecognizerParams) -> bool:
    """Put the trained recognizer's convolutions into 8 bits, unless it then reads worse by more than 0.1 points CER.

    Args:
        paths: The recognizer's file, replaced by the faster one or left as it is; samples of training writers show the
            ranges, those of validation writers are read with both.
        params: Whether it is wanted; the seed of the choice of samples.

    Returns:
        Whether the file is the faster one.

    Raises:
        MissingArtefactError: The recognizer was not trained, or a data stage has not run.
        ModelFileError: The file has no convolution behind the first.
    """
    model = paths.recognizer_model
    if not model.exists():
        raise MissingArtefactError(f"{model}: not found; run `python src/models/train_recognizer.py` first")
    if not params.quantize:
        logger.info("%s: left as it is (recognizer.quantize)", model)
        return False
    samples = PackedSamples(paths.samples)
    train, validation = (load_part(name, paths.encoded, paths.split, samples) for name in ("train", "validation"))
    images = [samples[int(row)] for row in train.choose(_CALIBRATION_IMAGES, params.seed).rows]
    compared = validation.choose(_COMPARED_IMAGES, params.seed)
    candidate = model.with_name("quantized.onnx")
    quantize_convolutions(model, candidate, images)
    before, after = (_error_rate(Recognizer.load(file), compared, samples) for file in (model, candidate))
    good = after <= before + _TOLERANCE
    logger.info(
        "CER of %d validation samples: %.4f, with convolutions in 8 bits %.4f: %s",
        len(compared), before, after, "kept" if good else "not kept",
    )  # fmt: skip
    if good:
        candidate.replace(model)
    candidate.unlink(missing_ok=True)
    return good


def _error_rate(recognizer: Recognizer, part: Part, samples: Sequence[NDArray[np.uint8]]) -> float:
    frames = recognizer.log_probs([np.asarray(samples[int(row)]) for row in part.rows])
    return overall(score_readings(part.texts, [recognizer.interpret(one).text for one in frames]))["cer"]


def main() -> None:
    """Make the project's recognizer faster. A process of its own: OpenVINO aborts where training preloads tcmalloc."""
    paths = Paths()
    quantize_if_as_good(paths, load_params(paths.params).recognizer)


if __name__ == "__main__":
    run(main)
