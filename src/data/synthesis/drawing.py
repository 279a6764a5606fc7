"""Words and lines as grey images: the pen's traces as ink on a writer's paper, seen by a scanner."""

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.synthesis.pen import Trace, write
from src.data.synthesis.writer import Writer

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]

_OVERSAMPLING = 3
_FRACTION_BITS = 4  # OpenCV's fixed-point coordinates
_MARGIN = (3, 9)  # pixels of paper around the ink


def draw_word(text: str, writer: Writer, rng: np.random.Generator) -> Image:
    """Draw one word, as cut from a page.

    Args:
        text: The word, a number or punctuation.
        writer: Whose hand, pen and paper.
        rng: Source of all that differs each time.

    Returns:
        uint8 [height, width], 0 = black, 255 = white; the ink with a few pixels of paper around.

    Raises:
        CharsetError: The text holds a character that cannot be drawn.
        ValueError: The text holds nothing to draw.
    """
    return _develop(write(text, writer, rng), writer, rng)


def draw_line(text: str, writer: Writer, rng: np.random.Generator) -> Image:
    """Draw a line of words, as cut from a page.

    Args:
        text: Words between single spaces.
        writer: Whose hand, pen and paper.
        rng: Source of all that differs each time.

    Returns:
        uint8 [height, width], 0 = black, 255 = white.

    Raises:
        CharsetError: The text holds a character that cannot be drawn.
        ValueError: The text holds nothing to draw.
    """
    return _develop(write(" ".join(text.split()), writer, rng), writer, rng)


def _develop(traces: list[Trace], writer: Writer, rng: np.random.Generator) -> Image:
    cover, baseline = _cover(traces, rng)
    return develop(cover, baseline, writer, rng)


def develop(cover: Plane, baseline: float, writer: Writer, rng: np.random.Generator) -> Image:
    """Put ink on a writer's paper, as a scanner sees it.

    Args:
        cover: float32 [height, width], 0..1: how far ink covers each pixel.
        baseline: Its row, for ruled paper.
        writer: Whose pen and paper.
        rng: Source of all that differs each time.

    Returns:
        uint8 [height, width], 0 = black, 255 = white.
    """
    return _scan(_ink(cover, writer, rng), _paper(cover.shape, baseline, writer, rng), writer, rng)


def _cover(traces: list[Trace], rng: np.random.Generator) -> tuple[Plane, float]:
    """Return how far the ink covers each pixel, float32 [height, width] 0..1, and the baseline's row."""
    points = np.concatenate([trace.points for trace in traces])
    thickest = max(float(trace.widths.max()) for trace in traces) / 2
    left, top, right, bottom = rng.integers(*_MARGIN, size=4, endpoint=True) + thickest
    low, high = points.min(axis=0) - np.array([left, top]), points.max(axis=0) + np.array([right, bottom])
    width, height = (int(np.ceil(side)) for side in high - low)
    canvas = np.zeros((height * _OVERSAMPLING, width * _OVERSAMPLING), np.uint8)
    for trace in traces:
        fixed = np.round((trace.points - low) * _OVERSAMPLING * 2**_FRACTION_BITS).astype(np.int32)
        thickness = np.maximum(np.round(trace.widths * _OVERSAMPLING).astype(int), 1)
        # One call for each run of equal thickness: a call costs more than its pixels.
        starts = np.flatnonzero(np.diff(thickness[:-1], prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(fixed) - 1], strict=True):
            run = fixed[start : end + 1]
            cv2.polylines(canvas, [run], False, 255, int(thickness[start]), cv2.LINE_8, _FRACTION_BITS)
    cover = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cover, np.float32) / 255.0, float(-low[1])


def _ink(cover: Plane, writer: Writer, rng: np.random.Generator) -> Plane:
    """Return the ink's opacity, float32 [height, width] 0..1."""
    flow = _clouds(cover.shape, 14, rng)
    if writer.pen == "pencil":
        grain = _clouds(cover.shape, 2, rng)
        return np.asarray(cover * np.clip(0.80 + 0.22 * grain + 0.10 * flow, 0.25, 1.0))
    if writer.pen == "ballpoint":
        grain = _clouds(cover.shape, 3, rng)
        return np.asarray(cover * np.clip(0.90 + 0.10 * grain + 0.10 * flow, 0.35, 1.0))
    strength = 0.12 if writer.pen == "fountain" else 0.04
    return np.asarray(cover * np.clip(0.94 + strength * flow, 0.5, 1.0))


def _paper(shape: tuple[int, ...], baseline: float, writer: Writer, rng: np.random.Generator) -> Plane:
    """Return the blank paper, float32 [height, width] grey levels."""
    paper = np.full(shape, writer.paper + rng.normal(0.0, 1.5), np.float32)
    paper += writer.texture * (0.5 * _clouds(shape, 3, rng) + 0.5 * _clouds(shape, 24, rng))
    if writer.ruled:
        distance = writer.ruled * writer.x_height
        first = baseline + rng.normal(0.06, 0.05) * writer.x_height
        tilt = rng.normal(0.0, 0.003)
        for number in range(-2, 3):
            start = (0, first + number * distance)
            end = (shape[1], first + number * distance + tilt * shape[1])
            line = np.zeros(shape, np.uint8)
            ends = [tuple(round(value * 2**_FRACTION_BITS) for value in point) for point in (start, end)]
            cv2.line(line, ends[0], ends[1], 255, 1, cv2.LINE_AA, _FRACTION_BITS)
            paper -= line * np.float32(writer.ruling / 255)
    return paper


def _scan(opacity: Plane, paper: Plane, writer: Writer, rng: np.random.Generator) -> Image:
    ink = writer.ink + rng.normal(0.0, 5.0)
    page = paper + opacity * (np.minimum(ink, paper) - paper)
    seen = cv2.GaussianBlur(page, (0, 0), writer.blur)
    noise = rng.standard_normal(page.shape, dtype=np.float32) * (0.6 + 0.4 * writer.texture)
    return np.clip(np.round(seen + noise), 0, 255).astype(np.uint8)


def _clouds(shape: tuple[int, ...], size: int, rng: np.random.Generator) -> Plane:
    """Return smooth noise of standard deviation about 1 with blotches of `size` pixels, float32 [height, width]."""
    height, width = shape
    small = rng.standard_normal((height // size + 2, width // size + 2), dtype=np.float32)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
