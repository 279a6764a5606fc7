"""longhand.yaml: what `longhand import` notes about an archive, inside it."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from src.data.patterns import compile_pattern
from src.errors import GroundTruthError

SIDECAR = "longhand.yaml"


class Sidecar(BaseModel):
    """How an archive is to be understood.

    Attributes:
        collection: Where its samples come from; archives of one collection share writers.
        format: A ground-truth format; None to find out.
        writer_pattern: Regular expression whose first group is the writer in a page's file name.
        drop_patterns: Regular expressions; a sample whose text matches one whole is dropped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: str
    format: str | None = None
    writer_pattern: str | None = None
    drop_patterns: tuple[str, ...] = ()


def read_sidecar(folder: Path) -> Sidecar:
    """Read an unpacked archive's longhand.yaml.

    Args:
        folder: The unpacked archive, named by its stem.

    Returns:
        The file's settings; without a file, the collection is the folder's name.

    Raises:
        GroundTruthError: The file is malformed.
    """
    path = folder / SIDECAR
    if not path.is_file():
        return Sidecar(collection=folder.name)
    try:
        sidecar = Sidecar.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise GroundTruthError(f"{path}: malformed: {' '.join(str(error).split())}; import the folder again") from error
    for pattern in (sidecar.writer_pattern, *sidecar.drop_patterns):
        if pattern is not None:
            compile_pattern(pattern, str(path))
    return sidecar


def write_sidecar(sidecar: Sidecar, path: Path) -> None:
    """Write a longhand.yaml.

    Args:
        sidecar: Its settings.
        path: The file.
    """
    path.write_text(
        yaml.safe_dump(sidecar.model_dump(mode="json"), sort_keys=True, allow_unicode=True), encoding="utf-8"
    )
