"""The demo on real servers: only the world itself, and Liqo, are played."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from console.real.alertmanager import real_alertmanager
from console.real.kubernetes import RealKubernetes
from console.real.kwok import PodTimes
from console.real.metrics import real_metrics
from console.real.processes import free_ports, running
from console.stack import (
    Stack,
    nats_child,
    running_services,
    simulator_child,
    wait_for_endpoints,
)

START_ANNOTATION = "simulator.crossloop.dev/start-seconds"
STOP_SECONDS = 2.0
SCRAPE_SECONDS = 1.0


@contextmanager
def real_stack(
    directory: Path, *, scenario: str, speed: float, interval_seconds: float = 15.0
) -> Iterator[Stack]:
    """Start everything with the real servers, and stop everything however the block ends.

    A real API server with its controllers, kwok as kubelets, a Prometheus with Thanos sidecar per
    cluster that scrapes the simulator's exporters, Thanos Query, and Alertmanager.
    """
    (port,) = free_ports(1)
    pods = PodTimes(start_annotation=START_ANNOTATION, stop_seconds=STOP_SECONDS, speed=speed)
    nats = nats_child(directory, port)
    with (
        running(nats),
        RealKubernetes.start(directory / "kubernetes", pods=pods) as kubernetes,
        real_alertmanager(directory) as alertmanagers,
    ):
        simulator = simulator_child(
            directory, scenario=scenario, speed=speed, kubeconfig=str(kubernetes.kubeconfig)
        )
        with running(simulator):
            played = wait_for_endpoints(directory, simulator)
            exporters = dict(played.exporters)
            with real_metrics(directory, exporters, scrape_interval=SCRAPE_SECONDS) as metrics:
                metrics.wait_for_data()
                endpoints = replace(
                    played,
                    thanos=metrics.query.url,
                    alertmanagers=tuple(replica.url for replica in alertmanagers),
                )
                children = {"nats": nats, "simulator": simulator}
                with running_services(
                    directory,
                    children=children,
                    nats_url=f"nats://127.0.0.1:{port}",
                    endpoints=endpoints,
                    speed=speed,
                    interval_seconds=interval_seconds,
                ) as stack:
                    yield stack
