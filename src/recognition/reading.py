"""What reading an image gives."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Character:
    """One character that was read.

    Attributes:
        text: The character.
        confidence: The model's probability of it, 0..1, in the frame where it is highest.
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
        confidence: Product of its characters' confidences, 0..1.
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
        confidence: The model's probability, 0..1, that the image says exactly this: the exact CTC probability, or with
            a vocabulary the probability among its entries. Not calibrated.
        characters: The text's characters, spaces among them.
        words: The text's words.
        alternatives: Other texts, the most probable first.
    """

    text: str
    confidence: float
    characters: tuple[Character, ...]
    words: tuple[Word, ...]
    alternatives: tuple[Alternative, ...] = ()
