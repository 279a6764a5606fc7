"""What a training starts from: the weights of the released recognizer, as far as they fit, or chance.

The released recognizer has seen writers. If one of them is among the writers that a new training is measured on, its
figures would be too good; then the training starts from chance.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from src.errors import ModelFileError
from src.files import write_whole
from src.models.network import RecognizerNetwork
from src.recognition.charset import Charset

logger = logging.getLogger(__name__)

# The layers whose outputs are the characters; a charset decides their rows.
_CHARACTER_LAYERS = ("classify", "shortcut")


def save_start(weights: dict[str, Tensor], charset: Charset, writers: Sequence[str], target: Path) -> None:
    """Write what a later training can start from.

    Args:
        weights: The network's state; stored as float16.
        charset: The characters of its classes.
        writers: Who wrote what it was trained on.
        target: The file (PyTorch's format, plain values and tensors only).
    """
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    with write_whole(target) as temporary:
        torch.save(
            {"weights": halves, "characters": list(charset.characters), "writers": sorted(set(writers))}, temporary
        )


def start_from(network: RecognizerNetwork, charset: Charset, held_out: Sequence[str], source: Path) -> bool:
    """Give a network the weights of a file, if that is sensible.

    Args:
        network: As it is about to be trained; its weights are changed.
        charset: The characters that it will learn; those that the file does not know begin from chance.
        held_out: Writers that it will be measured on.
        source: Written by `save_start`.

    Returns:
        Whether it starts from the file; if not, the log says why.

    Raises:
        ModelFileError: The file cannot be read.
    """
    try:
        kept: dict[str, Any] = torch.load(source, map_location="cpu", weights_only=True)
        weights, characters, writers = kept["weights"], kept["characters"], set(kept["writers"])
    except (KeyError, RuntimeError, OSError, ValueError) as error:
        raise ModelFileError(f"{source}: not weights to start from (incomplete copy?); remove it: {error}") from error
    known = sorted(writers.intersection(held_out))
    if known:
        logger.warning(
            "%s has learnt from %d of the writers to measure on (%s, ...): training starts from chance",
            source, len(known), known[0],
        )  # fmt: skip
        return False
    own = network.state_dict()
    fitted = {
        name: _rows(name, value, own[name], charset, characters) for name, value in weights.items() if name in own
    }
    if fitted.keys() != own.keys() or any(fitted[name].shape != own[name].shape for name in own):
        logger.warning("%s is of another network: training starts from chance", source)
        return False
    network.load_state_dict(fitted)
    taken = len(set(characters).intersection(charset.characters))
    logger.info("training starts from %s; %d of %d characters known", source, taken, len(charset.characters))
    return True


def _rows(name: str, kept: Tensor, own: Tensor, charset: Charset, characters: Sequence[str]) -> Tensor:
    """Bring a tensor to the new network's type and, where its rows are characters, to the new charset's order."""
    kept = kept.to(own.dtype)
    if name.split(".")[0] not in _CHARACTER_LAYERS:
        return kept
    places = {character: place for place, character in enumerate(characters, start=1)}
    rows = own.clone()
    if kept.ndim == 1:
        rows[:] = kept.min()  # a character that is not known yet must not disturb those that are
    elif kept.shape[1:] != own.shape[1:]:
        return kept
    rows[0] = kept[0]  # the blank
    for place, character in enumerate(charset.characters, start=1):
        if character in places:
            rows[place] = kept[places[character]]
    return rows
