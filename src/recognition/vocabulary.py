"""How probable is each entry of a vocabulary: the exact CTC likelihood, for all entries at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from src.recognition.charset import BLANK

FloatArray = NDArray[np.floating]


def score_vocabulary(log_probs: FloatArray, entries: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Log likelihood of each entry: the sum over all CTC paths that spell it (the forward algorithm).

    All entries advance together, one frame at a time: the cost is T numpy steps on [longest entry, entries].

    Args:
        log_probs: float [T, C], log softmax of each frame; class 0 is the blank.
        entries: Codes of each entry, without blanks; an empty entry is the empty text.

    Returns:
        float64 [entries], natural logarithms; -inf where T frames cannot spell the entry.
    """
    if not entries:
        return np.empty(0)
    frames = np.asarray(log_probs, dtype=np.float64)
    lengths = np.array([len(entry) for entry in entries])
    longest, count = int(lengths.max()), len(entries)
    codes = np.full((longest, count), BLANK)
    for column, entry in enumerate(entries):
        codes[: len(entry), column] = entry
    # A path may go from one character to the next without a blank only if the two differ.
    repeated = np.zeros((longest, count), dtype=bool)
    repeated[1:] = codes[1:] == codes[:-1]

    # after_blank[i]: i characters written, last frame a blank; after_character[i]: character i - 1 in the last frame
    # (row 0 stays at -inf: no character comes before the first).
    after_blank = np.full((longest + 1, count), -np.inf)
    after_blank[0] = 0.0
    after_character = np.full((longest + 1, count), -np.inf)
    for frame in frames:
        either = np.logaddexp(after_blank, after_character)
        entered = np.where(repeated, after_blank[:-1], either[:-1])
        after_character[1:] = np.logaddexp(after_character[1:], entered) + frame[codes]
        after_blank = either + frame[BLANK]
    columns = np.arange(count)
    scores: NDArray[np.float64] = np.logaddexp(after_blank[lengths, columns], after_character[lengths, columns])
    return scores


def posterior(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each entry, given that the text is one of them and all are equally frequent.

    Args:
        scores: float64 [entries], log likelihoods.

    Returns:
        float64 [entries], sums to 1; all zero where no entry can be spelt at all.
    """
    best = scores.max(initial=-np.inf)
    if not np.isfinite(best):
        return np.zeros_like(scores)
    shares = np.exp(scores - best)
    result: NDArray[np.float64] = shares / shares.sum()
    return result
