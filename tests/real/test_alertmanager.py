"""Act's alerts in two real Alertmanagers that know each other, and what reaches a person."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from console.real.alertmanager import Timing, real_alertmanager
from console.real.kubernetes import RealKubernetes
from console.stack import service_child
from shared.bus.jetstream import connect
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.messages.insight import Insight
from shared.model.names import FleetName
from shared.runtime.clock import now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings
from tests.support.builders import a_fleet, an_insight, cycle_at
from tests.support.exporter import serving_webhook
from tests.support.nats import nats_server
from tests.support.processes import Child, eventually, running

pytestmark = [pytest.mark.real, pytest.mark.slow]

FLEET = "alerts"
INTERVAL_SECONDS = 2.0
TIMING = Timing(group_wait=0.5, group_interval=1.0, peer_timeout=2.5)


def incidents(*, state: IncidentState) -> tuple[Incident, ...]:
    """Return a link that is slow, and a cluster that is lost, as the same two at any time."""
    opened_at = now().replace(second=0, microsecond=0)
    link = Incident(
        id=f"link:home>metro:{opened_at:%H%M}",
        kind=SubjectKind.LINK,
        subject="home>metro",
        state=state,
        severity=Severity.CRITICAL,
        opened_at=opened_at,
        message="the link from home to metro is slower than it used to be",
    )
    cluster = replace(
        link,
        id=f"cluster:edge:{opened_at:%H%M}",
        kind=SubjectKind.CLUSTER,
        subject="edge",
        message="edge does not answer",
    )
    return link, cluster


def insight_of(*open_or_closed: Incident) -> Insight:
    at = now()
    fleet = a_fleet(at=at)
    return an_insight(
        fleet, cycle=cycle_at(at), fleet_name=FleetName(FLEET), incidents=open_or_closed
    )


@contextmanager
def acting(
    directory: Path, cluster: RealKubernetes, *, nats_url: str, alertmanagers: list[str]
) -> Iterator[Child]:
    """Run Act, which posts to these Alertmanagers."""
    environment = {
        "CROSSLOOP_NATS_URL": nats_url,
        "CROSSLOOP_FLEET": FLEET,
        "CROSSLOOP_HTTP_HOST": "127.0.0.1",
        "CROSSLOOP_HTTP_PORT": "0",
        "CROSSLOOP_KUBECONFIG": str(cluster.kubeconfig),
        "CROSSLOOP_ALERTMANAGER_URLS": ",".join(alertmanagers),
        "CROSSLOOP_ALERT_INTERVAL_SECONDS": f"{INTERVAL_SECONDS:g}",
    }
    act = service_child("act", directory, environment)
    with running(act):
        yield act


@pytest.mark.parametrize("count", [1, 2])
async def test_an_incident_is_told_once_and_once_more_when_it_is_over(
    tmp_path: Path, management: RealKubernetes, count: int
) -> None:
    link, cluster = incidents(state=IncidentState.OPEN)
    firing = [(cluster.id, "firing"), (link.id, "firing")]
    with (
        nats_server(tmp_path) as nats,
        serving_webhook() as webhook,
        real_alertmanager(tmp_path, webhook.url, replicas=count, timing=TIMING) as replicas,
        acting(
            tmp_path,
            management,
            nats_url=nats.url,
            alertmanagers=[replica.url for replica in replicas],
        ) as act,
    ):
        settings = CommonSettings(fleet=FLEET, nats_url=(nats.url,))
        async with connect(settings, name="test", readiness=Readiness()) as bus:
            await bus.publish(insight_of(link, cluster))
            await eventually(
                lambda: sorted(webhook.told()) == firing, what="both are told", seconds=15
            )
            for replica in replicas:
                held = sorted(alert["labels"]["incident"] for alert in replica.alerts())
                assert held == [cluster.id, link.id]

            posted = newest_end(replicas[0].alerts())
            await eventually(
                lambda: newest_end(replicas[0].alerts()) > posted,
                what="the alerts are posted again",
                seconds=3 * INTERVAL_SECONDS,
            )
            act.kill()
            act.start()
            posted = newest_end(replicas[0].alerts())
            await eventually(
                lambda: newest_end(replicas[0].alerts()) > posted,
                what="the alerts are posted again by the new process",
                seconds=10,
            )
            await asyncio.sleep(TIMING.peer_timeout + TIMING.group_interval)
            assert sorted(webhook.told()) == firing

            over = replace(link, state=IncidentState.CLOSED)
            await bus.publish(insight_of(over, cluster))
            await eventually(
                lambda: (link.id, "resolved") in webhook.told(),
                what="the end is told",
                seconds=INTERVAL_SECONDS + TIMING.group_interval + 2,
            )
            await asyncio.sleep(TIMING.peer_timeout + TIMING.group_interval)
            for replica in replicas:
                assert [alert["labels"]["incident"] for alert in replica.alerts()] == [cluster.id]
            # A replica that looked at its alerts just before the end came, and waits for the other
            # to speak first, takes the news it holds for new: Alertmanager's own race, not ours.
            told = webhook.told() if count == 1 else set(webhook.told())
            assert sorted(told) == [*firing, (link.id, "resolved")]


def newest_end(alerts: list[dict[str, str]]) -> str:
    """Return until when the alerts fire as they were posted last."""
    return max(alert["endsAt"] for alert in alerts)
