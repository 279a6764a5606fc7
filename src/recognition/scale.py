"""How large the writing is shown: by its body, more than by its box.

A box is as high as its tallest loop, its deepest tail or a neighbour's stray ink, so that one hand would be read at
many sizes. How far the ink spreads around its middle row tells the size of the letters' bodies and hardly minds a stray
mark (moments: Kozielski, Forster and Ney, "Moment-Based Image Normalization for Handwritten Text Recognition", 2012).
A short word is all loops or none, and there the box is the better guide; both are asked. How often the pen crosses the
body in a column tells how wide the hand writes.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

GreyImage = NDArray[np.uint8]

# Empty columns on both sides, and rows above and below where the writing leaves them.
MARGIN = 2
# Standard deviation of the ink's rows that is aimed at, as a share of the height: then most loops and tails fit.
_SPREAD = 9 / 48
# The row that the ink's mean comes to: tails are rarer than loops.
_MIDDLE = 25 / 48
# Weight of the body's size against the box's, in the logarithm of the factor.
_BODY_WEIGHT = 0.7
# A comma or a dash alone is not blown up to a letter's size; nor is writing of which little would stay in sight.
_MOST_ENLARGED = 4.0
_MOST_ENLARGED_OVER_BOX = 1.8
# Strokes in one row of the body for each row of the height and column, at the usual width of a hand.
_DENSITY = 0.063
_WIDTH_WEIGHT = 0.5
_WIDTH_LIMITS = (0.8, 1.3)
# Wider than the hand writes: a frame of the network is four columns, and letters that share frames are misread.
_WIDENED = 1.15
# Shorter writing does not tell how wide the hand is.
_LEAST_ASPECT = 1.5
_STROKE_INK = 96


@dataclass(frozen=True)
class Scale:
    """How an image of ink is brought to the models' height.

    Attributes:
        down: Factor of its height.
        across: Factor of its width.
        middle: Its row that comes to the middle of the body, pixels.
    """

    down: float
    across: float
    middle: float


def choose_scale(ink: GreyImage, height: int) -> Scale:
    """Choose the size at which writing is shown.

    Args:
        ink: uint8 [H, W], 0 = paper, cut to the writing.
        height: Rows to show it in.

    Returns:
        The factors; for a blank image those that fit the whole of it.
    """
    by_box = min((height - 2 * MARGIN) / ink.shape[0], _MOST_ENLARGED)
    rows = ink.sum(axis=1, dtype=np.float64)
    total = rows.sum()
    if total == 0.0:
        return Scale(by_box, by_box, ink.shape[0] / 2)
    places = np.arange(len(rows)) + 0.5
    middle = float((rows * places).sum() / total)
    spread = float(np.sqrt((rows * (places - middle) ** 2).sum() / total))
    by_body = _SPREAD * height / max(spread, 0.25)
    down = min(by_box ** (1 - _BODY_WEIGHT) * by_body**_BODY_WEIGHT, _MOST_ENLARGED_OVER_BOX * by_box, _MOST_ENLARGED)
    across = _WIDENED * down
    if ink.shape[1] >= _LEAST_ASPECT * ink.shape[0]:
        # Crossings for each column as it would be shown, against the usual.
        density = _strokes(ink, middle, spread) / (ink.shape[1] * down) * (48 / height)
        across *= float(np.clip((density / _DENSITY) ** _WIDTH_WEIGHT, *_WIDTH_LIMITS))
    return Scale(down, across, middle)


def _strokes(ink: GreyImage, middle: float, spread: float) -> float:
    """How many strokes a row of the body crosses, in the mean."""
    top = max(0, int(middle - spread))
    body = (ink[top : max(top + 1, int(middle + spread))] > _STROKE_INK).view(np.int8)
    return float((np.diff(body, axis=1) > 0).sum(axis=1).mean())


def show(ink: GreyImage, scale: Scale, height: int, max_width: int) -> GreyImage:
    """Scale writing and put its body at one height; what reaches beyond the rows is cut off.

    Args:
        ink: uint8 [H, W], 0 = paper.
        scale: From `choose_scale`.
        height: Rows of the result.
        max_width: Columns of the result at most; wider writing is squeezed.

    Returns:
        uint8 [height, w], w at least 8, with an empty margin left and right.
    """
    rows = max(1, round(ink.shape[0] * scale.down))
    columns = max(4, min(max_width - 2 * MARGIN, round(ink.shape[1] * scale.across)))
    method = cv2.INTER_AREA if min(scale.down, scale.across) < 1.0 else cv2.INTER_LINEAR
    scaled = cv2.resize(ink, (columns, rows), interpolation=method)
    top = round(_MIDDLE * height - scale.middle * scale.down)
    if rows <= height - 2 * MARGIN:  # all of it can be seen
        top = int(np.clip(top, MARGIN, height - MARGIN - rows))
    result = np.zeros((height, columns + 2 * MARGIN), np.uint8)
    first, last = max(0, top), min(height, top + rows)
    result[first:last, MARGIN : MARGIN + columns] = scaled[first - top : last - top]
    return result
