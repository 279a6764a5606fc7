"""A grey image of writing -> ink on nothing, at one size: what every model sees, in training and in service."""

from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from src.errors import ImageError
from src.recognition.scale import MARGIN, choose_scale, show
from src.recognition.straighten import straighten

GreyImage = NDArray[np.uint8]

# The paper is estimated on a copy of this height, where strokes are thin enough to be dilated away.
_PAPER_HEIGHT = 32
# Ink weaker than this share of the image's darkest strokes is paper grain, bleed-through or a ruled line's edge.
_NOISE_SHARE = 0.12
# An image whose "ink" differs by fewer grey levels than this from its paper is blank: not to be stretched.
_MIN_CONTRAST = 24.0
# Ink that counts for the extent of the writing (of 255).
_EXTENT_INK = 96


# Raised when `normalize` shows the same image in another way: a model reads only what looks as it did in training.
REVISION = 3


@dataclass(frozen=True)
class NormalizationSettings:
    """What the normalisation depends on; saved in the model file.

    Attributes:
        height: Pixels of the normalised image.
        max_width: Pixels; a wider image is squeezed to this.
        revision: Of the way in which images are normalised.
    """

    height: int = 48
    max_width: int = 2048
    revision: int = REVISION

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for a model file."""
        return asdict(self)


@dataclass(frozen=True)
class Extent:
    """Which columns of an image its normalised form shows.

    Attributes:
        left: Pixels of the image, from its left edge to the first column shown.
        scale: Pixels of the image for one column of the normalised form.
        width: Pixels of the whole image.
    """

    left: float
    scale: float
    width: int

    @classmethod
    def of_normalized(cls, width: int) -> "Extent":
        """Of a normalised image itself: each column where it is."""
        return cls(left=float(MARGIN), scale=1.0, width=width)

    def column(self, normalized: float) -> float:
        """Where a column of the normalised form lies in the image: pixels from its left edge, 0..width."""
        return min(float(self.width), max(0.0, self.left + (normalized - MARGIN) * self.scale))


def normalize(grey: GreyImage, settings: NormalizationSettings) -> GreyImage:
    """Bring an image of a word or a line to the form that the models read.

    Light writing on dark paper is inverted, uneven paper is subtracted, contrast is stretched, a line is made level,
    the image is cut to the writing's extent, and the writing is scaled to one size of its body in one height.

    Args:
        grey: uint8 [H, W], any size; 255 is white.
        settings: Height and greatest width of the result.

    Returns:
        uint8 [settings.height, w] with 0 = paper and 255 = the darkest ink; w is at least 8 and at most `max_width`.

    Raises:
        ImageError: The array is no grey image of at least one pixel.
    """
    return normalize_with_extent(grey, settings)[0]


def normalize_with_extent(grey: GreyImage, settings: NormalizationSettings) -> tuple[GreyImage, Extent]:
    """Normalise as `normalize` does, and tell which part of the image is shown: so that what is read can be located."""
    if grey.ndim != 2 or grey.dtype != np.uint8 or grey.size == 0:
        raise ImageError(f"expected a grey uint8 image [H, W], got {grey.dtype} {grey.shape}")
    shrunk = _shrink(grey, settings)
    ink, first = _cut(_ink(shrunk))
    level = straighten(ink)
    if level is not ink:
        ink, more = _cut(level)
        first += more
    shown = show(ink, choose_scale(ink, settings.height), settings.height, settings.max_width)
    factor = grey.shape[1] / shrunk.shape[1]
    scale = factor * ink.shape[1] / (shown.shape[1] - 2 * MARGIN)
    return shown, Extent(left=factor * first, scale=scale, width=grey.shape[1])


def _shrink(grey: GreyImage, settings: NormalizationSettings) -> GreyImage:
    """Reduce scans that are far larger than needed, so that cost depends on the result's size, not on the scan's."""
    factor = 4 * settings.height / grey.shape[0]
    if factor >= 1.0:
        return grey
    size = (max(1, round(grey.shape[1] * factor)), 4 * settings.height)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _ink(grey: GreyImage) -> GreyImage:
    """Return how much darker than its paper each pixel is, stretched to 0..255."""
    thinned = grey[:: max(1, grey.shape[0] // 64), :: max(1, grey.shape[1] // 256)]
    low, middle, high = _percentiles(_counts(thinned), (1, 50, 99))
    if middle - low < high - middle:  # writing is the minority: the median is paper, and lies near the bright end
        grey = 255 - grey
    height, width = grey.shape
    small_width = max(1, round(width * _PAPER_HEIGHT / height))
    small = cv2.resize(grey, (small_width, _PAPER_HEIGHT), interpolation=cv2.INTER_AREA)
    paper = cv2.blur(cv2.dilate(small, np.ones((9, 9), np.uint8)), (15, 15))
    paper = cv2.resize(paper, (width, height), interpolation=cv2.INTER_LINEAR)
    ink = np.asarray(cv2.subtract(paper, grey), dtype=np.uint8)
    marks = _counts(ink)
    marks[: int(_MIN_CONTRAST) + 1] = 0
    darkest = _percentiles(marks, (90,))[0] if marks.any() else _MIN_CONTRAST
    table = (np.arange(256, dtype=np.float32) / max(darkest, _MIN_CONTRAST) - _NOISE_SHARE) / (1.0 - _NOISE_SHARE)
    return np.asarray(cv2.LUT(ink, (255.0 * table.clip(0.0, 1.0)).astype(np.uint8)), dtype=np.uint8)


def _counts(values: GreyImage) -> NDArray[np.int64]:
    """How often each of the 256 levels occurs."""
    return np.bincount(values.reshape(-1), minlength=256)


def _percentiles(counts: NDArray[np.int64], shares: tuple[float, ...]) -> list[float]:
    """NumPy's percentiles, from counts of levels: a tenth of the time of sorting the pixels."""
    totals = counts.cumsum()
    results = []
    for share in shares:
        place = (totals[-1] - 1) * share / 100
        below, above = np.searchsorted(totals, (int(place), int(place) + 1), side="right").clip(max=255)
        results.append(float(below + (above - below) * (place - int(place))))
    return results


def _cut(ink: GreyImage) -> tuple[GreyImage, int]:
    """Cut to the rows and columns that hold writing, and tell the first column; a blank image stays whole."""
    marks = ink > _EXTENT_INK
    rows = np.flatnonzero(np.count_nonzero(marks, axis=1) > 1)
    columns = np.flatnonzero(np.count_nonzero(marks, axis=0) > 1)
    if rows.size == 0 or columns.size == 0:
        return ink, 0
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(columns[0])
