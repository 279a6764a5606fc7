"""What every reader of a ground-truth format returns, and what it may ask of a folder."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"})

Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled image, as the ground truth says it.

    Attributes:
        file: File of the ground truth, relative to the folder.
        row: Line number or element id in that file.
        name: Identifier within the collection.
        image: Image file, relative to the folder.
        transcription: The text, untouched.
        writer: Who wrote it, within the collection.
        form: Page or form that it lies on.
        level: A word or a line.
        quality: `err` when the ground truth itself doubts the sample.
        box: Crop of the image as x, y, width, height in pixels; None for the whole image.
        polygon: Points (x, y) in pixels of the image that cut the crop further.
        page_size: Width and height, in the units of box and polygon, that the ground truth says the image has.
    """

    file: str
    row: str
    name: str
    image: str
    transcription: str
    writer: str
    form: str
    level: Literal["word", "line"]
    quality: Literal["ok", "err"] = "ok"
    box: Box | None = None
    polygon: tuple[tuple[int, int], ...] | None = None
    page_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row of ground truth that cannot be used.

    Attributes:
        file: File of the ground truth.
        row: Line number or element id in that file.
        reason: Why.
    """

    file: str
    row: str
    reason: str


@dataclass
class GroundTruth:
    """All rows of a folder, usable and not."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, file: str, row: object, reason: str) -> None:
        """Note a row that cannot be used."""
        self.rejected.append(Rejected(file, str(row), reason))

    def extend(self, other: "GroundTruth") -> None:
        """Add all rows of another."""
        self.rows.extend(other.rows)
        self.rejected.extend(other.rejected)


@dataclass
class Folder:
    """A folder of ground truth, listed once.

    Attributes:
        root: The folder.
    """

    root: Path

    @cached_property
    def files(self) -> list[str]:
        """All files, relative to the root with `/`, sorted; hidden files are left out."""
        return sorted(_walk(str(self.root), ""))

    @cached_property
    def images(self) -> dict[str, str]:
        """Image files by their name without folder and suffix; of two with the same name, the first."""
        images: dict[str, str] = {}
        for file in self.files:
            stem, suffix = _split_suffix(file.rpartition("/")[2])
            if suffix.lower() in IMAGE_SUFFIXES:
                images.setdefault(stem, file)
        return images

    def with_suffix(self, *suffixes: str) -> list[str]:
        """List the files with one of these suffixes (lower case, with the dot)."""
        return [file for file in self.files if file.lower().endswith(suffixes)]

    def page_image(self, xml: str, declared: str | None) -> str | None:
        """Find the image of a page.

        Args:
            xml: The page's file.
            declared: Image name that the page's file gives.

        Returns:
            The image beside it, anywhere with the declared name, or anywhere with the page's own name; else None.
        """
        names = [declared.replace("\\", "/").rpartition("/")[2]] if declared else []
        names.append(PurePosixPath(xml).name)
        for name in names:
            beside = str(PurePosixPath(xml).with_name(name))
            if beside in self._known and _split_suffix(name)[1].lower() in IMAGE_SUFFIXES:
                return beside
            stem = _split_suffix(name)[0]
            if stem in self.images:
                return self.images[stem]
        return None

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.files)

    def holds(self, file: str) -> bool:
        """Tell whether a file exists, by its path relative to the root."""
        return file in self._known


Reader = Callable[[Folder, re.Pattern[str] | None], GroundTruth]


def writer_of(name: str, pattern: re.Pattern[str] | None, default: str) -> str:
    """Find the writer in a file's name.

    Args:
        name: The name to search.
        pattern: Regular expression whose first group is the writer.
        default: What is given when there is no pattern or it does not match.

    Returns:
        The writer within the collection.
    """
    match = pattern.search(name) if pattern else None
    return match.group(1) if match else default


def _split_suffix(name: str) -> tuple[str, str]:
    """Split a file name before its last dot: PurePath would cost a second for IAM's 115,320 images."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, dot + suffix) if stem else (name, "")


def _walk(root: str, below: str) -> Iterator[str]:
    with os.scandir(f"{root}/{below}") as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, f"{below}{entry.name}/")
            elif entry.is_file():
                yield below + entry.name
