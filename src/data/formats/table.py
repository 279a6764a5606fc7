"""Table: CSV or Parquet with file_name, text and, if known, writer_id (the image-folder convention)."""

import csv
import posixpath
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from src.data.formats.ground_truth import Folder, GroundTruth, Row, writer_of

_REQUIRED = frozenset({"file_name", "text"})


def is_table(folder: Folder) -> bool:
    """Tell whether a folder holds a CSV or Parquet file with the columns file_name and text."""
    return any(columns >= _REQUIRED for _, columns in _tables(folder))


def read_table(folder: Folder, writer_pattern: re.Pattern[str] | None = None) -> GroundTruth:
    """Read all tables of a folder.

    Args:
        folder: Holds the tables and their images, named relative to the table or to the folder.
        writer_pattern: Finds the writer in file_name where the table has no writer_id; without both, each image is
            its own writer.

    Returns:
        One row an image. Rows without text or image, and images listed before, are rejected.
    """
    truth = GroundTruth()
    seen: dict[str, str] = {}
    for file, columns in _tables(folder):
        if not columns >= _REQUIRED:
            if columns & _REQUIRED:
                truth.reject(file, "", f"table without {', '.join(sorted(_REQUIRED - columns))}")
            continue
        for number, record in _records(folder, file):
            name, text = (str(record.get(key) or "").strip() for key in ("file_name", "text"))
            image = _image(folder, file, name)
            if not text:
                truth.reject(file, number, "empty text")
            elif image is None:
                truth.reject(file, number, f"missing image {name}")
            elif image in seen:
                truth.reject(file, number, f"image listed before, in {seen[image]}")
            else:
                seen[image] = f"{file} row {number}"
                truth.rows.append(_row(file, number, record, image, text, writer_pattern))
    return truth


def _row(file: str, number: int, record: dict[str, Any], image: str, text: str, pattern: re.Pattern[str] | None) -> Row:
    name = str(PurePosixPath(image).with_suffix(""))
    writer = record.get("writer_id")
    level: Literal["word", "line"] = "line" if " " in text else "word"
    return Row(
        file=file,
        row=str(number),
        name=name,
        image=image,
        transcription=text,
        writer=str(writer).strip() if writer not in (None, "") else writer_of(image, pattern, name),
        form=name,
        level=level,
    )


def _image(folder: Folder, table: str, name: str) -> str | None:
    name = posixpath.normpath(name.replace("\\", "/")) if name else ""
    for candidate in (posixpath.normpath(posixpath.join(posixpath.dirname(table), name)), name):
        if name and folder.holds(candidate):
            return candidate
    return None


def _tables(folder: Folder) -> Iterator[tuple[str, frozenset[str]]]:
    for file in folder.with_suffix(".csv", ".parquet"):
        path = folder.root / file
        if file.lower().endswith(".csv"):
            with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
                yield file, frozenset(next(csv.reader(stream), []))
        else:
            try:
                yield file, frozenset(pq.read_schema(path).names)
            except pa.ArrowInvalid:
                yield file, frozenset()


def _records(folder: Folder, file: str) -> Iterator[tuple[int, dict[str, Any]]]:
    path = folder.root / file
    if file.lower().endswith(".csv"):
        with path.open(encoding="utf-8-sig", newline="", errors="replace") as stream:
            yield from enumerate(csv.DictReader(stream), start=2)
    else:
        yield from enumerate(pq.read_table(path).to_pylist(), start=1)
