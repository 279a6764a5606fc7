"""Virtual writers: what makes a hand one person's, drawn once from a seed."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import numpy as np

from src.data.synthesis.skeletons import Face, Stroke, skeleton

Pen: TypeAlias = Literal["ballpoint", "fountain", "felt", "pencil"]

_SCRIPT_SLANT = 0.42  # the joined face leans by itself; taken off before the writer's own slant is put on
_HOOKED = frozenset("adhilmntukAR")  # print letters whose last stroke may turn up at the baseline


@dataclass(frozen=True)
class Writer:
    """One person's hand. Lengths are in x-heights unless another unit is named.

    Attributes:
        seed: Of everything personal that is drawn later (the shape of each letter).
        x_height: Pixels.
        face: Of the small letters; `mixture` of them come from the other face.
        capital_face: Of capitals and digits.
        mixture: Share of the small letters that this person writes in the other manner.
        slant: Horizontal shift for each unit of height.
        width: Stretch of the letters.
        ascender: Height of ascenders above the x-height.
        descender: Depth below the baseline.
        capital: Height of capitals.
        spacing: Gap between letters.
        word_space: Gap between words.
        joins: Probability that two neighbouring letters are joined.
        hook: Length of the turn at the end of print letters' stems.
        roundness: Radius of the smoothing of corners.
        personality: Size of the fixed deformation of each letter.
        variation: Size of the deformation that differs each time.
        tremor: Size of the shaking of the hand.
        slope: Mean rise of the line.
        drift: Size of the waves of the baseline.
        pen: Kind of pen.
        stroke_width: Of the pen.
        pressure: Share of the width that pressure varies.
        nib_angle: Of a fountain pen, radians.
        ink: Grey level of the ink at full strength, 0..255.
        paper: Grey level of the paper.
        texture: Standard deviation of the paper's grain, grey levels.
        ruled: Distance of ruled lines; 0: plain paper.
        ruling: How much darker than the paper the lines are, grey levels.
        blur: Standard deviation of the scanner's blur, pixels.
    """

    seed: int
    x_height: float
    face: Face
    capital_face: Face
    mixture: float
    slant: float
    width: float
    ascender: float
    descender: float
    capital: float
    spacing: float
    word_space: float
    joins: float
    hook: float
    roundness: float
    personality: float
    variation: float
    tremor: float
    slope: float
    drift: float
    pen: Pen
    stroke_width: float
    pressure: float
    nib_angle: float
    ink: float
    paper: float
    texture: float
    ruled: float
    ruling: float
    blur: float


@dataclass(frozen=True)
class Letter:
    """A letter as one writer writes it, unslanted, baseline at y = 0.

    Attributes:
        strokes: Float64 [n, 2] each.
        width: How far the pen moves on.
        entry: Index of the stroke that a join from the left leads into at its first point; -1: none.
        exit: Index of the stroke from whose last point a join may leave; -1: none.
    """

    strokes: tuple[Stroke, ...]
    width: float
    entry: int
    exit: int


def create_writer(seed: int, index: int) -> Writer:
    """Draw a writer.

    Args:
        seed: Of the whole population.
        index: Which of its writers.

    Returns:
        The same writer for the same arguments.
    """
    rng = np.random.default_rng([seed, index, 1])

    def between(low: float, high: float) -> float:
        return float(rng.uniform(low, high))

    joined = rng.random() < 0.5
    face: Face = "scripts" if joined else "futural"
    capitals: Face = "scripts" if joined and rng.random() < 0.4 else "futural"
    pens: tuple[Pen, ...] = ("ballpoint", "fountain", "felt", "pencil")
    pen = pens[int(rng.choice(4, p=[0.5, 0.22, 0.18, 0.1]))]
    thickness = {"ballpoint": (0.085, 0.13), "fountain": (0.11, 0.18), "felt": (0.14, 0.21), "pencil": (0.09, 0.14)}
    ink = {"ballpoint": (45.0, 115.0), "fountain": (25.0, 90.0), "felt": (15.0, 60.0), "pencil": (95.0, 140.0)}
    return Writer(
        seed=int(rng.integers(2**31)),
        x_height=between(22.0, 38.0),
        face=face,
        capital_face=capitals,
        mixture=between(0.0, 0.35),
        slant=float(np.clip(rng.normal(0.22, 0.24), -0.3, 0.75)),
        width=between(0.72, 1.15),
        ascender=between(0.65, 1.35),
        descender=between(0.6, 1.15),
        capital=between(1.55, 2.35),
        spacing=between(-0.05, 0.18) if joined else between(0.1, 0.34),
        word_space=between(0.7, 1.5),
        joins=between(0.75, 1.0) if joined else between(0.0, 0.4),
        hook=between(0.0, 0.22),
        roundness=between(0.05, 0.13),
        personality=between(0.06, 0.12),
        variation=between(0.025, 0.055),
        tremor=between(0.006, 0.028),
        slope=float(rng.normal(0.0, 0.015)),
        drift=between(0.02, 0.09),
        pen=pen,
        stroke_width=between(*thickness[pen]),
        pressure=between(0.08, 0.3),
        nib_angle=between(0.5, 1.0),
        ink=between(*ink[pen]),
        paper=between(212.0, 250.0),
        texture=between(0.8, 4.5),
        ruled=between(2.6, 3.6) if rng.random() < 0.25 else 0.0,
        ruling=between(12.0, 40.0),
        blur=between(0.45, 0.9),
    )


@lru_cache(maxsize=16384)
def personal_letter(writer: Writer, character: str) -> Letter:
    """Return a character in the shape that a writer always gives it.

    Args:
        writer: Whose hand.
        character: One character, no space.

    Returns:
        The letter before the variation of each instance.

    Raises:
        CharsetError: The character cannot be drawn.
    """
    rng = np.random.default_rng([writer.seed, *map(ord, character)])
    small = character.islower()
    face = writer.face if small else writer.capital_face
    if small and rng.random() < writer.mixture:
        face = "futural" if face == "scripts" else "scripts"
    shape = skeleton(character, face)
    leaning = _SCRIPT_SLANT if face == "scripts" and character.isalpha() else 0.0
    dash = rng.uniform(-0.3, 1.2)  # direction of this person's dots, radians
    strokes = []
    for points in shape.strokes:
        stroke = _dot(points, dash) if np.ptp(points, axis=0).max() < 0.3 and len(points) < 30 else points
        strokes.append(_stretch(stroke, writer, small, leaning))
    personal = deform(strokes, writer.personality, rng)
    if not shape.joinable and character in _HOOKED and writer.hook > 0.05:
        personal = _hook(personal, writer.hook)
    entry, exit_ = _ends(personal)
    if not small and face == "futural":
        exit_ = -1  # a printed capital stands alone
    return Letter(tuple(personal), shape.width * writer.width, entry, exit_)


def deform(strokes: list[Stroke], amount: float, rng: np.random.Generator) -> list[Stroke]:
    """Bend the plane under some strokes: a little stretch and turn, and waves about as long as a letter.

    Args:
        strokes: Float64 [n, 2] each.
        amount: Displacement in x-heights.
        rng: Source of the shape.

    Returns:
        New strokes with the same numbers of points.
    """
    turn = np.eye(2) + rng.normal(0.0, amount * 0.7, (2, 2))
    waves = rng.normal(0.0, 1.6, (3, 2))
    phases = rng.uniform(0.0, 2 * np.pi, 3)
    sizes = rng.normal(0.0, amount * 0.7, (3, 2))
    return [stroke @ turn.T + np.sin(stroke @ waves.T + phases) @ sizes - np.sin(phases) @ sizes for stroke in strokes]


def _dot(points: Stroke, direction: float) -> Stroke:
    middle = points.mean(axis=0)
    tip = np.array([np.cos(direction), np.sin(direction)]) * 0.045
    return np.linspace(middle - tip, middle + tip, 3)


def _stretch(points: Stroke, writer: Writer, small: bool, leaning: float) -> Stroke:
    x, y = points[:, 0], points[:, 1]
    if small:
        above, below = np.minimum(y + 1.0, 0.0), np.maximum(y, 0.0)
        height = np.clip(y, -1.0, 0.0) + above * writer.ascender + below * writer.descender
    else:
        height = y * writer.capital / 2
        x = x * writer.capital / 2
    return np.stack([(x + leaning * (height + 0.5)) * writer.width, height], axis=1)


def _hook(strokes: list[Stroke], length: float) -> list[Stroke]:
    last = max(range(len(strokes)), key=lambda index: strokes[index][-1, 0])
    end = strokes[last][-1]
    if end[1] < -0.3:
        return strokes
    curve = end + np.array([(0.25, 0.02), (0.6, -0.1), (1.0, -0.6)]) * length
    return [np.concatenate([stroke, curve]) if index == last else stroke for index, stroke in enumerate(strokes)]


def _ends(strokes: list[Stroke]) -> tuple[int, int]:
    # Dots and bars come last from the hand, and are never joined.
    main = [i for i, stroke in enumerate(strokes) if np.ptp(stroke[:, 1]) > 0.35 and stroke[:, 1].max() > -0.75]
    if not main:
        return -1, -1
    left = min(strokes[i][:, 0].min() for i in main)
    right = max(strokes[i][:, 0].max() for i in main)
    entry, exit_ = main[0], max(main, key=lambda i: strokes[i][-1, 0])
    middle = (left + right) / 2
    begins = strokes[entry][0, 0] < middle and strokes[entry][0, 1] > -1.3
    ends = strokes[exit_][-1, 0] > middle and -1.2 < strokes[exit_][-1, 1] < 0.3
    return (entry if begins else -1), (exit_ if ends else -1)
