"""Stage 3: samples that are good enough, and the words that are frequent enough for the word classifier."""

import logging
import unicodedata
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from src.data.drops import keep_without_fault
from src.data.manifest import FilteredManifest, read_manifest, write_manifest
from src.params import FilterParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def filter_data(
    manifest: Path, filtered: Path, report: Path, params: FilterParams, uncounted: Collection[str] = ()
) -> pd.DataFrame:
    """Drop samples that are of no use to any model, and mark the frequent words.

    Args:
        manifest: Written by load_dataset.
        filtered: Parquet file to write: the manifest with `frequent`.
        report: CSV file of what was dropped, to write.
        params: The limits.
        uncounted: Collections in which no word counts as frequent. What is never measured needs no classifier; and
            what grows would change the frequent words of others, by which their writers are shared out.

    Returns:
        The samples that are left.

    Raises:
        MissingArtefactError: The manifest does not exist.
        GroundTruthError: No sample is left.
    """
    frame = read_manifest(manifest)
    kept = keep_without_fault(frame, faults(frame, params), report)
    kept["frequent"] = frequent(kept, params, uncounted)
    write_manifest(kept, filtered, FilteredManifest)
    words = kept.loc[kept["frequent"], "transcription"]
    logger.info(
        "%d samples of %d words occur %d to %d times",
        len(words),
        words.nunique(),
        params.min_word_count,
        params.max_word_count,
    )
    return kept


def faults(frame: pd.DataFrame, params: FilterParams) -> pd.Series:
    """Say what speaks against each sample.

    Args:
        frame: The manifest.
        params: The limits.

    Returns:
        str, one a row: the first reason that holds, or "".
    """
    shorter, longer = frame[["width", "height"]].min(axis=1), frame[["width", "height"]].max(axis=1)
    checks = {
        "quality err": (frame["quality"] == "err") & (not params.keep_err),
        "no known character": ~frame["transcription"].map(has_known_character).astype(bool),
        "too small": shorter < params.min_side,
        "too large": longer > params.max_side,
        "too wide for its height": frame["width"] > params.max_aspect * frame["height"],
        "too narrow for its text": frame["width"] < params.min_width_per_character * frame["transcription"].str.len(),
    }
    reasons = np.select(list(checks.values()), list(checks), default="")
    return pd.Series(reasons, index=frame.index, dtype="str")


def frequent(frame: pd.DataFrame, params: FilterParams, uncounted: Collection[str] = ()) -> pd.Series:
    """Tell which samples are words that occur often, but not too often; both ends of the range are kept.

    Args:
        frame: The samples that are left.
        params: The range.
        uncounted: Collections that do not count.

    Returns:
        bool, one a row; lines are never frequent.
    """
    words = (frame["level"] == "word") & ~frame["source"].isin(list(uncounted))
    counts = frame["transcription"].map(frame.loc[words, "transcription"].value_counts())
    return words & counts.between(params.min_word_count, params.max_word_count)


def has_known_character(text: str) -> bool:
    """Tell whether a text holds a letter, digit, punctuation or symbol (not only spaces, controls or U+FFFD)."""
    return any(character != "\ufffd" and unicodedata.category(character)[0] in "LNPS" for character in text)


def main() -> None:
    """Write data/interim/filtered.parquet."""
    paths = Paths()
    params = load_params(paths.params)
    uncounted = (*params.split.train_only, *params.split.growing)
    filter_data(paths.manifest, paths.filtered, paths.filter_report, params.filter, uncounted)


if __name__ == "__main__":
    run(main)
