import numpy as np
import pytest

from src.models.augment import augment
from src.recognition.normalize import NormalizationSettings, normalize
from tests.test_models.drawn_samples import draw

SETTINGS = NormalizationSettings(height=48, max_width=512)


@pytest.fixture
def ink() -> np.ndarray:
    return normalize(draw("decade", 3), SETTINGS)


def test_the_same_state_gives_the_same_image(ink):
    first, second, other = (augment(ink, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert first.shape != other.shape or not np.array_equal(first, other)


def test_height_and_type_are_kept_and_the_original_is_not_touched(ink):
    before = ink.copy()
    for seed in range(50):
        changed = augment(ink, np.random.default_rng(seed), max_width=140)
        assert changed.dtype == np.uint8
        assert changed.shape[0] == ink.shape[0]
        assert 8 <= changed.shape[1] <= 140
    assert np.array_equal(ink, before)


def test_writing_stays_in_the_picture(ink):
    shares = [augment(ink, np.random.default_rng(seed)).sum() / ink.sum() for seed in range(100)]
    assert np.median(shares) == pytest.approx(1.0, abs=0.3)
    assert min(shares) > 0.25
