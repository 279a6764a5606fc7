"""Text in handwriting fonts, each in a few manners, as ink on paper: hands that no data set holds."""

import logging
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from src.data.synthesis.drawing import Image, develop
from src.data.synthesis.writer import create_writer
from src.errors import GroundTruthError

logger = logging.getLogger(__name__)

SUFFIXES = (".ttf", ".otf", ".woff", ".woff2")
_NEEDED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,"
# Small letters that reach below the line, and how far at least, in heights of an x: a font whose small letters are
# capitals cannot teach the two apart.
_TAILED = "gpqy"
_TAIL = 0.2
_OVERSAMPLING = 2
_PROBE_SIZE = 48
_MARGIN = 12


@dataclass(frozen=True)
class Hand:
    """A font, written in one manner.

    Attributes:
        font: The font's file.
        manner: Number of the manner; with the font's name it decides slant, width, stroke, pen and paper.
    """

    font: Path
    manner: int

    @property
    def name(self) -> str:
        """Of the writer that the hand stands for."""
        return f"{self.font.stem}-{self.manner}"

    @cached_property
    def seed(self) -> list[int]:
        """Of all that is this hand's own."""
        return [self.manner, *self.font.stem.encode()]


def find_fonts(folder: Path) -> list[Path]:
    """Find the fonts that can write Latin letters and tell small ones from capitals.

    Args:
        folder: Searched with all folders in it.

    Returns:
        Files, sorted by their names; of files with one name the first.

    Raises:
        GroundTruthError: There is none.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or path.stem in found:
            continue
        try:
            usable = can_write(path, _NEEDED) and not _without_small_letters(path)
        except OSError as error:
            logger.warning("%s: no readable font: %s", path, error)
            continue
        if usable:
            found[path.stem] = path
    if not found:
        raise GroundTruthError(f"{folder}: no font with Latin letters, small and capital ({', '.join(SUFFIXES)})")
    return [found[name] for name in sorted(found)]


def can_write(font: Path, text: str) -> bool:
    """Tell whether a font has a glyph for every character of a text."""
    return all(_has(font, character) for character in set(text) if not character.isspace())


def draw_text(text: str, hand: Hand, random: np.random.Generator) -> Image:
    """Draw a word or a line.

    Args:
        text: Words between single spaces, all of which the font can write.
        hand: The font and its manner.
        random: Source of all that differs each time.

    Returns:
        uint8 [height, width], 0 = black, 255 = white; the ink with a few pixels of paper around.
    """
    own = np.random.default_rng(hand.seed)
    writer = create_writer(int(own.integers(2**31)), hand.manner)
    slant, stretch, weight = own.normal(0.0, 0.1), float(np.exp(own.normal(0.0, 0.1))), int(own.integers(-1, 3))
    spacing, wander = float(np.exp(own.normal(0.15, 0.2))), own.uniform(0.0, 0.12)
    size = float(own.uniform(13.0, 22.0))  # pixels of a small letter without loops
    mask, baseline = _set(text, _font(hand.font, _size(hand.font, size * _OVERSAMPLING)), spacing, wander, random)
    mask = _shear(mask, slant, stretch)
    if weight > 0:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (weight + 1, weight + 1))
        mask = np.asarray(cv2.dilate(mask, kernel), dtype=np.uint8)
    elif weight < 0:
        eroded = cv2.erode(mask, np.ones((2, 2), np.uint8))
        mask = np.asarray(cv2.addWeighted(mask, 0.5, eroded, 0.5, 0.0), dtype=np.uint8)
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    top, left = max(0, rows[0] - _MARGIN), max(0, columns[0] - _MARGIN)
    mask = mask[top : rows[-1] + _MARGIN, left : columns[-1] + _MARGIN]
    height, width = (max(1, side // _OVERSAMPLING) for side in mask.shape)
    cover = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    return develop(cover, (baseline - top) / _OVERSAMPLING, writer, random)


def _set(
    text: str, font: ImageFont.FreeTypeFont, spacing: float, wander: float, random: np.random.Generator
) -> tuple[NDArray[np.uint8], float]:
    """Words one after the other, not quite on the line: coverage uint8 [height, width], and the baseline's row."""
    em = font.size
    space = spacing * max(0.3 * em, font.getlength(" "))
    words = text.split()
    advances = [font.getlength(word) for word in words]
    width = int(sum(advances) + space * 1.6 * len(words) + 2 * em)
    height, baseline = int(3.2 * em), 1.7 * em
    canvas = PillowImage.new("L", (width, height))
    draw = ImageDraw.Draw(canvas)
    x, y = float(em), baseline
    for word, advance in zip(words, advances, strict=True):
        y = baseline + 0.7 * (y - baseline) + random.normal(0.0, wander * 0.3 * em)
        draw.text((x, y), word, fill=255, font=font, anchor="ls")
        x += advance + space * float(np.exp(random.normal(0.0, 0.2)))
    return np.asarray(canvas, dtype=np.uint8), baseline


def _shear(mask: NDArray[np.uint8], slant: float, stretch: float) -> NDArray[np.uint8]:
    height, width = mask.shape
    room = abs(slant) * height
    matrix = np.array([[stretch, -slant, room if slant > 0 else 0.0], [0.0, 1.0, 0.0]], np.float32)
    size = (int(stretch * width + room) + 1, height)
    return np.asarray(cv2.warpAffine(mask, matrix, size, flags=cv2.INTER_LINEAR), dtype=np.uint8)


@lru_cache(maxsize=256)
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@lru_cache(maxsize=4096)
def _size(path: Path, x_height: float) -> int:
    """The font's size at which an x is so high: fonts fill their em to very different shares."""
    _, top, _, bottom = _font(path, _PROBE_SIZE).getbbox("x", anchor="ls")
    return max(8, round(_PROBE_SIZE * x_height / max(1.0, bottom - top)))


@lru_cache(maxsize=200_000)
def _has(path: Path, character: str) -> bool:
    font = _font(path, _PROBE_SIZE)
    glyph = font.getmask(character)
    # What a font has not is drawn as the same box or void as a code that no font has.
    return glyph.getbbox() is not None and bytes(glyph) != bytes(font.getmask("\U0010fffe"))


def _without_small_letters(path: Path) -> bool:
    """Tell whether small letters are capitals made smaller: then none has a tail."""
    font = _font(path, _PROBE_SIZE)
    height = -font.getbbox("x", anchor="ls")[1]
    tails = [font.getbbox(letter, anchor="ls")[3] > _TAIL * height for letter in _TAILED]
    return sum(tails) <= len(tails) / 2
