"""What reading an image gives."""

import re
from dataclasses import dataclass


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
            vocabulary: the probability among its entries, as the network has it.
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
