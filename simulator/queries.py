"""What Observe's own queries are answered: the same samples as the exporters show, aggregated."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from simulator.samples import Family, Sample

Scrapes = Mapping[str, tuple[Family, ...]]
"""Per cluster that can be asked: its metrics now."""
Vector = dict[tuple[tuple[str, str], ...], float]
"""Labels, sorted, to value."""
Aggregate = Callable[[Iterable[float]], float]

PEER = ("cluster", "cluster_id")
NODE = ("cluster", "node")
POD = ("cluster", "pod")
_SITE_METRIC = re.compile(r'sum by \(site\) \(xr_users\{group="([^"\\]*)"\}\)')


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


def _allocatable(resource: str) -> Select:
    return Select(metric="kube_node_status_allocatable", by=NODE, where={"resource": resource})


def _requested(resource: str) -> Select:
    metric = "kube_pod_container_resource_requests"
    return Select(metric=metric, by=NODE, how=sum, where={"resource": resource})


_ANSWERS: dict[Signal, tuple[Select, ...]] = {
    Signal.LINK_RTT_MS: (
        Select(metric="crossloop_probe_rtt_seconds", by=PEER, scale=1e3),
        Select(metric="liqo_peer_latency_us", by=PEER, scale=1e-3),
    ),
    Signal.LINK_JITTER_MS: (Select(metric="crossloop_probe_jitter_seconds", by=PEER, scale=1e3),),
    Signal.LINK_LOSS_RATIO: (Select(metric="crossloop_probe_loss_ratio", by=PEER),),
    Signal.LINK_CAPACITY_MBPS: (
        Select(metric="crossloop_probe_bandwidth_bits_per_second", by=PEER, scale=1e-6),
    ),
    Signal.LINK_USED_MBPS: (
        Select(metric="liqo_peer_transmit_bytes_total", by=PEER, how=sum, scale=8e-6, is_rate=True),
    ),
    Signal.LINK_UP: (Select(metric="liqo_peer_is_connected", by=PEER, how=min),),
    Signal.NODE_ALLOCATABLE_CORES: (_allocatable("cpu"),),
    Signal.NODE_ALLOCATABLE_BYTES: (_allocatable("memory"),),
    Signal.NODE_REQUESTED_CORES: (_requested("cpu"),),
    Signal.NODE_REQUESTED_BYTES: (_requested("memory"),),
    Signal.NODE_USED_CORES: (
        Select(
            metric="node_cpu_seconds_total", by=NODE, how=sum, where={"mode": "!idle"}, is_rate=True
        ),
    ),
    Signal.NODE_READY: (
        Select(
            metric="kube_node_status_condition",
            by=NODE,
            where={"condition": "Ready", "status": "true"},
        ),
    ),
    Signal.POD_USED_CORES: (
        Select(metric="container_cpu_usage_seconds_total", by=POD, how=sum, is_rate=True),
    ),
}
"""What each row of Observe's query table means, `or` between the parts."""

_VALUES = {QUERIES[signal].promql: selects for signal, selects in _ANSWERS.items()}
_FRESHNESS = {QUERIES[signal].freshness: selects for signal, selects in _ANSWERS.items()}


class UnknownQueryError(Exception):
    """The simulator is no PromQL engine: it only knows the queries of this project."""


def answer(query: str, scrapes: Scrapes, *, at: float) -> Vector:
    """Return the answer to a query over what can be asked now, at Unix time `at`.

    UnknownQueryError: it is none of Observe's query table, nor of the example application.
    """
    text = query.strip()
    if text in _VALUES:
        return _first_of(select.values(scrapes) for select in _VALUES[text])
    if text in _FRESHNESS:
        clusters = {c for select in _FRESHNESS[text] for c in select.clusters(scrapes)}
        return {(("cluster", cluster),): at for cluster in sorted(clusters)}
    site_metric = _SITE_METRIC.fullmatch(text)
    if site_metric:
        where = {"group": site_metric.group(1)}
        return Select(metric="xr_users", by=("site",), how=sum, where=where).values(scrapes)
    raise UnknownQueryError(
        "the simulator only knows the query table of services/observe/core/queries.py"
        f" and the example's sum by (site) (xr_users{{...}}), not {text}"
    )


def _first_of(vectors: Iterable[Vector]) -> Vector:
    """Join vectors as PromQL's `or` does: of each label set the first that has it."""
    result: Vector = {}
    for vector in vectors:
        result = {**vector, **result}
    return result
