"""Reading with a list: the trie against the exact scores of every entry, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from src.errors import CharsetError
from src.recognition.charset import Charset
from src.recognition.vocabulary import Vocabulary, posterior, score_vocabulary

CHARSET = Charset(("a", "b", "c"))

texts = st.lists(st.text("abc", max_size=7), min_size=1, max_size=40)
cases = given(texts, st.integers(0, 2**32 - 1), st.integers(0, 9), st.floats(0.5, 12.0))


def sharp_log_probs(seed: int, frames: int, spread: float) -> NDArray[np.floating]:
    """A larger spread makes the frames surer of themselves, as a trained network's are."""
    scores = np.random.default_rng(seed).normal(0, spread, (frames, CHARSET.size))
    return (scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))).astype(np.float32)


def exact(log_probs: NDArray[np.floating], entries: list[str]) -> dict[str, float]:
    scores = score_vocabulary(log_probs, [CHARSET.encode(entry) for entry in entries])
    return {entry: float(score) for entry, score in zip(entries, scores, strict=True) if score > -np.inf}


@cases
@settings(max_examples=150, deadline=None)
def test_without_a_beam_every_entry_has_its_exact_score(entries: list[str], seed: int, frames: int, spread: float):
    log_probs = sharp_log_probs(seed, frames, spread)
    found = Vocabulary(entries, CHARSET).score(log_probs, count=100, beam=np.inf)
    expected = exact(log_probs, list(dict.fromkeys(entries)))
    assert dict(zip(found.texts, found.log_likelihoods, strict=True)) == pytest.approx(expected, abs=1e-6)
    assert found.certain or not expected
    assert list(found.scores) == sorted(found.scores, reverse=True)
    if expected:
        shares = posterior(np.array([expected[text] for text in found.texts]))
        np.testing.assert_allclose(found.posterior(), shares, atol=1e-6)


@given(texts, st.integers(0, 2**32 - 1), st.integers(0, 60), st.floats(0.5, 12.0), st.data())
@settings(max_examples=150, deadline=None)
def test_a_small_list_s_best_entry_is_the_exact_one(
    entries: list[str], seed: int, frames: int, spread: float, data: st.DataObject
):
    log_probs = sharp_log_probs(seed, frames, spread)
    priors = data.draw(st.lists(st.floats(-20, 20), min_size=len(entries), max_size=len(entries)))
    expected = exact(log_probs, list(dict.fromkeys(entries)))
    prior = {text: max(p for t, p in zip(entries, priors, strict=True) if t == text) for text in expected}
    found = Vocabulary(entries, CHARSET, priors).score(log_probs)
    assert found.certain
    if not expected:
        assert found.texts == ()
        return
    best = max(expected[text] + prior[text] for text in expected)
    assert found.scores[0] == pytest.approx(best, abs=1.5e-3)
    assert expected[found.texts[0]] == pytest.approx(found.log_likelihoods[0], abs=1.5e-3)


@given(texts, st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0.5, 12.0), st.floats(0.1, 25.0))
@settings(max_examples=200, deadline=None)
def test_no_entry_lacks_more_than_the_search_says(
    entries: list[str], seed: int, frames: int, spread: float, beam: float
):
    log_probs = sharp_log_probs(seed, frames, spread)
    vocabulary = Vocabulary(entries, CHARSET)
    found = vocabulary._trie.scores(log_probs, beam)
    scores = {vocabulary.texts[entry]: score for entry, score in zip(found.entries, found.log_likelihoods, strict=True)}
    for text, score in exact(log_probs, list(vocabulary.texts)).items():
        reached = scores.get(text, -np.inf)
        assert reached <= score + 1e-6
        assert np.logaddexp(reached, found.left_out) >= score - 1e-6


def test_many_entries_with_a_narrow_beam_still_give_the_best():
    generator = np.random.default_rng(5)
    charset = Charset(tuple("abcdefghij"))
    entries = ["".join(generator.choice(list("abcdefghij"), generator.integers(3, 9))) for _ in range(25_000)]
    vocabulary = Vocabulary(entries, charset)
    codes = [charset.encode(text) for text in vocabulary.texts]
    for entry in entries[:20]:
        log_probs = written(charset.encode(entry), charset.size)
        found = vocabulary.score(log_probs)
        assert found.texts[0] == entry
        assert found.log_likelihoods[0] == pytest.approx(score_vocabulary(log_probs, codes).max(), abs=1e-3)


@pytest.mark.parametrize("second_search", [True, False])
def test_a_long_list_s_search_that_lost_its_way_is_repeated(second_search: bool, monkeypatch: pytest.MonkeyPatch):
    if not second_search:
        monkeypatch.setattr("src.recognition.vocabulary._LOST", np.inf)
    generator = np.random.default_rng(6)
    charset = Charset(tuple("abcdefghij"))
    others = ["a" + "".join(generator.choice(list("abcde"), 9)) for _ in range(25_000)]
    frames = written(charset.encode("bghijghijghij"), charset.size, 0.999)
    frames[:2] = np.log(np.full(charset.size, 1e-6) + np.eye(charset.size)[1])  # an a, one would say
    frames[:2, charset.encode("b")] = -20.0
    found = Vocabulary([*others, "bghijghijghij"], charset).score(frames)
    assert (found.texts[:1] == ("bghijghijghij",)) == second_search


def written(codes: list[int], classes: int, sureness: float = 0.8) -> NDArray[np.floating]:
    """Frames that say `codes`, two frames each with a blank behind."""
    path = [step for code in codes for step in (code, code, 0)]
    others = (1.0 - sureness) / classes
    return np.log(np.full((len(path), classes), others) + sureness * np.eye(classes)[path])


def test_what_the_charset_cannot_write_is_left_out_and_counted():
    vocabulary = Vocabulary(["abba", "xyz", "abba", "b", "abbé", "xyz"], CHARSET)
    assert vocabulary.texts == ("abba", "b")
    assert vocabulary.unwritable == 2
    assert len(vocabulary) == 2
    assert "abba" in vocabulary
    assert "xyz" not in vocabulary
    with pytest.raises(CharsetError, match="no entry"):
        Vocabulary(["xyz"], CHARSET)
    with pytest.raises(ValueError, match="finite"):
        Vocabulary(["a"], CHARSET, [-np.inf])
    with pytest.raises(ValueError, match="shorter"):
        Vocabulary(["a", "b"], CHARSET, [0.0])


def test_an_image_too_narrow_for_every_entry():
    assert Vocabulary(["aa", "abc"], CHARSET).score(written([1], CHARSET.size)[:2]).texts == ()
    assert Vocabulary(["", "a"], CHARSET).score(np.zeros((0, 4))).texts == ("",)


def test_a_prior_decides_between_like_entries():
    frames = written(CHARSET.encode("abc"), CHARSET.size, 0.4)
    assert Vocabulary(["abc", "acc"], CHARSET).score(frames).texts[0] == "abc"
    assert Vocabulary(["abc", "acc"], CHARSET, [0.0, 9.0]).score(frames).texts[0] == "acc"


def test_leaning_takes_a_near_entry_and_leaves_a_far_one():
    vocabulary = Vocabulary(["abc", "bbb"], CHARSET)
    free = CHARSET.encode("acc")
    frames = written(CHARSET.encode("acc"), CHARSET.size, 0.5)
    gap = float(np.subtract(*score_vocabulary(frames, [free, CHARSET.encode("abc")])))
    assert gap > 1.0
    chosen = vocabulary.lean(frames, free, gap + 0.1)
    assert (chosen.text, chosen.codes, chosen.known) == ("abc", (1, 2, 3), True)
    assert chosen.log_odds == pytest.approx(0.1, abs=1e-3)
    kept = vocabulary.lean(frames, free, gap - 0.1)
    assert (kept.text, kept.codes, kept.known) == ("acc", tuple(free), False)
    assert kept.log_odds == pytest.approx(-0.1, abs=1e-3)
    own = vocabulary.lean(written([1, 2, 3], CHARSET.size), [1, 2, 3], 0.0)
    assert (own.text, own.known, own.log_odds) == ("abc", True, pytest.approx(0.0, abs=1e-3))


def test_leaning_where_no_entry_fits():
    chosen = Vocabulary(["abcabc"], CHARSET).lean(written([1], CHARSET.size), [1], 100.0)
    assert (chosen.text, chosen.known, chosen.log_odds) == ("a", False, -np.inf)
