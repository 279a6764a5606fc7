"""Drift: nothing is said of what has not changed or of too few, and much of what has."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from src.monitoring.drift import DRIFTED, MOVED, NAMES, Drift
from src.recognition.appearance import look
from src.recognition.reference import Histogram, Reference


def population(count: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """float64 [count, features]."""
    return np.random.default_rng(seed).normal(shift, 1.0, (count, len(NAMES)))


REFERENCE = Reference.of(dict(zip(NAMES, population(5000, 1).T, strict=True)))


def filled(values: np.ndarray, window: int = 1000, least: int = 200) -> Drift:
    drift = Drift(window, least)
    drift.compare_with(REFERENCE)
    for row in values:
        drift.note(tuple(row))
    return drift


def test_the_index_is_that_of_the_literature() -> None:
    reference = Histogram(edges=(0.0,), shares=(0.5, 0.5))
    values = np.repeat([-1.0, 1.0], (200_000, 800_000))  # so many that the smoothing is not seen
    expected = (0.2 - 0.5) * np.log(0.2 / 0.5) + (0.8 - 0.5) * np.log(0.8 / 0.5)
    assert reference.stability_index(values) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("count", [200, 500, 1000])
def test_the_same_population_has_not_moved(count: int) -> None:
    for seed in range(20):
        found = REFERENCE.features["ink"].stability_index(population(count, 10 + seed)[:, 0])
        assert found < (MOVED if count >= 500 else DRIFTED)


@pytest.mark.parametrize("shift", [-1.0, 1.0, 1000.0])
def test_another_population_has(shift: float) -> None:
    assert all(filled(population(300, 2, shift)).indices()[name] > DRIFTED for name in NAMES)


def test_few_images_are_not_judged() -> None:
    assert filled(population(199, 2, 5.0)).indices() == {}
    assert filled(population(200, 2, 5.0)).indices() != {}


def test_only_the_last_images_count() -> None:
    values = np.concatenate([population(1000, 2, 5.0), population(1000, 3)])
    assert all(filled(values).indices()[name] < MOVED for name in NAMES)


def test_another_model_brings_its_own_reference_and_what_was_seen_stays() -> None:
    drift = filled(population(500, 2, 5.0))
    assert drift.indices()["ink"] > DRIFTED
    drift.compare_with(Reference.of(dict(zip(NAMES, population(5000, 1, 5.0).T, strict=True))))
    assert drift.indices()["ink"] < MOVED
    drift.compare_with(None)
    assert drift.indices() == {}


def test_a_feature_that_this_version_does_not_know_is_left_out() -> None:
    drift = filled(population(300, 2))
    drift.compare_with(Reference(samples=9, features=REFERENCE.features | {"colour": REFERENCE.features["ink"]}))
    assert set(drift.indices()) == set(NAMES)


def test_the_gauges_say_when_nothing_is_measured() -> None:
    registry = CollectorRegistry()
    drift = Drift(1000, 200)
    registry.register(drift)
    text = generate_latest(registry).decode()
    assert "input_drift_reference 0.0" in text and "input_drift_psi{" not in text
    drift.compare_with(REFERENCE)
    for row in population(250, 2):
        drift.note(tuple(row))
    text = generate_latest(registry).decode()
    assert "input_drift_reference 1.0" in text and "input_drift_images 250.0" in text
    assert text.count("input_drift_psi{") == text.count("input_drift_limit{") == len(NAMES)


def test_what_differs_from_hand_to_hand_is_not_drift() -> None:
    random = np.random.default_rng(1)
    writers = np.repeat(np.arange(100), 50)
    pens = random.normal(0.0, 1.0, 100)  # each has its own, and writes nearly alike with it
    values = pens[writers] + random.normal(0.0, 0.1, 5000)
    reference = Reference.of({"contrast": values, "ink": random.normal(size=5000)}, [str(name) for name in writers])
    drift = Drift(1000, 200)
    drift.compare_with(reference)
    assert drift.limits()["contrast"] > 2 * DRIFTED
    assert drift.limits()["ink"] == DRIFTED
    others = [reference.features["contrast"].stability_index(values[np.isin(writers, ten)]) for ten in
              (random.choice(100, 10, replace=False) for _ in range(40))]  # fmt: skip
    assert np.mean(np.array(others) > DRIFTED) > 0.5, "by the usual threshold alone each day would be an alarm"
    assert np.mean(np.array(others) > drift.limits()["contrast"]) <= 0.2
    assert reference.features["contrast"].stability_index(values - 3.0) > drift.limits()["contrast"]


def test_threads_may_look_while_others_write() -> None:
    drift = filled(population(1000, 2))
    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(drift.note, (0.0,) * len(NAMES)) for _ in range(5000)]
        reading = [pool.submit(drift.indices) for _ in range(50)]
        for done in (*writing, *reading):
            done.result()


def test_it_costs_little() -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 800), dtype=np.uint8)
    drift = Drift(1000, 200)
    start = time.process_time()
    for _ in range(2000):
        drift.observe(look(image), "word")
    # 20 microseconds where this was written; at 250 images a second that is half a per cent of a core.
    assert (time.process_time() - start) / 2000 < 200e-6
