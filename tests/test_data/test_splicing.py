"""Letters cut out of writing and put together in another order, on letters whose every pixel is known."""

from itertools import pairwise

import numpy as np
import pytest

from src.data.synthesis.splicing import Hand, cut_words, splice

WIDTH, SPACE = 12, 10
# Of each letter the rows that its block of ink covers, all across the body.
ROWS = {"a": (18, 34), "b": (6, 34), "c": (18, 44), "d": (10, 40)}


def written(text: str) -> tuple[np.ndarray, list[float]]:
    """Letters as blocks, joined by thin strokes at the foot of the body; and their middles."""
    ink = np.zeros((48, sum(SPACE if letter == " " else WIDTH for letter in text)), np.uint8)
    middles: list[float] = []
    at = 0
    for letter in text:
        width = SPACE if letter == " " else WIDTH
        middles.append(at + width / 2)
        if letter != " ":
            first, last = ROWS[letter]
            ink[first:last, at + 2 : at + width - 2] = 255
            ink[32:33, at : at + width] = 255
        at += width
    return ink, middles


def hand(*texts: str) -> Hand:
    words = []
    for text in texts:
        ink, middles = written(text)
        words += cut_words(text, ink, middles, [True] * len(text))
    return Hand(words)


def test_words_fall_into_letters_between_which_they_have_least_ink():
    ink, middles = written("ab cd")
    first, second = cut_words("ab cd", ink, middles, [True] * 5)
    assert (first.text, second.text) == ("ab", "cd")
    for word in (first, second):
        assert word.seams.shape == (3, 48)
        assert (np.diff(word.seams, axis=0) >= 0).all()
        between = word.ink[18:32][np.arange(14), word.seams[1][18:32]]
        assert not between.any()  # the cut meets the joining stroke alone


def test_a_letter_that_leans_is_cut_along_its_side():
    ink = np.zeros((48, 60), np.uint8)
    for row in range(6, 44):
        for middle in (18, 38):
            left = middle + (25 - row) // 3
            ink[row, left - 3 : left + 4] = 255
    (word,) = cut_words("ll", ink, [18.0, 38.0], [True, True])
    columns = np.arange(word.ink.shape[1])
    letters = [
        word.ink[(columns >= left[:, None]) & (columns < right[:, None])] for left, right in pairwise(word.seams)
    ]
    pixels = [int(letter.sum()) for letter in letters]
    assert pixels[0] == pixels[1] == 255 * 7 * 38


@pytest.mark.parametrize("certain", [[True, False, True, True], [True, True, True, False]])
def test_a_word_with_an_uncertain_letter_is_no_source(certain):
    ink, middles = written("ab c")
    assert [word.text for word in cut_words("ab c", ink, middles, certain)] == [
        word for word, own in (("ab", certain[:2]), ("c", certain[3:])) if all(own)
    ]


def test_letters_too_near_each_other_are_no_source():
    ink, _ = written("aba")
    assert cut_words("aba", ink, [17.5, 18.0, 18.5], [True] * 3) == []


def test_a_new_text_shows_its_letters_in_order():
    image = splice("bad cab", hand("abcd", "dcba"), [], np.random.default_rng(1))
    assert image is not None
    assert image.dtype == np.uint8
    body = (image[20:30] > 128).all(axis=0)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], body.astype(int), [0]])))
    tops = ["".join(letter for letter, (top, bottom) in ROWS.items() if _spans(image[:, start:end], top, bottom))
            for start, end in edges.reshape(-1, 2)]  # fmt: skip
    assert "".join(tops) == "badcab"
    gaps = [start - end for end, start in zip(edges[1::2], edges[2::2], strict=False)]
    assert max(gaps) == gaps[2] > 6  # between the words


def _spans(block: np.ndarray, top: int, bottom: int) -> bool:
    rows = np.flatnonzero((block > 128).sum(axis=1) > 4)
    return (int(rows[0]), int(rows[-1]) + 1) == (top, bottom)


def test_a_letter_that_the_hand_lacks_is_borrowed_but_not_many():
    own, other = hand("abab", "bbaa"), hand("dddd")
    random = np.random.default_rng(2)
    assert splice("abd", own, [own, other], random) is not None
    assert splice("abd", own, [own], random) is None
    assert splice("dadd", own, [own, other], random) is None


def test_the_same_state_gives_the_same_image():
    images = [splice("dabba", hand("abcd", "badc"), [], np.random.default_rng(5)) for _ in range(2)]
    np.testing.assert_array_equal(*images)
