"""Careful reading against sums over all candidates, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.data.build_language_model import estimate
from src.recognition import Charset
from src.recognition.beam import Fusion, search
from src.recognition.careful import (
    COPIES,
    agree,
    align_together,
    copies_of,
    judge,
    score_together,
    search_together,
    widen,
)
from src.recognition.decode import align
from src.recognition.vocabulary import Vocabulary, posterior, score_vocabulary

CHARSET = Charset(("a", "b", "c"))

seeds = st.integers(0, 2**32 - 1)


def said(*rows: dict[str, float]) -> NDArray[np.float32]:
    """A view whose frames give some characters ("": the blank) their probabilities, and all others little."""
    frames = np.full((len(rows), CHARSET.size), 1e-4)
    for frame, row in zip(frames, rows, strict=True):
        for character, probability in row.items():
            frame[CHARSET.encode(character)[0] if character else 0] = probability
    return np.log(frames / frames.sum(axis=1, keepdims=True)).astype(np.float32)


def random_views(seed: int, count: int, frames: int = 8) -> list[NDArray[np.float32]]:
    """One image in several lights: the same frames with noise of their own."""
    random = np.random.default_rng(seed)
    shared = random.normal(0, 3, (frames, CHARSET.size))
    scores = [shared + random.normal(0, 1.5, shared.shape) for _ in range(count)]
    return [(each - np.log(np.exp(each).sum(axis=1, keepdims=True))).astype(np.float32) for each in scores]


def test_copies_are_wider_and_show_the_same():
    ink = np.zeros((48, 60), np.uint8)
    ink[10:38, 28:32] = 255
    for factor, copy in zip(COPIES, copies_of(ink), strict=True):
        assert (copy.shape, copy.dtype) == ((48, round(60 * factor)), np.uint8)
        place = (copy[20] * np.arange(copy.shape[1])).sum() / copy[20].sum()
        assert (place + 0.5) / copy.shape[1] == pytest.approx(0.5, abs=0.01)
        assert np.flatnonzero(copy.any(axis=1)).tolist() == list(range(10, 38))
    assert widen(ink, 0.01).shape == (48, 1)


def test_two_that_are_sure_outvote_one_that_is_not():
    doubtful, sure = said({"a": 0.99}, {"b": 0.5, "c": 0.4}), said({"a": 0.99}, {"c": 0.9, "b": 0.05})
    assert agree([doubtful])[0] == tuple(CHARSET.encode("ab"))
    assert agree([doubtful, sure, sure]) == [tuple(CHARSET.encode("ac")), tuple(CHARSET.encode("ab"))]
    # The sure one is outvoted where nobody else sees anything of it.
    other = said({"a": 0.99}, {"b": 0.999})
    assert agree([sure, other, other])[0] == tuple(CHARSET.encode("ab"))


@given(seeds, st.integers(1, 4))
@settings(max_examples=50, deadline=None)
def test_the_judgement_is_the_mean_of_all_views_in_any_order(seed: int, count: int):
    views = random_views(seed, count)
    candidates = [CHARSET.encode(text) for text in ("", "a", "abc", "cab", "abcabcab")]
    found = judge(views, candidates)
    expected = sum(score_vocabulary(view, candidates) for view in views) / count
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(judge(views[::-1], candidates), found)


def test_what_a_view_has_no_frames_for_is_not_chosen():
    short, long = said({"a": 0.9}), said({"a": 0.999}, {"": 0.999}, {"a": 0.999})
    assert judge([short, long], [CHARSET.encode("aa")]).tolist() == [-np.inf]
    assert agree([short, long, long])[0] == tuple(CHARSET.encode("a"))
    # Nobody can spell what another reads: the image's own text stays.
    assert agree([said({"a": 0.9}, {"b": 0.9}), said({"c": 0.9})])[0] == tuple(CHARSET.encode("c"))
    assert agree([said(), said()]) == [()]


@given(seeds, st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_with_a_language_model_every_candidate_has_the_image_s_and_the_language_s_share(seed: int, count: int):
    fusion = Fusion.of(estimate({"abba": 9.0, "cab": 4.0, "ac": 2.0}, 3), CHARSET)
    views = random_views(seed, count)
    found = search_together(views, 8, fusion)
    assert {one.codes for one in found} == {one.codes for view in views for one in search(view, 8, fusion=fusion)}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        context, language = fusion.scorer.start, 0.0
        for code in one.codes:
            language += fusion.weight * fusion.scorer.log_probs(context)[code] + fusion.bonus
            context = fusion.scorer.extend(context, code)
        language += fusion.weight * fusion.scorer.log_probs(context)[0]
        likelihood = float(np.mean([score_vocabulary(view, [one.codes])[0] for view in views]))
        assert one.log_prob == pytest.approx(likelihood)
        assert one.score == pytest.approx(likelihood + language)


@given(seeds, st.integers(1, 4), st.integers(1, 300), st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_best_entry_of_a_list_is_that_of_the_whole_list(seed: int, count: int, size: int, weighted: bool):
    random = np.random.default_rng(seed)
    # With up to four characters eight frames can spell any.
    entries = sorted({"".join(random.choice(list("abc"), random.integers(1, 5))) for _ in range(size)})
    priors = random.normal(0, 2, len(entries)).tolist() if weighted else None
    views = random_views(seed, count)
    texts, shares = score_together(views, Vocabulary(entries, CHARSET, priors), CHARSET, 3)
    scores = judge(views, [CHARSET.encode(entry) for entry in entries]) + np.array(priors or [0.0] * len(entries))
    order = np.argsort(-scores)
    assert texts[0] == entries[order[0]]
    assert len(texts) == min(3, len(entries))
    assert shares[0] == pytest.approx(posterior(scores)[order[0]], abs=2e-3)
    assert shares == sorted(shares, reverse=True)


def test_a_list_of_which_nothing_fits_gives_nothing():
    vocabulary = Vocabulary(["abc", "cab"], CHARSET)
    assert score_together([said({"a": 0.9}), said({"b": 0.9})], vocabulary, CHARSET, 3) == ([], [])


def test_places_are_the_image_s_own_and_confidences_of_the_view_in_the_middle():
    own = said({"": 0.9}, {"a": 0.6, "b": 0.3}, {"": 0.9})
    sure = said({"a": 0.9}, {"": 0.9}, {"": 0.9}, {"": 0.9})
    surest = said({"": 0.9}, {"": 0.9}, {"a": 0.99})
    codes = CHARSET.encode("a")
    for views in ([own, sure, surest], [own, surest, sure]):
        found, middle = align_together(views, codes), align(sure, codes)
        assert found is not None and middle is not None
        assert found.spans == ((1, 2),)
        assert found.confidences == middle.confidences
    assert align_together([own], codes) == align(own, codes)
    # A copy that cannot spell it has nothing to say; the image itself must.
    assert align_together([own, said(), said()], codes) == align(own, codes)
    assert align_together([said(), own, sure], codes) is None
