"""Every PromQL text that Observe asks, with its unit and the exporter that must be there."""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from shared.messages.readings import Signal


class Subject(StrEnum):
    """The label that tells what a sample is about."""

    PEER = "cluster_id"
    """The cluster at the other end of a link."""
    NODE = "node"
    POD = "pod"


class Exporter(StrEnum):
    """What has to be installed for a signal to exist."""

    PROBE = "crossloop's link probe"
    LIQO = "Liqo's network metrics"
    KUBE_STATE = "kube-state-metrics"
    NODE = "node_exporter"
    CADVISOR = "cAdvisor (kubelet)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One signal of all clusters at once. Every sample carries the label `cluster`."""

    promql: str
    """The values, in `unit`, one per cluster and `subject`."""
    freshness: str
    """Per cluster, the instant of the newest sample behind them, in Unix seconds."""
    subject: Subject
    unit: str
    exporter: Exporter


CLUSTER_LABEL = "cluster"
"""The external label by which Prometheus says whose data these are."""


def _newest(*selectors: str) -> str:
    """Return the query of the newest sample's own time per cluster, over the first that answers."""
    return " or ".join(f"max by (cluster) (timestamp({selector}))" for selector in selectors)


def _of(subject: Subject, promql: str, base: str, unit: str, exporter: Exporter) -> Query:
    return Query(
        promql=promql,
        freshness=_newest(base),
        subject=subject,
        unit=unit,
        exporter=exporter,
    )


_of_link = partial(_of, Subject.PEER)
_of_node = partial(_of, Subject.NODE)
_of_pod = partial(_of, Subject.POD)


def _allocatable(resource: str) -> str:
    return f'kube_node_status_allocatable{{resource="{resource}"}}'


def _requested(resource: str) -> str:
    return f'kube_pod_container_resource_requests{{resource="{resource}"}}'


_READY = 'kube_node_status_condition{condition="Ready",status="true"}'

QUERIES: dict[Signal, Query] = {
    # The probe measures microseconds; Liqo whole milliseconds, and stands in where it is missing.
    Signal.LINK_RTT_MS: Query(
        promql=(
            "(1e3 * max by (cluster, cluster_id) (crossloop_probe_rtt_seconds))"
            " or (max by (cluster, cluster_id) (liqo_peer_latency_us) / 1e3)"
        ),
        freshness=_newest("crossloop_probe_rtt_seconds", "liqo_peer_latency_us"),
        subject=Subject.PEER,
        unit="ms",
        exporter=Exporter.PROBE,
    ),
    Signal.LINK_JITTER_MS: _of_link(
        "1e3 * max by (cluster, cluster_id) (crossloop_probe_jitter_seconds)",
        "crossloop_probe_jitter_seconds",
        "ms",
        Exporter.PROBE,
    ),
    Signal.LINK_LOSS_RATIO: _of_link(
        "max by (cluster, cluster_id) (crossloop_probe_loss_ratio)",
        "crossloop_probe_loss_ratio",
        "ratio",
        Exporter.PROBE,
    ),
    Signal.LINK_CAPACITY_MBPS: _of_link(
        "max by (cluster, cluster_id) (crossloop_probe_bandwidth_bits_per_second) / 1e6",
        "crossloop_probe_bandwidth_bits_per_second",
        "Mbit/s",
        Exporter.PROBE,
    ),
    Signal.LINK_USED_MBPS: _of_link(
        "sum by (cluster, cluster_id) (rate(liqo_peer_transmit_bytes_total[1m])) * 8 / 1e6",
        "liqo_peer_transmit_bytes_total",
        "Mbit/s",
        Exporter.LIQO,
    ),
    Signal.LINK_UP: _of_link(
        "min by (cluster, cluster_id) (liqo_peer_is_connected)",
        "liqo_peer_is_connected",
        "0 or 1",
        Exporter.LIQO,
    ),
    Signal.NODE_ALLOCATABLE_CORES: _of_node(
        f"max by (cluster, node) ({_allocatable('cpu')})",
        _allocatable("cpu"),
        "cores",
        Exporter.KUBE_STATE,
    ),
    Signal.NODE_ALLOCATABLE_BYTES: _of_node(
        f"max by (cluster, node) ({_allocatable('memory')})",
        _allocatable("memory"),
        "bytes",
        Exporter.KUBE_STATE,
    ),
    Signal.NODE_REQUESTED_CORES: _of_node(
        f"sum by (cluster, node) ({_requested('cpu')})",
        _requested("cpu"),
        "cores",
        Exporter.KUBE_STATE,
    ),
    Signal.NODE_REQUESTED_BYTES: _of_node(
        f"sum by (cluster, node) ({_requested('memory')})",
        _requested("memory"),
        "bytes",
        Exporter.KUBE_STATE,
    ),
    Signal.NODE_USED_CORES: _of_node(
        'sum by (cluster, node) (rate(node_cpu_seconds_total{mode!="idle"}[1m]))',
        "node_cpu_seconds_total",
        "cores",
        Exporter.NODE,
    ),
    Signal.NODE_READY: _of_node(
        f"max by (cluster, node) ({_READY})",
        _READY,
        "0 or 1",
        Exporter.KUBE_STATE,
    ),
    Signal.NODE_USED_BYTES: _of_node(
        "max by (cluster, node) (node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)",
        "node_memory_MemAvailable_bytes",
        "bytes",
        Exporter.NODE,
    ),
    Signal.NODE_SOFTIRQ_CORES: _of_node(
        'sum by (cluster, node) (rate(node_cpu_seconds_total{mode="softirq"}[1m]))',
        'node_cpu_seconds_total{mode="softirq"}',
        "cores",
        Exporter.NODE,
    ),
    Signal.POD_USED_CORES: _of_pod(
        'sum by (cluster, pod) (rate(container_cpu_usage_seconds_total{container!=""}[1m]))',
        "container_cpu_usage_seconds_total",
        "cores",
        Exporter.CADVISOR,
    ),
    Signal.POD_USED_BYTES: _of_pod(
        'sum by (cluster, pod) (container_memory_working_set_bytes{container!=""})',
        "container_memory_working_set_bytes",
        "bytes",
        Exporter.CADVISOR,
    ),
    Signal.POD_THROTTLED_RATIO: _of_pod(
        'sum by (cluster, pod) (rate(container_cpu_cfs_throttled_periods_total{container!=""}[1m]))'
        " / sum by (cluster, pod)"
        ' (rate(container_cpu_cfs_periods_total{container!=""}[1m]) > 0)',
        "container_cpu_cfs_periods_total",
        "ratio",
        Exporter.CADVISOR,
    ),
    Signal.POD_RESTARTS: _of_pod(
        "sum by (cluster, pod) (kube_pod_container_status_restarts_total)",
        "kube_pod_container_status_restarts_total",
        "restarts",
        Exporter.KUBE_STATE,
    ),
}
