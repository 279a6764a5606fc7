"""Samples that a stage drops, each with its reason."""

import logging
from pathlib import Path

import pandas as pd

from src.errors import GroundTruthError
from src.files import write_whole

logger = logging.getLogger(__name__)


def keep_without_fault(frame: pd.DataFrame, reasons: pd.Series, report: Path) -> pd.DataFrame:
    """Keep the samples that nothing speaks against; write and count the others.

    Args:
        frame: One row a sample, with sample_id, transcription and writer.
        reasons: str, one a row of `frame`; "" for none. What follows a colon is particular to the sample.
        report: CSV file (sample_id, reason, transcription, writer) to write.

    Returns:
        The rows that are kept.

    Raises:
        GroundTruthError: None is kept.
    """
    dropped = frame[["sample_id", "transcription", "writer"]].assign(reason=reasons)[reasons != ""]
    with write_whole(report) as temporary:
        dropped[["sample_id", "reason", "transcription", "writer"]].to_csv(temporary, index=False, lineterminator="\n")
    logger.info("%d of %d samples dropped (%s)", len(dropped), len(frame), report)
    for kind, count in dropped["reason"].str.split(":", n=1).str[0].value_counts().items():
        logger.info("  %6d %s", count, kind)
    if len(dropped) == len(frame):
        raise GroundTruthError(f"no sample is left; {report} says why of each, and params.yaml holds the limits")
    return frame[reasons == ""].reset_index(drop=True)
