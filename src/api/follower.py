"""The service follows the registry: another champion is taken into service without a request dropped."""

import asyncio
import logging
import threading
from pathlib import Path

from anyio import to_thread

from src.api.reader import Reader
from src.api.schemas import RegistryState
from src.api.settings import ServiceSettings
from src.api.shadow import Shadow
from src.errors import ModelFileError, RegistryError
from src.monitoring.metrics import Metrics
from src.paths import Paths
from src.registry.client import CHALLENGER, CHAMPION
from src.registry.sources import Source

logger = logging.getLogger(__name__)


class Follower:
    """Looks at the registry every few seconds.

    Args:
        settings: Where the registry is; with `settings.model` one file is served and nothing followed.
        metrics: Where is noted whether the registry answers.
        reader: Gets the champion.
        shadow: Gets the challenger.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics, reader: Reader, shadow: Shadow) -> None:
        self._settings, self._metrics, self._reader, self._shadow = settings, metrics, reader, shadow
        self._source = None if settings.model else Source(settings.registry, settings.registry_mirror)
        self._problem: str | None = None
        self._refused: set[str] = set()  # versions whose files cannot be used: not tried every few seconds
        self._looking = threading.Lock()

    @property
    def state(self) -> RegistryState:
        """Whether the registry answers."""
        if self._source is None:
            return RegistryState(following=False, reachable=None)
        return RegistryState(following=True, reachable=self._problem is None)

    async def start(self) -> None:
        """Load the first model; one that cannot be loaded is logged, and the service says so in /ready."""
        try:
            await to_thread.run_sync(self.load)
        except ModelFileError as error:
            logger.error("no model: %s", error)

    async def run(self) -> None:
        """Look again and again; never returns."""
        while self._source is not None:
            await asyncio.sleep(self._settings.follow_seconds)
            await to_thread.run_sync(self.look)

    def load(self) -> None:
        """Load what is to be in service: the model that the settings name, the champion, or what lies here.

        Raises:
            ModelFileError: It cannot be loaded; the model before, if there is one, stays in service.
        """
        self._refused.clear()
        if self._settings.model is not None:
            self._reader.load(self._settings.model)
        elif not self.look(again=True):
            self._reader.load(Paths().latest_model)

    def look(self, again: bool = False) -> bool:
        """Learn what the registry says, and take it into service.

        Args:
            again: Whether a champion that is in service already is loaded again.

        Returns:
            Whether a champion is in service.
        """
        assert self._source is not None
        problems: list[RegistryError] = []
        served = False
        with self._looking:
            try:
                self._source.refresh()
            except RegistryError as error:
                problems.append(error)  # what was known before may still be read
            try:
                served = self._take_champion(self._source, again)
                self._take_challenger(self._source)
            except RegistryError as error:
                problems.append(error)
            self._note(str(problems[0]) if problems else None)
        return served

    def _take_champion(self, source: Source, again: bool) -> bool:
        loaded, version = self._reader.recognizer, source.version_of(CHAMPION)
        if version is None or version in self._refused:
            return False
        if not again and loaded is not None and loaded.info.version == version:
            return True
        found = source.file_of(CHAMPION)
        return found is not None and self._load(found[0].version, found[1])

    def _load(self, version: str, file: Path) -> bool:
        try:
            self._reader.load(file)
        except ModelFileError as error:
            logger.error("the champion %s cannot be loaded; what was in service stays: %s", version, error)
            self._refused.add(version)
            return False
        return True

    def _take_challenger(self, source: Source) -> None:
        if not self._shadow.share:
            return
        version = source.version_of(CHALLENGER)
        if version != self._shadow.version:
            found = source.file_of(CHALLENGER) if version else None
            self._shadow.exchange(version, found[1] if found else None)

    def _note(self, problem: str | None) -> None:
        """Note whether the registry answers; the log tells it when it changes."""
        self._metrics.registry_up.set(problem is None)
        if problem and problem != self._problem:
            logger.warning("%s; what is in service stays", problem)
        elif self._problem and problem is None:
            logger.info("the registry answers again")
        self._problem = problem
