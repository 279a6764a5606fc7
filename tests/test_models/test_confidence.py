"""Confidence that can be relied on: how it is measured, and how it is fitted."""

import numpy as np
import pandas as pd
import pytest

from src.models.calibrate import fit_calibration, match_characters
from src.models.confidence import acceptance, calibration_error, match_words, reliability, risk_coverage, word_table
from src.models.plots import plot_confidence
from src.recognition.calibration import Calibration, Curve
from src.recognition.reading import words_of

RANDOM = np.random.default_rng(5)


def test_words_are_right_at_their_place_in_the_text():
    assert match_words("le chat dort", ["le", "chat", "dort"]) == [True, True, True]
    assert match_words("le chat dort", ["le", "chot", "dort"]) == [True, False, True]
    assert match_words("le chat dort", ["le", "chatdort"]) == [True, False]
    assert match_words("chat", ["le", "chat"]) == [False, True]
    assert match_words("", ["le"]) == [False]
    assert match_characters("a b", "a  b") == [True, True, False, True]


def test_the_calibration_error_of_known_confidences():
    confidence = np.repeat([0.2, 0.9], 500)
    right = np.concatenate([np.arange(500) < 100, np.arange(500) < 450])
    table = reliability(confidence, right, bins=2)
    assert table["right"].tolist() == [0.2, 0.9]
    assert calibration_error(np.full(1000, 0.9), np.arange(1000) % 10 < 6) == pytest.approx(0.3, abs=0.01)


def test_risk_and_coverage():
    confidence = np.array([0.9, 0.8, 0.8, 0.3])
    points = risk_coverage(confidence, np.array([True, True, False, False]))
    assert points.coverage.tolist() == [0.25, 0.75, 1.0], "equal confidences are accepted together"
    assert points.risk.tolist() == [0.0, pytest.approx(1 / 3), 0.5]
    assert points.at(0.4) == (0.75, 0.8)
    assert risk_coverage(np.array([0.5]), np.array([False])).at(0.1) == (0.0, float("inf"))


def reading_of(trust: float) -> tuple[str, str, list[float]]:
    """A text of 1 to 3 words, what an overconfident network reads, and what it says of each character."""
    words = ["".join(RANDOM.choice(list("abcd"), RANDOM.integers(1, 7))) for _ in range(RANDOM.integers(1, 4))]
    text = " ".join(words)
    read, confidences = "", []
    for character in text:
        claimed = float(RANDOM.beta(8, 1))
        right = character == " " or RANDOM.random() < claimed**trust
        read += character if right else "z"
        confidences.append(claimed)
    return text, read, confidences


def test_calibrated_confidences_are_shares_of_right_readings():
    fitted_on, measured_on = ([reading_of(2.5) for _ in range(3000)] for _ in range(2))
    calibration = fit_calibration(*zip(*fitted_on, strict=True))
    errors = []
    for curve in (Curve(), calibration.word):
        confidence, right = [], []
        for text, read, confidences in measured_on:
            confidence += [curve.probability(confidences[start:end]) for start, end in words_of(read)]
            right += match_words(text, read.split())
        errors.append(calibration_error(np.array(confidence), np.array(right)))
    assert errors[0] > 0.1
    assert errors[1] < 0.03
    assert set(calibration.accept) <= {0.01, 0.02, 0.05}
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


def test_too_little_to_fit_leaves_the_network_s_own():
    calibration = fit_calibration(["ab"] * 10, ["ab"] * 10, [[0.9, 0.8]] * 10)
    assert calibration.word == Curve()
    assert calibration.word.probability([0.9, 0.8]) == pytest.approx(0.72)
    assert fit_calibration([], [], []) == Calibration()


def test_what_may_be_accepted_and_its_plot(tmp_path):
    words = pd.DataFrame({"confidence": np.linspace(0, 1, 1000), "right": np.linspace(0, 1, 1000) > 0.3})
    table = acceptance(words, {0.01: 0.5, 0.05: 0.2})
    assert table["allowed"].tolist() == [0.01, 0.02, 0.05]
    assert table["accepted"].round(2).tolist()[::2] == [0.5, 0.8]
    assert table["wrong"].tolist()[0] == 0.0
    assert table["wrong"].tolist()[2] == pytest.approx(0.125, abs=0.01)
    assert np.isnan(table["accepted"].tolist()[1])
    assert table["best"].tolist()[0] == pytest.approx(0.7 / 0.99, abs=0.01)
    confidence, right = words["confidence"].to_numpy(), words["right"].to_numpy()
    found = risk_coverage(confidence, right)
    points = pd.DataFrame({"coverage": found.coverage, "risk": found.risk})
    plot_confidence(reliability(confidence, right), points, table, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000


def test_the_words_of_readings():
    readings = pd.DataFrame({"text": ["a bc", "d"], "reading": ["a bd", ""], "word_confidences": [[0.9, 0.2], []]})
    table = word_table(readings)
    assert table["confidence"].tolist() == [0.9, 0.2]
    assert table["right"].tolist() == [True, False]
