"""The figures of the scheduled pipeline's last run, which it left in a file."""

import logging
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

_PREFIX = "longhand_pipeline_"
_MOST_BYTES = 2**20  # it has a few hundred


class PipelineRun(Collector):
    """Shows a file in Prometheus' text format among the service's own metrics.

    Args:
        file: Need not be there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._told = ""

    def collect(self) -> Iterator[Metric]:
        """What the file says; of one that cannot be understood, only that."""
        families: list[Metric] = []
        readable = True
        try:
            families = self._read()
        except FileNotFoundError:
            pass
        except Exception as error:  # whatever the parser may raise: it must not cost the other metrics
            readable = False
            self._tell(f"{self._file}: cannot be read ({error}); the next run of the pipeline writes it again")
        else:
            self._told = ""
        yield GaugeMetricFamily(
            "pipeline_file_readable", "0 while the file of the pipeline's last run is damaged", value=float(readable)
        )
        yield from families

    def _read(self) -> list[Metric]:
        with self._file.open(encoding="utf-8") as file:
            text = file.read(_MOST_BYTES)
        families = list(text_string_to_metric_families(text))
        if text and not families:
            raise ValueError("it holds no metric")
        return [family for family in families if family.name.startswith(_PREFIX)]

    def _tell(self, message: str) -> None:
        """Log it once, and not at each scrape."""
        if message != self._told:
            logger.error("%s", message)
            self._told = message
