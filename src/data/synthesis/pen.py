"""The way of the pen over the paper: letters set along a line, joined, shaken and leaned."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from src.data.synthesis.skeletons import Stroke, resample
from src.data.synthesis.writer import Letter, Writer, deform, personal_letter

_MAX_REACH = 0.9  # x-heights; a hand lifts the pen over a wider gap


@dataclass(frozen=True)
class Trace:
    """One stroke as drawn: points float64 [n, 2] in pixels, widths float64 [n] in pixels."""

    points: NDArray[np.float64]
    widths: NDArray[np.float64]


def write(text: str, writer: Writer, rng: np.random.Generator) -> list[Trace]:
    """Move the pen for a text.

    Args:
        text: Characters and spaces, with something else than spaces among them.
        writer: Whose hand.
        rng: Source of what differs each time.

    Returns:
        The strokes, baseline at y = 0 pixels, from x near 0 to the right.

    Raises:
        CharsetError: The text holds a character that cannot be drawn.
        ValueError: The text holds nothing to draw.
    """
    if not text.strip():
        raise ValueError("nothing to draw: the text is empty")
    strokes = _set_letters(text, writer, rng)
    slant = writer.slant + rng.normal(0.0, 0.03)
    size = writer.x_height * np.exp(rng.normal(0.0, 0.03))
    slope, phase, wave = writer.slope + rng.normal(0.0, 0.008), rng.uniform(0, 2 * np.pi), rng.uniform(4.0, 9.0)
    traces = []
    for stroke in strokes:
        points = _smooth(stroke, writer.roundness)
        points = points + _shake(len(points), writer.tremor, rng)
        x, y = points[:, 0] - slant * points[:, 1], points[:, 1]
        y = y - slope * x + writer.drift * np.sin(2 * np.pi * x / wave + phase)
        points = np.stack([x, y], axis=1) * size
        traces.append(Trace(points, _widths(points, writer, size, rng)))
    return traces


def _set_letters(text: str, writer: Writer, rng: np.random.Generator) -> list[Stroke]:
    strokes: list[Stroke] = []
    x = 0.0
    left: Letter | None = None  # the letter before, with the index of its exit among `strokes`
    exit_index = -1
    for character in text:
        if character.isspace():
            x += writer.word_space * rng.uniform(0.85, 1.2)
            left = None
            continue
        letter = personal_letter(writer, character)
        varied = deform(list(letter.strokes), writer.variation, rng)
        shift = np.array([x, rng.normal(0.0, writer.variation * 0.6)])
        placed = [stroke + shift for stroke in varied]
        join = left is not None and exit_index >= 0 and character.isalpha() and rng.random() < writer.joins
        first = len(strokes)
        strokes += placed
        if join:
            _join(strokes, exit_index, first, letter)
        left = letter if character.isalpha() else None
        exit_index = first + letter.exit if letter.exit >= 0 else -1
        # Small letters may touch; what stands alone keeps its distance, or 'In' would read as 'h'.
        gap = writer.spacing if character.islower() else max(writer.spacing, 0.22)
        x += letter.width + gap + rng.normal(0.0, 0.03)
    return [stroke for stroke in strokes if len(stroke)]


def _join(strokes: list[Stroke], exit_index: int, first: int, letter: Letter) -> None:
    """Lead the pen from the stroke at `exit_index` into the letter whose strokes begin at `first`."""
    leaving = strokes[exit_index]
    entering = strokes[first + letter.entry] if letter.entry >= 0 else None
    if entering is not None:
        target = entering[0]
    else:
        body = np.concatenate(strokes[first:])
        body = body[(body[:, 1] > -0.9) & (body[:, 1] < -0.1)]
        if not len(body):
            return
        target = body[body[:, 0].argmin()]
    start = leaving[-1]
    reach = target - start
    if not 0.0 < reach[0] < _MAX_REACH or abs(reach[1]) > 1.3:
        return
    direction = leaving[-1] - leaving[max(0, len(leaving) - 4)]
    direction = direction / max(float(np.hypot(*direction)), 1e-6) * float(np.hypot(*reach))
    t = np.linspace(0.0, 1.0, 9)[1:, None]
    arrival = np.array([abs(reach[0]), -0.3 * abs(reach[0])])
    # Hermite curve: leaves as the pen was moving, arrives to the right and a little up.
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * direction
        + (3 * t**2 - 2 * t**3) * target
        + (t**3 - t**2) * arrival
    )
    if entering is None:
        strokes[exit_index] = resample(np.concatenate([leaving, curve]))
        return
    strokes[first + letter.entry] = resample(np.concatenate([leaving, curve, entering[1:]]))
    strokes[exit_index] = np.empty((0, 2))


def _smooth(stroke: Stroke, roundness: float) -> Stroke:
    points = resample(stroke)
    # The ends stay where they are: the stroke is continued through its ends before it is smoothed.
    radius = min(roundness / 0.05, len(points) / 5)
    pad = min(len(points) - 1, int(4 * radius) + 1)
    before = 2 * points[0] - points[pad:0:-1]
    after = 2 * points[-1] - points[-2 : -pad - 2 : -1]
    return _blur(np.concatenate([before, points, after]), radius)[pad : pad + len(points)]


def _blur(values: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    """Smooth float64 [n, k] along n by a Gaussian of standard deviation `radius` (in points)."""
    size = 2 * int(3 * radius + 1) + 1
    blurred = cv2.GaussianBlur(values, (1, size), 1.0, sigmaY=radius, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float64).reshape(values.shape)


def _shake(count: int, amount: float, rng: np.random.Generator) -> NDArray[np.float64]:
    return _blur(rng.normal(0.0, 1.0, (count, 2)), 3.0) * amount * 3.2


def _widths(points: Stroke, writer: Writer, size: float, rng: np.random.Generator) -> NDArray[np.float64]:
    count = len(points)
    noise = _blur(rng.normal(0.0, 1.0, (count, 1)), 6.0)[:, 0] * 4.0
    width = 1.0 + writer.pressure * np.clip(noise, -1.5, 1.5)
    direction = np.gradient(points, axis=0)
    angle = np.arctan2(direction[:, 1], direction[:, 0])
    if writer.pen == "fountain":
        width = width * (0.55 + 0.75 * np.abs(np.sin(angle - writer.nib_angle + np.pi)))
    else:
        # Any hand presses a little more on the way down.
        width = width * (1.0 + 0.5 * writer.pressure * np.sin(angle))
    if writer.pen != "felt" and count > 8:
        taper = np.minimum(np.arange(count), np.arange(count)[::-1]) / 4.0
        width = width * np.clip(0.6 + 0.4 * taper, 0.0, 1.0)
    return np.asarray(np.maximum(width * writer.stroke_width * size, 1.0))
