import jiwer
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.models.metrics import LENGTH_NAMES, bootstrap_interval, group_rates, length_bin, overall, score_readings

words = st.text("abcé ", min_size=0, max_size=12)


def test_worked_example():
    scores = score_readings(["kitten sat", "Oh", "a"], ["sitting sat", "oh", "a"])
    assert scores["edits"].tolist() == [3, 1, 0]
    assert scores["word_edits"].tolist() == [1, 1, 0]
    assert overall(scores) == {"cer": 4 / 13, "wer": 2 / 4, "exact_rate": 1 / 3}


def test_case_accents_and_spaces_count():
    assert score_readings(["É", "a b", "a"], ["é", "a  b", "à"])["edits"].tolist() == [1, 1, 1]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(words.filter(lambda text: text.strip() != ""), words), min_size=1, max_size=8))
def test_agrees_with_jiwer(pairs):
    texts, readings = ([pair[side] for pair in pairs] for side in (0, 1))
    scores = overall(score_readings(texts, readings))
    # jiwer strips the ends of a text and folds runs of spaces before it counts words; it counts characters as they are
    split = jiwer.Compose([jiwer.RemoveMultipleSpaces(), jiwer.Strip(), jiwer.ReduceToListOfListOfWords()])
    assert scores["wer"] == pytest.approx(jiwer.wer(texts, readings, split, split))
    characters = jiwer.ReduceToListOfListOfChars()
    assert scores["cer"] == pytest.approx(jiwer.cer(texts, readings, characters, characters))


def test_different_lengths_are_an_error():
    with pytest.raises(ValueError):
        score_readings(["a"], [])


def test_group_rates_are_sums_not_means_of_rates():
    scores = score_readings(["aaaa", "b"], ["aaaa", "x"]).assign(writer=["w", "w"])
    assert group_rates(scores, "writer")["cer"].tolist() == [0.2]


def test_no_words_has_no_word_error_rate():
    assert np.isnan(overall(score_readings([" "], [" "]))["wer"])


@pytest.mark.parametrize(
    ("length", "name"),
    [(0, "0"), (1, "1"), (3, "3-4"), (4, "3-4"), (5, "5-8"), (64, "33-64"), (65, "65+"), (900, "65+")],
)
def test_length_bin(length, name):
    assert length_bin(length) == name
    assert name in LENGTH_NAMES


def test_bootstrap_covers_the_rate_and_repeats_by_seed():
    random = np.random.default_rng(0)
    texts = ["abcd"] * 200
    readings = ["abcd" if right else "abcx" for right in random.random(200) < 0.7]
    writers = [f"w{number % 20}" for number in range(200)]
    scores = score_readings(texts, readings)
    interval = bootstrap_interval(scores, writers, rounds=500, level=0.95, seed=3)
    low, high = interval["cer"]
    assert low < overall(scores)["cer"] < high
    assert interval == bootstrap_interval(scores, writers, rounds=500, level=0.95, seed=3)
    narrow = bootstrap_interval(scores, writers, rounds=500, level=0.5, seed=3)["cer"]
    assert narrow[1] - narrow[0] < high - low


def test_bootstrap_draws_writers_not_samples():
    # Two writers, all of one right and all of the other wrong: other writers could give anything from 0 to 1.
    scores = score_readings(["a"] * 100, ["a"] * 50 + ["b"] * 50)
    assert bootstrap_interval(scores, ["x"] * 50 + ["y"] * 50, 500, 0.95, 0)["cer"] == (0.0, 1.0)
    assert bootstrap_interval(scores, ["x"] * 100, 500, 0.95, 0) == {}


def test_scores_keep_their_columns_when_empty():
    assert isinstance(score_readings([], []), pd.DataFrame)
    assert np.isnan(overall(score_readings([], []))["cer"])
