"""An exporter and a webhook in threads of their own: they answer while a test waits or blocks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from shared.runtime.clock import monotonic

Series = tuple[str, dict[str, str], float]
"""Metric, labels, value."""


@dataclass(slots=True)
class Exporter:
    """What one cluster exposes; a test may change it at any time."""

    url: str = ""
    gauges: list[Series] = field(default_factory=list)
    counters: list[Series] = field(default_factory=list)
    """Here the value is what is added per second."""

    def text(self) -> str:
        """Return everything in the text format."""
        seconds = monotonic()
        counted = [(name, labels, rate * seconds) for name, labels, rate in self.counters]
        return "".join(_line(*series) for series in self.gauges + counted)


def _line(name: str, labels: dict[str, str], value: float) -> str:
    inner = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value!r}\n"


@dataclass(slots=True)
class Webhook:
    """What an Alertmanager posted, in order."""

    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> list[tuple[str, str]]:
        """Return for each alert in each notification its incident and its status, in order."""
        return [
            (alert["labels"].get("incident", ""), alert["status"])
            for post in self.posts
            for alert in post["alerts"]
        ]

    def received(self) -> list[tuple[str, str, str]]:
        """Return the same with the receiver it was for."""
        return [
            (post["receiver"], alert["labels"].get("incident", ""), alert["status"])
            for post in self.posts
            for alert in post["alerts"]
        ]


@contextmanager
def serving_exporter(exporter: Exporter) -> Iterator[Exporter]:
    """Serve what the exporter exposes for as long as the block lasts; its URL is set."""

    class Handler(_Quiet):
        def do_GET(self) -> None:
            self.answer(exporter.text().encode(), "text/plain; version=0.0.4")

    with _serving(Handler) as url:
        exporter.url = f"{url}/metrics"
        yield exporter


@contextmanager
def serving_webhook() -> Iterator[Webhook]:
    """Receive notifications for as long as the block lasts."""
    webhook = Webhook()

    class Handler(_Quiet):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook.posts.append(json.loads(body))
            self.answer(b"", "text/plain")

    with _serving(Handler) as url:
        webhook.url = url
        yield webhook


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with _Server(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def a_cluster_exports(name: str, *peers: str) -> Exporter:
    """Return an exporter with every metric that Observe asks for: one node, one pod, all peers."""
    node = {"node": f"{name}-node-1"}
    pod = {"namespace": "xr-home", "pod": f"render-{name}", "container": "render"}
    exporter = Exporter(
        gauges=[
            ("kube_node_status_allocatable", {**node, "resource": "cpu", "unit": "core"}, 16),
            ("kube_node_status_allocatable", {**node, "resource": "memory", "unit": "byte"}, 64e9),
            ("kube_pod_container_resource_requests", {**pod, **node, "resource": "cpu"}, 8),
            ("kube_pod_container_resource_requests", {**pod, **node, "resource": "memory"}, 16e9),
            ("node_memory_MemTotal_bytes", node, 64e9),
            ("node_memory_MemAvailable_bytes", node, 40e9),
            ("container_memory_working_set_bytes", pod, 3e9),
            ("kube_pod_container_status_restarts_total", pod, 2),
            *(
                ("kube_node_status_condition", {**node, "condition": "Ready", "status": s}, on)
                for s, on in (("true", 1), ("false", 0), ("unknown", 0))
            ),
        ],
        counters=[
            ("node_cpu_seconds_total", {**node, "mode": "user", "cpu": "0"}, 0.4),
            ("node_cpu_seconds_total", {**node, "mode": "softirq", "cpu": "0"}, 0.1),
            ("node_cpu_seconds_total", {**node, "mode": "idle", "cpu": "0"}, 0.5),
            ("container_cpu_usage_seconds_total", pod, 2.5),
            ("container_cpu_cfs_periods_total", pod, 10),
            ("container_cpu_cfs_throttled_periods_total", pod, 1),
        ],
    )
    for peer in peers:
        _add_link(exporter, peer)
    return exporter


def _add_link(exporter: Exporter, peer: str) -> None:
    link = {"cluster_id": peer}
    liqo = {"driver": "wireguard", "cluster_id": peer}
    exporter.gauges += [
        ("crossloop_probe_rtt_seconds", link, 0.0021),
        ("crossloop_probe_jitter_seconds", link, 0.0001),
        ("crossloop_probe_loss_ratio", link, 0.001),
        ("crossloop_probe_bandwidth_bits_per_second", link, 1e10),
        ("liqo_peer_latency_us", liqo, 2000),
        ("liqo_peer_is_connected", liqo, 1),
    ]
    exporter.counters += [
        ("liqo_peer_transmit_bytes_total", liqo, 1e6),
        ("liqo_peer_receive_bytes_total", liqo, 1e6),
    ]
