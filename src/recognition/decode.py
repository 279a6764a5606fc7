"""From a recognizer's log probabilities to character codes (connectionist temporal classification, CTC)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.recognition.charset import BLANK

FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Alignment:
    """Codes, and where in the image each was seen.

    Args:
        codes: Class of each character.
        confidences: Probability in 0..1 of each character's class in the frame where it is highest.
        spans: First frame and frame after the last of each character.
    """

    codes: tuple[int, ...]
    confidences: tuple[float, ...]
    spans: tuple[tuple[int, int], ...]


def greedy(log_probs: FloatArray) -> Alignment:
    """Decode the single most probable path: best class a frame, repeats merged, blanks dropped.

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.

    Returns:
        The text's codes with their confidences and frames.
    """
    if not len(log_probs):
        return Alignment((), (), ())
    return _merge(log_probs, log_probs.argmax(axis=1))


def align(log_probs: FloatArray, codes: Sequence[int]) -> Alignment | None:
    """Find the most probable path that spells a given text (Viterbi).

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
        codes: The text, without blanks.

    Returns:
        The text's codes with their confidences and frames; None where T frames cannot spell it.
    """
    if not codes:
        return Alignment((), (), ())
    states = np.full(2 * len(codes) + 1, BLANK)
    states[1::2] = codes
    may_skip = np.zeros(len(states), dtype=bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]

    scores = np.full(len(states), -np.inf)
    scores[0] = 0.0  # before the first frame: nothing written
    steps = np.zeros((len(log_probs), len(states)), dtype=np.int64)
    arrivals = np.full((3, len(states)), -np.inf)
    for time, frame in enumerate(log_probs):
        arrivals[0] = scores
        arrivals[1, 1:] = scores[:-1]
        arrivals[2, 2:] = np.where(may_skip[2:], scores[:-2], -np.inf)
        steps[time] = arrivals.argmax(axis=0)
        scores = arrivals.max(axis=0) + frame[states]
    state = len(states) - 1 if scores[-1] >= scores[-2] else len(states) - 2
    if not np.isfinite(scores[state]):
        return None
    path = np.empty(len(log_probs), dtype=np.int64)
    for time in range(len(log_probs) - 1, -1, -1):
        path[time] = states[state]
        state -= steps[time, state]
    return _merge(log_probs, path)


def _merge(log_probs: FloatArray, path: NDArray[np.integer]) -> Alignment:
    """Codes, confidences and frames of a path: int [T], one class a frame."""
    starts = np.flatnonzero(np.concatenate(([True], path[1:] != path[:-1])))
    ends = np.append(starts[1:], len(path))
    written = path[starts] != BLANK
    starts, ends = starts[written], ends[written]
    codes = tuple(int(code) for code in path[starts])
    spans = tuple((int(start), int(end)) for start, end in zip(starts, ends, strict=True))
    confidences = tuple(
        min(1.0, float(np.exp(log_probs[start:end, code].max())))
        for code, (start, end) in zip(codes, spans, strict=True)
    )
    return Alignment(codes, confidences, spans)
