"""Lines that run up, down or in a bow -> lines that run level.

A line's box is as high as its slope makes it: a hand that climbs by one line's height over the page's width would be
read at half the size of others. The course is found as the one whose rows are the most unequal, since level writing
leaves most of its ink in the rows of its letters' bodies (the projection-profile method: Postl, "Detection of linear
oblique structures and skew scan in digitized documents", 1986; here with a bow beside the slope).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]

# Narrower images are words: their slope costs little size, and a few letters do not tell it.
_LEAST_ASPECT = 4.0
# The course is sought on a copy of this width, in which a row of pixels is a small share of a letter's body.
_SEARCH_WIDTH = 384
# Rise over run, and bow over width, that are tried; beyond it is no line that was cut out with care.
_SLOPES = np.linspace(-0.12, 0.12, 33)
_BOWS = np.linspace(-0.03, 0.03, 13)
_NEAR = np.linspace(-1, 1, 9)
# A course is taken only if the rows' inequality grows by this share: level lines stay as they are.
_LEAST_GAIN = 1.02


def straighten(ink: GreyImage) -> GreyImage:
    """Shift each column so that the line runs level; columns stay where they are.

    Args:
        ink: uint8 [H, W], 0 = paper.

    Returns:
        uint8 [H', W], H' at least H; `ink` itself if it is a word, blank, or level already.
    """
    height, width = ink.shape
    if width < _LEAST_ASPECT * height:
        return ink
    shift = _course(ink)
    if shift is None:
        return ink
    top, bottom = int(np.ceil(-shift.min())), int(np.ceil(shift.max()))
    rows = np.arange(height + top + bottom, dtype=np.float32)[:, None] - top + shift[None, :]
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], rows.shape)
    return np.asarray(
        cv2.remap(ink, np.ascontiguousarray(columns), rows.astype(np.float32), cv2.INTER_LINEAR, borderValue=0),
        dtype=np.uint8,
    )


def _course(ink: GreyImage) -> NDArray[np.float32] | None:
    """How far each column lies below the line's middle, float32 [W] in pixels; None for a level line."""
    height, width = ink.shape
    scale = min(1.0, _SEARCH_WIDTH / width)
    small = cv2.resize(ink, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    ys, xs = np.nonzero(small > 32)
    if len(ys) < 32:
        return None
    weights = small[ys, xs].astype(np.float64)
    along = xs / small.shape[1] - 0.5
    bow = along**2 - 1 / 12  # its mean over the width is zero, as the slope's is

    def inequality(slope: float, bend: float) -> float:
        rows = ys - small.shape[1] * (slope * along + 4 * bend * bow)
        profile = np.bincount(np.rint(rows - rows.min()).astype(np.int64), weights)
        return float((profile**2).sum())

    level = inequality(0.0, 0.0)
    slope = max(_SLOPES, key=lambda value: inequality(value, 0.0))
    bend = max(_BOWS, key=lambda value: inequality(slope, value))
    # Slope and bow were sought apart, and by large steps: once more, near what was found.
    slope = max(slope + _NEAR * (_SLOPES[1] - _SLOPES[0]), key=lambda value: inequality(value, bend))
    bend = max(bend + _NEAR * (_BOWS[1] - _BOWS[0]), key=lambda value: inequality(slope, value))
    slope = max(slope + 0.5 * _NEAR * (_SLOPES[1] - _SLOPES[0]), key=lambda value: inequality(value, bend))
    if inequality(slope, bend) < _LEAST_GAIN * level:
        return None
    place = np.arange(width) / width - 0.5
    return np.asarray(width * (slope * place + 4 * bend * (place**2 - 1 / 12)), dtype=np.float32)
