"""What a model's training images looked like: a histogram of each feature, kept in the model file."""

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

# Bins between quantiles hold as many images each; the two outermost show what training has hardly seen.
_QUANTILES = (0.005, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.995)


class Histogram(BaseModel):
    """Shares of a feature's values.

    Attributes:
        edges: Rising; bin i holds the values v with edges[i - 1] <= v < edges[i], the outermost go on without end.
        shares: Of each bin, one more than the edges; none is 0.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.shares) != len(self.edges) + 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("the edges must rise, and there must be one share more")
        if min(self.shares) <= 0.0 or abs(sum(self.shares) - 1.0) > 1e-3:
            raise ValueError("the shares must be positive and sum to 1")
        return self

    @classmethod
    def of(cls, values: NDArray[np.floating]) -> Self:
        """Of a feature's values, at least one; a bin without any counts as half a value."""
        edges = np.unique(np.quantile(values.astype(np.float64), _QUANTILES, method="lower"))
        # So that what lies above the last is told from what lies on it: a feature may have one value only.
        edges = np.append(edges, np.nextafter(edges[-1], np.inf))
        counts = np.bincount(edges.searchsorted(values, side="right"), minlength=len(edges) + 1) + 0.5
        return cls(edges=tuple(edges.tolist()), shares=tuple((counts / counts.sum()).tolist()))

    def counts(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """How many of some values lie in each bin."""
        return np.bincount(np.searchsorted(self.edges, values, side="right"), minlength=len(self.shares))


class Reference(BaseModel):
    """What a model has learnt from, as far as it can be compared with what it is shown later.

    Attributes:
        samples: Training images that were looked at.
        features: Of the images (`appearance.FEATURES`) and "length", the characters of their texts.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    samples: int
    features: dict[str, Histogram]

    @classmethod
    def of(cls, values: Mapping[str, NDArray[np.floating]]) -> Self:
        """Of the values of each feature; as many of each."""
        samples = len(next(iter(values.values())))
        return cls(samples=samples, features={name: Histogram.of(column) for name, column in values.items()})
