"""Writing is shown at the size of its body, whatever else is in its box."""

import cv2
import numpy as np
import pytest

from src.recognition.scale import MARGIN, choose_scale, show

HEIGHT = 48
TEXT = "a moor seen once in summer"


def written(text: str = TEXT, scale: float = 2.0) -> np.ndarray:
    """Ink, 0 = paper, cut to the writing."""
    ink = np.zeros((int(90 * scale), int((60 + 26 * len(text)) * scale)), np.uint8)
    place = (int(20 * scale), int(55 * scale))
    cv2.putText(ink, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, round(2 * scale), cv2.LINE_AA)
    return cut(ink)


def cut(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def test_a_stray_stroke_above_hardly_changes_the_size():
    line = written()
    stray = np.zeros((2 * len(line), line.shape[1]), np.uint8)
    stray[len(line) :] = line
    stray[:12, 300:306] = 255  # a neighbour's tail doubles the box's height
    plain, disturbed = choose_scale(line, HEIGHT), choose_scale(stray, HEIGHT)
    assert disturbed.down == pytest.approx(plain.down, rel=0.3), "by the box it would be half"


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_resolution_does_not_matter(scale):
    first, second = (show(ink, choose_scale(ink, HEIGHT), HEIGHT, 2048) for ink in (written(), written(scale=scale)))
    assert first.shape[1] == pytest.approx(second.shape[1], rel=0.04)
    assert first.mean() == pytest.approx(second.mean(), rel=0.1)


def test_low_and_tall_letters_come_to_one_size():
    """By their boxes, the low letters of the first would be shown nearly twice as large as those of the second."""
    low, tall = written("ooooooooooooo"), written("oooolooopoooo")
    boxes = [HEIGHT / len(ink) for ink in (low, tall)]
    scales = [choose_scale(ink, HEIGHT).down for ink in (low, tall)]
    assert boxes[0] / boxes[1] > 1.5
    assert scales[0] / scales[1] < 1.3


def test_wide_and_narrow_hands_come_nearer_to_one_width():
    narrow = cv2.resize(written(), None, fx=0.6, fy=1.0)
    wide = cv2.resize(narrow, None, fx=1.5, fy=1.0)
    widths = [show(ink, choose_scale(ink, HEIGHT), HEIGHT, 2048).shape[1] for ink in (narrow, wide)]
    assert 1.0 < widths[1] / widths[0] < 1.35


def test_what_fits_is_shown_whole_and_the_rest_is_cut():
    comma = np.full((6, 3), 255, np.uint8)
    shown = show(comma, choose_scale(comma, HEIGHT), HEIGHT, 2048)
    assert shown.shape[0] == HEIGHT
    assert np.count_nonzero(shown.any(axis=1)) <= 4 * 6, "a comma is not blown up to a letter"
    assert not shown[:MARGIN].any()
    assert not shown[-MARGIN:].any()
    tall = written("oooooooooooo")
    tall = np.vstack([tall, np.zeros_like(tall), np.zeros_like(tall)])
    tall[:, 40:44] = 255
    shown = show(tall, choose_scale(tall, HEIGHT), HEIGHT, 2048)
    assert shown[-1].any(), "a tail that is too long reaches the edge"


def test_blank_and_too_wide_images():
    blank = np.zeros((10, 40), np.uint8)
    assert not show(blank, choose_scale(blank, HEIGHT), HEIGHT, 2048).any()
    wide = np.tile(written(), (1, 6))
    assert show(wide, choose_scale(wide, HEIGHT), HEIGHT, 600).shape == (HEIGHT, 600)
