"""Room for what the service stores."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


class Disk(Collector):
    """Free bytes where the service writes.

    Args:
        folder: It may not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Free and all bytes of the disk; nothing where the system does not say."""
        there = next((folder for folder in (self._folder, *self._folder.parents) if folder.exists()), None)
        try:
            usage = shutil.disk_usage(there or self._folder)
        except OSError:
            return
        yield GaugeMetricFamily("store_free_bytes", "Free bytes of the disk that the store is on", value=usage.free)
        yield GaugeMetricFamily("store_disk_bytes", "All bytes of the disk that the store is on", value=usage.total)
