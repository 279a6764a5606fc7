"""What a training starts from: the weights of the released recognizer, as far as they fit, or chance.

The released recognizer has seen writers and images. If one of them is among those that a new training is measured on,
its figures would be too good; then the training starts from chance. Images are known by their pixels' hash, since the
same pages may come under other names.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from src.data.artefacts import read_columns, require
from src.errors import ModelFileError
from src.files import write_whole
from src.models.network import RecognizerNetwork
from src.models.precision import convolution_format, training_device
from src.params import RecognizerParams
from src.paths import Paths
from src.recognition.charset import Charset
from src.recognition.model_file import ModelInfo

logger = logging.getLogger(__name__)

# The layers whose outputs are the characters; a charset decides their rows.
CHARACTER_LAYERS = ("classify", "shortcut")
# Where a network may be deeper than the one that it starts from.
_STAGES = "encoder.stages."
# Weights of networks that were written as one row of layers, by their names now.
_LAYERS = ("stem", "stages.0.0", "stages.0.1", "stages.1.0", "stages.1.1", "stages.2.0", "stages.2.1")
_RENAMED = {f"encoder.layers.{old}.": f"encoder.{new}." for old, new in enumerate((*_LAYERS, "squeeze.0", "squeeze.1"))}


@dataclass(frozen=True)
class Origin:
    """Where samples come from.

    Attributes:
        writers: Who wrote them.
        digests: Hash of each sample's pixels, 16 hexadecimal digits, as the manifest has it.
    """

    writers: Sequence[str]
    digests: Sequence[str]


def origin_of(paths: Paths, parts: Sequence[str]) -> Origin:
    """Return who wrote the samples of some parts of the split, and their images' hashes.

    Raises:
        MissingArtefactError: encode_data or split_data has not run.
    """
    lists = [require(paths.split / f"{part}.txt", "split_data").read_text(encoding="utf-8") for part in parts]
    listed = {sample_id for text in lists for sample_id in text.split("\n")}
    table = read_columns(paths.encoded, "encode_data", ["sample_id", "writer", "digest"])
    table = table[table["sample_id"].isin(listed)]
    return Origin(table["writer"].tolist(), table["digest"].tolist())


def save_start(
    weights: dict[str, Tensor], charset: Charset, learnt: Origin, target: Path, earlier: Path | None = None
) -> None:
    """Write what a later training can start from.

    Args:
        weights: The network's state; stored as float16.
        charset: The characters of its classes.
        learnt: What it was trained on.
        target: The file (PyTorch's format, plain values and tensors only).
        earlier: Such a file that the training started from: what it has learnt from is kept in mind. None: chance.
    """
    halves = {name: value.half() if value.is_floating_point() else value for name, value in weights.items()}
    writers, digests = set(learnt.writers), _numbers(learnt.digests)
    if earlier is not None:
        kept = read_start(earlier)
        writers, digests = writers.union(kept.writers), torch.unique(torch.cat([digests, kept.digests]))
    content = {
        "weights": halves, "characters": list(charset.characters), "writers": sorted(writers), "digests": digests
    }  # fmt: skip
    with write_whole(target) as temporary:
        torch.save(content, temporary)


@dataclass(frozen=True)
class Start:
    """What a file written by `save_start` holds.

    Attributes:
        source: The file.
        weights: The network's state.
        charset: The characters of its classes.
        writers: Whom it has learnt from.
        digests: int64 [n], sorted: hashes of the images that it has learnt from.
    """

    source: Path
    weights: dict[str, Tensor]
    charset: Charset
    writers: Sequence[str]
    digests: Tensor

    def has_learnt(self, held_out: Origin) -> tuple[list[str], int]:
        """Return the writers among those to measure on that it has learnt from, and how many of the images."""
        known = sorted(set(self.writers).intersection(held_out.writers))
        return known, int(torch.isin(_numbers(held_out.digests), self.digests).sum())

    def fill(self, network: RecognizerNetwork, charset: Charset) -> bool:
        """Give a network the weights; characters that they do not know begin from chance.

        Args:
            network: As it is about to be trained; its weights are changed.
            charset: The characters that it will learn.

        Returns:
            Whether they fit; if not, the network is as it was.
        """
        own = network.state_dict()
        characters = self.charset.characters
        # Residual blocks that the file has not stay as they begin: handing on what comes.
        missing = {name: value for name, value in own.items() if name not in self.weights}
        if not self.weights.keys() <= own.keys() or not all(name.startswith(_STAGES) for name in missing):
            return False
        fitted = missing | {
            name: _rows(name, value, own[name], charset, characters) for name, value in self.weights.items()
        }
        if any(fitted[name].shape != own[name].shape for name in own):
            return False
        network.load_state_dict(fitted)
        return True


def read_start(source: Path) -> Start:
    """Read what `save_start` wrote.

    Raises:
        ModelFileError: The file is missing or cannot be read.
    """
    try:
        kept: dict[str, Any] = torch.load(source, map_location="cpu", weights_only=True)
        weights = {_now(name): value for name, value in kept["weights"].items()}
        return Start(source, weights, Charset(tuple(kept["characters"])), kept["writers"], kept["digests"])
    except (KeyError, RuntimeError, OSError, ValueError) as error:
        raise ModelFileError(f"{source}: not weights to start from (incomplete copy?); remove it: {error}") from error


def network_of(info: ModelInfo, start: Start, charset: Charset) -> RecognizerNetwork:
    """Build the network that a model file describes, with its weights, for a charset that may hold more characters.

    Raises:
        ModelFileError: The weights are not of that network.
    """
    settings = RecognizerParams.model_validate(info.training.get("params", {}))
    network: RecognizerNetwork = RecognizerNetwork(
        charset.size,
        info.normalization.height,
        settings.channels,
        settings.blocks,
        settings.head,
        settings.head_layers,
        settings.head_units,
        settings.dropout,
    ).to(memory_format=convolution_format(training_device()))  # type: ignore[call-overload]
    if start.charset.characters != info.charset or not start.fill(network, charset):
        raise ModelFileError(f"{start.source}: not the weights of the model beside it; put the two files of one model")
    return network


def start_from(network: RecognizerNetwork, charset: Charset, held_out: Origin, source: Path) -> bool:
    """Give a network the weights of a file, if that is sensible.

    Args:
        network: As it is about to be trained; its weights are changed.
        charset: The characters that it will learn; those that the file does not know begin from chance.
        held_out: What it will be measured on.
        source: Written by `save_start`.

    Returns:
        Whether it starts from the file; if not, the log says why.

    Raises:
        ModelFileError: The file cannot be read.
    """
    start = read_start(source)
    known, images = start.has_learnt(held_out)
    if known or images:
        logger.warning(
            "%s has learnt from %d of the writers%s and %d of the images to measure on: training starts from chance",
            source, len(known), f" ({known[0]}, ...)" if known else "", images,
        )  # fmt: skip
        return False
    if not start.fill(network, charset):
        logger.warning("%s is of another network: training starts from chance", source)
        return False
    taken = len(set(start.charset.characters).intersection(charset.characters))
    logger.info("training starts from %s; %d of %d characters known", source, taken, len(charset.characters))
    return True


def _now(name: str) -> str:
    """A weight's name in the network as it is now."""
    for old, new in _RENAMED.items():
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _numbers(digests: Sequence[str]) -> Tensor:
    """The digests as int64, each once: a tenth of the room of their text."""
    return torch.tensor(sorted({int(digest, 16) - 2**63 for digest in digests}), dtype=torch.int64)


def _rows(name: str, kept: Tensor, own: Tensor, charset: Charset, characters: Sequence[str]) -> Tensor:
    """Bring a tensor to the new network's type and, where its rows are characters, to the new charset's order."""
    kept = kept.to(own.dtype)
    if name.split(".")[0] not in CHARACTER_LAYERS:
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
