"""Act as a whole, with the token of its own service account and no more than the base grants."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from console.real.auditing import requests_in
from console.real.client import Client
from console.real.kubernetes import RealKubernetes
from services.act.adapters import fleet, kubernetes
from services.act.board import Board
from services.act.checking import checking
from services.act.core.permitting.permissions import permissions, permissions_of
from services.act.core.permitting.roles import Role
from services.act.core.telling.alerts import Alert
from services.act.core.telling.firing import LACKING
from services.act.service import Pace, run
from shared.bus.memory import MemoryBus
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy, WorkloadKind, WorkloadRef
from shared.model.names import (
    CAPACITY,
    ApplicationName,
    ClusterName,
    ComponentName,
    FleetName,
    decision_id,
)
from shared.model.plan import Action, Evacuate, FleetAction, Move, OffloadNamespace, Plan, Scale
from shared.model.policy import FleetPolicy
from shared.runtime import clock
from shared.runtime.probes import Readiness
from tests.support.builders import (
    a_cluster,
    a_component,
    a_fleet,
    a_placement,
    an_application,
    an_insight,
    cycle_at,
)
from tests.support.fakes_act import FakeAlertSink, a_ground
from tests.support.liqo import peer_with
from tests.support.management import a_site
from tests.support.management import an_application as declared_application
from tests.support.objects_act import a_decision
from tests.support.processes import eventually
from tests.support.real_parts import create_deployment, create_set, namespace
from tests.support.recording import used
from tests.support.roles import install_roles, kubeconfig_of

pytestmark = [pytest.mark.real, pytest.mark.slow]

FLEET = FleetName("work")
SPACE = "work"
ARENA = ApplicationName(f"{SPACE}/arena")
HOME, HERE, THERE, SMALL = (ClusterName(f"work-{n}") for n in ("home", "here", "there", "small"))
WORKLOADS = {WorkloadKind.DEPLOYMENT: "render", WorkloadKind.STATEFUL_SET: "store"}


@dataclass(slots=True, kw_only=True)
class Work:
    """A running Act, and whoever decides."""

    bus: MemoryBus
    board: Board
    sink: FakeAlertSink
    client: Client

    async def decide(self, *actions: Action, timeout_seconds: float = 30.0) -> Outcome:
        """Decide something, and return what became of it."""
        insight = an_insight_now(timeout_seconds)
        decision = a_decision_on(insight, actions)
        await self.bus.publish(insight)
        await self.bus.publish(decision)
        seen = await eventually(
            lambda: self.ended(decision), what=f"{decision.id} ends", seconds=60
        )
        assert seen is not None
        return seen

    def ended(self, decision: Decision) -> Outcome | None:
        """Return the final outcome of a decision, where there is one."""
        found = (o for o in self.board.outcomes.values() if o.decision == decision.id)
        return next((o for o in found if o.status.is_final), None)


def an_insight_now(timeout_seconds: float = 30.0) -> Insight:
    """Return an insight of a fleet in order. A move counts as done as soon as it serves."""
    names = [ComponentName(name) for name in WORKLOADS.values()]
    application = an_application(ARENA, components=tuple(a_component(n, replicas=2) for n in names))
    at = clock.now()
    built = a_fleet(
        at=at,
        clusters=tuple(a_cluster(c, home=c == HOME) for c in (HERE, HOME, SMALL, THERE)),
        applications=(application,),
        placements=tuple(a_placement(n, HERE, 2, application=ARENA) for n in names),
        links=(),
    )
    policy = FleetPolicy(
        soak_cycles=0,
        move_timeout=timedelta(seconds=timeout_seconds),
        capacity_autonomy=Autonomy.AUTO,
    )
    return an_insight(built, cycle=cycle_at(at), fleet_name=FLEET, policy=policy)


def a_decision_on(insight: Insight, actions: tuple[Action, ...]) -> Decision:
    """Return a decision to be carried out at once."""
    about = CAPACITY if isinstance(actions[0], FleetAction) else ARENA
    return replace(
        a_decision(at=insight.at),
        id=decision_id(insight.cycle, about),
        cycle=insight.cycle,
        fleet=FLEET,
        application=about,
        plan=Plan(actions=actions),
        expectations=(),
    )


def a_move(kind: WorkloadKind, source: ClusterName, target: ClusterName) -> Move:
    """Return a move of one of the workloads."""
    name = WORKLOADS[kind]
    return Move(
        application=ARENA,
        component=ComponentName(name),
        workload=WorkloadRef(kind=kind, name=name),
        source=source,
        target=target,
        replicas=2,
    )


@asynccontextmanager
async def working(server: RealKubernetes, directory: Path) -> AsyncIterator[Work]:
    """Run Act with the token of its service account."""
    config = kubeconfig_of(server, "act", directory)
    async with kubernetes.connect(str(config), readiness=Readiness()) as cluster:
        board, ground = Board(fleet=FLEET), a_ground()
        async with (
            checking(cluster, board, ground),
            fleet.connect(cluster, sites=lambda: board.sites) as whole,
        ):
            bus, sink = MemoryBus(fleet=FLEET), FakeAlertSink()
            pace = Pace(step_seconds=0.1, alert_seconds=1.0)
            act = run(bus, whole, sink, ground=ground, now=clock.now, pace=pace, board=board)
            task = asyncio.create_task(act)
            try:
                yield Work(bus=bus, board=board, sink=sink, client=server.client)
            finally:
                task.cancel()
                await asyncio.wait({task})


@pytest.fixture(scope="module")
def server(management: RealKubernetes) -> RealKubernetes:
    """A fleet of three providers, one of which has no room, and one application."""
    install_roles(management, "base")
    client = management.client
    namespace(management, SPACE)
    peer_with(management, HERE, THERE)
    peer_with(management, SMALL, cores=0.5)
    client.create(a_site(HOME, FLEET, home=True))
    for provider in (HERE, THERE, SMALL):
        client.create(a_site(provider, FLEET))
    client.create(declared_application("arena", FLEET, SPACE))
    create_deployment(client, SPACE, "render", on=HERE, replicas=2)
    create_set(client, SPACE, "store", on=HERE, replicas=2)
    return management


async def test_each_action_is_carried_out_with_what_the_base_grants(
    tmp_path: Path, server: RealKubernetes
) -> None:
    async with working(server, tmp_path) as work:
        liqo = asyncio.create_task(play_liqo(work.client))
        offload = OffloadNamespace(application=ARENA, clusters=(HERE, SMALL, THERE))
        assert (await work.decide(offload)).status is Status.SUCCEEDED
        liqo.cancel()
        for kind in WorkloadKind:
            moved = await work.decide(a_move(kind, HERE, THERE))
            assert moved.status is Status.SUCCEEDED, moved
        back = a_move(WorkloadKind.STATEFUL_SET, THERE, SMALL)
        tried = await work.decide(back, timeout_seconds=3)
        assert tried.status is Status.REVERTED, tried
        for kind in WorkloadKind:
            scaled = await work.decide(a_scale(kind, 2, 3))
            assert scaled.status is Status.SUCCEEDED, scaled
        moves = tuple(replace(a_move(k, THERE, HERE), replicas=3) for k in WorkloadKind)
        emptied = await work.decide(Evacuate(cluster=THERE, moves=moves))
        assert emptied.status is Status.SUCCEEDED, emptied
        assert work.board.lacking == {}


def test_nothing_was_denied_and_nothing_of_the_base_is_unused(server: RealKubernetes) -> None:
    """Only what deleting a cluster looks at is not reached here, but in `test_permissions`."""
    requests = requests_in(server.kubeconfig.parent)
    assert {request for request, codes in requests.items() if 403 in codes} == set()
    found = used(requests, permissions())
    unused = {p for p in permissions() - found if p.role is Role.ALWAYS}
    assert {str(p) for p in unused - permissions_of("delete_cluster")} == set()


async def test_what_the_base_does_not_grant_is_refused_and_the_rest_goes_on(
    tmp_path: Path, server: RealKubernetes
) -> None:
    role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/crossloop-act"
    whole = server.client.get(role)["rules"]
    less = [rule for rule in whole if rule["resources"] != ["pods"]]
    server.client.patch(role, {"rules": less})
    try:
        async with working(server, tmp_path) as work:
            refused = await work.decide(a_move(WorkloadKind.DEPLOYMENT, HERE, THERE))
            scaled = await work.decide(a_scale(WorkloadKind.DEPLOYMENT, 3, 2))
            told = await eventually(
                lambda: [a for post in work.sink.posts for a in post if is_about_lacks(a)],
                what="an alert",
                seconds=10,
            )
    finally:
        server.client.patch(role, {"rules": whole})

    assert refused.status is Status.REFUSED
    assert refused.message == (
        "Act may not delete pods: deploy/kubernetes/base grants it (role crossloop-act)"
        "; and 1 more lack"
    )
    assert scaled.status is Status.SUCCEEDED, scaled
    assert {dict(alert.labels)["purpose"] for alert in told} == {
        "cordon lost clusters",
        "evacuate",
        "move",
    }


def is_about_lacks(alert: Alert) -> bool:
    """Tell whether an alert is about a permission."""
    return dict(alert.labels)["alertname"] == LACKING


def a_scale(kind: WorkloadKind, before: int, after: int) -> Scale:
    """Return a change of the size of one of the workloads."""
    name = WORKLOADS[kind]
    return Scale(
        application=ARENA,
        component=ComponentName(name),
        workload=WorkloadRef(kind=kind, name=name),
        replicas_before=before,
        replicas=after,
    )


async def play_liqo(client: Client) -> None:
    """Make each stretched namespace Ready, as Liqo would, for ever."""
    path = f"/apis/offloading.liqo.io/v1beta1/namespaces/{SPACE}/namespaceoffloadings/offloading"
    ready = [{"type": "Ready", "status": "True", "reason": "RemoteNamespaceCreated"}]
    while True:
        live = await asyncio.to_thread(client.find, path)
        if live is not None:
            status = {
                "observedGeneration": live["metadata"]["generation"],
                "offloadingPhase": "Ready",
                "remoteNamespacesConditions": dict.fromkeys((HERE, SMALL, THERE), ready),
            }
            await asyncio.to_thread(client.patch, f"{path}/status", {"status": status})
        await asyncio.sleep(0.5)
