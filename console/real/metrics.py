"""The real way of metrics, from the exporters of a fleet's clusters to one Thanos Query."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.real.http import START_SECONDS
from console.real.processes import Child, wait_until
from console.real.prometheus import RealPrometheus, instant, real_prometheus
from console.real.thanos import ThanosQuery, ThanosSidecar, thanos_query, thanos_sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsStack:
    """Prometheus and sidecar per cluster, in the order of the targets, and the query over them."""

    prometheus: tuple[RealPrometheus, ...]
    sidecars: tuple[ThanosSidecar, ...]
    query: ThanosQuery

    @property
    def children(self) -> tuple[Child, ...]:
        """All its processes."""
        return (
            *(server.child for server in self.prometheus),
            *(sidecar.child for sidecar in self.sidecars),
            self.query.child,
        )

    def wait_for_data(self) -> None:
        """Wait until Thanos has data of every cluster.

        That is 5 s after the start: so long a new Prometheus waits before its first scrape.
        """
        clusters = {server.cluster for server in self.prometheus}
        wait_until(
            lambda: _clusters_up(self.query.url) >= clusters,
            what=f"Thanos has data of {', '.join(sorted(clusters))}",
            seconds=START_SECONDS,
            children=self.children,
        )

    def sidecar(self, cluster: str) -> ThanosSidecar:
        """Return the sidecar of a cluster. StopIteration if there is none."""
        return next(sidecar for sidecar in self.sidecars if sidecar.cluster == cluster)


@contextmanager
def real_metrics(
    directory: Path, exporters: Mapping[str, str], *, scrape_interval: float = 1.0
) -> Iterator[MetricsStack]:
    """Run a metrics stack over one exporter per cluster.

    `exporters`: cluster to the URL of its exporter. `scrape_interval` in seconds.
    """
    with ExitStack() as stack:
        servers = tuple(
            stack.enter_context(
                real_prometheus(directory, cluster, [url], scrape_interval=scrape_interval)
            )
            for cluster, url in exporters.items()
        )
        sidecars = tuple(stack.enter_context(thanos_sidecar(server)) for server in servers)
        query = stack.enter_context(thanos_query(directory, sidecars))
        yield MetricsStack(prometheus=servers, sidecars=sidecars, query=query)


def _clusters_up(url: str) -> set[str]:
    vector = instant(url, "max by (cluster) (up) == 1")["data"]["result"]
    return {series["metric"]["cluster"] for series in vector}
