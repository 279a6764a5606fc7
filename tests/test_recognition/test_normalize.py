import cv2
import numpy as np
import pytest

from src.errors import ImageError
from src.recognition.normalize import NormalizationSettings, normalize, normalize_with_extent

SETTINGS = NormalizationSettings(height=48, max_width=600)


def write(text: str = "house", paper: int = 230, ink: int = 40, scale: float = 1.5) -> np.ndarray:
    page = np.full((int(70 * scale), int((40 + 22 * len(text)) * scale)), paper, np.uint8)
    place = (int(15 * scale), int(45 * scale))
    cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, round(2 * scale), cv2.LINE_AA)
    return page


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Difference of ink relative to the ink there is; widths may differ by 5 %."""
    assert first.shape[1] == pytest.approx(second.shape[1], rel=0.05)
    second = cv2.resize(second, first.shape[::-1], interpolation=cv2.INTER_AREA)
    first, second = first.astype(float), second.astype(float)
    return float(np.abs(first - second).sum() / first.sum())


def test_height_type_and_range():
    ink = normalize(write(), SETTINGS)
    assert ink.shape[0] == 48
    assert ink.dtype == np.uint8
    assert ink.max() > 220
    assert np.percentile(ink, 40) == 0, "paper is 0"
    assert not ink[:, :2].any()
    assert not ink[:2].any()


def test_light_writing_on_dark_paper_reads_alike():
    assert difference(normalize(write(), SETTINGS), normalize(255 - write(), SETTINGS)) < 0.02


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (180, 60), (240, 150)])
def test_paper_and_ink_do_not_matter(paper, ink):
    assert difference(normalize(write(), SETTINGS), normalize(write(paper=paper, ink=ink), SETTINGS)) < 0.1


def test_a_shadow_does_not_matter():
    page = write()
    shadow = np.linspace(1.0, 0.6, page.shape[1])[None, :]
    assert difference(normalize(page, SETTINGS), normalize((page * shadow).astype(np.uint8), SETTINGS)) < 0.25


@pytest.mark.parametrize("scale", [1.0, 3.0, 8.0])
def test_the_scan_s_resolution_does_not_matter(scale):
    assert difference(normalize(write(), SETTINGS), normalize(write(scale=scale), SETTINGS)) < 0.35


def test_blank_margins_do_not_matter():
    page = np.pad(write(), ((40, 90), (70, 30)), constant_values=230)
    assert difference(normalize(write(), SETTINGS), normalize(page, SETTINGS)) < 0.15


def test_the_aspect_is_kept_up_to_the_greatest_width():
    assert normalize(write("househouse"), SETTINGS).shape[1] > 1.8 * normalize(write("house"), SETTINGS).shape[1]
    assert normalize(np.tile(write(), (1, 30)), SETTINGS).shape == (48, 600)


@pytest.mark.parametrize("grey", [np.full((40, 200), 255, np.uint8), np.full((1, 1), 7, np.uint8)])
def test_a_blank_image_stays_blank(grey):
    ink = normalize(grey, SETTINGS)
    assert ink.shape[0] == 48
    assert ink.shape[1] >= 8
    assert not ink.any()


def test_faint_grain_is_not_blown_up():
    grain = np.random.default_rng(1).normal(235, 2, (60, 300)).clip(0, 255).astype(np.uint8)
    assert (normalize(grain, SETTINGS) > 60).mean() < 0.001


@pytest.mark.parametrize(
    "bad", [np.zeros((0, 5), np.uint8), np.zeros((5, 5, 3), np.uint8), np.zeros((5, 5), np.float32)]
)
def test_what_is_no_grey_image_is_refused(bad):
    with pytest.raises(ImageError, match="grey uint8"):
        normalize(bad, SETTINGS)


@pytest.mark.parametrize("scale", [1, 6])
def test_the_extent_leads_back_to_the_image(scale: int) -> None:
    page = np.full((80 * scale, 500 * scale), 230, np.uint8)
    for left in (120, 300, 410):
        page[20 * scale : 60 * scale, left * scale : (left + 6) * scale] = 30
    ink, extent = normalize_with_extent(page, SETTINGS)
    np.testing.assert_array_equal(ink, normalize(page, SETTINGS))
    marks = np.flatnonzero(np.diff(np.concatenate(([0], (ink.max(axis=0) > 128).astype(int)))) == 1)
    found = [extent.column(float(mark)) / scale for mark in marks]
    assert found == pytest.approx([120, 300, 410], abs=2)
    assert extent.column(1e9) == 500 * scale
    assert extent.column(-1e9) == 0
