"""The known formats by name, and which of them a folder holds."""

import re
from collections.abc import Callable

from src.data.formats.alto import is_alto, read_alto
from src.data.formats.ground_truth import Folder, GroundTruth, Reader
from src.data.formats.iam import is_iam, read_iam
from src.data.formats.page import is_page, read_page
from src.data.formats.table import is_table, read_table
from src.errors import GroundTruthError

FORMATS: dict[str, tuple[Callable[[Folder], bool], Reader]] = {
    "iam": (is_iam, read_iam),
    "alto": (is_alto, read_alto),
    "page": (is_page, read_page),
    "table": (is_table, read_table),
}


def detect_format(folder: Folder) -> str:
    """Find out which format a folder holds.

    Args:
        folder: The folder.

    Returns:
        The first of FORMATS that it holds.

    Raises:
        GroundTruthError: It holds none.
    """
    for name, (holds, _) in FORMATS.items():
        if holds(folder):
            return name
    raise GroundTruthError(
        f"{folder.root}: no ground truth found; expected words.txt or lines.txt (IAM), ALTO or PAGE XML, "
        "or a CSV or Parquet file with the columns file_name and text"
    )


def read_ground_truth(
    folder: Folder, format_name: str | None = None, writer_pattern: re.Pattern[str] | None = None
) -> GroundTruth:
    """Read a folder.

    Args:
        folder: The folder.
        format_name: One of FORMATS; None to find out.
        writer_pattern: Regular expression whose first group is the writer in a page's or image's name.

    Returns:
        Its rows, usable and not.

    Raises:
        GroundTruthError: The format is unknown, or none is found.
    """
    name = format_name or detect_format(folder)
    if name not in FORMATS:
        raise GroundTruthError(f"{folder.root}: unknown format {name!r}; known are {', '.join(FORMATS)}")
    return FORMATS[name][1](folder, writer_pattern)
