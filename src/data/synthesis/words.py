"""What the virtual writers write: words as often as in life, and a few that everybody writes many times."""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from wordfreq import top_n_list, word_frequency

# Content words that every writer writes about equally often. In life a word that is no stop word is rare: without
# these, a sample of some thousand words would hold no class for the word classifier.
COMMON = (
    *("people", "government", "house", "water", "family", "money", "night", "music", "city", "school"),
    *("power", "market", "mother", "garden", "letter", "village", "morning", "window", "century", "history"),
)

_COMMON_SHARE = 0.31
_PUNCTUATION_SHARE = 0.13
_NUMBER_SHARE = 0.03
_CAPITAL_SHARE = 0.09

_VOCABULARY_SIZE = 4000
_WORD = re.compile(r"[a-z]+('[a-z]+)?")
_MARKS = (",", ".", "'s", '"', "-", "?", "!", ":", ";", "(", ")", "...")
_MARK_WEIGHTS = np.array([42.0, 38.0, 5.0, 5.0, 3.0, 2.5, 2.0, 1.5, 1.5, 1.0, 1.0, 0.5])


def tokens(seed: int, writer: int, count: int) -> list[str]:
    """Choose what one writer writes.

    Args:
        seed: Of the whole sample.
        writer: Which writer.
        count: Words, numbers and punctuation marks in all.

    Returns:
        `count` tokens, each the text of one word image, as IAM cuts them: punctuation is its own.
    """
    rng = np.random.default_rng([seed, writer, 2])
    common = round(count * _COMMON_SHARE)
    # Each writer goes on in the list where another began, so that all words are written equally often.
    chosen = [COMMON[(writer * common + index) % len(COMMON)] for index in range(common)]
    words, weights = _vocabulary()
    # The shares below are of all words; what is left to draw are those that are not common.
    for kind in rng.random(count - common) * (1.0 - _COMMON_SHARE):
        if kind < _PUNCTUATION_SHARE:
            chosen.append(_pick(_MARKS, _MARK_WEIGHTS, rng))
        elif kind < _PUNCTUATION_SHARE + _NUMBER_SHARE:
            chosen.append(_number(rng))
        else:
            word = _pick(words, weights, rng)
            chosen.append(word.capitalize() if rng.random() < _CAPITAL_SHARE or word == "i" else word)
    return [chosen[index] for index in rng.permutation(count)]


def _pick(choices: Sequence[str], weights: NDArray[np.float64], rng: np.random.Generator) -> str:
    return choices[int(np.searchsorted(np.cumsum(weights), rng.random() * weights.sum(), side="right"))]


def _number(rng: np.random.Generator) -> str:
    kind = rng.random()
    if kind < 0.35:
        return str(rng.integers(1, 10))
    if kind < 0.65:
        return str(rng.integers(10, 1000))
    if kind < 0.9:
        return str(rng.integers(1700, 2030))
    return f"{rng.integers(1, 100)}.{rng.integers(0, 100):02d}"


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[list[str], NDArray[np.float64]]:
    words = [word for word in top_n_list("en", _VOCABULARY_SIZE) if _WORD.fullmatch(word) and word not in COMMON]
    return words, np.array([word_frequency(word, "en") for word in words])
