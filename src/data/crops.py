"""Samples cut out of their pages and normalised: the heavy part of prepare_features, done in many processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import GroundTruthError, ImageError
from src.recognition.appearance import look
from src.recognition.images import decode_image
from src.recognition.normalize import GreyImage, NormalizationSettings, normalize


@dataclass(frozen=True)
class Region:
    """Where a sample lies on its image.

    Attributes:
        row: Of the sample in encoded.parquet.
        sample_id: As in the manifest.
        box: "x y w h", pixels; None: the whole image.
        polygon: "x,y x,y ...", pixels of the image; None: the whole box.
    """

    row: int
    sample_id: str
    box: str | None
    polygon: str | None


@dataclass(frozen=True)
class Page:
    """One image file and its samples; it is decoded once for all of them."""

    image: Path
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class Job:
    """Some pages for one process."""

    pages: tuple[Page, ...]
    settings: NormalizationSettings


@dataclass(frozen=True)
class Block:
    """Normalised images of some samples.

    Attributes:
        rows: Of the samples in encoded.parquet.
        widths: Pixels.
        pixels: The images one after another, each uint8 [height, width] in C order.
        looks: What each looked like before it was normalised (`appearance.look`).
    """

    rows: tuple[int, ...]
    widths: tuple[int, ...]
    pixels: bytes
    looks: tuple[tuple[float, ...], ...]


def prepare(job: Job) -> Block:
    """Cut and normalise the samples of some pages.

    Args:
        job: The pages.

    Returns:
        Their images, in the order of the pages and regions.

    Raises:
        ImageError: An image cannot be read, or a sample cannot be cut from it; the text names file and sample.
    """
    cv2.setNumThreads(1)  # the processes are as many as the cores already
    rows: list[int] = []
    widths: list[int] = []
    parts: list[bytes] = []
    looks: list[tuple[float, ...]] = []
    for page in job.pages:
        for region, raw, image in _samples(page, job.settings):
            rows.append(region.row)
            widths.append(image.shape[1])
            parts.append(image.tobytes())
            looks.append(look(raw))
    return Block(tuple(rows), tuple(widths), b"".join(parts), tuple(looks))


def _samples(page: Page, settings: NormalizationSettings) -> Iterator[tuple[Region, GreyImage, GreyImage]]:
    """Each region of a page, as it was cut and as it is normalised."""
    try:
        grey = decode_image(page.image)
    except (ImageError, OSError) as error:
        first = page.regions[0].sample_id
        raise ImageError(
            f"{page.image}: {error} (sample {first}); run python src/data/load_dataset.py again"
        ) from error
    for region in page.regions:
        try:
            raw = crop(grey, region.box, region.polygon)
            yield region, raw, normalize(raw, settings)
        except (ImageError, GroundTruthError) as error:
            raise ImageError(f"{page.image}: sample {region.sample_id}: {error}") from error


def crop(grey: NDArray[np.uint8], box: str | None, polygon: str | None) -> NDArray[np.uint8]:
    """Cut a sample out of its image.

    Args:
        grey: uint8 [H, W], the whole image.
        box: "x y w h", pixels; None: the whole image, or the polygon's extent.
        polygon: "x,y x,y ...", pixels of the image; what lies outside gets the colour of the paper inside, so that
            neighbours' ink is not read. None: nothing is painted.

    Returns:
        uint8 [h, w]; a view of `grey` if nothing is painted.

    Raises:
        GroundTruthError: The box or polygon is malformed or lies outside the image.
    """
    points = None if polygon is None else parse_polygon(polygon)
    if box is not None:
        x, y, width, height = parse_box(box)
    elif points is not None:
        x, y, width, height = cv2.boundingRect(points)
    else:
        return grey
    left, top = max(x, 0), max(y, 0)
    cut = grey[top : max(y + height, 0), left : max(x + width, 0)]
    if cut.size == 0:
        raise GroundTruthError(
            f"the box {x} {y} {width} {height} lies outside the image of {grey.shape[1]} x {grey.shape[0]} pixels"
        )
    return cut if points is None else _paint_outside(cut, points - np.array([left, top], np.int32))


def _paint_outside(cut: NDArray[np.uint8], points: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Give what lies outside a polygon, int32 [N, 2] of x and y in `cut`, the colour of the paper inside it."""
    inside = np.zeros(cut.shape, np.uint8)
    cv2.fillPoly(inside, [points], 255)
    within = inside > 0
    if not within.any():
        raise GroundTruthError("the polygon encloses no pixel of the image")
    paper = int(np.median(cut[within]))  # writing covers the lesser part of a line
    return np.where(within, cut, np.uint8(paper))


def parse_box(box: str) -> tuple[int, int, int, int]:
    """Read a box.

    Args:
        box: "x y w h".

    Returns:
        x, y, width, height, pixels.

    Raises:
        GroundTruthError: It is not that.
    """
    try:
        x, y, width, height = (int(value) for value in box.split())
    except ValueError as error:
        raise GroundTruthError(f'box "{box}" is not "x y w h"') from error
    return x, y, width, height


def parse_polygon(polygon: str) -> NDArray[np.int32]:
    """Read a polygon.

    Args:
        polygon: "x,y x,y ...", three points or more.

    Returns:
        int32 [N, 2], x and y, pixels.

    Raises:
        GroundTruthError: It is not that.
    """
    try:
        points = np.array([[int(value) for value in point.split(",")] for point in polygon.split()], np.int32)
    except ValueError as error:
        raise GroundTruthError(f'polygon "{polygon[:40]}" is not "x,y x,y ..."') from error
    if points.ndim != 2 or points.shape[0] < 3 or points.shape[1] != 2:
        raise GroundTruthError(f'polygon "{polygon[:40]}" is not "x,y x,y ..." with three points or more')
    return points
