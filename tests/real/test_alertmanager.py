"""Act's alerts in two real Alertmanagers that know each other, and what reaches a person."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
import yaml

from console.real.alertmanager import RealAlertmanager, Timing, real_alertmanager
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
EXAMPLE = Path(__file__).parents[2] / "deploy" / "alertmanager" / "alertmanager.yaml"
INTERVAL_SECONDS = 5.0
"""Three of them outlast the restart of a process on a busy machine."""
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

            await posted_again(replicas[0], seconds=3 * INTERVAL_SECONDS)
            for _ in range(3):
                act.kill()
                act.start()
                await posted_again(replicas[0], seconds=3 * INTERVAL_SECONDS)
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


async def test_the_example_routes_silences_and_inhibits_what_act_posts(
    tmp_path: Path, management: RealKubernetes
) -> None:
    link, cluster = incidents(state=IncidentState.OPEN)
    mild = replace(link, severity=Severity.WARNING)
    node = replace(mild, id="node:edge/1", kind=SubjectKind.NODE, subject="edge/1")
    silent = replace(cluster, id="cluster:metro", subject="metro")
    with (
        nats_server(tmp_path) as nats,
        serving_webhook() as webhook,
        real_alertmanager(tmp_path, configuration=example(webhook.url)) as (replica,),
        acting(tmp_path, management, nats_url=nats.url, alertmanagers=[replica.url]) as act,
    ):
        silence(replica.url, silent)
        settings = CommonSettings(fleet=FLEET, nats_url=(nats.url,))
        async with connect(settings, name="test", readiness=Readiness()) as bus:
            await bus.publish(insight_of(cluster, silent))
            told = [("pager", cluster.id, "firing")]
            await eventually(lambda: webhook.received() == told, what="a page", seconds=15)
            await bus.publish(insight_of(cluster, silent, mild, node))
            told.append(("chat", mild.id, "firing"))
            await eventually(lambda: webhook.received() == told, what="a word", seconds=10)

            act.kill()
            await bus.publish(insight_of(cluster, silent, link, node))
            act.start()
            told += [("pager", link.id, "firing"), ("chat", mild.id, "resolved")]
            await eventually(
                lambda: sorted(webhook.received()) == sorted(told),
                what="it got worse, and its milder alert is over",
                seconds=15,
            )
            held = [alert["labels"]["incident"] for alert in replica.alerts()]
            assert sorted(held) == sorted([cluster.id, silent.id, link.id, node.id])
            await asyncio.sleep(INTERVAL_SECONDS + 2 * TIMING.group_interval)
            assert sorted(webhook.received()) == sorted(told)


def example(webhook_url: str) -> dict[str, Any]:
    """Return the example of `deploy/alertmanager`, in a hurry and with our webhook for all."""
    configuration: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    for route in (configuration["route"], *configuration["route"]["routes"]):
        route |= {"group_wait": "500ms", "group_interval": "1s"}
    for receiver in configuration["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = webhook_url
    return configuration


def silence(url: str, incident: Incident) -> None:
    """Say nothing of an incident for an hour, as `amtool silence add` does."""
    matchers = {"fleet": FLEET, "incident": incident.id}
    body = {
        "matchers": [{"name": n, "value": v, "isRegex": False} for n, v in matchers.items()],
        "startsAt": now().isoformat(),
        "endsAt": (now() + timedelta(hours=1)).isoformat(),
        "createdBy": "ann",
        "comment": "it is known",
    }
    request = Request(
        f"{url}/api/v2/silences",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=5) as answer:
        assert answer.status == 200


async def posted_again(replica: RealAlertmanager, *, seconds: float) -> None:
    """Wait until the alerts fire for longer than they did."""
    before = newest_end(replica.alerts())
    await eventually(
        lambda: newest_end(replica.alerts()) > before,
        what="the alerts are posted again",
        seconds=seconds,
    )


def newest_end(alerts: list[dict[str, str]]) -> str:
    """Return until when the alerts fire as they were posted last."""
    return max(alert["endsAt"] for alert in alerts)
