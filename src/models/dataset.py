"""Packed samples -> distorted images and their codes, batch by batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from src.data.samples import SPLICED, PackedSamples
from src.errors import GroundTruthError, MissingArtefactError
from src.models.augment import augment
from src.models.batches import GAP, BucketSampler, Draw, Joining, padded
from src.models.network import STRIDE
from src.params import Params
from src.recognition.charset import Charset


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
        sources: The collection of each sample.
    """

    rows: NDArray[np.int64]
    widths: NDArray[np.int64]
    codes: Sequence[NDArray[np.int64]]
    texts: Sequence[str]
    writers: Sequence[str]
    levels: Sequence[str]
    sources: Sequence[str]

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
            sources=[self.sources[i] for i in chosen],
        )


def frames_needed(codes: NDArray[np.int64]) -> int:
    """Return how many frames CTC needs for a text: one for each character, and one for a blank between equal ones."""
    return len(codes) + int(np.count_nonzero(np.diff(codes) == 0))


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
    table = pd.read_parquet(encoded, columns=["sample_id", "text", "writer", "level", "source", "codes"])
    table["row"] = [samples.row_of(sample_id) for sample_id in table["sample_id"]]
    table["width"] = samples.widths[table["row"].to_numpy()]
    needed = table["codes"].map(frames_needed)
    table = table[table["sample_id"].isin(wanted) & (table["width"] // STRIDE >= needed) & (needed > 0)]
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
        sources=table["source"].tolist(),
    )


class RecognizerDataset(Dataset[tuple[NDArray[np.uint8], NDArray[np.int64]]]):
    """Images (distorted, if asked) and codes of a part; an item is named by a `Draw`.

    Args:
        part: The samples.
        samples: The images; the part's rows say which.
        distort: Whether to augment.
        seed: With index and epoch, the state of the distortion: a resumed training distorts alike.
        max_width: Pixels of a distorted image, at most.
        space: Code of the space, which stands between the words of a line put together; None: it is not learnt.
    """

    def __init__(
        self,
        part: Part,
        samples: Sequence[NDArray[np.uint8]],
        distort: bool,
        seed: int = 0,
        max_width: int = 2048,
        space: int | None = None,
    ) -> None:
        self.part, self.samples, self.distort, self.seed, self.max_width = part, samples, distort, seed, max_width
        self.space = space

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, draw: Draw) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        ink, codes = self._sample(draw.index)
        if not self.distort:
            return ink, codes
        random = np.random.default_rng((self.seed, draw.epoch, draw.index))
        if draw.followers:
            ink, codes = self._joined(draw, random)
        distorted = augment(ink, random, draw.stretch, self.max_width)
        if distorted.shape[1] // STRIDE >= frames_needed(codes):  # a narrowed image must still hold its text
            ink = distorted
        return ink, codes

    def _sample(self, index: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        return np.asarray(self.samples[int(self.part.rows[index])]), self.part.codes[index]

    def _joined(self, draw: Draw, random: Generator) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Write samples behind each other, with spaces as wide as people leave."""
        assert self.space is not None
        ink, codes = self._sample(draw.index)
        images, texts = [ink], [codes]
        for index in draw.followers:
            gap = int(np.clip(GAP * np.exp(random.normal(0.0, 0.4)), 4, 48))
            ink, codes = self._sample(index)
            images += [np.zeros((ink.shape[0], gap), np.uint8), ink]
            texts += [np.array([self.space]), codes]
        return np.concatenate(images, axis=1), np.concatenate(texts)


def collate(items: Sequence[tuple[NDArray[np.uint8], NDArray[np.int64]]]) -> Batch:
    """Pad images to one width."""
    width = padded(max(ink.shape[1] for ink, _ in items))
    images = np.zeros((len(items), items[0][0].shape[0], width), np.uint8)
    for row, (ink, _) in zip(images, items, strict=True):
        row[:, : ink.shape[1]] = ink
    return Batch(
        images=torch.from_numpy(images),
        widths=torch.tensor([ink.shape[1] for ink, _ in items]),
        codes=torch.from_numpy(np.concatenate([codes for _, codes in items])),
        lengths=torch.tensor([len(codes) for _, codes in items]),
    )


def space_of(charset: Charset) -> int | None:
    """Return the code of the space, if it is learnt."""
    return charset.encode(" ")[0] if " " in charset.characters else None


def training_batches(train: Part, params: Params, charset: Charset, first_step: int = 0) -> BucketSampler:
    """Return the batches of a training, by indices into its part, from a step on."""
    settings = params.recognizer
    words = np.array([level == "word" for level in train.levels])
    drawn = np.isin(train.sources, params.split.train_only)
    # Where there are lines, words mostly show the lines' ink again: a share of them, another each epoch, is enough.
    chances = np.where(words & ~words.all(), settings.word_share, 1.0) * np.where(drawn, settings.train_only_share, 1.0)
    chances = np.where(np.array(train.sources) == SPLICED, settings.spliced_share, chances)
    joining = None
    if space_of(charset) and settings.join_share:
        numbers = pd.factorize(np.array(train.writers))[0]
        joining = Joining(np.where(words, numbers, -1), settings.join_share)
    return BucketSampler(
        train.widths, settings.columns_per_batch, settings.epochs, settings.seed, first_step, chances, joining=joining
    )
