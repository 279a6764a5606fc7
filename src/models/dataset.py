"""Packed samples -> batches of about equal cost, in an order that a killed training can take up again."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from src.data.samples import PackedSamples
from src.errors import GroundTruthError, MissingArtefactError
from src.models.augment import augment
from src.models.network import STRIDE

# Standard deviation of the logarithm of a sample's stretch, and its limits: hands differ in width, too.
_STRETCH = 0.13
_STRETCH_LIMITS = (0.7, 1.35)


@dataclass  # not frozen: Lightning moves its tensors to the device in place
class Batch:
    """Samples padded to one width.

    Attributes:
        images: uint8 [N, H, W], right-padded with paper (0).
        widths: int64 [N], pixels without padding.
        codes: int64 [sum of lengths], the transcriptions one after the other.
        lengths: int64 [N], characters of each transcription.
    """

    images: Tensor
    widths: Tensor
    codes: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Part:
    """The samples of one part of the split.

    Attributes:
        rows: int64 [n], rows of the packed samples.
        widths: int64 [n], pixels.
        codes: One int64 array of character codes a sample.
        texts: The transcriptions.
        writers: The writer of each sample.
        levels: "word" or "line", of each sample.
    """

    rows: NDArray[np.int64]
    widths: NDArray[np.int64]
    codes: Sequence[NDArray[np.int64]]
    texts: Sequence[str]
    writers: Sequence[str]
    levels: Sequence[str]

    def __len__(self) -> int:
        return len(self.rows)

    def choose(self, count: int, seed: int) -> "Part":
        """Return `count` samples of the part (all, if it has no more), the same ones for the same seed."""
        if count >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        return Part(
            rows=self.rows[chosen],
            widths=self.widths[chosen],
            codes=[self.codes[i] for i in chosen],
            texts=[self.texts[i] for i in chosen],
            writers=[self.writers[i] for i in chosen],
            levels=[self.levels[i] for i in chosen],
        )


def load_part(name: str, encoded: Path, split: Path, samples: PackedSamples) -> Part:
    """Take the samples of a part that the network can learn from.

    Samples with more characters than frames are left out, as no alignment exists for them; so are those whose text
    holds no known character.

    Args:
        name: "train", "validation" or "test".
        encoded: Table of encode_data.
        split: Folder of split_data.
        samples: The packed images.

    Returns:
        The part, in the order of the packed samples.

    Raises:
        MissingArtefactError: The part's list is not there.
        GroundTruthError: No sample is left.
    """
    listing = split / f"{name}.txt"
    if not listing.exists():
        raise MissingArtefactError(f"{listing}: not found; run `python src/data/split_data.py` first")
    wanted = set(listing.read_text(encoding="utf-8").split("\n"))
    table = pd.read_parquet(encoded, columns=["sample_id", "text", "writer", "level", "codes"])
    table["row"] = [samples.row_of(sample_id) for sample_id in table["sample_id"]]
    table["width"] = samples.widths[table["row"].to_numpy()]
    # CTC needs a blank between equal neighbours, and a frame for each character.
    frames = table["width"] // STRIDE
    needed = [len(codes) + int(np.count_nonzero(np.diff(codes) == 0)) for codes in table["codes"]]
    table = table[table["sample_id"].isin(wanted) & (frames >= needed) & (table["codes"].map(len) > 0)]
    if table.empty:
        raise GroundTruthError(f"{listing}: none of its samples can be learnt from; bring more writers or samples")
    table = table.sort_values("row")
    return Part(
        rows=table["row"].to_numpy(np.int64),
        widths=table["width"].to_numpy(np.int64),
        codes=[np.asarray(codes, np.int64) for codes in table["codes"]],
        texts=table["text"].tolist(),
        writers=table["writer"].tolist(),
        levels=table["level"].tolist(),
    )


@dataclass(frozen=True)
class Draw:
    """One showing of a sample.

    Attributes:
        index: Place of the sample in its part.
        epoch: With the seed, it decides how the sample is distorted.
        stretch: Factor of its width when it is distorted.
    """

    index: int
    epoch: int
    stretch: float


class BucketSampler(Sampler[list[Draw]]):
    """Batches of samples of about one width, so that little of a batch is padding.

    How much each sample will be stretched is drawn here, before it is put among its like: stretched later, every batch
    would be as wide as the sample in it that grew most.

    The batches of epoch e depend on (seed, e) alone: a training that starts again at step s goes on with the very
    batches that it would have had. They are shuffled; with `short_first` the first epoch goes from the narrowest to the
    widest, since CTC finds its first alignments in short texts (Amodei et al., "Deep Speech 2", 2015: SortaGrad).

    Args:
        widths: int64 [n], pixels of each sample.
        columns: Pixels of width in one batch, padding included (but what a slant adds).
        epochs: Times that each sample comes, or may come.
        seed: Of the order.
        first_step: Batches to leave out, of all epochs.
        chances: float [n], how probably each sample comes in an epoch; None: all come in each.
        short_first: For a network that cannot read yet; may be set until the first batch is taken.
    """

    def __init__(
        self,
        widths: NDArray[np.int64],
        columns: int,
        epochs: int,
        seed: int = 0,
        first_step: int = 0,
        chances: NDArray[np.float64] | None = None,
        short_first: bool = False,
    ) -> None:
        self.widths, self.columns, self.epochs, self.seed, self.first_step = widths, columns, epochs, seed, first_step
        self.chances = np.ones(len(widths)) if chances is None else chances
        self.short_first = short_first
        self.steps_per_epoch = max(1, len(self._batches(0)))

    def _batches(self, epoch: int) -> list[list[Draw]]:
        random = np.random.default_rng((self.seed, epoch))
        stretches = np.exp(random.normal(0.0, _STRETCH, len(self.widths))).clip(*_STRETCH_LIMITS)
        widths = self.widths * stretches
        order = np.argsort(widths, kind="stable")
        batches: list[list[Draw]] = []
        batch: list[Draw] = []
        for index in order[random.random(len(order)) < self.chances[order]]:
            # In this order, each sample is the widest so far.
            if batch and _padded(widths[index]) * (len(batch) + 1) > self.columns:
                batches.append(batch)
                batch = []
            batch.append(Draw(int(index), epoch, float(stretches[index])))
        if batch:
            batches.append(batch)
        if epoch == 0 and self.short_first:
            return batches
        return [batches[i] for i in random.permutation(len(batches))]

    def __len__(self) -> int:
        return self.epochs * self.steps_per_epoch

    def __iter__(self) -> Iterator[list[Draw]]:
        # Epochs may differ by a batch or two; each is cut or filled to one length, so that a step has one place.
        for epoch in range(self.first_step // self.steps_per_epoch, self.epochs):
            batches = self._batches(epoch)
            batches = (batches + batches)[: self.steps_per_epoch]
            start = self.first_step - epoch * self.steps_per_epoch
            yield from batches[max(0, start) :]


class RecognizerDataset(Dataset[tuple[NDArray[np.uint8], NDArray[np.int64]]]):
    """Images (distorted, if asked) and codes of a part; an item is named by a `Draw`.

    Args:
        part: The samples.
        samples: The packed images.
        distort: Whether to augment.
        seed: With index and epoch, the state of the distortion: a resumed training distorts alike.
        max_width: Pixels of a distorted image, at most.
    """

    def __init__(self, part: Part, samples: PackedSamples, distort: bool, seed: int = 0, max_width: int = 2048) -> None:
        self.part, self.samples, self.distort, self.seed, self.max_width = part, samples, distort, seed, max_width

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, draw: Draw) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        ink = np.asarray(self.samples[int(self.part.rows[draw.index])])
        codes = self.part.codes[draw.index]
        if self.distort:
            random = np.random.default_rng((self.seed, draw.epoch, draw.index))
            distorted = augment(ink, random, draw.stretch, self.max_width)
            # A narrowed image must still have a frame for each character (and for the blanks between equal ones).
            if distorted.shape[1] // STRIDE >= len(codes) + int(np.count_nonzero(np.diff(codes) == 0)):
                ink = distorted
        return ink, codes


def _padded(width: float) -> int:
    """Round up to a multiple of 32: a kernel is made for each shape of a batch, and so there are few."""
    return 32 * math.ceil(width / 32)


def collate(items: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> Batch:
    """Pad images to one width."""
    width = _padded(max(ink.shape[1] for ink, _ in items))
    images = np.zeros((len(items), items[0][0].shape[0], width), np.uint8)
    for row, (ink, _) in zip(images, items, strict=True):
        row[:, : ink.shape[1]] = ink
    return Batch(
        images=torch.from_numpy(images),
        widths=torch.tensor([ink.shape[1] for ink, _ in items]),
        codes=torch.from_numpy(np.concatenate([codes for _, codes in items])),
        lengths=torch.tensor([len(codes) for _, codes in items]),
    )
