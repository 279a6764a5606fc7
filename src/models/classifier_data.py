"""What the word classifier learns from: the arrays that the data stages wrote, checked against each other."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from src.data.artefacts import require
from src.errors import GroundTruthError
from src.paths import Paths


class TooFewWordsError(GroundTruthError):
    """The data set has no words (or too few) for a word classifier; lines alone have none."""


@dataclass(frozen=True)
class ClassifierPart:
    """One part (train, validation or test) of the frequent words.

    Attributes:
        images: uint8 [N, height, width, 1], 0 = paper, 255 = darkest ink.
        labels: int64 [N].
        targets: float32 [N, classes], one-hot.
        sample_ids: N ids of the manifest.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    targets: NDArray[np.float32]
    sample_ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def read_labels(path: Path) -> tuple[str, ...]:
    """The words of the classifier, in the order of the classes.

    Args:
        path: labels.json.

    Returns:
        The words.

    Raises:
        MissingArtefactError: The file is missing.
    """
    return tuple(_read_json(path, "encode_data")["labels"])


def read_class_weights(path: Path) -> Tensor:
    """The weight of each class.

    Args:
        path: class_weights.json.

    Returns:
        float32 [classes].

    Raises:
        MissingArtefactError: The file is missing.
    """
    return torch.tensor(_read_json(path, "calculate_class_weights")["weights"], dtype=torch.float32)


def read_part(paths: Paths, part: str) -> ClassifierPart:
    """One part of the classifier's samples.

    Args:
        paths: Where they lie.
        part: "train", "validation" or "test".

    Returns:
        The arrays; images stay on the disk (memory-mapped).

    Raises:
        MissingArtefactError: A file is missing.
        GroundTruthError: The files do not belong together.
    """
    folder = paths.classifier_samples
    images = _load(folder / f"{part}_images.npy", "reshape_data")
    labels = _load(folder / f"{part}_labels.npy", "reshape_data")
    targets = _load(paths.one_hot / f"{part}.npy", "one_hot_encode_labels")
    ids_file = require(folder / f"{part}_sample_ids.txt", "reshape_data")
    sample_ids = tuple(ids_file.read_text(encoding="utf-8").splitlines())
    sizes = {len(images), len(labels), len(targets), len(sample_ids)}
    if len(sizes) != 1:
        raise GroundTruthError(
            f"{folder} and {paths.one_hot}: {part} holds {len(images)} images, {len(labels)} labels, {len(targets)} "
            f"targets and {len(sample_ids)} ids; run reshape_data and one_hot_encode_labels again"
        )
    return ClassifierPart(images, labels, targets, sample_ids)


@dataclass(frozen=True)
class ClassifierData:
    """All that one training of the word classifier needs.

    Attributes:
        labels: The words, in the order of the classes.
        class_weights: float32 [classes], mean 1.
        train: What it learns from.
        validation: What it stops by.
    """

    labels: tuple[str, ...]
    class_weights: Tensor
    train: ClassifierPart
    validation: ClassifierPart


def read_training_data(paths: Paths) -> ClassifierData:
    """The samples of a training, checked: a classifier needs two words, and something to measure itself on.

    Args:
        paths: Where the samples lie.

    Returns:
        The samples.

    Raises:
        TooFewWordsError: There are not enough; the text names the settings to change.
        MissingArtefactError: A data stage has not run.
        GroundTruthError: The files do not belong together.
    """
    remedy = "lower filter.min_word_count or raise filter.max_word_count in params.yaml, or bring more labelled words"
    labels = read_labels(paths.labels)
    if len(labels) < 2:
        raise TooFewWordsError(f"words in the frequency range: {len(labels)}, a word classifier needs 2: {remedy}")
    train, validation = read_part(paths, "train"), read_part(paths, "validation")
    if len(train) == 0 or len(validation) == 0:
        raise TooFewWordsError(
            f"frequent words: {len(train)} training and {len(validation)} validation samples, a word classifier needs "
            f"both: {remedy}, or change the shares of split"
        )
    return ClassifierData(labels, read_class_weights(paths.class_weights), train, validation)


class _Batches(Dataset[tuple[Tensor, Tensor]]):
    """Takes the indices of a whole batch at once: one numpy look-up instead of one a sample."""

    def __init__(self, part: ClassifierPart) -> None:
        self._images = np.ascontiguousarray(part.images)
        self._targets = np.asarray(part.targets, dtype=np.float32)

    def __getitem__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(self._images[indices]), torch.from_numpy(self._targets[indices])

    def __len__(self) -> int:
        return len(self._images)


def batches(part: ClassifierPart, batch_size: int, seed: int | None = None) -> DataLoader[Any]:
    """Batches of (uint8 [batch, height, width, 1], float32 [batch, classes]).

    Args:
        part: The samples.
        batch_size: Samples in a batch; the last may be smaller.
        seed: Of the shuffle; None: in order.

    Returns:
        The loader.
    """
    dataset = _Batches(part)
    order: RandomSampler | SequentialSampler = SequentialSampler(dataset)
    if seed is not None:
        order = RandomSampler(dataset, generator=torch.Generator().manual_seed(seed))
    # A last batch of one sample has no variance for batch normalisation to learn from.
    drop_last = seed is not None and len(part) % batch_size == 1 and len(part) > 1
    return DataLoader(dataset, sampler=BatchSampler(order, batch_size, drop_last), batch_size=None)


def _load(path: Path, stage: str) -> NDArray[Any]:
    require(path, stage)
    if path.stat().st_size < 256:  # hardly more than a header: an empty array cannot be memory-mapped
        array: NDArray[Any] = np.load(path)
    else:
        array = np.load(path, mmap_mode="r")
    return array


def _read_json(path: Path, stage: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(require(path, stage).read_text(encoding="utf-8"))
    return content
