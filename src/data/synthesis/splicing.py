"""New words in a real hand: its letters are cut out of what it wrote, and put together in another order.

Where each letter lies is known from the alignment of a text with its image; between two letters the cut follows the
path of least ink from the top to the bottom (a seam, as Avidan and Shamir, "Seam Carving for Content-Aware Image
Resizing", 2007, remove one), so that a leaning letter keeps its loops. Pieces of several letters are preferred to
single ones: most joins are then the writer's own.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from src.recognition.scale import MARGIN

Ink = NDArray[np.uint8]

# Before a word's first letter and behind its last: a letter there has other joins.
_EDGE = "\0"
_LONGEST_PIECE = 4  # characters, edges among them
# How gladly a piece of 1, 2, 3, 4 characters is taken where there is one.
_WEIGHTS = np.array([1.0, 3.0, 6.0, 6.0])
# Columns that a seam may lie beyond the letters' middles, above and below the body.
_DRIFT = 10
# Cost of a column's distance from the middle between two letters, in shares of the darkest ink.
_DISTANCE_COST = 0.01
# Rows of the body, as shares of the height (see recognition/scale.py): there pieces are joined.
_BODY = (0.35, 0.7)
# Between words: in widths of the hand's letters, the standard deviation of its logarithm, and limits in pixels.
_GAP, _GAP_SPREAD, _GAP_LIMITS = 1.1, 0.3, (6, 40)
# A letter that the writer's pages lack is borrowed of somebody else's: of a text's letters at most so many.
_MOST_BORROWED = 0.15


@dataclass(frozen=True)
class Word:
    """A written word, and where it falls into letters.

    Attributes:
        text: Its n characters.
        ink: uint8 [H, W], with what overlaps from its neighbours.
        seams: int64 [n + 1, H], before, between and behind its letters: the first column to the right of each.
    """

    text: str
    ink: Ink
    seams: NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """A run of letters of one word: characters `start` to `end`, without its edges."""

    word: Word
    start: int
    end: int


def cut_words(text: str, ink: Ink, middles: Sequence[float], certain: Sequence[bool]) -> list[Word]:
    """Cut a written text into words, and these into letters.

    Args:
        text: What is written; words between single spaces.
        ink: uint8 [H, W], 0 = paper.
        middles: Column of each character's middle, ascending; the spaces' too.
        certain: Of each character, whether it lies there.

    Returns:
        The words all of whose letters are certain, and lie far enough from each other to be cut.
    """
    height, width = ink.shape
    # A space has no ink that its middle could be told by: one cut parts the letters on its two sides.
    letters = [place for place, character in enumerate(text) if character != " "]
    between = [_seam(ink, middles[left], middles[right]) for left, right in pairwise(letters)]
    seams = [np.zeros(height, np.int64), *between, np.full(height, width, np.int64)]
    words: list[Word] = []
    start = first_seam = 0
    for word in text.split(" "):
        own = np.stack(seams[first_seam : first_seam + len(word) + 1])
        if word and all(certain[start : start + len(word)]) and (np.diff(own.mean(axis=1)) >= 2).all():
            first, last = int(own[0].min()), int(own[-1].max())
            words.append(Word(word, ink[:, first:last], np.maximum.accumulate(own - first, axis=0)))
        start += len(word) + 1
        first_seam += len(word)
    return words


def _seam(ink: Ink, left: float, right: float) -> NDArray[np.int64]:
    """The path of least ink between the middles of two letters."""
    height, width = ink.shape
    first, last = max(0, int(left) - _DRIFT), min(width, int(right) + _DRIFT + 1)
    places = np.arange(first, last, dtype=np.float64)
    cost = ink[:, first:last] / 255.0 + _DISTANCE_COST * np.abs(places - (left + right) / 2)
    body = slice(int(_BODY[0] * height), int(_BODY[1] * height))
    cost[body, (places <= left) | (places >= right)] += 1.0
    steps = np.zeros(cost.shape, np.int64)
    reached = cost[0]
    around = np.full((3, last - first), np.inf)
    for row in range(1, height):
        around[0, 1:], around[1], around[2, :-1] = reached[:-1], reached, reached[1:]
        steps[row] = around.argmin(axis=0)
        reached = around.min(axis=0) + cost[row]
    seam = np.empty(height, np.int64)
    column = int(reached.argmin())
    for row in range(height - 1, -1, -1):
        seam[row] = first + column
        column += int(steps[row, column]) - 1
    return seam


class Hand:
    """All pieces of a writer's words.

    Args:
        words: What the writer wrote, at least one.

    Attributes:
        gap: Pixels that a writer with such letters leaves between words.
    """

    def __init__(self, words: Sequence[Word]) -> None:
        self.gap = _GAP * sum(word.ink.shape[1] for word in words) / sum(len(word.text) for word in words)
        self._pieces: dict[str, list[Piece]] = defaultdict(list)
        for word in words:
            for spelt, piece in _pieces(word):
                self._pieces[spelt].append(piece)

    def pieces(self, spelt: str) -> Sequence[Piece]:
        """The pieces that spell something; none, if it was never written."""
        return self._pieces.get(spelt, ())


def _pieces(word: Word) -> Iterator[tuple[str, Piece]]:
    edged = f"{_EDGE}{word.text}{_EDGE}"
    for start in range(len(edged)):
        for end in range(start + 1, min(start + _LONGEST_PIECE, len(edged)) + 1):
            own = Piece(word, max(0, start - 1), min(len(word.text), end - 1))
            if own.start < own.end:
                yield edged[start:end], own


def splice(text: str, hand: Hand, others: Sequence[Hand], random: Generator) -> Ink | None:
    """Write a text in a hand.

    Args:
        text: Words between single spaces.
        hand: Whose letters.
        others: Of whom a letter may be borrowed that the hand lacks.
        random: Source of all choices.

    Returns:
        uint8 [H, W], 0 = paper; None where too many letters would be borrowed, or one is to be had nowhere.
    """
    images: list[Ink] = []
    borrowed = 0
    for word in text.split(" "):
        chosen: list[Piece] = []
        edged = f"{_EDGE}{word}{_EDGE}"
        place = 0
        while place < len(edged):
            lengths = [
                length
                for length in range(1, min(_LONGEST_PIECE, len(edged) - place) + 1)
                if hand.pieces(edged[place : place + length])
            ]
            if lengths:
                weights = _WEIGHTS[np.array(lengths) - 1]
                length = lengths[int(random.choice(len(lengths), p=weights / weights.sum()))]
                found = hand.pieces(edged[place : place + length])
            elif edged[place] == _EDGE:  # nothing that begins or ends a word fits
                place += 1
                continue
            else:
                length, borrowed = 1, borrowed + 1
                lenders = [other for other in others if other.pieces(edged[place])]
                if not lenders or borrowed > max(1, _MOST_BORROWED * len(text)):
                    return None
                found = lenders[int(random.integers(len(lenders)))].pieces(edged[place])
            chosen.append(found[int(random.integers(len(found)))])
            place += length
        images.append(_join(chosen))
    gaps = np.clip(hand.gap * np.exp(random.normal(0.0, _GAP_SPREAD, len(images))), *_GAP_LIMITS)
    spaced = [np.pad(image, ((0, 0), (0, int(gap)))) for image, gap in zip(images[:-1], gaps[:-1], strict=True)]
    return np.pad(np.concatenate([*spaced, images[-1]], axis=1), ((0, 0), (MARGIN, MARGIN)))


def _join(pieces: Sequence[Piece]) -> Ink:
    """Put pieces side by side, so that their cuts meet in the body."""
    height = len(pieces[0].word.ink)
    body = slice(int(_BODY[0] * height), int(_BODY[1] * height))
    room = sum(piece.word.seams[piece.end].max() - piece.word.seams[piece.start].min() for piece in pieces)
    canvas = np.zeros((height, int(room) + 2 * _DRIFT), np.uint8)
    at = float(_DRIFT)
    for piece in pieces:
        left, right = piece.word.seams[piece.start], piece.word.seams[piece.end]
        first, last = int(left.min()), int(right.max())
        columns = np.arange(first, last)
        inside = (columns >= left[:, None]) & (columns < right[:, None])
        ink = piece.word.ink[:, first:last] * inside
        start = max(0, round(at - (left[body].mean() - first)))
        target = canvas[:, start : start + last - first]
        np.maximum(target, ink[:, : target.shape[1]], out=target)
        at += right[body].mean() - left[body].mean()
    columns = np.flatnonzero(cv2.reduce(canvas, 0, cv2.REDUCE_MAX).reshape(-1) > 64)
    return canvas[:, columns[0] : columns[-1] + 1] if columns.size else canvas[:, :4]
