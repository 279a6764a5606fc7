"""The gate: may a challenger replace the champion? Decided on what both read on the same test samples.

The figure that decides is the difference of the two character error rates, challenger minus champion, with a paired
bootstrap over writers: each draw takes as many writers as there are, with replacement, and compares both models on the
same ones (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993; Bisani and Ney, "Bootstrap Estimates for
Confidence Intervals in ASR Performance Evaluation", 2004, https://doi.org/10.1109/ICASSP.2004.1326009).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from src.models.confidence import calibration_error, word_table
from src.models.metrics import overall
from src.params import GateParams

# Of 50 words, the share that is right is off by 7 points by chance (one standard deviation, at most).
_WORDS_PER_BIN = 50


@dataclass(frozen=True)
class Check:
    """One condition of a promotion.

    Attributes:
        name: What is looked at.
        passed: Whether it holds.
        text: What was found, in a sentence.
    """

    name: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Difference:
    """How the challenger's CER differs from the champion's.

    Attributes:
        mean: Challenger minus champion, share of characters; negative is better.
        low: Lower end of the interval.
        high: Upper end.
        draws: float64 [rounds], the differences of all draws.
    """

    mean: float
    low: float
    high: float
    draws: NDArray[np.float64]


def paired_difference(champion: pd.DataFrame, challenger: pd.DataFrame, params: GateParams) -> Difference:
    """Compare the error rates of two models on the same samples.

    Args:
        champion: What `read_samples` returns.
        challenger: The same samples in the same order, read by the other model.
        params: Rounds, level and seed.

    Returns:
        The difference; with one writer only, no interval that could exclude anything: from -1 to 1.

    Raises:
        ValueError: They are not of the same samples.
    """
    if champion["sample_id"].tolist() != challenger["sample_id"].tolist():
        raise ValueError("the two models did not read the same samples")
    sums = pd.DataFrame(
        {
            "writer": champion["writer"],
            "edits": challenger["edits"] - champion["edits"],
            "characters": champion["characters"],
        }
    )
    by_writer = sums.groupby("writer")[["edits", "characters"]].sum().to_numpy(dtype=np.float64)
    mean = float(by_writer[:, 0].sum() / by_writer[:, 1].sum())
    count = len(by_writer)
    if count < 2:
        return Difference(mean, -1.0, 1.0, np.array([mean]))
    random = np.random.default_rng(params.seed)
    drawn = random.multinomial(count, np.full(count, 1.0 / count), size=params.bootstrap_rounds) @ by_writer
    draws = drawn[:, 0] / np.maximum(drawn[:, 1], 1.0)
    tail = (1.0 - params.confidence_level) / 2.0
    low, high = np.quantile(draws, [tail, 1.0 - tail])
    return Difference(mean, float(low), float(high), draws)


def slices(champion: pd.DataFrame, challenger: pd.DataFrame) -> pd.DataFrame:
    """Both models on parts of the samples: each writer, collection, kind and length, texts with digits or capitals.

    Args:
        champion: What `read_samples` returns.
        challenger: The same samples in the same order, read by the other model.

    Returns:
        One row a part: kind, name, samples, champion and challenger (CER), difference.
    """
    rows = []
    for kind, names in _kinds(champion):
        for name in sorted(names.dropna().unique()):
            chosen = (names == name).to_numpy()
            before, after = (overall(table[chosen])["cer"] for table in (champion, challenger))
            rows.append((kind, str(name), int(chosen.sum()), before, after, after - before))
    return pd.DataFrame(rows, columns=["kind", "name", "samples", "champion", "challenger", "difference"])


def _kinds(table: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Each kind of slice and, for each sample, the slice that it lies in; NaN: none."""
    for kind in ("source", "level", "length", "writer"):
        yield kind, table[kind]
    for kind, pattern in (("digits", r"[0-9]"), ("capitals", r"[A-ZÀ-ÖØ-Þ]")):
        has = table["text"].str.contains(pattern)
        yield kind, has.map({True: f"with {kind}", False: None}).astype("object")


def check_difference(difference: Difference, champion: float, challenger: float, params: GateParams) -> Check:
    """The interval must exclude a loss."""
    level = f"{params.confidence_level:.0%}"
    text = (
        f"CER {champion:.2%} before, {challenger:.2%} now: {_points(difference.mean)} "
        f"({level} between {_points(difference.low)} and {_points(difference.high)})"
    )
    return Check("characters read wrongly", difference.high <= 0.0, text)


def check_slices(table: pd.DataFrame, params: GateParams) -> Check:
    """No slice of enough samples may lose more than the margin."""
    large = table[table["samples"] >= params.slice_samples]
    if large.empty:
        return Check("slices", True, f"no slice has {params.slice_samples} samples")
    worst = large.sort_values("difference").iloc[-1]
    text = (
        f"of {len(large)} slices, {worst['kind']} {worst['name']!r} ({worst['samples']} samples) fares worst: "
        f"{_points(float(worst['difference']))} (at most {_points(params.slice_margin)})"
    )
    return Check("slices", bool(worst["difference"] <= params.slice_margin), text)


def check_calibration(champion: pd.DataFrame, challenger: pd.DataFrame, params: GateParams) -> Check:
    """Confidences must stay worth something."""
    before, after = (_calibration(table) for table in (champion, challenger))
    passed = after <= max(params.calibration_error, before)
    text = f"calibration error {before:.1%} before, {after:.1%} now (at most {params.calibration_error:.1%})"
    return Check("confidence", passed, text)


def check_latency(champion: float, challenger: float, params: GateParams) -> Check:
    """A word must not take longer than it may; milliseconds, medians."""
    text = f"a word takes {champion:.1f} ms before, {challenger:.1f} ms now (at most {params.milliseconds:g})"
    return Check("time", challenger <= max(params.milliseconds, champion), text)


def check_export(disagreement: float, params: GateParams) -> Check:
    """The file must read as the network that was trained."""
    text = f"the file and the trained network read {disagreement:.2%} of the characters differently"
    return Check("model file", disagreement <= params.disagreement, f"{text} (at most {params.disagreement:.0%})")


def reason(checks: list[Check]) -> str:
    """Why, in a sentence."""
    failed = [check for check in checks if not check.passed]
    if failed:
        return f"not promoted: {'; '.join(f'{check.name}: {check.text}' for check in failed)}"
    return f"promoted: {checks[0].text}; all other checks hold"


def _calibration(readings: pd.DataFrame) -> float:
    """Expected calibration error of words, in bins that are large enough to show more than chance."""
    words = word_table(readings)
    if words.empty:
        return 0.0
    bins = min(15, max(1, len(words) // _WORDS_PER_BIN))
    return calibration_error(words["confidence"].to_numpy(), words["right"].to_numpy(), bins)


def _points(share: float) -> str:
    """A difference of shares, in points."""
    return f"{100 * share:+.2f} points"
