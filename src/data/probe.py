"""Every image decoded once: can it be read, and what size, paper and contrast do its samples have?"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.formats.ground_truth import Box
from src.errors import ImageError
from src.recognition.images import decode_image

Points = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Region:
    """Where a sample lies on its image, in units of a page of `page_size` (None: pixels of the image)."""

    box: Box | None
    polygon: Points | None
    page_size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Crop:
    """What was found of a sample.

    Attributes:
        box: "x y w h" in pixels, cut to the image; None for the whole image.
        polygon: "x,y x,y ..." in pixels; None for none.
        width: Pixels.
        height: Pixels.
        paper: Median grey, 0..255.
        contrast: Paper minus the darkest 1 %, grey levels.
        digest: Hash of the pixels, 16 hexadecimal digits.
    """

    box: str | None
    polygon: str | None
    width: int
    height: int
    paper: int
    contrast: int
    digest: str


Task = list[tuple[str, tuple[Region, ...]]]


def probe(task: Task) -> list[list[Crop | str]]:
    """Decode some images and look at their samples.

    Args:
        task: Image files with the regions of their samples.

    Returns:
        For each image, for each of its regions: what was found, or why the sample cannot be used.
    """
    cv2.setNumThreads(1)  # the processes are as many as the cores already
    found: list[list[Crop | str]] = []
    for image, regions in task:
        try:
            grey = decode_image(Path(image))
        except ImageError as error:
            found.append([f"unreadable image: {error}"] * len(regions))
            continue
        except OSError as error:
            found.append([f"unreadable image: {error.strerror}"] * len(regions))
            continue
        found.append([_look(grey, region) for region in regions])
    return found


def _look(grey: NDArray[np.uint8], region: Region) -> Crop | str:
    if region.box is None:
        return _measure(grey, None, None)
    scale_x, scale_y = _scale(grey, region.page_size)
    x, y, width, height = region.box
    left, right = (min(max(round(side * scale_x), 0), grey.shape[1]) for side in (x, x + width))
    top, bottom = (min(max(round(side * scale_y), 0), grey.shape[0]) for side in (y, y + height))
    if right <= left or bottom <= top:
        return f"the line lies outside the image of {grey.shape[1]} x {grey.shape[0]} pixels"
    polygon = None
    if region.polygon is not None:
        polygon = " ".join(f"{round(px * scale_x)},{round(py * scale_y)}" for px, py in region.polygon)
    return _measure(grey[top:bottom, left:right], f"{left} {top} {right - left} {bottom - top}", polygon)


def _scale(grey: NDArray[np.uint8], page_size: tuple[int, int] | None) -> tuple[float, float]:
    """Factors from the page's units to pixels; a scan saved smaller keeps the coordinates of the first one."""
    if page_size is None:
        return 1.0, 1.0
    return grey.shape[1] / page_size[0], grey.shape[0] / page_size[1]


def _measure(crop: NDArray[np.uint8], box: str | None, polygon: str | None) -> Crop:
    counts = np.bincount(crop.reshape(-1), minlength=256).cumsum()
    paper = int(np.searchsorted(counts, counts[-1] / 2))
    darkest = int(np.searchsorted(counts, counts[-1] / 100))
    digest = hashlib.blake2b(np.ascontiguousarray(crop).tobytes(), digest_size=8, salt=b"%d" % crop.shape[1])
    height, width = crop.shape
    return Crop(box, polygon, width, height, paper, paper - darkest, digest.hexdigest())
