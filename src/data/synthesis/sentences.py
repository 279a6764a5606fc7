"""What is written in handwriting fonts: words and parts of sentences of many languages, with numbers and marks."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from wordfreq import top_n_list, word_frequency

from src.errors import GroundTruthError

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "sv", "da", "nb", "fi", "is")

_VOCABULARY_SIZE = 30_000
# Frequent words would fill the lines, and letters be learnt from a few hundred words: their share is pressed together.
_FLATTENING = 0.6
_WORD_SHARE = 0.35  # of texts that are one word
_MOST_WORDS = 9
_NUMBER_SHARE = 0.07
_CAPITAL_SHARE = {"de": 0.4}  # its nouns
_OTHER_CAPITAL_SHARE = 0.12
_ALL_CAPITALS_SHARE = 0.03  # of words
_LOUD_SHARE = 0.06  # of texts: some people write capitals alone
_SHARP_S_SHARE = 0.4  # of German words with "ss", as which wordfreq has it too
_MARK_SHARE = 0.16
_AFTER = (",", ".", ";", ":", "?", "!", "...", "-", "'s")
_AFTER_WEIGHTS = np.array([40.0, 34.0, 4.0, 5.0, 5.0, 5.0, 2.0, 3.0, 2.0])
_OPENING = {"?": "¿", "!": "¡"}  # in Spanish
_AROUND = (("(", ")"), ('"', '"'), ("«", "»"), ("“", "”"), ("'", "'"), ("[", "]"), ("*", "*"))
_CURRENCIES = ("€", "£", "$")
_SIGNS = ("&", "+", "=", "/", "-", "%", "@", "#", "§")


def sentence(language: str, random: np.random.Generator) -> str:
    """Draw a text: one word, or a part of a sentence.

    Args:
        language: Code of wordfreq.
        random: Source of all choices.

    Returns:
        Words between single spaces, punctuation at its word.

    Raises:
        GroundTruthError: wordfreq does not know the language.
    """
    words, cumulative = _vocabulary(language)
    count = 1 if random.random() < _WORD_SHARE else int(random.integers(2, _MOST_WORDS + 1))
    drawn = [words[place] for place in np.searchsorted(cumulative, random.random(count) * cumulative[-1])]
    text = " ".join(_dress(word, language, random) for word in drawn)
    # What has no capital of one letter stays as it is: "ß" would become two.
    return "".join(_capital(character) for character in text) if random.random() < _LOUD_SHARE else text


def _capital(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 else character


def _dress(word: str, language: str, random: np.random.Generator) -> str:
    """Give a word its capitals and marks, or put a number in its place."""
    if language == "de" and "ss" in word and random.random() < _SHARP_S_SHARE:
        word = word.replace("ss", "ß")
    if random.random() < _NUMBER_SHARE:
        word = _number(random)
    elif random.random() < _ALL_CAPITALS_SHARE:
        word = word.upper()
    elif random.random() < _CAPITAL_SHARE.get(language, _OTHER_CAPITAL_SHARE):
        word = word[:1].upper() + word[1:]
    if random.random() < _MARK_SHARE:
        mark = _AFTER[int(random.choice(len(_AFTER), p=_AFTER_WEIGHTS / _AFTER_WEIGHTS.sum()))]
        return (_OPENING.get(mark, "") if language == "es" else "") + word + mark
    if random.random() < 0.03:
        before, after = _AROUND[int(random.integers(len(_AROUND)))]
        return before + word + after
    return word


def _number(random: np.random.Generator) -> str:
    kind = random.random()
    if kind < 0.3:
        return str(random.integers(0, 10 ** int(random.integers(1, 6))))
    if kind < 0.5:
        return str(random.integers(1700, 2030))
    if kind < 0.65:
        return _choose((".", "/", "-"), random).join(
            str(part) for part in (random.integers(1, 32), random.integers(1, 13), random.integers(1900, 2030))
        )
    amount = f"{random.integers(0, 1000)}{_choose((',', '.'), random)}{random.integers(0, 100):02d}"
    if kind < 0.8:
        sign = _choose(_CURRENCIES, random)
        return _choose((f"{sign}{amount}", f"{amount} {sign}", f"{amount}{sign}"), random)
    if kind < 0.88:
        return f"{random.integers(1, 101)}{_choose(('%', ' %'), random)}"
    if kind < 0.94:
        return f"{random.integers(0, 24)}:{random.integers(0, 60):02d}"
    return _choose(_SIGNS, random)


def _choose(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]


@lru_cache(maxsize=len(LANGUAGES))
def _vocabulary(language: str) -> tuple[list[str], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """A language's words, and the running sum of their weights."""
    try:
        words = top_n_list(language, _VOCABULARY_SIZE)
    except (LookupError, ValueError) as error:
        raise GroundTruthError(f"{language!r} is no language of wordfreq") from error
    words = [word for word in words if any(character.isalpha() for character in word)]
    weights = np.array([word_frequency(word, language) for word in words]) ** _FLATTENING
    return words, np.cumsum(weights)
