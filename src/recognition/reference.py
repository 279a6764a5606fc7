"""What a model's training images looked like: a histogram of each feature, kept in the model file."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

# A group of writers, as a service sees them in a day or two: so many at least, with so many images.
_GROUP_WRITERS, _GROUP_IMAGES = 10, (300, 1000)
_DRAWS, _SEED = 200, 20
# Bins between quantiles hold as many images each; the two outermost show what training has hardly seen.
_QUANTILES = (0.005, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.995)


class Histogram(BaseModel):
    """Shares of a feature's values.

    Attributes:
        edges: Rising; bin i holds the values v with edges[i - 1] <= v < edges[i], the outermost go on without end.
        shares: Of each bin, one more than the edges; none is 0.
        usual: The stability index below which 19 of 20 groups of training writers stay; 0: not known.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    usual: float = 0.0

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

    def stability_index(self, values: NDArray[np.floating]) -> float:
        """Population stability index of other values: the sum over the bins of (now - then) * ln(now / then).

        Args:
            values: At least one.

        Returns:
            0 for the same shares; higher for others.
        """
        then = np.array(self.shares)
        # As if one more image a bin had come that looks as in training: an empty bin is no infinite change.
        now = (self.counts(values) + len(then) * then) / (len(values) + len(then))
        return float(((now - then) * np.log(now / then)).sum())


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
    def of(cls, values: Mapping[str, NDArray[np.floating]], writers: Sequence[str] = ()) -> Self:
        """Of the values of each feature, as many of each.

        Args:
            values: By feature.
            writers: Who wrote each image: how much groups of them differ from all is noted as usual.
        """
        groups = _groups(np.array(writers, dtype=object))
        features = {}
        for name, column in values.items():
            histogram = Histogram.of(column)
            indices = [histogram.stability_index(column[group]) for group in groups]
            usual = float(np.quantile(indices, 0.95)) if indices else 0.0
            features[name] = histogram.model_copy(update={"usual": usual})
        return cls(samples=len(next(iter(values.values()))), features=features)


def _groups(writers: NDArray[np.object_]) -> list[NDArray[np.int64]]:
    """Rows of writers drawn at random, group by group; none where there are too few for groups to differ."""
    names, owners = np.unique(writers, return_inverse=True)
    if len(names) < 2 * _GROUP_WRITERS or len(writers) < 2 * _GROUP_IMAGES[0]:
        return []
    random = np.random.default_rng(_SEED)
    counts = np.bincount(owners)
    found = []
    for _ in range(_DRAWS):
        order = random.permutation(len(names))
        enough = int(np.searchsorted(counts[order].cumsum(), _GROUP_IMAGES[0])) + 1
        rows = np.flatnonzero(np.isin(owners, order[: max(_GROUP_WRITERS, enough)]))
        found.append(random.permutation(rows)[: _GROUP_IMAGES[1]])
    return found
