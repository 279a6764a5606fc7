"""Stage 5: texts as codes of the recognizer's charset, frequent words as labels of the word classifier."""

import json
import logging
from collections import Counter
from pathlib import Path

import pandas as pd

from src.data.drops import keep_without_fault
from src.data.manifest import CleanManifest, EncodedManifest, read_manifest, write_manifest
from src.data.partition import assign_parts
from src.errors import GroundTruthError
from src.files import write_whole
from src.params import EncodeParams, SplitParams, load_params
from src.paths import Paths
from src.recognition.charset import Charset
from src.stage import run

logger = logging.getLogger(__name__)


def encode_data(
    clean: Path, encoded: Path, charset: Path, labels: Path, report: Path, params: EncodeParams, split: SplitParams
) -> pd.DataFrame:
    """Encode the texts; the charset knows only what the training writers wrote.

    A training sample with a character that is too rare to be learnt is dropped. A validation or test sample keeps its
    text, by which it is measured, and has codes for the characters that are known.

    Args:
        clean: Written by clean_data.
        encoded: Parquet file to write: the manifest with `codes` and `label`.
        charset: JSON file to write.
        labels: JSON file to write: {"labels": [...]}, the place in the list is the class.
        report: CSV file of what was dropped, to write.
        params: Which characters are learnt.
        split: The split that split_data will make.

    Returns:
        The samples.

    Raises:
        MissingArtefactError: `clean` does not exist.
        GroundTruthError: No character is left, or the writers cannot be split.
    """
    frame = read_manifest(clean, "clean_data", CleanManifest)
    training = assign_parts(frame, split) == "train"
    counts = Counter(character for text in frame.loc[training, "text"] for character in text)
    learnt = {character for character, count in counts.items() if count >= params.min_character_count}
    if not learnt:
        raise GroundTruthError(f"{clean}: no character occurs {params.min_character_count} times in the training part")
    known = Charset.of(learnt)
    unknown = frame["text"].map(lambda text: "".join(sorted(known.unknown(text)))).astype("str")
    if others := "".join(unknown[~training]):
        logger.warning("validation and test samples hold unknown characters: %s", " ".join(sorted(set(others))))
    reasons = ("too rare to be learnt: " + unknown).where((unknown != "") & training, "")
    frame = keep_without_fault(frame, reasons, report)
    frame["codes"] = pd.Series(
        [known.encode("".join(c for c in text if c in learnt)) for text in frame["text"]],
        index=frame.index,
        dtype="object",
    )
    names = sorted(frame.loc[frame["frequent"], "text"].unique())
    numbers = {name: number for number, name in enumerate(names)}
    frame["label"] = frame["text"].map(numbers).where(frame["frequent"]).fillna(-1).astype("int64")
    write_manifest(frame, encoded, EncodedManifest)
    with write_whole(charset) as temporary:
        temporary.write_text(known.to_json() + "\n", encoding="utf-8")
    with write_whole(labels) as temporary:
        temporary.write_text(json.dumps({"labels": names}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    logger.info("%d samples; charset of %d: %s", len(frame), len(known.characters), "".join(known.characters))
    logger.info("word classifier: %d samples of %d words", int(frame["frequent"].sum()), len(names))
    return frame


def main() -> None:
    """Write data/processed/encoded.parquet, charset.json and labels.json."""
    paths, params = Paths(), load_params(Paths().params)
    outputs = (paths.encoded, paths.charset, paths.labels, paths.encode_report)
    encode_data(paths.clean, *outputs, params.encode, params.split)


if __name__ == "__main__":
    run(main)
