"""Beam search with a language model, against sums over all paths and against the language model itself."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.data.build_language_model import estimate
from src.recognition.beam import Fusion, beam_search, search
from src.recognition.charset import Charset
from src.recognition.language_model import CharsetScorer
from src.recognition.vocabulary import score_vocabulary
from tests.test_recognition.test_decode import all_texts, random_log_probs

CHARSET = Charset(("a", "b", " "))
MODEL = estimate({"ab ab ba": 3.0, "abba": 2.0, "b aab": 1.0}, order=3, least_count=0.0)
SCORER = CharsetScorer(MODEL, CHARSET)

seeds = st.integers(0, 2**32 - 1)


def language(codes: tuple[int, ...]) -> float:
    """The language model's log probability of a text and its end, asked character by character."""
    context, total = SCORER.start, 0.0
    for code in codes:
        total += float(SCORER.log_probs(context)[code])
        context = SCORER.extend(context, code)
    return total + float(SCORER.log_probs(context)[0])


@given(seeds, st.integers(1, 5), st.floats(0, 2), st.floats(-1, 3))
@settings(max_examples=40, deadline=None)
def test_a_wide_beam_ranks_by_image_and_language(seed: int, frames: int, weight: float, bonus: float):
    log_probs = random_log_probs(seed, frames, CHARSET.size)
    sums, _ = all_texts(log_probs)
    expected = {codes: math.log(p) + weight * language(codes) + bonus * len(codes) for codes, p in sums.items()}
    found = search(log_probs, width=10_000, margin=1000.0, fusion=Fusion(SCORER, weight, bonus))
    assert {one.codes: one.score for one in found} == pytest.approx(expected, abs=1e-4)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.log_prob == pytest.approx(math.log(sums[one.codes]), abs=1e-4)


def by_tuples(log_probs: np.ndarray, width: int, margin: float) -> list[tuple[int, ...]]:
    """Prefix beam search as one writes it down: no tree, no early end, every candidate scored."""
    beam = {(): (0.0, -np.inf)}
    for frame in np.asarray(log_probs, dtype=np.float64):
        blanks, characters = defaultdict(lambda: -np.inf), defaultdict(lambda: -np.inf)
        for prefix, (after_blank, after_character) in beam.items():
            either = np.logaddexp(after_blank, after_character)
            for code in np.flatnonzero(frame >= frame.max() - margin):
                if code == 0:
                    blanks[prefix] = np.logaddexp(blanks[prefix], either + frame[0])
                    continue
                repeats = prefix[-1:] == (code,)
                if repeats:
                    characters[prefix] = np.logaddexp(characters[prefix], after_character + frame[code])
                longer = (*prefix, int(code))
                entered = (after_blank if repeats else either) + frame[code]
                characters[longer] = np.logaddexp(characters[longer], entered)
        totals = {prefix: np.logaddexp(blanks[prefix], characters[prefix]) for prefix in {**blanks, **characters}}
        best = sorted((prefix for prefix in totals if totals[prefix] > -np.inf), key=lambda prefix: -totals[prefix])
        beam = {prefix: (blanks[prefix], characters[prefix]) for prefix in best[:width]}
    return list(beam)


@given(seeds, st.integers(0, 25), st.integers(2, 8), st.integers(1, 20), st.floats(0.5, 15))
@settings(max_examples=150, deadline=None)
def test_a_narrow_beam_keeps_what_a_plain_one_keeps(seed: int, frames: int, classes: int, width: int, margin: float):
    log_probs = random_log_probs(seed, frames, classes)
    assert beam_search(log_probs, width, margin) == by_tuples(log_probs, width, margin)


def test_a_weight_of_nothing_changes_nothing():
    for seed in range(20):
        log_probs = random_log_probs(seed, 20, CHARSET.size)
        assert beam_search(log_probs, 8, fusion=Fusion(SCORER, 0.0, 0.0)) == beam_search(log_probs, 8)


def test_the_beam_s_log_prob_is_no_more_than_the_exact_one():
    for found in search(random_log_probs(3, 30, CHARSET.size), width=8):
        assert found.log_prob <= score_vocabulary(random_log_probs(3, 30, CHARSET.size), [found.codes])[0] + 1e-9


def test_the_language_model_mends_a_doubtful_character():
    charset = Charset(tuple("abcdehlnorst "))
    scorer = CharsetScorer(estimate({"la table est ronde": 5.0, "la terre": 5.0}), charset)
    path = [step for code in charset.encode("la tadle") for step in (code, 0)]
    probabilities = np.full((len(path), charset.size), 0.01) + 0.85 * np.eye(charset.size)[path]
    doubtful = 2 * "la tadle".index("d")
    probabilities[doubtful, charset.encode("d")] = 0.5
    probabilities[doubtful, charset.encode("b")] = 0.3
    log_probs = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))
    assert charset.decode(beam_search(log_probs)[0]) == "la tadle"
    assert charset.decode(beam_search(log_probs, fusion=Fusion(scorer))[0]) == "la table"
    # A sure character is not talked away.
    probabilities[doubtful] = np.eye(charset.size)[charset.encode("d")[0]] * 0.999 + 1e-6
    log_probs = np.log(probabilities / probabilities.sum(axis=1, keepdims=True))
    assert charset.decode(beam_search(log_probs, fusion=Fusion(scorer, 0.2, 0.3))[0]) == "la tadle"
