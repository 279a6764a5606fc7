"""How far a confidence can be relied on: calibration error, and what may be accepted unread at which risk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

# Shares of wrong words among those that nobody checks, from an archive's to a search engine's needs.
RISKS = (0.01, 0.02, 0.05)
_BINS = 15


def match_words(text: str, read: Sequence[str]) -> list[bool]:
    """Which words of a reading are right: those that the cheapest alignment leaves as they are.

    Args:
        text: What is written.
        read: The words that were read.

    Returns:
        For each word that was read, whether it stands at its place in the text.
    """
    right = [False] * len(read)
    for step in Levenshtein.opcodes(text.split(), list(read)):
        if step.tag == "equal":
            right[step.dest_start : step.dest_end] = [True] * (step.dest_end - step.dest_start)
    return right


def reliability(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = _BINS) -> pd.DataFrame:
    """Compare confidence with the share that was right, in bins of equally many.

    Args:
        confidence: float64 [N], 0..1; N at least 1.
        right: bool [N].
        bins: At most so many.

    Returns:
        One row a bin, the least confident first: samples, confidence (its mean), right (share).
    """
    order = np.argsort(confidence, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    rows = [(len(group), confidence[group].mean(), right[group].mean()) for group in groups]
    return pd.DataFrame(rows, columns=["samples", "confidence", "right"])


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = _BINS) -> float:
    """Return the expected calibration error: |confidence - share right|, in the mean over bins of equally many.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, https://arxiv.org/abs/1706.04599; with bins of equal
    numbers instead of equal widths, since most confidences lie near 1.

    Args:
        confidence: float64 [N], 0..1; N at least 1.
        right: bool [N].
        bins: At most so many.
    """
    table = reliability(confidence, right, bins)
    return float(np.average((table["confidence"] - table["right"]).abs(), weights=table["samples"]))


@dataclass(frozen=True)
class RiskCoverage:
    """What accepting the most confident unread costs.

    Attributes:
        coverage: float64 [N], share accepted, rising.
        risk: float64 [N], share of the accepted that is wrong.
        threshold: float64 [N], least confidence among the accepted.
    """

    coverage: NDArray[np.float64]
    risk: NDArray[np.float64]
    threshold: NDArray[np.float64]

    def at(self, risk: float) -> tuple[float, float]:
        """Return the greatest coverage whose risk is at most `risk`, and its threshold; (0, inf) if there is none."""
        allowed = np.flatnonzero(self.risk <= risk)
        if not len(allowed):
            return 0.0, float("inf")
        return float(self.coverage[allowed[-1]]), float(self.threshold[allowed[-1]])


def risk_coverage(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> RiskCoverage:
    """Accept the most confident first.

    El-Yaniv and Wiener, "On the Foundations of Noise-free Selective Classification", 2010.

    Args:
        confidence: float64 [N], 0..1; N at least 1.
        right: bool [N].

    Returns:
        One point for each different confidence, as a threshold cannot tell equals apart.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered = confidence[order]
    number = np.arange(1, len(order) + 1)
    risk = np.cumsum(~right[order]) / number
    last = np.append(ordered[1:] != ordered[:-1], True)
    return RiskCoverage((number / len(order))[last], risk[last], ordered[last])


def word_table(readings: pd.DataFrame) -> pd.DataFrame:
    """Every word that was read.

    Args:
        readings: What `read_samples` returns.

    Returns:
        One row a word: confidence (0..1), right (bool).
    """
    rows: list[tuple[float, bool]] = []
    for text, reading, confidences in zip(
        readings["text"], readings["reading"], readings["word_confidences"], strict=True
    ):
        rows += zip(confidences, match_words(text, reading.split()), strict=True)
    return pd.DataFrame(rows, columns=["confidence", "right"]).astype({"confidence": float, "right": bool})


def acceptance(words: pd.DataFrame, accept: Mapping[float, float]) -> pd.DataFrame:
    """What may be accepted unread.

    Args:
        words: What `word_table` returns, at least one row.
        accept: Share of wrong words that is allowed -> threshold that was chosen for it on other writers.

    Returns:
        A row for each of RISKS: allowed (the share), threshold, accepted and wrong (shares, by that threshold; NaN
        without one), best (share accepted if the threshold were chosen on these words).
    """
    confidence, right = words["confidence"].to_numpy(), words["right"].to_numpy()
    points = risk_coverage(confidence, right)
    rows = []
    for risk in RISKS:
        threshold = accept.get(risk, float("nan"))
        accepted = confidence >= threshold
        wrong = float((~right[accepted]).mean()) if accepted.any() else float("nan")
        share = float(accepted.mean()) if np.isfinite(threshold) else float("nan")
        rows.append((risk, threshold, share, wrong, points.at(risk)[0]))
    return pd.DataFrame(rows, columns=["allowed", "threshold", "accepted", "wrong", "best"])
