"""Stage 4: regular text, no duplicates; for the word classifier no stop words and symbols."""

import logging
from collections.abc import Collection
from pathlib import Path

import pandas as pd
import stop_words

from src.data.clean_text import clean_text, is_struck_out
from src.data.drops import keep_without_fault
from src.data.manifest import CleanManifest, FilteredManifest, read_manifest, write_manifest
from src.data.patterns import compile_patterns, matching
from src.errors import ParamsError
from src.params import CleanParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def clean_data(
    filtered: Path, clean: Path, report: Path, params: CleanParams, growing: Collection[str] = ()
) -> pd.DataFrame:
    """Clean the texts, drop what cannot be learnt from, and narrow the frequent words.

    Args:
        filtered: Written by filter_data.
        clean: Parquet file to write: the manifest with `text`.
        report: CSV file of what was dropped, to write.
        params: Stop words, symbols, and patterns of texts to drop.
        growing: Collections that give way where they hold an image that another collection holds too.

    Returns:
        The samples that are left.

    Raises:
        MissingArtefactError: `filtered` does not exist.
        GroundTruthError: No sample is left.
        ParamsError: The language of the stop words is unknown, or a pattern is malformed.
    """
    frame = read_manifest(filtered, "filter_data", FilteredManifest)
    pairs = zip(frame["transcription"], frame["level"], strict=True)
    frame["text"] = pd.Series([clean_text(text, level) for text, level in pairs], index=frame.index, dtype="str")
    kept = keep_without_fault(frame, faults(frame, params, growing), report)
    kept["frequent"] = narrow_frequent(kept, params)
    write_manifest(kept, clean, CleanManifest)
    return kept


def faults(frame: pd.DataFrame, params: CleanParams, growing: Collection[str] = ()) -> pd.Series:
    """Say what speaks against each sample.

    Args:
        frame: The manifest with `text`.
        params: Patterns of texts to drop.
        growing: Collections that give way to the others.

    Returns:
        str, one a row: the reason, or "".
    """
    patterns = compile_patterns(params.drop_patterns, "clean.drop_patterns")
    reasons = pd.Series("", index=frame.index, dtype="str")
    reasons[frame["transcription"].map(is_struck_out).astype(bool)] = "struck out"
    reasons[frame["text"] == ""] = "empty text"
    if patterns:
        matches = frame["text"].map(lambda text: matching(text, patterns) or "").astype("str")
        reasons[matches != ""] = "drop pattern: " + matches[matches != ""]
    late = frame["source"].isin(list(growing))
    known = frame[(reasons == "") & ~late].drop_duplicates("digest").set_index("digest")["sample_id"]
    again = (reasons == "") & late & frame["digest"].isin(known.index)
    reasons[again] = "ground truth already: of " + frame.loc[again, "digest"].map(known)
    sound = frame[reasons == ""]
    for same in (group for _, group in sound.groupby("digest", sort=False) if len(group) > 1):
        if same["text"].nunique() == 1:
            reasons[same.index[1:]] = f"duplicate: of {same['sample_id'].iloc[0]}"
        else:  # one image, two texts: nobody can tell which of them is right
            reasons[same.index] = f"conflict: same image as {', '.join(same['sample_id'].iloc[:3])}"
    return reasons


def narrow_frequent(frame: pd.DataFrame, params: CleanParams) -> pd.Series:
    """Leave stop words and symbols out of the frequent words.

    Args:
        frame: The manifest with `text` and `frequent`.
        params: The language of the stop words, and the symbols.

    Returns:
        bool, one a row.

    Raises:
        ParamsError: The language is unknown.
    """
    unwanted = {word.casefold() for word in _stop_words(params.stop_word_language)} | set(params.symbols)
    is_unwanted = frame["text"].str.casefold().isin(unwanted)
    dropped = frame.loc[frame["frequent"] & is_unwanted, "text"]
    narrowed = frame["frequent"] & ~is_unwanted
    logger.info(
        "word classifier: %d stop words and symbols left out (%d samples); %d samples of %d words stay",
        dropped.nunique(),
        len(dropped),
        int(narrowed.sum()),
        frame.loc[narrowed, "text"].nunique(),
    )
    return narrowed


def _stop_words(language: str | None) -> list[str]:
    if language is None:
        return []
    try:
        words: list[str] = stop_words.get_stop_words(language)
    except stop_words.StopWordError as error:
        known = ", ".join(sorted(stop_words.LANGUAGE_MAPPING.values()))
        raise ParamsError(f"clean.stop_word_language: {language!r} is unknown; known are {known}, or null") from error
    return words


def main() -> None:
    """Write data/interim/clean.parquet."""
    paths = Paths()
    params = load_params(paths.params)
    clean_data(paths.filtered, paths.clean, paths.clean_report, params.clean, params.split.growing)


if __name__ == "__main__":
    run(main)
