"""Does what the service is shown still look like what its model has learnt from?

Measured by the population stability index of each feature, of the last images that were read against those of the
training. Below 0.1 nothing has changed, above 0.25 it is another population (Siddiqi, "Credit Risk Scorecards", 2006),
unless groups of the training's own writers differ more: a hand has its pen. With n images and B bins the index is about
(B - 1) / n where nothing has changed (Yurdakul, "Statistical Properties of Population Stability Index", 2018): hence no
judgement on few.
"""

from collections import deque
from collections.abc import Iterator
from threading import Lock

import numpy as np
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from src.recognition.appearance import FEATURES
from src.recognition.reference import Reference

MOVED, DRIFTED = 0.1, 0.25
NAMES = (*FEATURES, "length")


class Drift(Collector):
    """The last images that were read, compared with the reference of the model in service when someone asks.

    Args:
        window: How many images count.
        least: With fewer there is no judgement.
    """

    def __init__(self, window: int, least: int) -> None:
        self._least, self._lock = least, Lock()
        self._seen: deque[tuple[float, ...]] = deque(maxlen=window)
        self._reference: Reference | None = None

    def compare_with(self, reference: Reference | None) -> None:
        """Another model has come into service: what was seen is compared with its training from now on."""
        self._reference = reference

    def observe(self, looks: tuple[float, ...], text: str) -> None:
        """Note an image and what was read.

        Args:
            looks: What `appearance.look` says of the image, as decoded.
            text: What was read.
        """
        self.note((*looks, float(len(text))))

    def note(self, features: tuple[float, ...]) -> None:
        """Note the features of an image, in the order of `NAMES`."""
        with self._lock:
            self._seen.append(features)

    def indices(self) -> dict[str, float]:
        """The population stability index of each feature; none without a reference, or of too few images."""
        with self._lock:
            seen = np.array(self._seen)
        reference = self._reference
        if reference is None or len(seen) < self._least:
            return {}
        columns = dict(zip(NAMES, seen.T, strict=True))
        return {
            name: histogram.stability_index(columns[name])
            for name, histogram in reference.features.items()
            if name in columns
        }

    def limits(self) -> dict[str, float]:
        """Above which index each feature is of another population; none without a reference."""
        features = self._reference.features if self._reference else {}
        return {name: max(DRIFTED, histogram.usual) for name, histogram in features.items()}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges, for Prometheus."""
        yield GaugeMetricFamily(
            "input_drift_reference", "1 if the model in service knows what its training images looked like",
            value=float(self._reference is not None),
        )  # fmt: skip
        yield GaugeMetricFamily("input_drift_images", "Images that drift is measured on", value=float(len(self._seen)))
        family = GaugeMetricFamily(
            "input_drift_psi", "Population stability index against the training images", labels=["feature"]
        )
        for name, value in self.indices().items():
            family.add_metric([name], value)
        yield family
        family = GaugeMetricFamily("input_drift_limit", "Above this input_drift_psi is drift", labels=["feature"])
        for name, value in self.limits().items():
            family.add_metric([name], value)
        yield family
