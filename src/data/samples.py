"""Packed samples: all normalised images in one file, each as wide as it is, read through a memory map."""

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.data.artefacts import read_columns, require
from src.errors import GroundTruthError
from src.recognition.appearance import FEATURES
from src.recognition.normalize import NormalizationSettings

_STAGE = "prepare_features"
_IMAGES = "images.bin"
_INDEX = "index.parquet"
_SETTINGS = "settings.json"
_APPEARANCE = "appearance.parquet"

# The collection of what splice_letters makes, and the table beside its images.
SPLICED, SPLICED_TABLE = "spliced", "table.parquet"


class PackedSamples(Sequence[NDArray[np.uint8]]):
    """The images of a samples folder, in the order of encoded.parquet.

    Nothing is read until it is asked for, and the pages belong to the file cache: any number of processes share them.

    Attributes:
        folder: The samples folder.
        settings: How the images were normalised.
        sample_ids: object [N], as in the manifest.
        widths: int32 [N], pixels.
    """

    def __init__(self, folder: Path) -> None:
        """Open a folder that prepare_features wrote.

        Args:
            folder: Holds images.bin, index.parquet and settings.json.

        Raises:
            MissingArtefactError: The folder or one of its files is missing.
            GroundTruthError: The files do not belong together.
        """
        self.folder = folder
        settings = json.loads(require(folder / _SETTINGS, _STAGE).read_text(encoding="utf-8"))
        self.settings = NormalizationSettings(**settings)
        index = read_columns(folder / _INDEX, _STAGE, ["sample_id", "offset", "width"])
        self.sample_ids: NDArray[np.object_] = index["sample_id"].to_numpy(dtype=object)
        self.widths: NDArray[np.int32] = index["width"].to_numpy(dtype=np.int32)
        self._offsets: NDArray[np.int64] = index["offset"].to_numpy(dtype=np.int64)
        # A plain array over the map: slices of np.memmap itself cost several times as much.
        self._pixels = np.asarray(np.memmap(require(folder / _IMAGES, _STAGE), dtype=np.uint8, mode="r"))
        expected = int(self.widths.sum(dtype=np.int64)) * self.height
        if self._pixels.size != expected:
            raise GroundTruthError(
                f"{folder}: {_IMAGES} has {self._pixels.size} bytes, {_INDEX} needs {expected}; "
                f"run python src/data/{_STAGE}.py again"
            )

    @property
    def height(self) -> int:
        """Pixels of every image."""
        return self.settings.height

    def __len__(self) -> int:
        return len(self.widths)

    def __getitem__(self, row: int) -> NDArray[np.uint8]:  # type: ignore[override]  # no slices: rows differ in width
        """Return a read-only view, uint8 [height, width], 0 = paper, 255 = darkest ink."""
        offset, width = int(self._offsets[row]), int(self.widths[row])
        return self._pixels[offset : offset + self.height * width].reshape(self.height, width)

    def row_of(self, sample_id: str) -> int:
        """Return the row of a sample.

        Args:
            sample_id: As in the manifest.

        Returns:
            0 <= row < len(self).

        Raises:
            GroundTruthError: No image of that sample is packed.
        """
        try:
            return self._rows[sample_id]
        except KeyError as error:
            raise GroundTruthError(
                f"{self.folder}: no sample {sample_id}; run python src/data/{_STAGE}.py and split_data.py again"
            ) from error

    def appearance(self) -> pd.DataFrame | None:
        """What each image looked like before it was normalised: a column for each of `appearance.FEATURES`.

        Returns:
            In the order of the images; None if that was not noted.
        """
        file = self.folder / _APPEARANCE
        return read_columns(file, _STAGE, list(FEATURES)) if file.exists() else None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {str(sample_id): row for row, sample_id in enumerate(self.sample_ids)}

    def __reduce__(self) -> tuple[type["PackedSamples"], tuple[Path]]:
        """Pickle the name of the folder, not its pixels: a loader's processes open their own map."""
        return PackedSamples, (self.folder,)


def write_appearance(folder: Path, looks: NDArray[np.float32]) -> None:
    """Note beside the images what each looked like, float32 [N, features], before it was normalised."""
    pd.DataFrame(looks, columns=list(FEATURES)).to_parquet(folder / _APPEARANCE, index=False)


class SampleWriter:
    """Writes a samples folder as the images come; the rows may come in any order.

    Args:
        folder: An empty folder.
        sample_ids: N ids in the order of encoded.parquet.
        settings: How the images are normalised.
    """

    def __init__(self, folder: Path, sample_ids: Sequence[str], settings: NormalizationSettings) -> None:
        self._folder = folder
        self._sample_ids = sample_ids
        self._settings = settings
        self._offsets = np.zeros(len(sample_ids), np.int64)
        self._widths = np.zeros(len(sample_ids), np.int32)
        self._file = (folder / _IMAGES).open("wb")

    def append(self, rows: Sequence[int], widths: Sequence[int], pixels: bytes) -> None:
        """Append some images.

        Args:
            rows: Their rows in `sample_ids`.
            widths: Their widths, pixels.
            pixels: The images one after another, each uint8 [height, width] in C order.
        """
        sizes = np.asarray(widths, np.int64) * self._settings.height
        places = np.asarray(rows, np.int64)
        self._offsets[places] = self._file.tell() + np.cumsum(sizes) - sizes
        self._widths[places] = widths
        self._file.write(pixels)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Close images.bin and, unless an error passes, write the index and the settings beside it."""
        self._file.close()
        if kind is None:
            index = {"sample_id": list(self._sample_ids), "offset": self._offsets, "width": self._widths}
            pd.DataFrame(index).to_parquet(self._folder / _INDEX, index=False)
            settings = json.dumps(self._settings.to_dict())
            (self._folder / _SETTINGS).write_text(settings + "\n", encoding="utf-8")
