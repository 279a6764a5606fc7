"""Where a service learns which model is champion: the registry's folder, or an MLflow server that is mirrored into one.

Needs neither MLflow nor pandas. What was mirrored stays, so that a service starts while the server is away.
"""

import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from src.errors import RegistryError
from src.files import write_whole
from src.registry.client import CHALLENGER, CHAMPION, RECOGNIZER
from src.registry.published import VERSIONS, Published, read_published, sha256_of, write_published
from src.registry.versions import MODEL, MODEL_VERSION

logger = logging.getLogger(__name__)

_SECONDS = 10.0


class Source:
    """What the registry has put in service.

    Args:
        place: The registry's folder, or the address of an MLflow server (http://...).
        mirror: Folder in which a server's versions are kept.
    """

    def __init__(self, place: str, mirror: Path) -> None:
        self._server = place.rstrip("/") if place.startswith(("http://", "https://")) else None
        self._folder = mirror if self._server else Path(place)
        self._seen = False

    def refresh(self) -> None:
        """Learn what changed.

        Raises:
            RegistryError: The registry is away; what was known stays.
        """
        if self._server:
            try:
                _mirror(self._server, self._folder)
            except (httpx.HTTPError, OSError, KeyError, ValueError) as error:
                raise RegistryError(f"{self._server}: the registry is away: {error}") from error
        there = self._folder.is_dir()
        if self._seen and not there:
            raise RegistryError(f"{self._folder}: the registry is away: its folder was there and is gone")
        self._seen = there

    def file_of(self, alias: str) -> tuple[Published, Path] | None:
        """The version that an alias names, and its model file.

        Returns:
            None if the alias names none.

        Raises:
            RegistryError: What is known cannot be read, or the file is not the one that was promoted.
        """
        found = read_published(self._folder, alias)
        if found is None:
            return None
        file = self._folder / found.file
        try:
            right = sha256_of(file) == found.sha256
        except OSError as error:
            raise RegistryError(f"{file}: cannot be read: {error}") from error
        if not right:
            raise RegistryError(f"{file}: is not the file that was promoted (its hash differs)")
        return found, file

    def version_of(self, alias: str) -> str | None:
        """The version that an alias names; its file is not looked at.

        Raises:
            RegistryError: What is known cannot be read.
        """
        found = read_published(self._folder, alias)
        return found.version if found else None


def _mirror(server: str, folder: Path) -> None:
    """Bring a folder to what the server's aliases say."""
    user = os.environ.get("MLFLOW_TRACKING_USERNAME")
    account = (user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")) if user else None
    with httpx.Client(base_url=server, timeout=_SECONDS, auth=account) as client:
        numbers = _aliases(client)
        kept = set()
        for alias in (CHAMPION, CHALLENGER):
            if alias not in numbers:
                write_published(folder, alias, None)
                continue
            number = numbers[alias]
            known = client.get("/api/2.0/mlflow/model-versions/get", params={"name": RECOGNIZER, "version": number})
            version = known.raise_for_status().json()["model_version"]
            tags = {tag["key"]: tag["value"] for tag in version.get("tags", [])}
            kept.add(tags[MODEL_VERSION])
            old = read_published(folder, alias)
            if old is None or old.version != tags[MODEL_VERSION]:
                write_published(folder, alias, _bring(client, version["run_id"], tags, folder))
    # The one before stays, as long as it is the latest of those that are not needed: a rollback comes soon or never.
    others = [path for path in (folder / VERSIONS).glob("*") if path.name not in kept]
    for path in sorted(others, key=lambda path: path.stat().st_mtime)[:-2]:
        shutil.rmtree(path)


def _aliases(client: httpx.Client) -> dict[str, str]:
    """Alias -> MLflow's number of the version."""
    answer = client.get("/api/2.0/mlflow/registered-models/get", params={"name": RECOGNIZER})
    if answer.status_code == 404:  # nothing was registered yet
        return {}
    model: dict[str, Any] = answer.raise_for_status().json()["registered_model"]
    return {entry["alias"]: entry["version"] for entry in model.get("aliases", [])}


def _bring(client: httpx.Client, run: str, tags: dict[str, str], folder: Path) -> Published:
    """Bring a version's model file, unless it is there."""
    place = Path(VERSIONS) / tags[MODEL_VERSION] / MODEL
    if not ((folder / place).exists() and sha256_of(folder / place) == tags["sha256"]):
        with (
            write_whole(folder / place) as temporary,
            client.stream("GET", "/get-artifact", params={"path": f"model/{MODEL}", "run_uuid": run}) as answer,
        ):
            answer.raise_for_status()
            with temporary.open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
            if sha256_of(temporary) != tags["sha256"]:
                raise ValueError(f"{place}: what came is not the file that was registered")
    now = datetime.now(UTC)
    return Published(name=RECOGNIZER, version=tags[MODEL_VERSION], file=place, sha256=tags["sha256"], promoted=now)
