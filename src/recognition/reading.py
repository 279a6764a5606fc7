"""What reading an image gives."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_LEFT_OUT = 20  # texts as good as the last that a beam search keeps; chosen on validation writers


@dataclass(frozen=True)
class Character:
    """One character that was read.

    Attributes:
        text: The character.
        confidence: Probability, 0..1, that it is right; see `Reading`.
        start: Where it begins, in pixels from the image's left edge. CTC marks a character by few frames, often in its
            middle: two neighbours may leave a gap between them.
        end: Where it ends, likewise.
    """

    text: str
    confidence: float
    start: float
    end: float


@dataclass(frozen=True)
class Word:
    """Characters between spaces.

    Attributes:
        text: The word.
        confidence: Probability, 0..1, that it is right; see `Reading`.
    """

    text: str
    confidence: float


@dataclass(frozen=True)
class Alternative:
    """Another text that the image may hold.

    Attributes:
        text: The text.
        confidence: Its probability on the same scale as the reading's.
    """

    text: str
    confidence: float


@dataclass(frozen=True)
class Reading:
    """The text of one image.

    Attributes:
        text: The text.
        confidence: Probability, 0..1, that the image says exactly this. A calibrated model's confidences are shares of
            right readings among its validation writers; those of another are the network's own: the exact CTC
            probability of a text, a character's in the frame where it is highest, and their product for a word. With a
            vocabulary: the probability among its entries, as the network has it; of a word, that of all entries that
            have it at its place. With a language model: a word's among what may stand at its place, and for a text the
            product of its words', at most its share among the texts that the search found.
        characters: The text's characters, spaces among them.
        words: The text's words.
        alternatives: Other texts, the most probable first.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...]
    words: tuple[Word, ...]
    alternatives: tuple[Alternative, ...] = ()


def words_of(text: str) -> list[tuple[int, int]]:
    """Return where the words of a text begin and end: cut at white space."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def shares_of_words(texts: Sequence[str], shares: Sequence[float]) -> list[float]:
    """How much of all found texts have the words of the first one, each at its place.

    Args:
        texts: What an image may say; the first is the reading.
        shares: Probability of each text, 0..1.

    Returns:
        For each word of the reading the sum of the shares of those texts that, aligned with it, have the same word.
    """
    own = texts[0].split()
    found = [0.0] * len(own)
    for text, share in zip(texts, shares, strict=True):
        for block in SequenceMatcher(None, own, text.split(), autojunk=False).get_matching_blocks():
            for place in range(block.a, block.a + block.size):
                found[place] += share
    return [min(1.0, share) for share in found]


def chances_of_words(texts: Sequence[str], scores: Sequence[float], left_out: float) -> list[float]:
    """How probable each word of the first text is where a search found only some of the texts that an image may say.

    A line has more combinations of doubtful words than a beam holds, which would leave most words without a rival. So
    of all texts that have the same at a word's place only the best counts (a max-marginal), and what the search left
    out counts as `_LEFT_OUT` more texts.

    Args:
        texts: The best first; that is the reading.
        scores: Natural logarithm of each text's weight.
        left_out: The same of the texts that were not found; minus infinity: there are none.

    Returns:
        For each word of the reading its probability among what may stand at its place, 0..1.
    """
    own = texts[0].split()
    rivals: list[dict[tuple[str, ...], float]] = [{} for _ in own]
    for text, score in zip(texts, scores, strict=True):
        words = text.split()
        for _, start, end, first, last in SequenceMatcher(None, own, words, autojunk=False).get_opcodes():
            of_each = end - start == last - first
            for place in range(start, end):
                form = (words[first + place - start],) if of_each else tuple(words[first:last])
                rivals[place].setdefault(form, score)
    others = _LEFT_OUT * math.exp(left_out - scores[0])
    return [1.0 / (others + sum(math.exp(score - scores[0]) for score in forms.values())) for forms in rivals]
