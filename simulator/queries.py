"""What Observe's own queries are answered: the same samples as the exporters show, aggregated."""

import re
from collections.abc import Iterable
from operator import sub, truediv

from services.observe.core.queries import QUERIES
from shared.messages.readings import Signal
from simulator.selects import Both, Part, Scrapes, Select, Vector

PEER = ("cluster", "cluster_id")
NODE = ("cluster", "node")
POD = ("cluster", "pod")
_SITE_METRIC = re.compile(r'sum by \(site\) \(xr_users\{group="([^"\\]*)"\}\)')
_PROCESSING_METRIC = re.compile(
    r'max\(xr_processing_seconds\{(?:namespace="([^"\\]*)",\s*)?component="([^"\\]*)"\}\) \* 1000'
)


def _allocatable(resource: str) -> Select:
    return Select(metric="kube_node_status_allocatable", by=NODE, where={"resource": resource})


def _requested(resource: str) -> Select:
    metric = "kube_pod_container_resource_requests"
    return Select(metric=metric, by=NODE, how=sum, where={"resource": resource})


def _container(metric: str, *, is_rate: bool) -> Select:
    return Select(metric=metric, by=POD, how=sum, is_rate=is_rate)


_ANSWERS: dict[Signal, tuple[Part, ...]] = {
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
    Signal.NODE_USED_BYTES: (
        Both(
            Select(metric="node_memory_MemTotal_bytes", by=NODE),
            Select(metric="node_memory_MemAvailable_bytes", by=NODE),
            sub,
        ),
    ),
    Signal.NODE_SOFTIRQ_CORES: (
        Select(
            metric="node_cpu_seconds_total",
            by=NODE,
            how=sum,
            where={"mode": "softirq"},
            is_rate=True,
        ),
    ),
    Signal.POD_USED_CORES: (_container("container_cpu_usage_seconds_total", is_rate=True),),
    Signal.POD_USED_BYTES: (_container("container_memory_working_set_bytes", is_rate=False),),
    Signal.POD_THROTTLED_RATIO: (
        Both(
            _container("container_cpu_cfs_throttled_periods_total", is_rate=True),
            _container("container_cpu_cfs_periods_total", is_rate=True),
            truediv,
        ),
    ),
    Signal.POD_RESTARTS: (_container("kube_pod_container_status_restarts_total", is_rate=False),),
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
    processing = _PROCESSING_METRIC.fullmatch(text)
    if processing:
        names = zip(("namespace", "component"), processing.groups(), strict=True)
        where = {name: value for name, value in names if value is not None}
        taking = Select(metric="xr_processing_seconds", by=(), where=where, scale=1e3)
        return taking.values(scrapes)
    raise UnknownQueryError(
        "the simulator only knows the query table of services/observe/core/queries.py"
        " and the example's sum by (site) (xr_users{...}) and"
        f" max(xr_processing_seconds{{...}}) * 1000, not {text}"
    )


def _first_of(vectors: Iterable[Vector]) -> Vector:
    """Join vectors as PromQL's `or` does: of each label set the first that has it."""
    result: Vector = {}
    for vector in vectors:
        result = {**vector, **result}
    return result
