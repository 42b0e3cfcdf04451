"""Vectors out of samples: select, aggregate, and put two of them together, as PromQL does."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import truediv
from typing import Protocol

from simulator.families import Family, Sample

Scrapes = Mapping[str, tuple[Family, ...]]
"""Per cluster that can be asked: its metrics now."""
Vector = dict[tuple[tuple[str, str], ...], float]
"""Labels, sorted, to value."""
Aggregate = Callable[[Iterable[float]], float]


class Part(Protocol):
    """One part of a query."""

    def values(self, scrapes: Scrapes) -> Vector:
        """Return the values now."""

    def clusters(self, scrapes: Scrapes) -> set[str]:
        """Return the clusters that have what its freshness is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """`how by (by) (metric{where}) * scale`, of the rate where `is_rate`."""

    metric: str
    by: tuple[str, ...]
    how: Aggregate = max
    where: Mapping[str, str] | None = None
    """Label to its value; a value that starts with `!` is one it must not have."""
    scale: float = 1.0
    is_rate: bool = False

    def values(self, scrapes: Scrapes) -> Vector:
        """Return the aggregated values."""
        groups: dict[tuple[tuple[str, str], ...], list[float]] = {}
        for cluster, sample in self._matching(scrapes):
            labels = {**sample.labels, "cluster": cluster}
            key = tuple(sorted((name, labels[name]) for name in self.by if name in labels))
            value = sample.rate if self.is_rate else sample.value
            groups.setdefault(key, []).append(value or 0.0)
        return {key: self.how(values) * self.scale for key, values in groups.items()}

    def clusters(self, scrapes: Scrapes) -> set[str]:
        """Return the clusters that have any such series."""
        return {cluster for cluster, _ in self._matching(scrapes)}

    def _matching(self, scrapes: Scrapes) -> Iterable[tuple[str, Sample]]:
        for cluster, families in scrapes.items():
            for family in families:
                if family.name == self.metric:
                    yield from ((cluster, s) for s in family.samples if self._matches(s))

    def _matches(self, sample: Sample) -> bool:
        return all(
            sample.labels.get(name) != value[1:]
            if value.startswith("!")
            else sample.labels.get(name) == value
            for name, value in (self.where or {}).items()
        )


@dataclass(frozen=True, slots=True)
class Both:
    """Two parts, put together where both have the same labels. Freshness is told of the second."""

    left: Select
    right: Select
    together: Callable[[float, float], float]

    def values(self, scrapes: Scrapes) -> Vector:
        """Return what the operator makes of the two; a right side of 0 or NaN yields no ratio."""
        left, right = self.left.values(scrapes), self.right.values(scrapes)
        return {
            key: self.together(left[key], right[key])
            for key in left
            if key in right and not (self.together is truediv and right[key] <= 0)
        }

    def clusters(self, scrapes: Scrapes) -> set[str]:
        """Return the clusters that have the second part."""
        return self.right.clusters(scrapes)
