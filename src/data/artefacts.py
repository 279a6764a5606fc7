"""What a stage finds of the stage before it, or a clear word about which one is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from src.errors import GroundTruthError, MissingArtefactError


def require(path: Path, stage: str) -> Path:
    """Return `path` if it exists.

    Args:
        path: A file or folder that another stage writes.
        stage: The module of src/data that writes it.

    Returns:
        The path.

    Raises:
        MissingArtefactError: It does not exist; the text names the command to run.
    """
    if not path.exists():
        raise MissingArtefactError(f"{path}: not found; run python src/data/{stage}.py first")
    return path


def read_columns(
    path: Path, stage: str, columns: Sequence[str], where: list[tuple[str, str, Any]] | None = None
) -> pd.DataFrame:
    """Read some columns of a table, so that a long one costs no more memory than is used of it.

    Args:
        path: A Parquet file.
        stage: The module of src/data that writes it.
        columns: Their names.
        where: Conditions (column, operator, value) that the rows must all meet; None: all rows.

    Returns:
        The columns, one row a sample, in the file's order.

    Raises:
        MissingArtefactError: The file does not exist.
        GroundTruthError: It is no Parquet file with these columns.
    """
    require(path, stage)
    try:
        return pd.read_parquet(path, columns=list(columns), filters=where)
    except (OSError, ValueError, KeyError) as error:
        raise GroundTruthError(f"{path}: cannot be read ({error}); run python src/data/{stage}.py again") from error
