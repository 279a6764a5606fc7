"""What people write: the probability of the next character after the last few (a pruned n-gram model), and words.

The model is a trie of n-grams. A node stands for the n-gram spelt on the way to it; its `share` is the part of its
context's probability that was seen for it, and what a context's children leave over goes to the context that is one
character shorter (Witten-Bell, interpolated; see src/data/build_language_model.py):
    p(c | context) = share(context + c) + left_over(context) * p(c | context without its first character)
down to the empty context, whose left-over is spread evenly. All contexts' probabilities so sum to 1, pruned or not.

Where a text begins and ends a space is thought: that is right for a word cut out of a line, for a line (which begins
and ends with a whole word or, hyphenated, nearly one), and it lets single words and running text share their counts.
"""

import json
import zipfile
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.errors import ModelFileError
from src.recognition.charset import BLANK, Charset
from src.recognition.lexicon import Lexicon

UNKNOWN = 0
BOUNDARY = " "
# A node has a child for each and one for UNKNOWN at most: their number fits a byte.
MOST_CHARACTERS = 254
# A share is stored as its logarithm on 65,536 even steps down to this one; less than exp(-20) is as good as unseen.
_LOWEST = -20.0
_STEPS = 65535
_FORMAT = 1
_LEAST_LEFT_OVER = 1e-6
# Rows kept by a scorer, of about 1 KB each.
_MEMORY = 16384


@dataclass(frozen=True)
class LanguageModel:
    """A trie of n-grams, breadth first: children of a node lie together, in the order of their parents.

    Args:
        order: Characters of the longest n-gram, at least 1.
        characters: The characters that the model knows, the boundary (space) among them; character i has code i + 1,
            code 0 stands for all others.
        codes: uint8 [N], last character of each n-gram.
        steps: uint16 [N], its share's logarithm: _LOWEST * (1 - steps / 65535).
        child_counts: uint8 [N], children of each node. The nodes of the first level, the root's children, are those
            that are nobody's child here.
        description: Where it comes from; any JSON object.
        lexicon: The words that it knows; None: it was made before there were any.

    Raises:
        ModelFileError: The parts do not fit together.
    """

    order: int
    characters: tuple[str, ...]
    codes: NDArray[np.uint8]
    steps: NDArray[np.uint16]
    child_counts: NDArray[np.uint8]
    description: dict[str, Any] = field(default_factory=dict)
    lexicon: Lexicon | None = None

    def __post_init__(self) -> None:
        count = len(self.codes)
        if not (len(self.steps) == len(self.child_counts) == count and self._first_level >= 0):
            raise ModelFileError("language model: its arrays do not fit together")
        if self.order < 1 or BOUNDARY not in self.characters or len(self.characters) > MOST_CHARACTERS:
            raise ModelFileError(f"language model: needs an order, a space and at most {MOST_CHARACTERS} characters")
        if count and int(self.codes.max()) > len(self.characters):
            raise ModelFileError("language model: it holds a code without a character")

    @classmethod
    def load(cls, path: Path) -> "LanguageModel":
        """Read what `save` wrote.

        Raises:
            ModelFileError: The file is missing or no language model.
        """
        try:
            with np.load(path, allow_pickle=False) as parts:
                settings = json.loads(str(parts["settings"]))
                if settings["format"] != _FORMAT:
                    raise ModelFileError(f"{path}: language model of format {settings['format']}, not {_FORMAT}")
                arrays = parts["codes"], parts["steps"], parts["child_counts"]
                words = parts.get("words")  # each access unpacks it anew
                lexicon = Lexicon(words, parts["word_log_probs"]) if words is not None and len(words) else None
                characters, description = tuple(settings["characters"]), settings["description"]
                return cls(int(settings["order"]), characters, *arrays, description, lexicon)
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise ModelFileError(f"{path}: no language model ({error}); write one with build_language_model") from error

    def save(self, path: Path) -> None:
        """Write the model: a compressed npz of its three arrays, its words and, as JSON, its settings."""
        settings = {
            "format": _FORMAT,
            "order": self.order,
            "characters": list(self.characters),
            "description": self.description,
        }
        lexicon = self.lexicon or Lexicon.of({})
        with path.open("wb") as file:  # a name would be given .npz once more
            np.savez_compressed(
                file,
                codes=self.codes,
                steps=self.steps,
                child_counts=self.child_counts,
                words=lexicon.words,
                word_log_probs=lexicon.log_probs,
                settings=np.array(json.dumps(settings, ensure_ascii=False)),
            )

    def encode(self, text: str) -> bytes:
        """Codes of a text, one byte a character; a character that the model does not know is UNKNOWN."""
        return bytes(self._code_of.get(character, UNKNOWN) for character in text)

    def probabilities(self, context: bytes) -> NDArray[np.float64]:
        """Probability of each next character.

        Args:
            context: Codes of the characters before it; all but the last order - 1 are without effect.

        Returns:
            float64 [characters + 1], sums to 1; the place is the code.
        """
        classes = len(self.characters) + 1
        row = np.full(classes, 1.0 / classes)
        context = context[max(0, len(context) - self.order + 1) :]
        for start in range(len(context), -1, -1):  # from the empty context to the longest
            node = self._node(context[start:])
            if node is None:
                break  # what was not seen after less was not seen after more
            first, last = self._first_child[node], self._first_child[node + 1]
            if first < last:
                row *= self._left_over[node]
                row[self.codes[first:last]] += self._shares[first:last]
        return row

    def log_prob(self, text: str) -> float:
        """Natural logarithm of the probability that a line or word is `text`, its end included."""
        codes = self.encode(BOUNDARY + text + BOUNDARY)
        return float(sum(np.log(self.probabilities(codes[:end])[codes[end]]) for end in range(1, len(codes))))

    def _node(self, context: bytes) -> int | None:
        """Place of a context in the trie, the root's being 0; None where it was not seen."""
        node = 0
        for code in context:
            # bytes.find is the quickest search of a few bytes that there is.
            found = self._code_bytes.find(code, self._first_child[node], self._first_child[node + 1])
            if found < 0:
                return None
            node = found + 1
        return node

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {character: code for code, character in enumerate(self.characters, start=1)}

    @cached_property
    def _code_bytes(self) -> bytes:
        return self.codes.tobytes()

    @cached_property
    def _first_level(self) -> int:
        """Number of the root's children."""
        return len(self.codes) - int(self.child_counts.sum(dtype=np.int64))

    @cached_property
    def _first_child(self) -> "array[int]":
        """First child of the root (place 0) and of each node i (place i + 1); quicker for single items than numpy."""
        counts = np.concatenate(([0, self._first_level], self.child_counts.astype(np.int64)))
        return array("q", np.cumsum(counts).tobytes())

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        result: NDArray[np.float64] = np.exp(_LOWEST * (1.0 - self.steps.astype(np.float64) / _STEPS))
        return result

    @cached_property
    def _left_over(self) -> NDArray[np.float64]:
        """What the children of the root and of each node leave over."""
        firsts = np.frombuffer(self._first_child, dtype=np.int64)
        sums = np.concatenate(([0.0], np.cumsum(self._shares)))
        left: NDArray[np.float64] = 1.0 - (sums[firsts[1:]] - sums[firsts[:-1]])
        return left.clip(_LEAST_LEFT_OVER, 1.0)


def steps_of(shares: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Shares in 0..1 as they are stored; rounded down, so that no context's shares come to more than 1."""
    logarithms = np.log(np.maximum(shares, np.exp(_LOWEST)))
    return np.floor((1.0 - logarithms / _LOWEST) * _STEPS).clip(0, _STEPS).astype(np.uint16)


class CharsetScorer:
    """A language model in the codes of a recognizer's charset; it may be used from several threads at once.

    Args:
        model: The language model; it may know other characters than the charset.
        charset: The recognizer's. A character that the model does not know is as probable as all unknown ones together.
    """

    def __init__(self, model: LanguageModel, charset: Charset) -> None:
        self.model = model
        # Class 0, which is no character, stands for the text's end.
        own = model.encode(BOUNDARY + "".join(charset.characters))
        self._own_codes = np.frombuffer(own, dtype=np.uint8).astype(np.intp)
        self._own_bytes = [bytes([code]) for code in own]
        self._longest = max(0, model.order - 1)
        self._rows: dict[bytes, NDArray[np.float64]] = {}
        self._charset = charset
        self.start = self._own_bytes[BLANK][: self._longest]

    def extend(self, context: bytes, code: int) -> bytes:
        """The context after one more character.

        Args:
            context: `start`, or what `extend` returned.
            code: Class of the character.

        Returns:
            The model's codes of the last characters.
        """
        return (context + self._own_bytes[code])[-self._longest :] if self._longest else b""

    def log_probs(self, context: bytes) -> NDArray[np.float64]:
        """Natural logarithm of the probability of each next class.

        Args:
            context: As `extend` returns it.

        Returns:
            float64 [charset.size]; class 0 is the text's end. The array is shared: it must not be written to.
        """
        row = self._rows.get(context)
        if row is None:
            row = np.log(self.model.probabilities(context))[self._own_codes]
            row.setflags(write=False)
            if len(self._rows) >= _MEMORY:  # the frequent contexts are soon there again
                self._rows.clear()
            self._rows[context] = row
        return row

    def words_log_prob(self, codes: Sequence[int]) -> float | None:
        """Natural logarithm of the probability of a text's words; None where the language model knows no words.

        Args:
            codes: Classes of the text's characters.
        """
        lexicon = self.model.lexicon
        return None if lexicon is None else lexicon.log_prob(self._charset.decode(codes))
