"""The drill: a normal day moves nothing; dark images, other paper, another language each raise the alert.

A real service with the released model and a reference of drawn French words, and a real Prometheus with the rules.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import cv2
import httpx
import numpy as np
import pytest

from src.monitoring.drift import DRIFTED, NAMES
from src.paths import Paths
from tests.referenced import FRENCH, GERMAN, draw_words, reference_to, write_with_reference
from tests.test_api.server import ROOT, Server, serve
from tests.test_monitoring.stack import Prometheus, prometheus, until

WINDOW = 300


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Prometheus]]:
    folder = tmp_path_factory.mktemp("drill")
    reference = reference_to(*draw_words(FRENCH, 1500, 1))
    model = write_with_reference(Paths(ROOT).released_model, folder / "recognizer.onnx", reference)
    with ExitStack() as running:
        service = running.enter_context(serve(folder, model, keys="off", drift_window=WINDOW))
        yield service, running.enter_context(prometheus(folder, {"prediction": f"127.0.0.1:{service.port}"}))


def dark(image: np.ndarray) -> np.ndarray:
    """As with a weak lamp."""
    return (0.6 * image).astype(np.uint8)


def other_paper(image: np.ndarray) -> np.ndarray:
    """Brown, grainy paper and pale ink."""
    grain = np.random.default_rng(image.size).normal(0.0, 14.0, image.shape)
    return np.clip(150 + 0.45 * (image.astype(np.float64) - 150) + grain, 0, 255).astype(np.uint8)


def as_it_is(image: np.ndarray) -> np.ndarray:
    return image


def send(service: Server, texts: str, change: Callable[[np.ndarray], np.ndarray], seed: int) -> None:
    """A day's images, each in another hand."""
    images, _ = draw_words(texts, WINDOW, seed)
    files = [
        ("files", (f"{i}.png", cv2.imencode(".png", change(image))[1].tobytes())) for i, image in enumerate(images)
    ]
    answer = httpx.post(f"{service.url}/predict/batch", files=files, timeout=120)
    assert answer.status_code == 200 and answer.text.count('"confidence"') >= WINDOW


def seen(watching: Prometheus) -> dict[str, float]:
    return {series["metric"]["feature"]: float(series["value"][1]) for series in watching.query("longhand:drift:psi")}


def drifting(watching: Prometheus) -> set[str]:
    """Features whose alert fires."""
    return {found["metric"]["feature"] for found in watching.query('ALERTS{alertname="Drift", alertstate="firing"}')}


DAYS = {
    "dark images": (FRENCH, dark, {"paper", "contrast"}),
    "other paper": (FRENCH, other_paper, {"paper", "contrast", "ink"}),
    "another language": (GERMAN, as_it_is, {"length", "aspect", "height"}),
}


def test_a_normal_day_moves_nothing(watched: tuple[Server, Prometheus]) -> None:
    service, watching = watched
    for seed in (2, 3, 4):
        send(service, FRENCH, as_it_is, seed)
        expected = f"sum(predictions_total) == {WINDOW * (seed - 1)}"
        until(partial(watching.query, expected), "a scrape")
        until(lambda: len(seen(watching)) == len(NAMES), "figures")
        assert max(seen(watching).values()) < DRIFTED / 1.5, seen(watching)
        assert not drifting(watching)


@pytest.mark.parametrize("day", DAYS)
def test_other_images_raise_the_alert_and_it_ends_with_them(watched: tuple[Server, Prometheus], day: str) -> None:
    service, watching = watched
    texts, change, expected = DAYS[day]
    send(service, texts, change, 11)
    until(lambda: drifting(watching) == expected, f"the alert of {expected}, but {seen(watching)}")
    found = seen(watching)
    assert all((found[name] > DRIFTED) is (name in expected) for name in NAMES), found
    send(service, FRENCH, as_it_is, 12)
    until(lambda: not drifting(watching), "the end of the alert")
