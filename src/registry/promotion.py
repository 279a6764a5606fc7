"""Which version is in service: promote, roll back, and what happened when.

MLflow's alias "champion" is the truth. Each change is told by a tag of the version that came into service, so that the
registry itself holds its history; the registry's folder (published.py) follows.
"""

import getpass
import json
import logging
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from src.errors import RegistryError
from src.paths import Paths
from src.registry.client import CHALLENGER, CHAMPION, RECOGNIZER, answering, client
from src.registry.published import VERSIONS, Published, read_published, sha256_of, write_published
from src.registry.versions import MODEL, Version, alias, fetch, find, versions

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

logger = logging.getLogger(__name__)

_EVENT = "event."
_KEY = _EVENT + "%Y%m%dT%H%M%S.%f"  # UTC; MLflow allows few signs in a tag's name
PROMOTED, ROLLED_BACK = "promoted", "rolled back"


@dataclass(frozen=True)
class Event:
    """A change of the champion.

    Attributes:
        time: When.
        kind: "promoted" or "rolled back".
        version: Which came into service, as the model names itself.
        before: Which was in service until then; None: none.
        reason: Why, in a sentence.
        who: The account that did it.
    """

    time: datetime
    kind: str
    version: str
    before: str | None
    reason: str
    who: str


def promote(paths: Paths, version: str, reason: str) -> Version:
    """Make a version the champion, in MLflow and in the registry's folder.

    Args:
        paths: The project.
        version: The model's own version, or MLflow's number.
        reason: Why, in a sentence; the history keeps it.

    Returns:
        The version.

    Raises:
        RegistryError: The registry is away, or has no such version, or it is the champion already.
    """
    with answering(paths):
        store = client(paths)
        chosen, champion = find(store, version), alias(store, CHAMPION)
        if champion is not None and champion.number == chosen.number:
            raise RegistryError(f"version {chosen.version} is the champion already")
        _change(store, PROMOTED, chosen, champion, reason)
        publish(paths, store)
    return chosen


def rollback(paths: Paths, reason: str = "rolled back by hand") -> Version:
    """Make the version champion again that was before the one in service was promoted.

    Args:
        paths: The project.
        reason: Why.

    Returns:
        The version that is in service now.

    Raises:
        RegistryError: The registry is away, or there was none before.
    """
    with answering(paths):
        store = client(paths)
        line = _line(events(store), champion := alias(store, CHAMPION))
        if len(line) < 2:
            raise RegistryError("there is no version to go back to; `longhand models history` shows what happened")
        earlier = find(store, line[-2])
        _change(store, ROLLED_BACK, earlier, champion, reason)
        publish(paths, store)
    return earlier


def history(paths: Paths) -> list[Event]:
    """What happened to the champion, the earliest first.

    Raises:
        RegistryError: The registry is away.
    """
    with answering(paths):
        return events(client(paths))


def events(store: "MlflowClient") -> list[Event]:
    """What happened to the champion, the earliest first."""
    found = []
    for version in versions(store):
        for key, value in version.tags.items():
            if key.startswith(_EVENT):
                time = datetime.strptime(key, _KEY).replace(tzinfo=UTC)
                found.append(Event(time=time, version=version.version, **json.loads(value)))
    return sorted(found, key=lambda event: event.time)


def publish(paths: Paths, store: "MlflowClient") -> None:
    """Bring the registry's folder to what the aliases say; files of versions that nobody needs soon are removed."""
    kept = set()
    for name in (CHALLENGER, CHAMPION):
        version = alias(store, name)
        if version is None:
            write_published(paths.registry, name, None)
            continue
        file = fetch(store, version, paths.registry / VERSIONS / version.version)
        kept.add(version.version)
        old = read_published(paths.registry, name)
        if old is None or old.version != version.version:
            now = datetime.now(UTC)
            place = file.relative_to(paths.registry)
            write_published(
                paths.registry,
                name,
                Published(name=RECOGNIZER, version=version.version, file=place, sha256=sha256_of(file), promoted=now),
            )
    # The one before stays at hand, so that a rollback needs no download.
    line = _line(events(store), alias(store, CHAMPION))
    for folder in (paths.registry / VERSIONS).glob("*"):
        if (folder / MODEL).exists() and folder.name not in kept.union(line[-2:]):
            shutil.rmtree(folder)


def _change(store: "MlflowClient", kind: str, version: Version, before: Version | None, reason: str) -> None:
    """Say what happens, then let it happen: what is told but did not happen is seen by the alias."""
    told = {"kind": kind, "before": before.version if before else None, "reason": reason, "who": _who()}
    store.set_model_version_tag(RECOGNIZER, version.number, f"{datetime.now(UTC):{_KEY}}", json.dumps(told))
    store.set_registered_model_alias(RECOGNIZER, CHAMPION, version.number)
    challenger = alias(store, CHALLENGER)
    if challenger is not None and challenger.number == version.number:
        store.delete_registered_model_alias(RECOGNIZER, CHALLENGER)
    logger.info("%s %s: %s", kind, version.version, reason)


def _who() -> str:
    """The account's name; in a container it may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _line(told: list[Event], champion: Version | None) -> list[str]:
    """The champions one after the other as if those that were rolled back had never been; the last is in service."""
    line: list[str] = []
    for event in told:
        if event.kind == ROLLED_BACK and event.version in line:
            line = line[: line.index(event.version) + 1]
        else:
            line.append(event.version)
    if champion is not None and (not line or line[-1] != champion.version):
        # Told but interrupted before it happened, or the alias was set in MLflow itself.
        line = line[: line.index(champion.version) + 1] if champion.version in line else [*line, champion.version]
    return line
