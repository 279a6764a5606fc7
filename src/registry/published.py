"""What is in service, as files: the registry's folder says which version is champion and which challenger.

Readers need no MLflow: `<alias>.json` names a model file below the folder, and its hash.
"""

import hashlib
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from src.errors import RegistryError
from src.files import write_whole

VERSIONS = "versions"


class Published(BaseModel):
    """A version that an alias names.

    Attributes:
        name: The registered model.
        version: The model's own version.
        file: The model file, from the registry's folder.
        sha256: Of the model file, hexadecimal.
        promoted: When it was put there.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    version: str
    file: Path
    sha256: str
    promoted: datetime


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_published(folder: Path, alias: str) -> Published | None:
    """What an alias names.

    Args:
        folder: The registry's folder.
        alias: "champion" or "challenger".

    Returns:
        The version; None if the alias names none.

    Raises:
        RegistryError: The folder or the file cannot be read.
    """
    file = folder / f"{alias}.json"
    try:
        if not file.exists():
            return None
        return Published.model_validate_json(file.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise RegistryError(f"{file}: cannot be read; `longhand models publish` writes it again: {error}") from error


def write_published(folder: Path, alias: str, published: Published | None) -> None:
    """Say what an alias names; None: no version."""
    file = folder / f"{alias}.json"
    if published is None:
        file.unlink(missing_ok=True)
        return
    with write_whole(file) as temporary:
        temporary.write_text(published.model_dump_json(indent=1) + "\n", encoding="utf-8")
