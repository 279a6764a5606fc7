"""What the service's metrics say now, as a person asks for it."""

import math
from collections.abc import Iterable

from prometheus_client import Metric


class Figures:
    """The values of a registry at one moment.

    Args:
        families: What the registry collects.
    """

    def __init__(self, families: Iterable[Metric]) -> None:
        self._samples: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in families:
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of that name with these labels; 0 without any."""
        return sum(value for own, value in self._samples.get(name, ()) if labels.items() <= own.items())

    def value(self, name: str) -> float | None:
        """The value of a metric without labels; None: it is not there, or not known."""
        found = self._samples.get(name)
        return found[0][1] if found and math.isfinite(found[0][1]) else None

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums for each value of a label."""
        found: dict[str, float] = {}
        for own, value in self._samples.get(name, ()):
            if label in own:
                found[own[label]] = found.get(own[label], 0.0) + value
        return found

    def mean(self, name: str) -> float | None:
        """The mean of what a histogram has observed; None: nothing."""
        count = self.total(f"{name}_count")
        return self.total(f"{name}_sum") / count if count else None

    def quantile(self, name: str, share: float, **labels: str) -> float | None:
        """Below which value a share of what a histogram has observed lies, as Prometheus reckons it; None: nothing."""
        buckets: dict[float, float] = {}
        for own, value in self._samples.get(f"{name}_bucket", ()):
            if labels.items() <= own.items():
                edge = float(own["le"])
                buckets[edge] = buckets.get(edge, 0.0) + value
        edges = sorted(buckets)
        if not edges or not buckets[edges[-1]]:
            return None
        wanted, low, below = share * buckets[edges[-1]], 0.0, 0.0
        for edge in edges:
            if buckets[edge] >= wanted:
                inside = buckets[edge] - below
                return low + (edge - low) * (wanted - below) / inside if math.isfinite(edge) and inside else low
            low, below = edge, buckets[edge]
        return low
