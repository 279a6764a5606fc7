"""Decoding against sums and maxima over all paths, written out."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.recognition.beam import beam_search
from src.recognition.decode import align, greedy
from src.recognition.vocabulary import posterior, score_vocabulary


def random_log_probs(seed: int, frames: int, classes: int) -> NDArray[np.float32]:
    scores = np.random.default_rng(seed).normal(0, 2, (frames, classes))
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)


def text_of(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(code for code, _ in itertools.groupby(path) if code)


def all_texts(log_probs: NDArray[np.float32]) -> tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], float]]:
    """Sum, and maximum, of the probabilities of each text's paths."""
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    best: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        probability = float(np.exp(sum(float(log_probs[time, code]) for time, code in enumerate(path))))
        sums[text_of(path)] += probability
        best[text_of(path)] = max(best[text_of(path)], probability)
    return sums, best


cases = given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 4))


@cases
@settings(max_examples=30, deadline=None)
def test_vocabulary_scores_are_sums_over_all_paths(seed: int, frames: int, classes: int) -> None:
    log_probs = random_log_probs(seed, frames, classes)
    sums, _ = all_texts(log_probs)
    impossible = (1,) * (frames + 1)
    entries = [*sums, impossible]
    scores = score_vocabulary(log_probs, entries)
    np.testing.assert_allclose(np.exp(scores[:-1]), [sums[entry] for entry in sums], rtol=1e-5)
    assert scores[-1] == -np.inf
    assert posterior(scores).sum() == pytest.approx(1.0)


@cases
@settings(max_examples=30, deadline=None)
def test_a_wide_beam_finds_the_most_probable_texts(seed: int, frames: int, classes: int) -> None:
    log_probs = random_log_probs(seed, frames, classes)
    sums, _ = all_texts(log_probs)
    expected = sorted(sums, key=lambda text: -sums[text])[:3]
    assert beam_search(log_probs, width=10_000, margin=100.0)[:3] == expected


@cases
@settings(max_examples=30, deadline=None)
def test_greedy_and_alignment_follow_the_best_path(seed: int, frames: int, classes: int) -> None:
    log_probs = random_log_probs(seed, frames, classes)
    _, best = all_texts(log_probs)
    reading = greedy(log_probs)
    assert reading.codes == max(best, key=best.__getitem__)
    assert align(log_probs, reading.codes) == reading
    for text in list(best)[:20]:
        alignment = align(log_probs, text)
        assert alignment is not None
        assert alignment.codes == text


def test_repeats_need_a_blank_between() -> None:
    log_probs = np.log(np.full((5, 3), 0.05) + 0.85 * np.eye(3)[[1, 1, 0, 1, 2]]).astype(np.float32)
    reading = greedy(log_probs)
    assert (reading.codes, reading.spans) == ((1, 1, 2), ((0, 2), (3, 4), (4, 5)))
    assert reading.confidences == pytest.approx((0.9, 0.9, 0.9))
    assert align(log_probs[:2], (1, 1)) is None


def test_no_frames_and_no_entries() -> None:
    empty = np.zeros((0, 3), np.float32)
    assert greedy(empty).codes == ()
    assert score_vocabulary(empty, []).size == 0
    assert score_vocabulary(empty, [(), (1,)]).tolist() == [0.0, -np.inf]
    assert posterior(np.array([-np.inf, -np.inf])).tolist() == [0.0, 0.0]
