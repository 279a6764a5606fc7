"""Readings of the last minutes in memory, with their images, so that a correction can follow."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection
from threading import Lock

from src.api.schemas import Prediction


class Recent:
    """The last readings; what is too old or too much is forgotten.

    Args:
        most_bytes: Of images.
        seconds: How long a reading is remembered.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes, self._seconds = most_bytes, seconds
        self._kept: OrderedDict[str, tuple[float, Prediction, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def add(self, prediction: Prediction, image: bytes) -> None:
        """Remember a reading and the file that was read."""
        with self._lock:
            self._kept[prediction.id] = (time.monotonic(), prediction, image)
            self._bytes += len(image)
            self._forget_old()

    def get(self, name: str) -> tuple[Prediction, bytes] | None:
        """Return a reading and its file by the reading's id."""
        with self._lock:
            self._forget_old()
            found = self._kept.get(name)
            return None if found is None else (found[1], found[2])

    def forget(self, digests: Collection[str]) -> None:
        """Forget the readings of files with these SHA-256."""
        with self._lock:
            for name, (_, _, image) in list(self._kept.items()):
                if hashlib.sha256(image).hexdigest() in digests:
                    del self._kept[name]
                    self._bytes -= len(image)

    def _forget_old(self) -> None:
        while self._kept:
            name, (since, _, image) = next(iter(self._kept.items()))
            if self._bytes <= self._most_bytes and time.monotonic() - since < self._seconds:
                return
            del self._kept[name]
            self._bytes -= len(image)
