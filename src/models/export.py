"""A trained recognizer -> one self-describing ONNX file, checked against the network before it is put in its place."""

import logging
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch

from src.errors import ModelFileError
from src.files import write_whole
from src.models.network import STRIDE, RecognizerNetwork
from src.recognition.model_file import ModelInfo

logger = logging.getLogger(__name__)

# Batch and width of the images that the file must read as the network does: one, several, narrow, as wide as a line.
_CHECKED_SHAPES = ((1, 64), (3, 192), (2, 1024), (5, 36))
_TOLERANCE = 1e-3


def export_recognizer(network: RecognizerNetwork, info: ModelInfo, target: Path) -> None:
    """Write the network with its description, for any batch and any width.

    Args:
        network: The trained network; it is set to evaluation.
        info: What the file tells of itself (ONNX metadata, key "longhand").
        target: The ONNX file; it appears only if ONNX Runtime reads it as PyTorch does.

    Raises:
        ModelFileError: The file's log-probabilities differ from the network's by more than 0.001.
    """
    network = network.eval().to("cpu", torch.float32)
    height = info.normalization.height
    with write_whole(target) as temporary:
        torch.onnx.export(
            network,
            (torch.zeros(1, height, 128, dtype=torch.uint8),),
            temporary,
            input_names=["images"],
            output_names=["log_probs"],
            dynamic_axes={"images": {0: "batch", 2: "width"}, "log_probs": {0: "batch", 1: "frames"}},
            opset_version=18,
            dynamo=False,  # the newer exporter fixes the width of a recurrent head
        )
        model = onnx.load(temporary)
        onnx.helper.set_model_props(model, info.to_metadata())
        onnx.checker.check_model(model)
        onnx.save(model, temporary)
        _check(network, temporary, height)
    logger.info("%s: %.1f MB", target, target.stat().st_size / 1e6)


def _check(network: RecognizerNetwork, path: Path, height: int) -> None:
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for batch, width in _CHECKED_SHAPES:
        images = random.integers(0, 256, (batch, height, width), dtype=np.uint8)
        (read,) = session.run(None, {"images": images})
        with torch.inference_mode():
            expected = network(torch.from_numpy(images)).numpy()
        if read.shape != (batch, width // STRIDE, expected.shape[2]):
            raise ModelFileError(f"{path}: {batch} images of width {width} give {read.shape}, not {expected.shape}")
        error = float(np.abs(read - expected).max())
        if error > _TOLERANCE:
            raise ModelFileError(f"{path}: log-probabilities of {batch} images of width {width} are off by {error:.4f}")
