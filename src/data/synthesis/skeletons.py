"""Letters as pen strokes: single-stroke faces, accents and punctuation, all in one frame.

The frame: x grows to the right from the letter's left edge; y grows downwards, with the baseline at 0, the x-height
at -1, the ascenders' and capitals' top at -2 and the descenders' bottom at 1. A writer's hand stretches these zones to
its own proportions.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np
from HersheyFonts import HersheyFonts  # type: ignore[import-untyped]
from numpy.typing import NDArray

from src.errors import CharsetError

Stroke: TypeAlias = NDArray[np.float64]
Face: TypeAlias = Literal["scripts", "futural"]  # joined script, and print

_BASELINE = 9.0  # of all Hershey faces, in their units
_CAP_TOP = -12.0
_NARROWEST = 0.22  # x-heights that a thin letter (I, l, 1) takes up
_STEP = 0.05  # distance of a stroke's points, in x-heights


@dataclass(frozen=True)
class _Zones:
    x_height: float  # y of the x-height line, in Hershey units
    bottom: float  # y of the descenders' end
    unit: float  # Hershey units of x for one x-height


_ZONES: dict[Face, _Zones] = {"scripts": _Zones(0.0, 21.0, 11.5), "futural": _Zones(-5.0, 16.0, 14.0)}

# Strokes as points, in the frame above.
_DRAWN: dict[str, list[list[tuple[float, float]]]] = {
    ".": [[(0.0, -0.04), (0.06, 0.0)]],
    ",": [[(0.14, -0.08), (0.16, 0.08), (0.0, 0.34)]],
    "'": [[(0.10, -2.0), (0.04, -1.62)]],
    '"': [[(0.08, -2.0), (0.02, -1.62)], [(0.34, -2.0), (0.28, -1.62)]],
    ":": [[(0.0, -0.74), (0.06, -0.70)], [(0.0, -0.04), (0.06, 0.0)]],
    ";": [[(0.1, -0.74), (0.16, -0.70)], [(0.14, -0.08), (0.16, 0.08), (0.0, 0.34)]],
    "-": [[(0.0, -0.52), (0.5, -0.55)]],
    "–": [[(0.0, -0.52), (0.9, -0.55)]],
    "—": [[(0.0, -0.52), (1.3, -0.55)]],
    "°": [[(0.2, -2.0), (0.04, -1.85), (0.2, -1.65), (0.36, -1.85), (0.2, -2.0)]],
    "«": [[(0.3, -0.85), (0.0, -0.5), (0.3, -0.15)], [(0.65, -0.85), (0.35, -0.5), (0.65, -0.15)]],
    "»": [[(0.0, -0.85), (0.3, -0.5), (0.0, -0.15)], [(0.35, -0.85), (0.65, -0.5), (0.35, -0.15)]],
    "ß": [
        [(0.0, 0.5), (0.06, -0.6), (0.12, -1.5), (0.35, -1.95), (0.68, -1.75), (0.62, -1.3), (0.36, -1.0)],
        [(0.36, -1.0), (0.72, -0.8), (0.86, -0.4), (0.66, -0.02), (0.34, -0.02)],
    ],
    "£": [
        [(0.95, -1.6), (0.75, -1.95), (0.45, -1.8), (0.45, -1.0), (0.35, -0.3), (0.05, 0.0), (0.5, -0.1), (1.0, 0.0)],
        [(0.15, -0.95), (0.75, -0.98)],
    ],
    "€": [
        [(1.0, -1.7), (0.7, -1.98), (0.3, -1.7), (0.2, -1.0), (0.3, -0.25), (0.7, 0.0), (1.0, -0.25)],
        [(0.0, -1.2), (0.75, -1.22)],
        [(0.0, -0.85), (0.7, -0.87)],
    ],
}
_ALIASES = {"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "\u2010": "-", "\u2011": "-"}
_LIGATURES = {"æ": "ae", "œ": "oe", "Æ": "AE", "Œ": "OE", "…": "..."}

# Combining marks: strokes with x from the letter's middle and y from the top of the letter.
_MARKS: dict[str, list[list[tuple[float, float]]]] = {
    "\u0300": [[(-0.22, -0.52), (0.12, -0.24)]],
    "\u0301": [[(0.24, -0.54), (-0.08, -0.24)]],
    "\u0302": [[(-0.26, -0.22), (0.0, -0.50), (0.26, -0.22)]],
    "\u030c": [[(-0.26, -0.50), (0.0, -0.22), (0.26, -0.50)]],
    "\u0303": [[(-0.32, -0.26), (-0.16, -0.42), (0.06, -0.30), (0.28, -0.46)]],
    "\u0304": [[(-0.28, -0.34), (0.28, -0.36)]],
    "\u0308": [[(-0.24, -0.38), (-0.20, -0.34)], [(0.20, -0.38), (0.24, -0.34)]],
    "\u030a": [[(0.0, -0.56), (-0.15, -0.38), (0.0, -0.20), (0.15, -0.38), (0.0, -0.56)]],
}
_CEDILLA = [(0.0, 0.02), (-0.02, 0.14), (0.18, 0.24), (0.10, 0.44), (-0.16, 0.42)]


@dataclass(frozen=True)
class Skeleton:
    """One letter.

    Attributes:
        strokes: Points of each stroke, float64 [n, 2] as (x, y), in the module's frame.
        width: How far the pen moves on, in x-heights.
        joinable: The strokes begin and end where a joined script expects it.
    """

    strokes: tuple[Stroke, ...]
    width: float
    joinable: bool


@lru_cache(maxsize=1024)
def skeleton(character: str, face: Face) -> Skeleton:
    """Return a character's strokes in a face.

    Args:
        character: One character (precomposed if accented).
        face: "scripts" or "futural"; what the face lacks is composed.

    Returns:
        The strokes, with points every 0.05 x-heights.

    Raises:
        CharsetError: The character cannot be composed of what is known.
    """
    character = _ALIASES.get(character, character)
    if character in _DRAWN:
        return _skeleton([np.array(points) for points in _DRAWN[character]])
    if character in _LIGATURES:
        return _side_by_side([skeleton(part, face) for part in _LIGATURES[character]])
    if character in "øØ":
        letter = skeleton("o" if character == "ø" else "O", face)
        height = 1.0 if character == "ø" else 2.0
        slash = np.array([(0.02, 0.12), (letter.width * 0.8, -height - 0.12)])
        return Skeleton((*letter.strokes, resample(slash)), letter.width, letter.joinable)
    base, *marks = list(unicodedata.normalize("NFD", character))
    letter = _plain(base, face, dotless=bool(marks))
    if not marks:
        return letter
    return Skeleton((*letter.strokes, *_marks(letter, marks, character)), letter.width, letter.joinable)


def resample(points: Stroke, step: float = _STEP) -> Stroke:
    """Return a polyline's points at equal distances.

    Args:
        points: Float64 [n, 2], n >= 2.
        step: The distance.

    Returns:
        Float64 [m, 2], m >= 3, with the first and the last point kept.
    """
    lengths = np.hypot(*np.diff(points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    wanted = np.linspace(0.0, along[-1], max(3, round(along[-1] / step) + 1))
    return np.stack([np.interp(wanted, along, points[:, 0]), np.interp(wanted, along, points[:, 1])], axis=1)


def _marks(letter: Skeleton, marks: list[str], character: str) -> list[Stroke]:
    ink = np.concatenate(letter.strokes)
    middle, top = (ink[:, 0].min() + ink[:, 0].max()) / 2, ink[:, 1].min()
    strokes: list[Stroke] = []
    for mark in marks:
        if mark == "\u0327":
            strokes.append(resample(np.array(_CEDILLA) + np.array([middle, 0.0])))
        elif mark in _MARKS:
            strokes += [resample(np.array(points) + np.array([middle, top])) for points in _MARKS[mark]]
        else:
            raise CharsetError(f"cannot draw {character!r}: no strokes are known for the mark U+{ord(mark):04X}")
    return strokes


def _plain(character: str, face: Face, dotless: bool) -> Skeleton:
    glyph = _faces()[face].all_glyphs.get(character)
    if glyph is None or not glyph.strokes:
        raise CharsetError(f"cannot draw {character!r}: no strokes are known for it")
    zones = _ZONES[face]
    # Capitals, digits and signs keep their shape; only small letters have zones that stretch apart.
    small = character.isalpha() and character.islower()
    strokes = []
    for points in glyph.strokes:
        hershey = np.array(points if len(points) > 1 else points * 2, dtype=np.float64)
        x, y = hershey[:, 0] - glyph.left_offset, hershey[:, 1]
        if small:
            y = np.where(
                y < zones.x_height,
                -1.0 + (y - zones.x_height) / (zones.x_height - _CAP_TOP),
                np.where(
                    y > _BASELINE,
                    (y - _BASELINE) / (zones.bottom - _BASELINE),
                    (y - _BASELINE) / (_BASELINE - zones.x_height),
                ),
            )
            x = x / zones.unit
        else:
            scale = (_BASELINE - _CAP_TOP) / 2
            y, x = (y - _BASELINE) / scale, x / scale
        strokes.append(resample(np.stack([x, y], axis=1)))
    if dotless and character in "ij":
        strokes = [stroke for stroke in strokes if stroke[:, 1].max() > -1.1]
    if face == "scripts" and small:
        return Skeleton(tuple(strokes), glyph.char_width / zones.unit, True)
    return _skeleton(strokes)


def _skeleton(strokes: list[Stroke]) -> Skeleton:
    # Print: the ink alone, as the hand spaces letters by what it sees of them.
    ink = np.concatenate(strokes)
    left, width = ink[:, 0].min(), float(np.ptp(ink[:, 0]))
    bearing = max(0.0, _NARROWEST - width) / 2
    shifted = tuple(resample(stroke + np.array([bearing - left, 0.0])) for stroke in strokes)
    return Skeleton(shifted, width + 2 * bearing, False)


def _side_by_side(letters: list[Skeleton]) -> Skeleton:
    strokes: list[Stroke] = []
    x = 0.0
    for letter in letters:
        strokes += [stroke + np.array([x, 0.0]) for stroke in letter.strokes]
        x += letter.width + (0.0 if letter.joinable else 0.15)
    return Skeleton(tuple(strokes), x, letters[0].joinable)


@lru_cache(maxsize=1)
def _faces() -> dict[Face, HersheyFonts]:
    faces: dict[Face, HersheyFonts] = {}
    for face in _ZONES:
        faces[face] = HersheyFonts()
        faces[face].load_default_font(face)
    return faces
