"""What an image looks like, and what a training's images looked like."""

import numpy as np
import pytest
from pydantic import ValidationError

from src.recognition.appearance import FEATURES, look
from src.recognition.reference import Histogram, Reference


def bar(paper: int, ink: int, height: int = 60, width: int = 240) -> np.ndarray:
    """A tenth of the image is ink."""
    image = np.full((height, width), paper, np.uint8)
    image[:, : width // 10] = ink
    return image


def seen(image: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, look(image), strict=True))


def test_an_image_is_described_as_it_came() -> None:
    assert seen(bar(230, 30)) == {
        "ink": pytest.approx(0.1, abs=0.01), "paper": 230, "contrast": 200, "height": 60, "aspect": 4.0
    }  # fmt: skip


def test_light_writing_on_dark_paper_has_as_much_ink() -> None:
    assert seen(bar(20, 240))["ink"] == seen(bar(240, 20))["ink"]
    assert seen(bar(20, 240))["contrast"] == 220


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3000, 40)])
def test_any_size_has_an_appearance(shape: tuple[int, int]) -> None:
    found = seen(np.full(shape, 255, np.uint8))
    assert found == {"ink": 0, "paper": 255, "contrast": 0, "height": shape[0], "aspect": shape[1] / shape[0]}


def test_a_large_scan_costs_no_more_and_says_the_same() -> None:
    small, large = seen(bar(200, 40)), seen(bar(200, 40, 600, 2400))
    assert large["ink"] == pytest.approx(small["ink"], abs=0.02)
    assert (large["paper"], large["contrast"]) == (small["paper"], small["contrast"])


def test_bins_hold_as_many_values_each() -> None:
    values = np.random.default_rng(1).normal(size=20_000)
    histogram = Histogram.of(values)
    assert len(histogram.shares) == 13
    assert histogram.shares[2:-3] == pytest.approx([0.1] * 8, abs=0.01)
    assert histogram.counts(values).sum() == 20_000


def test_a_feature_that_never_varied_still_tells_others_from_it() -> None:
    histogram = Histogram.of(np.full(500, 64.0))
    assert histogram.counts(np.array([64.0, 64.0, 63.0, 65.0, 200.0])).tolist() == [1, 2, 2]
    assert min(histogram.shares) > 0


def test_a_reference_comes_back_from_its_text() -> None:
    reference = Reference.of({"ink": np.linspace(0, 1, 50), "length": np.arange(50.0)})
    assert reference.samples == 50
    assert Reference.model_validate_json(reference.model_dump_json()) == reference


@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0), (1.0,)])
def test_a_damaged_one_is_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        Histogram(edges=edges, shares=(0.5, 0.25, 0.25))
    with pytest.raises(ValidationError):
        Histogram(edges=(1.0,), shares=(1.0, 0.0))
