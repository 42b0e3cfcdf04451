"""The links of one cycle as far as they can be believed, each worked out when it is asked for."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from services.decide.core.problem import Pair, ProblemLink
from shared.messages.observation import Coverage
from shared.messages.readings import Signal
from shared.model.fleet import Link
from shared.model.names import ClusterName
from shared.model.policy import FleetPolicy, Missing

Floats = NDArray[np.float64]
Stale = Mapping[tuple[ClusterName, Signal], Coverage]

GOOD = {
    Signal.LINK_RTT_MS: 0.0,
    Signal.LINK_JITTER_MS: 0.0,
    Signal.LINK_LOSS_RATIO: 0.0,
    Signal.LINK_CAPACITY_MBPS: math.inf,
    Signal.LINK_USED_MBPS: 0.0,
}
"""What a missing measurement counts as where the policy ignores it."""


class Links(Mapping[Pair, ProblemLink]):
    """All links of a fleet by their ends, a value: what it keeps inside only saves work.

    There are as many as pairs of clusters, and few of them are ever looked at.
    """

    __slots__ = ("_believed", "_ignored", "_latencies", "_links", "_sources", "_stale")

    def __init__(self, links: Iterable[Link], policy: FleetPolicy, stale: Stale) -> None:
        self._links = {(link.source, link.target): link for link in links}
        self._ignored = {s for s in GOOD if policy.meaning_of_missing(s) is Missing.IGNORE}
        self._stale = stale
        self._believed: dict[Pair, ProblemLink] = {}
        self._sources: frozenset[ClusterName] | None = None
        self._latencies: tuple[tuple[ClusterName, ...], Floats] | None = None

    def __getitem__(self, pair: Pair) -> ProblemLink:
        found = self.get(pair)
        if found is None:
            raise KeyError(pair)
        return found

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._links)

    def __len__(self) -> int:
        return len(self._links)

    def get(self, pair: Pair, default: ProblemLink | None = None) -> ProblemLink | None:  # type: ignore[override]
        """Return the link between two clusters, or the default where there is none."""
        found = self._believed.get(pair)
        if found is None:
            link = self._links.get(pair)
            if link is None:
                return default
            found = self._believed[pair] = self._as_believed(link)
        return found

    def latency_ms(self, pair: Pair) -> float | None:
        """Return what can be believed of a link's latency. None: nothing, or there is no link."""
        link = self._links.get(pair)
        return None if link is None else self._latency_ms(link)

    def latencies_ms(self, names: tuple[ClusterName, ...]) -> Floats:
        """Return the latencies from each cluster (row) to each other (column).

        0 inside a cluster, inf where there is no link, or it is down, or not known.
        """
        if len(names) ** 2 < len(self._links) // 2:
            pairs = ((a, b) for a in names for b in names if a != b)
            return self._matrix(names, (self._links[p] for p in pairs if p in self._links))
        if self._latencies is None or self._latencies[0] != names:
            self._latencies = (names, self._matrix(names, self._links.values()))
        return self._latencies[1]

    @property
    def sources(self) -> frozenset[ClusterName]:
        """Where links begin."""
        if self._sources is None:
            self._sources = frozenset(source for source, _ in self._links)
        return self._sources

    def used_mbps(self) -> dict[ClusterName, float]:
        """Return the traffic on all links of each cluster, both directions together."""
        used: dict[ClusterName, float] = defaultdict(float)
        silent = {cluster for cluster, signal in self._stale if signal is Signal.LINK_USED_MBPS}
        for (source, target), link in self._links.items():
            mbps = link.used_mbps
            if mbps and source not in silent:
                used[source] += mbps
                used[target] += mbps
        return used

    def _matrix(self, names: tuple[ClusterName, ...], links: Iterable[Link]) -> Floats:
        index = {name: i for i, name in enumerate(names)}
        latencies = np.full((len(names), len(names)), math.inf)
        np.fill_diagonal(latencies, 0.0)
        for link in links:
            latency_ms = self._latency_ms(link)
            known = latency_ms is not None and link.source in index and link.target in index
            if known and link.up is not False:
                latencies[index[link.source], index[link.target]] = latency_ms
        return latencies

    def _latency_ms(self, link: Link) -> float | None:
        ends = link.source, link.target
        return self._value(Signal.LINK_RTT_MS, link.steady_latency_ms, *ends)

    def _as_believed(self, link: Link) -> ProblemLink:
        a = link.source
        return ProblemLink(
            is_up=link.up is not False,
            latency_ms=self._latency_ms(link),
            jitter_ms=self._value(Signal.LINK_JITTER_MS, link.jitter_ms, a, link.target),
            loss_ratio=self._value(Signal.LINK_LOSS_RATIO, link.loss_ratio, a, link.target),
            capacity_mbps=self._value(Signal.LINK_CAPACITY_MBPS, link.capacity_mbps, a),
            used_mbps=self._value(Signal.LINK_USED_MBPS, link.used_mbps, a),
        )

    def _value(self, signal: Signal, value: float | None, *ends: ClusterName) -> float | None:
        """Return the value unless all ends that could have measured it are silent."""
        if signal in self._ignored:
            return GOOD[signal] if value is None else value
        stale = self._stale
        return None if stale and all((end, signal) in stale for end in ends) else value
