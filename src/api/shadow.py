"""The challenger in the shadow: it reads a share of the images after they were answered, and nobody waits for it."""

import logging
import os
import random
import threading
import time
from pathlib import Path
from queue import Full, Queue

from src.api.settings import ServiceSettings
from src.errors import LonghandError
from src.monitoring.metrics import Metrics
from src.recognition.normalize import GreyImage
from src.recognition.recognizer import Recognizer

logger = logging.getLogger(__name__)

_WAITING = 8  # images; more are not read, so that a slow challenger costs memory for these only
_NICE = 10  # of the challenger's thread: the champion's go first


class Shadow:
    """Compares what a challenger reads with what was answered.

    Args:
        settings: The share of the readings, and how models are loaded.
        metrics: Where agreement and time are noted.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self.share = settings.shadow_share
        self.version: str | None = None
        self._settings, self._metrics = settings, metrics
        self._file: Path | None = None
        self._images: Queue[tuple[GreyImage, str] | None] = Queue(_WAITING)
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="shadow", daemon=True)

    def start(self) -> None:
        """Begin, if there is a share to read."""
        if self.share:
            self._thread.start()

    def close(self) -> None:
        """End; what waits is not read."""
        if self._thread.is_alive():
            self.share = 0.0
            while not self._images.empty():
                self._images.get_nowait()
            self._images.put(None)
            self._thread.join()

    def exchange(self, version: str | None, file: Path | None) -> None:
        """Let another model read; None: none. It is loaded when the next image comes."""
        self.version, self._file = version, file
        self._changed.set()

    def offer(self, image: GreyImage, text: str) -> None:
        """Maybe read an image that was answered; returns at once.

        Args:
            image: Grey uint8 [H, W], as decoded.
            text: What was answered.
        """
        if self.version is None or random.random() >= self.share:
            return
        try:
            self._images.put_nowait((image, text))
        except Full:
            self._metrics.shadow_dropped.inc()

    def _work(self) -> None:
        if hasattr(os, "setpriority"):  # of this thread; those that the model's runtime starts in it inherit it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        challenger: Recognizer | None = None
        while (item := self._images.get()) is not None:
            try:
                if self._changed.is_set():
                    self._changed.clear()
                    challenger = None  # the memory of the one before is free first
                    if self._file is not None:
                        challenger = Recognizer.load(self._file, self._settings.precision, threads=1)
                if challenger is not None:
                    self._compare(challenger, *item)
            except LonghandError as error:
                logger.error("the challenger %s does not read: %s", self.version, error)

    def _compare(self, challenger: Recognizer, image: GreyImage, text: str) -> None:
        began = time.perf_counter()
        (reading,) = challenger.read([image])
        self._metrics.shadow_time.observe(time.perf_counter() - began)
        self._metrics.shadow_readings.labels("true" if reading.text == text else "false").inc()
