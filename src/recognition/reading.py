"""What reading an image gives."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


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
            vocabulary: the probability among its entries, as the network has it; with a language model, the share among
            the texts that the search found. Then a word's is the share of all found texts that have it at its place.
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
