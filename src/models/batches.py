"""Which samples an epoch shows, and in which batches: an order that a killed training can take up again."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import Sampler

# Standard deviation of the logarithm of a sample's stretch, and its limits: hands differ in width, too.
_STRETCH = 0.13
_STRETCH_LIMITS = (0.7, 1.35)
# Words that may follow the first of a line put together of one writer's words.
_MOST_FOLLOWERS = 6
# Pixels between two words, for the costs of a batch alone.
GAP = 14


@dataclass(frozen=True)
class Draw:
    """One showing of a sample.

    Attributes:
        index: Place of the sample in its part.
        epoch: With the seed, it decides how the sample is distorted.
        stretch: Factor of its width when it is distorted.
        followers: Places of the samples that are written behind it, as on one line.
    """

    index: int
    epoch: int
    stretch: float
    followers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Joining:
    """Lines put together of a writer's words, in an order that nobody wrote: the network must read, not remember.

    Attributes:
        writers: int64 [n], a number for the writer of each sample; -1 where a sample is not to be joined.
        share: Of the words that an epoch shows, those that begin such a line.
        max_width: Pixels; a line is not wider, before it is distorted.
    """

    writers: NDArray[np.int64]
    share: float
    max_width: int = 1536


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
        joining: Lines put together of words; None: each sample comes by itself.
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
        joining: Joining | None = None,
    ) -> None:
        self.widths, self.columns, self.epochs, self.seed, self.first_step = widths, columns, epochs, seed, first_step
        self.chances = np.ones(len(widths)) if chances is None else chances
        self.short_first = short_first
        self.joining = joining
        self._members = _members(joining.writers) if joining else {}
        self.steps_per_epoch = max(1, len(self._batches(0)))

    def _batches(self, epoch: int) -> list[list[Draw]]:
        random = np.random.default_rng((self.seed, epoch))
        stretches = np.exp(random.normal(0.0, _STRETCH, len(self.widths))).clip(*_STRETCH_LIMITS)
        chosen = np.flatnonzero(random.random(len(self.widths)) < self.chances)
        followers = [self._followers(int(index), random) for index in chosen]
        draws = [
            Draw(int(index), epoch, float(stretches[index]), behind)
            for index, behind in zip(chosen, followers, strict=True)
        ]
        draws.sort(key=self._width)
        batches: list[list[Draw]] = []
        batch: list[Draw] = []
        for draw in draws:
            # In this order, each sample is the widest so far.
            if batch and padded(self._width(draw)) * (len(batch) + 1) > self.columns:
                batches.append(batch)
                batch = []
            batch.append(draw)
        if batch:
            batches.append(batch)
        if epoch == 0 and self.short_first:
            return batches
        return [batches[i] for i in random.permutation(len(batches))]

    def _width(self, draw: Draw) -> float:
        behind = sum(int(self.widths[index]) + GAP for index in draw.followers)
        return (int(self.widths[draw.index]) + behind) * draw.stretch

    def _followers(self, index: int, random: Generator) -> tuple[int, ...]:
        """Draw the words that are written behind a sample: mostly none."""
        joining = self.joining
        if joining is None or joining.writers[index] < 0 or random.random() >= joining.share:
            return ()
        others = self._members[int(joining.writers[index])]
        chosen: list[int] = []
        width = int(self.widths[index])
        for other in random.choice(others, int(random.integers(1, _MOST_FOLLOWERS + 1))):
            width += int(self.widths[other]) + GAP
            if width > joining.max_width:
                break
            chosen.append(int(other))
        return tuple(chosen)

    def __len__(self) -> int:
        return self.epochs * self.steps_per_epoch

    def __iter__(self) -> Iterator[list[Draw]]:
        # Epochs may differ by a batch or two; each is cut or filled to one length, so that a step has one place.
        for epoch in range(self.first_step // self.steps_per_epoch, self.epochs):
            batches = self._batches(epoch)
            batches = (batches + batches)[: self.steps_per_epoch]
            start = self.first_step - epoch * self.steps_per_epoch
            yield from batches[max(0, start) :]


def _members(writers: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """The samples of each writer that may be joined."""
    return {int(writer): np.flatnonzero(writers == writer) for writer in np.unique(writers) if writer >= 0}


def padded(width: float) -> int:
    """Round up to a multiple of 32: a kernel is made for each shape of a batch, and so there are few."""
    return 32 * math.ceil(width / 32)
