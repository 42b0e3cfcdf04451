"""Act moves a real Deployment between kwok's nodes, watched event by event."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.real.kubernetes import RealKubernetes
from console.stack import service_child
from shared.bus.jetstream import connect
from shared.bus.port import Bus
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy, WorkloadKind, WorkloadRef
from shared.model.fleet import Fleet
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    FleetName,
    application_token,
    decision_id,
)
from shared.model.plan import Move, Plan
from shared.model.policy import FleetPolicy
from shared.runtime.clock import monotonic, now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings
from tests.support.builders import a_cluster, a_component, a_placement, an_application, cycle_at
from tests.support.liqo import peer_with, stretch
from tests.support.management import a_site
from tests.support.management import an_application as declared_application
from tests.support.nats import nats_server
from tests.support.processes import Child, eventually, running, wait_until
from tests.support.real_parts import (
    NEVER_READY,
    Rollout,
    create_set,
    deploy,
    namespace,
    watching,
)

pytestmark = [pytest.mark.real, pytest.mark.slow]

FLEET = FleetName("move")
HOME, HERE, THERE = "move-home", "move-here", "move-there"
RENDER = ComponentName("render")
REPLICAS = 3


@pytest.fixture(scope="module")
def fleet(management: RealKubernetes) -> RealKubernetes:
    """Providers to move between, one of which never gets a pod ready."""
    peer_with(management, HERE, THERE, NEVER_READY)
    management.client.create(a_site(HOME, FLEET, home=True))
    for provider in (HERE, THERE, NEVER_READY):
        management.client.create(a_site(provider, FLEET))
    return management


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A component that serves on HERE, somebody who watches it, and Act, which may move it."""

    bus: Bus
    act: Child
    rollout: Rollout
    application: ApplicationName
    kind: WorkloadKind

    async def decide(self, target: str, *, move_timeout_seconds: float) -> Decision:
        """Decide to move the component to that provider."""
        insight = an_insight_of(self.application, timedelta(seconds=move_timeout_seconds))
        decision = a_decision(insight, self.application, target, self.kind)
        await self.bus.publish(insight)
        await self.bus.publish(decision)
        return decision

    async def outcome(self, decision: Decision, *, seconds: float) -> Outcome:
        """Return what became of a decision in the end."""
        deadline, newest = monotonic() + seconds, None
        while monotonic() < deadline:
            newest = await self.bus.newest(of=Outcome, tail=application_token(self.application))
            if newest and newest.decision == decision.id and newest.status.is_final:
                return newest
            assert self.act.is_alive, f"Act ended with {self.act.exit_code}"
            await asyncio.sleep(0.1)
        raise AssertionError(f"no end within {seconds:g} s, but {newest}")


@asynccontextmanager
async def a_scene(
    cluster: RealKubernetes,
    directory: Path,
    space: str,
    kind: WorkloadKind = WorkloadKind.DEPLOYMENT,
) -> AsyncIterator[Scene]:
    """Deploy three replicas, wait until they serve, and let Act begin."""
    client, plural = cluster.client, f"{kind.lower()}s"
    namespace(cluster, space)
    stretch(cluster, space, HERE, THERE, NEVER_READY)
    client.create(declared_application("arena", FLEET, space))
    with nats_server(directory) as nats, watching(client, space, RENDER, plural) as rollout:
        create = deploy if kind is WorkloadKind.DEPLOYMENT else create_set
        create(client, space, RENDER, on=HERE, replicas=REPLICAS)
        wait_until(
            lambda: rollout.serving[-1:] == rollout.ready_replicas[-1:] == [REPLICAS],
            what="three replicas serve",
            seconds=20,
        )
        rollout.forget()
        environment = {
            "CROSSLOOP_NATS_URL": nats.url,
            "CROSSLOOP_FLEET": FLEET,
            "CROSSLOOP_HTTP_HOST": "127.0.0.1",
            "CROSSLOOP_HTTP_PORT": "0",
            "CROSSLOOP_KUBECONFIG": str(cluster.kubeconfig),
            "CROSSLOOP_STEP_INTERVAL_SECONDS": "0.1",
        }
        act = service_child("act", directory, environment)
        settings = CommonSettings(fleet=FLEET, nats_url=(nats.url,))
        with running(act):
            async with connect(settings, name="test", readiness=Readiness()) as bus:
                yield Scene(
                    bus=bus,
                    act=act,
                    rollout=rollout,
                    application=ApplicationName(f"{space}/arena"),
                    kind=kind,
                )


def an_insight_of(name: ApplicationName, move_timeout: timedelta) -> Insight:
    """Return an insight of a fleet in order. A move counts as done as soon as it serves."""
    at = now()
    clusters = (HERE, HOME, THERE, NEVER_READY)
    application = an_application(name, components=(a_component(RENDER, replicas=REPLICAS),))
    return Insight(
        cycle=cycle_at(at),
        fleet_name=FLEET,
        at=at,
        interval_seconds=1.0,
        fleet=Fleet(
            at=at,
            clusters=tuple(a_cluster(c, home=c == HOME) for c in sorted(clusters)),
            applications=(application,),
            placements=(a_placement(RENDER, HERE, REPLICAS, application=name),),
        ),
        policy=FleetPolicy(soak_cycles=0, move_timeout=move_timeout),
    )


def a_decision(
    insight: Insight, name: ApplicationName, target: str, kind: WorkloadKind
) -> Decision:
    move = Move(
        application=name,
        component=RENDER,
        workload=WorkloadRef(kind=kind, name=RENDER),
        source=ClusterName(HERE),
        target=ClusterName(target),
        replicas=REPLICAS,
    )
    return Decision(
        id=decision_id(insight.cycle, name),
        cycle=insight.cycle,
        fleet=FLEET,
        application=name,
        at=insight.at,
        deadline_at=insight.at + timedelta(minutes=1),
        verdict=Verdict.ACT,
        reason=Reason.QUALITY_RESTORED,
        detail="visitors come back within 15 ms",
        autonomy=Autonomy.AUTO,
        plan=Plan(actions=(move,)),
    )


async def test_no_replica_is_missing_while_three_of_them_move(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    async with a_scene(fleet, tmp_path, "move-there") as scene:
        decision = await scene.decide(THERE, move_timeout_seconds=30)
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.SUCCEEDED, outcome
        assert scene.rollout.nodes == {THERE}
        assert_none_was_missing(scene.rollout)


async def test_a_move_to_where_nothing_gets_ready_goes_back(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    async with a_scene(fleet, tmp_path, "move-back") as scene:
        decision = await scene.decide(NEVER_READY, move_timeout_seconds=3)
        await eventually(
            lambda: NEVER_READY in scene.rollout.nodes, what="a copy is tried", seconds=15
        )
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.REVERTED, outcome
        assert scene.rollout.nodes == {HERE}
        assert_none_was_missing(scene.rollout)


async def test_a_stateful_set_moves_with_no_replica_missing(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    async with a_scene(fleet, tmp_path, "move-set", WorkloadKind.STATEFUL_SET) as scene:
        decision = await scene.decide(THERE, move_timeout_seconds=30)
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.SUCCEEDED, outcome
        assert scene.rollout.nodes == {THERE}
        assert_none_was_missing(scene.rollout)


async def test_a_stateful_set_is_taken_back_from_where_nothing_gets_ready(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    async with a_scene(fleet, tmp_path, "move-set-back", WorkloadKind.STATEFUL_SET) as scene:
        decision = await scene.decide(NEVER_READY, move_timeout_seconds=3)
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.REVERTED, outcome
        assert scene.rollout.nodes == {HERE}
        assert_none_was_missing(scene.rollout)


@pytest.mark.parametrize("kind", list(WorkloadKind))
async def test_a_pause_stops_a_rollout_within_a_second_and_it_goes_on_after(
    tmp_path: Path, fleet: RealKubernetes, kind: WorkloadKind
) -> None:
    space = f"move-pause-{kind.lower()}"
    async with a_scene(fleet, tmp_path, space, kind) as scene:
        decision = await scene.decide(THERE, move_timeout_seconds=30)
        await eventually(lambda: THERE in scene.rollout.nodes, what="the move begins", seconds=15)
        pause = Control(fleet=FLEET, paused=True, by="ann", reason="demo", at=now())
        await scene.bus.publish(pause)
        await asyncio.sleep(3.0)  # one for the pause, two for what was under way to end
        once = scene.rollout.pods
        await asyncio.sleep(2.0)
        assert scene.rollout.pods == once
        assert scene.rollout.nodes == {HERE, THERE}
        await scene.bus.publish(replace(pause, paused=False, at=now()))
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.SUCCEEDED, outcome
        assert scene.rollout.nodes == {THERE}
        assert_none_was_missing(scene.rollout)


async def test_a_move_goes_on_where_it_was_when_act_is_killed(
    tmp_path: Path, fleet: RealKubernetes
) -> None:
    async with a_scene(fleet, tmp_path, "move-killed") as scene:
        decision = await scene.decide(THERE, move_timeout_seconds=30)
        await eventually(lambda: THERE in scene.rollout.nodes, what="the move begins", seconds=15)
        scene.act.kill()
        scene.act.start()
        outcome = await scene.outcome(decision, seconds=40)
        assert outcome.status is Status.SUCCEEDED, outcome
        assert scene.rollout.nodes == {THERE}
        assert_none_was_missing(scene.rollout)


def assert_none_was_missing(rollout: Rollout) -> None:
    assert min(rollout.serving) >= REPLICAS, "\n".join(rollout.events)
    assert min(rollout.ready_replicas) >= REPLICAS
