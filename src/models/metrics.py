"""What a reading is worth: character and word error rates, and how sure these figures are.

Per sample i, with d = Levenshtein distance (insert, delete and replace cost 1 each):
    edits_i      = d(characters of the text, characters of the reading)
    word_edits_i = d(words of the text, words of the reading), words cut at white space
Over samples: CER = sum edits / sum characters of the texts; WER = sum word_edits / sum words of the texts;
exact = share of samples whose reading equals the text. Nothing is folded: case, accents, punctuation and spaces count.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

SUMS = ["samples", "edits", "characters", "word_edits", "words", "exact"]
RATES = ["cer", "wer", "exact_rate"]
# Upper ends of the bins of a text's length, in characters, and the bins' names.
_LENGTH_ENDS = (0, 1, 2, 4, 8, 16, 32, 64)
LENGTH_NAMES = ("0", "1", "2", "3-4", "5-8", "9-16", "17-32", "33-64", "65+")


def score_readings(texts: Sequence[str], readings: Sequence[str]) -> pd.DataFrame:
    """Compare each reading with its text.

    Args:
        texts: N reference texts.
        readings: N texts as they were read.

    Returns:
        N rows of int64 columns: samples (1), edits, characters, word_edits, words, exact (0 or 1).

    Raises:
        ValueError: The two have different lengths.
    """
    rows = []
    for text, reading in zip(texts, readings, strict=True):
        words, read_words = text.split(), reading.split()
        rows.append(
            (
                1,
                Levenshtein.distance(text, reading),
                len(text),
                Levenshtein.distance(words, read_words),
                len(words),
                int(text == reading),
            )
        )
    return pd.DataFrame(rows, columns=SUMS, dtype="int64")


def rates(sums: pd.DataFrame) -> pd.DataFrame:
    """Rates from sums.

    Args:
        sums: Rows with the columns of `score_readings`, added up over any group.

    Returns:
        The same rows with float64 columns cer, wer, exact_rate in shares; NaN where a group has no characters (words).
    """
    found = sums[SUMS].copy()
    values = found.to_numpy(dtype=np.float64)
    for name, column in zip(RATES, _rates(values).T, strict=True):
        found[name] = column
    return found


def overall(scores: pd.DataFrame) -> dict[str, float]:
    """Rates over all rows.

    Args:
        scores: What `score_readings` returns.

    Returns:
        cer, wer, exact_rate.
    """
    sums = scores[SUMS].sum().to_numpy(dtype=np.float64)
    return dict(zip(RATES, _rates(sums[None])[0].tolist(), strict=True))


def group_rates(scores: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    """Sums and rates of each group.

    Args:
        scores: What `score_readings` returns, and the column(s) to group by.
        by: Column(s).

    Returns:
        One row a group, sorted by it: the group's column(s), then sums and rates.
    """
    return rates(scores.groupby(by, sort=True, observed=True)[SUMS].sum()).reset_index()


def length_bin(length: int) -> str:
    """The name of the bin (one of LENGTH_NAMES) of a text's length in characters."""
    return LENGTH_NAMES[bisect_left(_LENGTH_ENDS, length)]


def bootstrap_interval(
    scores: pd.DataFrame, writers: Sequence[str], rounds: int, level: float, seed: int
) -> dict[str, tuple[float, float]]:
    """How far the rates would move with other writers: percentile bootstrap that draws writers, not samples.

    Samples of one writer fail together; to draw samples would promise more than the data holds.

    Args:
        scores: What `score_readings` returns, N rows.
        writers: N writers.
        rounds: Draws (with replacement, as many writers as there are).
        level: Share of the draws inside the interval, e.g. 0.95.
        seed: Of the draws.

    Returns:
        For each rate (low, high); empty with fewer than two writers, of whom nothing can be said.
    """
    sums = scores[SUMS].groupby(np.asarray(writers, dtype=object)).sum().to_numpy(dtype=np.float64)
    count = len(sums)
    if count < 2:
        return {}
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=rounds)
    drawn = _rates(draws.astype(np.float64) @ sums)
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(drawn, [tail, 1.0 - tail], axis=0)
    return {name: (float(low[index]), float(high[index])) for index, name in enumerate(RATES)}


def _rates(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [N, 6] sums in the order of SUMS -> float64 [N, 3] rates in the order of RATES."""
    samples, edits, characters, word_edits, words, exact = sums.T
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack([edits / characters, word_edits / words, exact / samples], axis=1)
    return np.where(np.isfinite(found), found, np.nan)
