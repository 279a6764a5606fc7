"""IAM words and lines: `words.txt` or `lines.txt`, one image a row, writers in `forms.txt`."""

import re
from collections.abc import Iterator
from typing import Literal

from src.data.formats.ground_truth import Folder, GroundTruth, Row, writer_of

TABLES: dict[str, Literal["word", "line"]] = {"words.txt": "word", "lines.txt": "line"}

_FIELDS = 9  # id, result, grey level, (components,) x, y, w, h, (tag,) transcription: nine in both tables


def is_iam(folder: Folder) -> bool:
    """Tell whether a folder holds `words.txt` or `lines.txt`, at any depth."""
    return any(file.rpartition("/")[2] in TABLES for file in folder.files)


def read_iam(folder: Folder, writer_pattern: re.Pattern[str] | None = None) -> GroundTruth:
    """Read IAM's tables.

    Args:
        folder: Holds the tables and, at any depth, the images `<id>.png`.
        writer_pattern: Finds the writer in a form's id, where forms.txt does not give it.

    Returns:
        One row a word or line. Malformed rows, rows without text or image, and repeated ids are rejected.
    """
    truth = GroundTruth()
    writers = _read_writers(folder)
    seen: set[str] = set()
    for file in folder.files:
        level = TABLES.get(file.rpartition("/")[2])
        if level is None:
            continue
        for number, line in _lines(folder, file):
            fields = line.split(" ", _FIELDS - 1)
            fault = _fault(fields)
            if fault is None and fields[0] in seen:
                fault = f"repeated id {fields[0]}"
            if fault is None and fields[0] not in folder.images:
                fault = f"missing image {fields[0]}"
            if fault is not None:
                truth.reject(file, number, fault)
                continue
            name = fields[0]
            seen.add(name)
            form = name.rsplit("-", 2 if level == "word" else 1)[0]
            truth.rows.append(
                Row(
                    file=file,
                    row=str(number),
                    name=name,
                    image=folder.images[name],
                    transcription=fields[8].strip(),
                    writer=writers.get(form) or writer_of(form, writer_pattern, form),
                    form=form,
                    level=level,
                    quality="ok" if fields[1] == "ok" else "err",
                )
            )
    return truth


def _fault(fields: list[str]) -> str | None:
    if len(fields) == _FIELDS - 1 and fields[1] in ("ok", "err"):
        return "empty text"
    if len(fields) < _FIELDS or fields[1] not in ("ok", "err") or "-" not in fields[0]:
        return "malformed line: expected id ok|err grey x y w h tag transcription"
    if not fields[8].strip():
        return "empty text"
    return None


def _read_writers(folder: Folder) -> dict[str, str]:
    writers: dict[str, str] = {}
    for file in folder.files:
        if file.rpartition("/")[2] == "forms.txt":
            for _, line in _lines(folder, file):
                fields = line.split()
                if len(fields) > 1:
                    writers.setdefault(fields[0], fields[1])
    return writers


def _lines(folder: Folder, file: str) -> Iterator[tuple[int, str]]:
    with (folder.root / file).open(encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                yield number, line.rstrip("\r\n")
