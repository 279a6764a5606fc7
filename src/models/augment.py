"""Distortions of normalised images, so that the recognizer meets more hands, pens and papers than the data holds.

Each works on ink (uint8 [H, W]: 0 = paper, 255 = darkest) and keeps the height. All geometry is one resampling: a shear
(slant), a rotation, a stretch, a shift and a smooth random displacement (Simard et al., "Best Practices for
Convolutional Neural Networks Applied to Visual Document Analysis", 2003), because each further resampling would blur
thin strokes.
"""

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Ink = NDArray[np.uint8]

_KERNELS = tuple(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)) for size in (2, 3))


def augment(ink: Ink, random: Generator, stretch: float = 1.0, max_width: int = 2048) -> Ink:
    """Distort one image as another hand, pen or scanner might have.

    Args:
        ink: uint8 [H, W], 0 = paper.
        random: Source of all choices; the same state gives the same image.
        stretch: Factor of the width.
        max_width: Pixels; the result is not wider.

    Returns:
        uint8 [H, W'], W' about `stretch` of W, and somewhat more where the writing is slanted.
    """
    ink = _geometry(ink, random, stretch, max_width)
    if random.random() < 0.4:
        ink = _stroke_width(ink, random)
    if random.random() < 0.15:
        ink = _neighbours(ink, random)
    if random.random() < 0.25:
        ink = _rule(ink, random)
    if random.random() < 0.3:
        ink = _fade(ink, random)
    if random.random() < 0.25:
        ink = np.asarray(cv2.GaussianBlur(ink, (3, 3), random.uniform(0.4, 1.0)), dtype=np.uint8)
    if random.random() < 0.3:
        ink = _noise(ink, random)
    if random.random() < 0.35:
        ink = _cut_out(ink, random)
    return ink


def _geometry(ink: Ink, random: Generator, stretch: float, max_width: int) -> Ink:
    height, width = ink.shape
    shear = random.normal(0.0, 0.22)
    lean = abs(shear) * height / 2
    new_width = int(np.clip(round(width * stretch + lean), 8, max_width))
    # The body's size and place are only estimated, from few letters or beside stray ink: the recognizer must not depend
    # on them.
    scale = float(np.clip(np.exp(random.normal(-0.05, 0.15)), 0.65, 1.3))
    shift = random.normal(0.0, 0.04) * height
    angle = random.normal(0.0, 0.012) * min(1.0, 400.0 / width)
    columns = np.arange(new_width, dtype=np.float32)[None, :] - new_width / 2
    rows = np.arange(height, dtype=np.float32)[:, None] - height / 2
    source_rows = (rows - shift) / scale + angle * columns
    source_columns = (columns - shear * rows) * ((width + 0.0) / max(1.0, new_width - lean))
    source_columns = np.broadcast_to(source_columns, (height, new_width))
    if random.random() < 0.7:
        strength = random.uniform(0.5, 2.8)
        grid = (max(2, height // 16) + 1, max(2, new_width // 24) + 1)
        waves = random.normal(0.0, strength, (2, *grid)).astype(np.float32)
        across, down = (cv2.resize(wave, (new_width, height), interpolation=cv2.INTER_CUBIC) for wave in waves)
        source_columns = source_columns + across
        source_rows = source_rows + 0.6 * down
    return np.asarray(
        cv2.remap(
            ink,
            np.ascontiguousarray(source_columns + width / 2, dtype=np.float32),
            np.ascontiguousarray(source_rows + height / 2, dtype=np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=0,
        ),
        dtype=np.uint8,
    )


def _stroke_width(ink: Ink, random: Generator) -> Ink:
    kernel = _KERNELS[int(random.integers(len(_KERNELS)))]
    changed = cv2.dilate(ink, kernel) if random.random() < 0.65 else cv2.erode(ink, _KERNELS[0])
    share = random.uniform(0.4, 1.0)
    return np.asarray(cv2.addWeighted(changed, share, ink, 1.0 - share, 0.0), dtype=np.uint8)


def _rule(ink: Ink, random: Generator) -> Ink:
    """Draw a ruled line, whole or dotted, at the height where paper has one: under the writing."""
    height, width = ink.shape
    row = random.uniform(0.6, 0.98) * height
    slope = random.normal(0.0, 0.004)
    layer = np.zeros_like(ink)
    ends = [(0, round(row)), (width - 1, round(row + slope * width))]
    cv2.line(layer, ends[0], ends[1], int(random.integers(60, 220)), int(random.integers(1, 3)), cv2.LINE_AA)
    if random.random() < 0.3:
        period = int(random.integers(4, 9))
        layer[:, np.arange(width) % period < period // 2] = 0
    return np.maximum(ink, layer)


def _neighbours(ink: Ink, random: Generator) -> Ink:
    """Let the lines above and below reach in: the line's own tails and tips, from another place of it."""
    height, width = ink.shape
    depth = int(random.integers(3, 3 + height // 5))
    moved = np.roll(ink, int(random.integers(width)), axis=1)
    if random.random() < 0.5:
        moved = moved[:, ::-1]
    layer = np.zeros_like(ink)
    if random.random() < 0.5:
        layer[:depth] = moved[-depth - height // 8 : height - height // 8]
    else:
        layer[-depth:] = moved[height // 8 : depth + height // 8]
    return np.maximum(ink, layer)


def _fade(ink: Ink, random: Generator) -> Ink:
    """Let the ink run out and come back, and change its strength as a whole."""
    points = random.uniform(0.45, 1.0, max(2, ink.shape[1] // 64 + 2)).astype(np.float32)
    strength = cv2.resize(points[None, :], (ink.shape[1], 1), interpolation=cv2.INTER_LINEAR)
    gamma = float(np.exp(random.normal(0.0, 0.3)))
    return np.asarray(255.0 * (ink / 255.0) ** gamma * strength, dtype=np.uint8)


def _noise(ink: Ink, random: Generator) -> Ink:
    grain = random.normal(0.0, random.uniform(3.0, 18.0), ink.shape)
    return np.asarray((ink + grain).clip(0.0, 255.0), dtype=np.uint8)


def _cut_out(ink: Ink, random: Generator) -> Ink:
    """Blank a few small patches (DeVries and Taylor, "Improved Regularization of CNNs with Cutout", 2017)."""
    ink = ink.copy()
    height, width = ink.shape
    for _ in range(1 + width // 160):
        top, left = int(random.integers(height)), int(random.integers(width))
        ink[top : top + int(random.integers(4, 16)), left : left + int(random.integers(2, 12))] = 0
    return ink
