"""Observe, Orient and Decide on real Prometheus servers behind a real Thanos that loses one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.real.kubernetes import RealKubernetes
from console.real.kwok import node
from console.real.metrics import MetricsStack, real_metrics
from console.real.prometheus import instant
from console.stack import service_child
from services.observe.core.queries import QUERIES
from shared.bus.jetstream import connect
from shared.bus.port import Bus
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.observation import CoverageState, Observation
from shared.messages.readings import Signal
from shared.model.names import CycleId
from shared.model.plan import Move
from shared.runtime.clock import monotonic, now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings
from tests.support.exporter import Exporter, a_cluster_exports, serving_exporter
from tests.support.liqo import peer_with, stretch
from tests.support.management import a_policy, a_site, an_application
from tests.support.nats import nats_server
from tests.support.processes import running, wait_until
from tests.support.real_parts import deploy, namespace, watching

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]

FLEET = "blind"
HOME, METRO = "blind-home", "blind-metro"
BLIND_SECONDS = 20.0
"""Three times as long as Thanos itself says that something is missing."""


@pytest.fixture
def fleet(management: RealKubernetes) -> RealKubernetes:
    """Ingest at home, render at metro, 1 ms apart. Only home is near enough to users for both."""
    space = namespace(management, FLEET)
    management.add_nodes(node(f"{HOME}-1"))
    peer_with(management, METRO)
    stretch(management, space, METRO)
    client = management.client
    with watching(client, space, "ingest") as ingest, watching(client, space, "render") as render:
        deploy(client, space, "ingest", on=None, replicas=1)
        deploy(client, space, "render", on=METRO, replicas=1)
        wait_until(
            lambda: ingest.serving[-1:] == render.serving[-1:] == [1],
            what="ingest and render serve",
            seconds=20,
        )
    for declared in (
        a_policy(FLEET),
        a_site(HOME, FLEET, home=True),
        a_site(METRO, FLEET, access_ms=8),
        an_application("arena", FLEET, space),
    ):
        client.create(declared)
    return management


@contextmanager
def a_loop(
    directory: Path, cluster: RealKubernetes, *, nats_url: str, thanos_url: str
) -> Iterator[None]:
    """Run Observe, Orient and Decide, a cycle a second."""
    environment = {
        "CROSSLOOP_NATS_URL": nats_url,
        "CROSSLOOP_FLEET": FLEET,
        "CROSSLOOP_HTTP_HOST": "127.0.0.1",
        "CROSSLOOP_HTTP_PORT": "0",
        "CROSSLOOP_INTERVAL_SECONDS": "1",
        "CROSSLOOP_MAX_AGE_SECONDS": "5",
        "CROSSLOOP_THANOS_URL": thanos_url,
        "CROSSLOOP_KUBECONFIG": str(cluster.kubeconfig),
    }
    services = [
        service_child(name, directory, environment) for name in ("observe", "orient", "decide")
    ]
    with running(*services):
        yield


@contextmanager
def two_clusters(directory: Path) -> Iterator[tuple[list[Exporter], MetricsStack]]:
    """Run an exporter and a Prometheus for home and for metro, and a Thanos over both."""
    with (
        serving_exporter(a_cluster_exports(HOME, METRO)) as home,
        serving_exporter(a_cluster_exports(METRO, HOME)) as metro,
        real_metrics(directory, {HOME: home.url, METRO: metro.url}) as stack,
    ):
        stack.wait_for_data()
        yield [home, metro], stack


async def test_a_cluster_thanos_has_forgotten_holds_the_loop_until_it_is_back(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    with (
        nats_server(tmp_path) as nats,
        two_clusters(tmp_path) as (exporters, stack),
        a_loop(tmp_path, fleet, nats_url=nats.url, thanos_url=stack.query.url),
    ):
        settings = CommonSettings(fleet=FLEET, nats_url=(nats.url,))
        async with connect(settings, name="test", readiness=Readiness()) as bus:
            await until_metro_is(bus, {CoverageState.FRESH}, seconds=30)
            await until_decided(bus, Verdict.HOLD, Reason.ALL_WELL, seconds=15)

            stack.sidecar(METRO).child.kill()
            for exporter in exporters:
                slow_link(exporter, rtt_seconds=0.030)
            seen = await observations(bus, seconds=BLIND_SECONDS)
            assert len(seen) > BLIND_SECONDS / 2
            for observation in seen.values():
                assert metro_in(observation) <= {CoverageState.ABSENT, CoverageState.PARTIAL}
            silent = instant(stack.query.url, QUERIES[Signal.LINK_RTT_MS].promql)
            assert "warnings" not in silent
            held = await bus.newest(of=Decision, tail=f"{FLEET}_arena")
            assert held is not None
            assert (held.verdict, held.reason) == (Verdict.HOLD, Reason.NOT_FRESH)

            stack.sidecar(METRO).child.start()
            await until_metro_is(bus, {CoverageState.FRESH}, seconds=40)
            acted = await until_decided(bus, Verdict.ACT, Reason.QUALITY_RESTORED, seconds=15)
            (move,) = (a for a in acted.plan.actions if isinstance(a, Move))
            assert (move.component, move.source, move.target) == ("render", METRO, HOME)


def slow_link(exporter: Exporter, *, rtt_seconds: float) -> None:
    """Let the probe of a cluster measure another round trip."""
    exporter.gauges = [
        (name, labels, rtt_seconds if name == "crossloop_probe_rtt_seconds" else value)
        for name, labels, value in exporter.gauges
    ]


def metro_in(observation: Observation) -> set[CoverageState]:
    """Return the states of metro's signals."""
    return {c.state for c in observation.coverage if c.cluster == METRO}


async def observations(bus: Bus, *, seconds: float) -> dict[CycleId, Observation]:
    """Return every observation of a cycle that begins within that time from now."""
    begun, deadline = now(), monotonic() + seconds
    seen: dict[CycleId, Observation] = {}
    while monotonic() < deadline:
        newest = await bus.newest(of=Observation)
        if newest is not None and newest.at > begun:
            seen[newest.cycle] = newest
        await asyncio.sleep(0.2)
    return seen


async def until_metro_is(bus: Bus, states: set[CoverageState], *, seconds: float) -> None:
    deadline, found = monotonic() + seconds, set[CoverageState]()
    while monotonic() < deadline:
        newest = await bus.newest(of=Observation)
        found = metro_in(newest) if newest else set()
        if found == states:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"not {states} within {seconds:g} s, but {found}")


async def until_decided(bus: Bus, verdict: Verdict, reason: Reason, *, seconds: float) -> Decision:
    deadline, newest = monotonic() + seconds, None
    while monotonic() < deadline:
        newest = await bus.newest(of=Decision, tail=f"{FLEET}_arena")
        if newest is not None and (newest.verdict, newest.reason) == (verdict, reason):
            return newest
        await asyncio.sleep(0.2)
    raise AssertionError(f"not {verdict} {reason} within {seconds:g} s, but {newest}")
