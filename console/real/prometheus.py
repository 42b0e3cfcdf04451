"""Real Prometheus servers, each of one cluster."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from console.real.http import LOOPBACK, get_json, wait_ready
from console.real.parts import program
from console.real.processes import Child, free_ports, running


@dataclass(frozen=True, slots=True, kw_only=True)
class RealPrometheus:
    """A running Prometheus that scrapes the exporters of one cluster."""

    cluster: str
    url: str
    directory: Path
    child: Child


@contextmanager
def real_prometheus(
    directory: Path, cluster: str, targets: Sequence[str], *, scrape_interval: float = 1.0
) -> Iterator[RealPrometheus]:
    """Run a Prometheus that calls itself `cluster` and scrapes those URLs.

    The block begins when it is ready to answer; the first scrape may still be to come.
    """
    home = directory / f"prometheus-{cluster}"
    home.mkdir(parents=True)
    config = home / "prometheus.yaml"
    config.write_text(json.dumps(_prometheus_config(cluster, targets, scrape_interval)))
    (port,) = free_ports(1)
    child = Child(
        f"prometheus-{cluster}",
        (
            program("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={home / 'data'}",
            f"--web.listen-address={LOOPBACK}:{port}",
            "--log.level=warn",
        ),
        directory=home,
    )
    url = f"http://{LOOPBACK}:{port}"
    with running(child):
        wait_ready(child, f"{url}/-/ready")
        yield RealPrometheus(cluster=cluster, url=url, directory=home, child=child)


def instant(url: str, promql: str) -> Any:
    """Return the JSON that a Prometheus or Thanos answers to an instant query."""
    return get_json(f"{url}/api/v1/query", query=promql)


def _prometheus_config(
    cluster: str, targets: Sequence[str], scrape_interval: float
) -> dict[str, Any]:
    every = f"{round(scrape_interval * 1000)}ms"
    return {
        "global": {
            "scrape_interval": every,
            "scrape_timeout": every,
            "external_labels": {"cluster": cluster, "replica": "0"},
        },
        "scrape_configs": [
            {
                "job_name": f"exporter-{index}",
                "honor_labels": True,
                "metrics_path": urlsplit(target).path or "/metrics",
                "static_configs": [{"targets": [urlsplit(target).netloc]}],
            }
            for index, target in enumerate(targets)
        ],
    }
