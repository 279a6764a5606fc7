"""Readings of the last minutes in memory, with their images, so that a correction can follow."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Collection
from threading import Lock

from src.api.schemas import Prediction


class Recent:
    """The last readings; what is too old or too much is forgotten.

    A reading is held as JSON: as objects, thousands of them take seven times the memory, and each full garbage
    collection would look through them while nobody is answered.

    Args:
        most_bytes: Of readings and images.
        seconds: How long a reading is remembered.
    """

    def __init__(self, most_bytes: int, seconds: float) -> None:
        self._most_bytes, self._seconds = most_bytes, seconds
        self._kept: OrderedDict[str, tuple[float, bytes, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def add(self, prediction: Prediction, image: bytes) -> None:
        """Remember a reading and the file that was read."""
        reading = prediction.model_dump_json().encode()
        with self._lock:
            self._kept[prediction.id] = (time.monotonic(), reading, image)
            self._bytes += len(reading) + len(image)
            self._forget_old()

    def get(self, name: str) -> tuple[Prediction, bytes] | None:
        """Return a reading and its file by the reading's id."""
        with self._lock:
            self._forget_old()
            found = self._kept.get(name)
        return None if found is None else (Prediction.model_validate_json(found[1]), found[2])

    def forget(self, digests: Collection[str]) -> None:
        """Forget the readings of files with these SHA-256."""
        with self._lock:
            for name, (_, _, image) in list(self._kept.items()):
                if hashlib.sha256(image).hexdigest() in digests:
                    self._drop(name)

    def _forget_old(self) -> None:
        while self._kept:
            name, (since, _, _) = next(iter(self._kept.items()))
            if self._bytes <= self._most_bytes and time.monotonic() - since < self._seconds:
                return
            self._drop(name)

    def _drop(self, name: str) -> None:
        _, reading, image = self._kept.pop(name)
        self._bytes -= len(reading) + len(image)
