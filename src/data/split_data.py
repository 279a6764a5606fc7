"""Stage 6: train, validation and test by writer, saved as lists so that a score can be reproduced."""

import logging
from pathlib import Path

import pandas as pd

from src.data.manifest import EncodedManifest, read_manifest
from src.data.partition import PARTS, assign_parts
from src.files import write_whole_folder
from src.params import SplitParams, load_params
from src.paths import Paths
from src.stage import run

logger = logging.getLogger(__name__)


def split_data(encoded: Path, split: Path, params: SplitParams) -> pd.Series:
    """Share the writers out and save the lists.

    Args:
        encoded: Written by encode_data.
        split: Folder to write: train.txt, validation.txt, test.txt (sample ids, one a line, sorted) and writers.csv
            (writer, part, samples). The folder can serve as split.partition elsewhere.
        params: Shares, seed, and optionally a folder of published lists.

    Returns:
        The part of each sample, by sample id.

    Raises:
        MissingArtefactError: `encoded` does not exist.
        GroundTruthError: The writers cannot be split.
    """
    frame = read_manifest(encoded, "encode_data", EncodedManifest)
    parts = assign_parts(frame, params)
    with write_whole_folder(split) as folder:
        for part in PARTS:
            ids = sorted(frame.loc[parts == part, "sample_id"])
            (folder / f"{part}.txt").write_text("".join(f"{name}\n" for name in ids), encoding="utf-8")
        writers = frame.assign(part=parts).groupby(["writer", "part"]).size().rename("samples").reset_index()
        writers.to_csv(folder / "writers.csv", index=False, lineterminator="\n")
    for (source, level), rows in frame.assign(part=parts).groupby(["source", "level"]):
        shares = ", ".join(f"{part} {int((rows['part'] == part).sum())}" for part in PARTS)
        logger.info("%s: %ss: %s", source, level, shares)
    for part, rows in frame.groupby(parts):
        logger.info(
            "%s: %d samples (%.1f %%) by %d writers",
            part,
            len(rows),
            100 * len(rows) / len(frame),
            rows["writer"].nunique(),
        )
    return pd.Series(parts.to_numpy(), index=frame["sample_id"].to_numpy(), dtype="str", name="part")


def main() -> None:
    """Write data/processed/split."""
    paths = Paths()
    split_data(paths.encoded, paths.split, load_params(paths.params).split)


if __name__ == "__main__":
    run(main)
