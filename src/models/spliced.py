"""The training part with the new texts that were made of its writers' letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.data.samples import SPLICED_TABLE, PackedSamples
from src.models.dataset import Part, frames_needed
from src.models.network import STRIDE


@dataclass(frozen=True)
class Chained(Sequence[NDArray[np.uint8]]):
    """The images of two folders of samples, one after the other."""

    first: PackedSamples
    second: PackedSamples

    def __len__(self) -> int:
        return len(self.first) + len(self.second)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:  # type: ignore[override]  # no slices: rows differ in width
        """Return a read-only view, uint8 [height, width]."""
        return self.first[row] if row < len(self.first) else self.second[row - len(self.first)]


def with_spliced(train: Part, samples: PackedSamples, folder: Path) -> tuple[Part, Sequence[NDArray[np.uint8]]]:
    """Add the spliced texts to the training part.

    Args:
        train: The training part.
        samples: Its images.
        folder: Written by splice_letters; it may be missing or empty.

    Returns:
        The part, and the images that its rows are of.
    """
    if not (folder / SPLICED_TABLE).exists():
        return train, samples
    table = pd.read_parquet(folder / SPLICED_TABLE)
    if table.empty:
        return train, samples
    spliced = PackedSamples(folder)
    table["width"] = spliced.widths
    table["row"] = len(samples) + np.arange(len(table))
    table = table[table["width"] // STRIDE >= table["codes"].map(frames_needed)]
    part = Part(
        rows=np.concatenate([train.rows, table["row"].to_numpy(np.int64)]),
        widths=np.concatenate([train.widths, table["width"].to_numpy(np.int64)]),
        codes=[*train.codes, *(np.asarray(codes, np.int64) for codes in table["codes"])],
        texts=[*train.texts, *table["text"]],
        writers=[*train.writers, *table["writer"]],
        levels=[*train.levels, *table["level"]],
        sources=[*train.sources, *table["source"]],
    )
    return part, Chained(samples, spliced)
