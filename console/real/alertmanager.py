"""Real Alertmanagers, alone or as replicas that tell each other what they have sent."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.real.http import LOOPBACK, START_SECONDS, get_json, wait_ready
from console.real.parts import program
from console.real.processes import Child, free_ports, running, wait_until


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long an Alertmanager waits, in seconds."""

    group_wait: float = 1.0
    group_interval: float = 2.0
    peer_timeout: float = 2.0
    """How long a replica leaves a notification to the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RealAlertmanager:
    """A running Alertmanager."""

    url: str
    child: Child

    def peers(self) -> int:
        """Return how many replicas it knows, itself included; 0 for one that stands alone."""
        cluster: dict[str, Any] = get_json(f"{self.url}/api/v2/status")["cluster"]
        return len(cluster.get("peers") or ())

    def alerts(self) -> list[dict[str, Any]]:
        """Return the alerts it holds now."""
        found: list[dict[str, Any]] = get_json(f"{self.url}/api/v2/alerts")
        return found


@contextmanager
def real_alertmanager(
    directory: Path,
    webhook_url: str = "",
    *,
    replicas: int = 1,
    timing: Timing | None = None,
    configuration: Mapping[str, Any] | None = None,
) -> Iterator[tuple[RealAlertmanager, ...]]:
    """Run Alertmanagers that notify a webhook once per incident, and again when it is over.

    Without a webhook they only keep the alerts. `replicas` tell each other what they have sent.
    `configuration` stands in for the usual one, and for the webhook.
    """
    home = directory / "alertmanager"
    home.mkdir(parents=True)
    timing = timing or Timing()
    config = home / "alertmanager.yaml"
    config.write_text(json.dumps(configuration or _config(webhook_url, timing)))
    ports = free_ports(2 * replicas)
    peers = [f"{LOOPBACK}:{port}" for port in ports[replicas:]]
    members = tuple(
        RealAlertmanager(
            url=f"http://{LOOPBACK}:{port}",
            child=Child(
                f"alertmanager-{index}",
                (
                    program("alertmanager"),
                    f"--config.file={config}",
                    f"--storage.path={home / f'data-{index}'}",
                    f"--web.listen-address={LOOPBACK}:{port}",
                    *_cluster_flags(index, peers, timing),
                    "--log.level=warn",
                ),
                directory=home,
            ),
        )
        for index, port in enumerate(ports[:replicas])
    )
    with running(*(member.child for member in members)):
        for member in members:
            wait_ready(member.child, f"{member.url}/-/ready")
        wait_until(
            lambda: all(member.peers() == replicas for member in members) or replicas == 1,
            what="the replicas know each other",
            seconds=START_SECONDS,
            children=[member.child for member in members],
        )
        yield members


def _cluster_flags(index: int, peers: list[str], timing: Timing) -> tuple[str, ...]:
    """Return what makes replicas know each other; one alone listens for nobody."""
    if len(peers) == 1:
        return ("--cluster.listen-address=",)
    return (
        f"--cluster.listen-address={peers[index]}",
        *(f"--cluster.peer={peer}" for peer in peers if peer != peers[index]),
        f"--cluster.peer-timeout={_milliseconds(timing.peer_timeout)}",
        "--cluster.settle-timeout=1s",
    )


def _config(webhook_url: str, timing: Timing) -> dict[str, Any]:
    webhooks = [{"url": webhook_url, "send_resolved": True}] if webhook_url else []
    return {
        "route": {
            "receiver": "webhook",
            "group_by": ["incident"],
            "group_wait": _milliseconds(timing.group_wait),
            "group_interval": _milliseconds(timing.group_interval),
            "repeat_interval": "4h",
        },
        "receivers": [{"name": "webhook", "webhook_configs": webhooks}],
    }


def _milliseconds(seconds: float) -> str:
    """Return a duration as Alertmanager reads it: it knows no fractions."""
    return f"{round(seconds * 1000)}ms"
