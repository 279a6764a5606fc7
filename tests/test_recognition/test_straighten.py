"""Lines that slope or bow are made level; words and level lines stay as they are."""

import cv2
import numpy as np
import pytest

from src.recognition.normalize import NormalizationSettings, normalize, normalize_with_extent
from src.recognition.straighten import straighten

SETTINGS = NormalizationSettings()
TEXT = "the house on the hill was sold in an even summer"


def written(text: str = TEXT) -> np.ndarray:
    """Ink, 0 = paper, of a level line with room above and below."""
    ink = np.zeros((240, 60 + 22 * len(text)), np.uint8)
    cv2.putText(ink, text, (30, 130), cv2.FONT_HERSHEY_SIMPLEX, 1.1, 255, 2, cv2.LINE_AA)
    return ink


def bent(ink: np.ndarray, slope: float, bow: float) -> np.ndarray:
    """Each column shifted down by slope * x and a parabola of `bow` widths."""
    height, width = ink.shape
    place = np.arange(width, dtype=np.float32) / width - 0.5
    shift = width * (slope * place + 4 * bow * place**2)
    rows = np.arange(height, dtype=np.float32)[:, None] - shift[None, :]
    columns = np.broadcast_to(np.arange(width, dtype=np.float32)[None, :], rows.shape)
    return cv2.remap(ink, np.ascontiguousarray(columns), rows.astype(np.float32), cv2.INTER_LINEAR)


def rows_of(ink: np.ndarray) -> int:
    rows = np.flatnonzero((ink > 96).sum(axis=1) > 1)
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize(("slope", "bow"), [(0.06, 0.0), (-0.08, 0.0), (0.0, 0.015), (0.04, -0.012)])
def test_a_line_is_nearly_as_low_as_it_was_before_it_was_bent(slope, bow):
    level = written()
    curved = bent(level, slope, bow)
    assert rows_of(curved) > 1.4 * rows_of(level)
    assert rows_of(straighten(curved)) < 1.2 * rows_of(level)


def test_nothing_of_the_writing_is_lost():
    curved = bent(written(), 0.07, 0.01)
    assert straighten(curved).sum() == pytest.approx(float(curved.sum()), rel=0.01)


def test_level_lines_words_and_blanks_stay():
    level = written()
    assert straighten(level) is level
    word = bent(written("house"), 0.1, 0.0)[60:200]
    assert word.shape[1] < 4 * word.shape[0]
    assert straighten(word) is word
    blank = np.zeros((40, 400), np.uint8)
    assert straighten(blank) is blank


def test_a_sloping_line_is_normalised_to_the_size_of_a_level_one():
    level, sloping = (255 - ink for ink in (written(), bent(written(), 0.07, 0.0)))
    wanted, found = normalize(level, SETTINGS), normalize(sloping, SETTINGS)
    assert found.shape[1] == pytest.approx(wanted.shape[1], rel=0.15)
    _, extent = normalize_with_extent(sloping, SETTINGS)
    assert extent.column(2.0) == pytest.approx(np.flatnonzero((sloping < 160).sum(axis=0) > 1)[0], abs=3)
