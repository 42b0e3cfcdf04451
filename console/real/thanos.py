"""Real Thanos: a sidecar beside each Prometheus, and one Query over all of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.real.http import LOOPBACK, START_SECONDS, get_json, is_ok, wait_ready
from console.real.parts import program
from console.real.processes import Child, free_ports, running, wait_until
from console.real.prometheus import RealPrometheus


@dataclass(frozen=True, slots=True, kw_only=True)
class ThanosSidecar:
    """A running sidecar: `address` is where Thanos Query asks it."""

    cluster: str
    address: str
    url: str
    child: Child


@dataclass(frozen=True, slots=True, kw_only=True)
class ThanosQuery:
    """A running Thanos Query."""

    url: str
    child: Child


@contextmanager
def thanos_sidecar(prometheus: RealPrometheus) -> Iterator[ThanosSidecar]:
    """Run the sidecar of a Prometheus."""
    grpc, http = free_ports(2)
    child = Child(
        f"thanos-sidecar-{prometheus.cluster}",
        (
            program("thanos"),
            "sidecar",
            f"--prometheus.url={prometheus.url}",
            f"--tsdb.path={prometheus.directory / 'data'}",
            f"--grpc-address={LOOPBACK}:{grpc}",
            f"--http-address={LOOPBACK}:{http}",
            "--grpc-grace-period=0s",
            "--http-grace-period=0s",
            "--log.level=warn",
        ),
        directory=prometheus.directory,
    )
    url = f"http://{LOOPBACK}:{http}"
    with running(child):
        wait_ready(child, f"{url}/-/ready")
        yield ThanosSidecar(
            cluster=prometheus.cluster, address=f"{LOOPBACK}:{grpc}", url=url, child=child
        )


@contextmanager
def thanos_query(directory: Path, sidecars: Sequence[ThanosSidecar]) -> Iterator[ThanosQuery]:
    """Run a Thanos Query, without strict endpoints as most people do.

    The block begins when it knows the sidecars.
    """
    grpc, http = free_ports(2)
    child = Child(
        "thanos-query",
        (
            program("thanos"),
            "query",
            *(f"--endpoint={sidecar.address}" for sidecar in sidecars),
            "--query.replica-label=replica",
            "--query.partial-response",
            f"--grpc-address={LOOPBACK}:{grpc}",
            f"--http-address={LOOPBACK}:{http}",
            "--grpc-grace-period=0s",
            "--http-grace-period=0s",
            "--log.level=warn",
        ),
        directory=directory,
    )
    url = f"http://{LOOPBACK}:{http}"
    with running(child):
        wait_until(
            lambda: _healthy_stores(url) >= len(sidecars),
            what=f"Thanos Query knows its {len(sidecars)} sidecars",
            seconds=START_SECONDS,
            children=(child, *(sidecar.child for sidecar in sidecars)),
        )
        yield ThanosQuery(url=url, child=child)


def _healthy_stores(url: str) -> int:
    if not is_ok(f"{url}/-/ready"):
        return 0
    kinds = get_json(f"{url}/api/v1/stores")["data"].values()
    return sum(store["lastError"] is None for stores in kinds for store in stores)
