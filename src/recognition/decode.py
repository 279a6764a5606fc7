"""From a recognizer's log probabilities to character codes (connectionist temporal classification, CTC)."""

import heapq
from collections import defaultdict
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


def beam_search(log_probs: FloatArray, width: int = 16, margin: float = 12.0) -> list[tuple[int, ...]]:
    """Most probable texts by prefix beam search: paths of one text are added, not compared.

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
        width: Prefixes kept after each frame, and so the number of texts at most.
        margin: Classes whose log probability is this much below the frame's best are not tried.

    Returns:
        Codes of the texts, the most probable first (as far as the beam saw; `score_vocabulary` gives exact scores).
    """
    # prefix -> log probability of its paths that end in a blank, and of those that end in its last character
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (0.0, -np.inf)}
    for frame in np.asarray(log_probs, dtype=np.float64):
        likely = [(int(code), float(frame[code])) for code in np.flatnonzero(frame >= frame.max() - margin)]
        blanks: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
        characters: dict[tuple[int, ...], float] = defaultdict(lambda: -np.inf)
        for prefix, (after_blank, after_character) in beam.items():
            either = float(np.logaddexp(after_blank, after_character))
            for code, log_prob in likely:
                if code == BLANK:
                    blanks[prefix] = float(np.logaddexp(blanks[prefix], either + log_prob))
                    continue
                longer = (*prefix, code)
                if prefix and code == prefix[-1]:
                    characters[prefix] = float(np.logaddexp(characters[prefix], after_character + log_prob))
                    entered = after_blank + log_prob
                else:
                    entered = either + log_prob
                characters[longer] = float(np.logaddexp(characters[longer], entered))
        totals = {
            prefix: float(np.logaddexp(blanks[prefix], characters[prefix])) for prefix in {**blanks, **characters}
        }
        best = heapq.nlargest(width, totals, key=totals.__getitem__)
        beam = {prefix: (blanks[prefix], characters[prefix]) for prefix in best if totals[prefix] > -np.inf}
    return list(beam)


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
