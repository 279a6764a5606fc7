"""Does a model file read as the network that was trained? The two are compared by what they read."""

from collections.abc import Sequence
from pathlib import Path

import torch
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from src.models.start import network_of, read_start
from src.paths import start_beside
from src.recognition import Recognizer
from src.recognition.decode import greedy


def disagreement(model: Path, images: Sequence[NDArray]) -> float:  # type: ignore[type-arg]
    """Read images with a model file and with the trained network beside it, in floating point.

    Args:
        model: The ONNX file; its weights for trainings lie beside it (start.pt, half precision).
        images: Normalised uint8 [height, W] each.

    Returns:
        Edits between the two readings, as a share of the network's characters.

    Raises:
        ModelFileError: A file is missing, or the two are not of one model.
    """
    recognizer = Recognizer.load(model)
    network = network_of(recognizer.info, read_start(start_beside(model)), recognizer.charset).eval()
    edits = characters = 0
    with torch.inference_mode():
        for image, frames in zip(images, recognizer.log_probs(images), strict=True):
            # As the reader pads: a network with a memory sees what stands behind the image.
            width = -(-image.shape[1] // 32) * 32
            padded = torch.zeros((1, image.shape[0], width), dtype=torch.uint8)
            padded[0, :, : image.shape[1]] = torch.tensor(image)
            own = network(padded)[0, : len(frames)].numpy()
            read = [recognizer.charset.decode(greedy(found).codes) for found in (own, frames)]
            edits += Levenshtein.distance(*read)
            characters += len(read[0])
    return edits / max(1, characters)
