"""Which words people write: the probability of a word wherever it stands.

A character model sees a few letters at once: each of them may be likely where the word is none, and of two words that
look alike it does not know which is the frequent one. A word's parts are looked up where the whole is not known, so
that "l'arbre" needs no entry of its own.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from src.errors import ModelFileError

UNKNOWN_WORD = -20.0  # natural logarithm; about that of a word seen once in 500 million
_CAPITAL = math.log(0.1)  # of a word that is known in small letters
_LONGEST = 32  # bytes of UTF-8; longer words are not known
_SIGNS = re.compile(r"^[\W_]+|[\W_]+$")
_JOINTS = re.compile(r"[-'’]")


@dataclass(frozen=True)
class Lexicon:
    """Words with their probabilities.

    Args:
        words: bytes [N], UTF-8, sorted, each once, without signs around them.
        log_probs: float16 [N], natural logarithm of each one's probability.

    Raises:
        ModelFileError: The two do not fit together, or the words are not sorted.
    """

    words: NDArray[np.bytes_]
    log_probs: NDArray[np.float16]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.log_probs) or self.words.dtype.kind != "S":
            raise ModelFileError("language model: its words and their probabilities do not fit together")
        if not (self.words[:-1] < self.words[1:]).all():
            raise ModelFileError("language model: its words are not sorted")

    @classmethod
    def of(cls, weights: Mapping[str, float]) -> "Lexicon":
        """Make one of how often words, or texts of several, were seen.

        Args:
            weights: Text -> how often it counts, above 0.
        """
        found: dict[bytes, float] = {}
        for text, weight in weights.items():
            for word in text.split():
                entry = bare(word).encode()
                if _has_letters(word) and len(entry) <= _LONGEST:
                    found[entry] = found.get(entry, 0.0) + weight
        words = sorted(found)
        counts = np.array([found[word] for word in words])
        return cls(np.array(words, dtype=f"S{_LONGEST}"), np.log(counts / counts.sum()).astype(np.float16))

    def log_prob(self, text: str) -> float:
        """Natural logarithm of the probability of a text's words, each by itself; signs and numbers are free."""
        return sum(self._of_word(bare(word)) for word in text.split())

    def _of_word(self, word: str) -> float:
        """Of one word; of its parts where there are several and the whole is not known."""
        if not _has_letters(word):
            return 0.0
        whole = self._known(word)
        parts = [part for part in _JOINTS.split(word) if part]
        if whole is None and len(parts) > 1:
            return max(UNKNOWN_WORD, sum(self._of_word(part) for part in parts))
        return UNKNOWN_WORD if whole is None else max(UNKNOWN_WORD, whole)

    def _known(self, word: str) -> float | None:
        """Of a word as it stands, else of the same in small letters, once for its first and twice for all of them."""
        small = word[:1].lower() + word[1:]
        for form, cost in ((word, 0.0), (small, _CAPITAL), (word.lower(), 2 * _CAPITAL)):
            entry = form.encode()
            place = int(np.searchsorted(self.words, entry)) if len(entry) <= _LONGEST else len(self.words)
            if place < len(self.words) and self.words[place] == entry:
                return float(self.log_probs[place]) + cost
        return None


def _has_letters(word: str) -> bool:
    return any(character.isalpha() for character in word)


def bare(word: str) -> str:
    """A word without the signs before and after it."""
    return _SIGNS.sub("", word)
