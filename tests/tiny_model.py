"""A recognizer small enough to be made in a test, with the real interface: its text is what its columns say.

The network is built by hand, not trained: an image column block of `stride` pixels whose ink has brightness
`FULLEST * 256 * code / classes` is read as the character with that code. `paint` draws such images. So a test knows
what must be read, and everything between the file and the text is the real thing.
"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.recognition import ModelInfo, NormalizationSettings

CHARSET = ("a", "b", "c", " ")
STRIDE = 4
HEIGHT = 48
# A solid bar is shown in this share of the rows: the rest is left for the loops and tails that writing has.
FULLEST = 0.85


class TinyNetwork(nn.Module):
    """Mean ink of each block of columns -> the nearest class."""

    levels: Tensor

    def __init__(self, classes: int, sharpness: float = 60.0) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.register_buffer("levels", torch.arange(classes) / classes)
        self.mean = nn.AvgPool2d((HEIGHT, STRIDE))

    def forward(self, images: Tensor) -> Tensor:
        ink = self.mean(images.to(torch.float32).unsqueeze(1) / (256.0 * FULLEST))[:, 0, 0]
        return (-self.sharpness * (ink.unsqueeze(2) - self.levels).abs()).log_softmax(dim=2)


def info(**changes: object) -> ModelInfo:
    """The tiny model's description."""
    values: dict[str, object] = {
        "name": "tiny",
        "version": "1",
        "created": datetime(2026, 1, 2, tzinfo=UTC),
        "charset": CHARSET,
        "normalization": NormalizationSettings(height=HEIGHT, max_width=512),
        "stride": STRIDE,
        "training": {"samples": 0},
        "metrics": {"cer": 0.0},
    }
    return ModelInfo.model_validate(values | changes)


def write_tiny_model(path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write the model as ONNX; `metadata` replaces its description."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        TinyNetwork(len(CHARSET) + 1).eval(),
        (torch.zeros(2, HEIGHT, 64, dtype=torch.uint8),),
        str(path),
        dynamo=False,
        input_names=["images"],
        output_names=["log_probs"],
        dynamic_axes={"images": {0: "batch", 2: "width"}, "log_probs": {0: "batch", 1: "frames"}},
    )
    network = onnx.load(str(path))
    onnx.helper.set_model_props(network, info().to_metadata() if metadata is None else metadata)
    onnx.save(network, str(path))
    return path


def paint(codes: list[int]) -> NDArray[np.uint8]:
    """A normalised image uint8 [48, 4 * codes] that the tiny model reads frame by frame as `codes` (0: blank)."""
    levels = np.array(codes) * 256 * FULLEST // (len(CHARSET) + 1) + (np.array(codes) > 0)
    return np.repeat(np.tile(levels.astype(np.uint8), (HEIGHT, 1)), STRIDE, axis=1)
