"""Act moves a Deployment over the simulator's API server, its controllers and its Liqo."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from console.stack import simulator_child
from services.act.adapters import alertmanager, kubernetes
from services.act.core.moving.marks import read_mark
from services.act.core.moving.stateful import partition_of
from services.act.core.moving.workloads import is_serving
from services.act.core.objects import (
    APPLICATION,
    DEPLOYMENT,
    STATEFUL_SET,
    Kind,
    Object,
    dig,
)
from services.act.service import Pace, run
from shared.bus.memory import MemoryBus
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome, Status
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import (
    ApplicationName,
    ClusterName,
    ComponentName,
    FleetName,
    decision_id,
)
from shared.model.plan import OffloadNamespace
from shared.model.policy import FleetPolicy
from shared.runtime import clock
from shared.runtime import kubernetes as api
from shared.runtime.following import Changed, Listed, follow
from shared.runtime.kubernetes import KubernetesApi, path_of
from shared.runtime.probes import Readiness
from tests.support.builders import a_cluster, a_fleet, a_placement, a_quality, an_insight, cycle_at
from tests.support.fakes_act import a_ground
from tests.support.management import an_application
from tests.support.objects_act import a_decision, a_move, pinned_to
from tests.support.processes import running, wait_until

pytestmark = pytest.mark.slow

NAME = "mover"
MOVER = ApplicationName(f"xr/{NAME}")
FLEET = FleetName("moving")
REPLICAS = 3
SPEED = 20.0
PODS = path_of(version="v1", plural="pods", namespace="xr")
SAFE = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def path_to(kind: Kind) -> str:
    """Return the path of the workload."""
    return path_of(group="apps", version="v1", plural=kind.plural, namespace="xr", name=NAME)


@dataclass(slots=True, kw_only=True)
class Scene:
    """Three replicas that serve on metro, Act beside them, and what a watch told of them."""

    api: KubernetesApi
    bus: MemoryBus
    kind: Kind
    serving: list[int] = field(default_factory=list)
    """Pods that are ready and stay, after each event of a pod."""
    pods: dict[str, Object] = field(default_factory=dict)

    async def watch(self) -> None:
        """Keep what is told of the pods, for ever."""
        async with aclosing(follow(self.api, PODS, labels=f"app={NAME}")) as news:
            async for item in news:
                if isinstance(item, Listed):
                    self.pods = {pod["metadata"]["name"]: pod for pod in item.objects}
                elif isinstance(item, Changed):
                    self.pods[item.object["metadata"]["name"]] = item.object
                    if item.gone:
                        del self.pods[item.object["metadata"]["name"]]
                self.serving.append(sum(map(is_serving, self.pods.values())))

    async def see(self, on: str, latency_ms: float) -> datetime:
        """Publish an insight in which all replicas stand on one cluster, and return its instant."""
        at = clock.now()
        clusters = tuple(a_cluster(c, home=c == "home") for c in ("edge-north", "home", "metro"))
        standing = a_placement(NAME, on, REPLICAS, application=MOVER)
        fleet = a_fleet(at=at, clusters=clusters, applications=(), placements=(standing,), links=())
        insight = an_insight(
            fleet,
            fleet_name=FLEET,
            interval_seconds=0.5,
            policy=FleetPolicy(soak_cycles=1),
            qualities=(a_quality(latency_ms, application=MOVER),),
        )
        await self.bus.publish(insight)
        return at

    async def decide(self, target: str) -> Decision:
        """Publish a decision to move from metro to that cluster."""
        at = await self.see("metro", 21.0)
        to, component = ClusterName(target), ComponentName(NAME)
        decision = a_decision(
            OffloadNamespace(application=MOVER, clusters=(to,)),
            a_move(
                "metro",
                target,
                application=MOVER,
                component=component,
                workload=WorkloadRef(kind=WorkloadKind(self.kind.name), name=NAME),
            ),
            at=at,
            application=MOVER,
            fleet=FLEET,
            id=decision_id(cycle_at(at), MOVER),
        )
        await self.bus.publish(decision)
        return decision

    async def outcome(self, decision: Decision, latency_ms: float, seconds: float = 20) -> Outcome:
        """Return what became of a decision in the end, where its users get that latency."""
        deadline, newest = clock.monotonic() + seconds, None
        while clock.monotonic() < deadline:
            newest = await self.bus.newest(of=Outcome)
            if newest and newest.decision == decision.id and newest.status.is_final:
                return newest
            await asyncio.sleep(0.1)
            if len(self.stands_on) == 1:
                await self.see(next(iter(self.stands_on)), latency_ms)
        raise AssertionError(f"no end, but {newest}")

    async def pause(self, *, paused: bool) -> None:
        """Stop the loop, or let it go on."""
        told = Control(fleet=FLEET, paused=paused, by="ann", reason="demo", at=clock.now())
        await self.bus.publish(told)

    async def workload(self) -> Object:
        """Return the workload as it is."""
        return await self.api.get(path_to(self.kind))

    @property
    def stands_on(self) -> set[str]:
        """The nodes of its pods, those that are going too."""
        return {str(dig(pod, "spec", "nodeName")) for pod in self.pods.values()}


@contextmanager
def simulated(directory: Path) -> Iterator[dict[str, Any]]:
    """Run the demo fleet, and give where it is."""
    child = simulator_child(directory, scenario="calm", speed=SPEED)
    file = directory / "endpoints.json"
    with running(child):
        wait_until(file.exists, what="the simulator", seconds=30, children=[child])
        yield json.loads(file.read_text())


@asynccontextmanager
async def a_scene(
    directory: Path, kind: Kind = DEPLOYMENT, *, applied: bool = False, **spec: Any
) -> AsyncIterator[Scene]:
    """Deploy three replicas on metro, and run Act once they serve."""
    readiness = Readiness()
    with simulated(directory) as endpoints:
        config = endpoints["kubeconfig"]
        async with (
            api.connect(config) as owner,
            kubernetes.connect(config, readiness=readiness) as cluster,
            alertmanager.connect((endpoints["alertmanager"],), readiness=readiness) as sink,
        ):
            scene = Scene(api=owner, bus=MemoryBus(fleet=FLEET), kind=kind)
            pace = Pace(step_seconds=0.05, alert_seconds=30.0)
            work = run(scene.bus, cluster, sink, ground=a_ground(), now=clock.now, pace=pace)
            tasks = [asyncio.create_task(scene.watch())]
            try:
                await deploy(owner, kind, spec, applied=applied)
                await _serving(scene)
                scene.serving.clear()
                tasks.append(asyncio.create_task(work))
                yield scene
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)


async def _serving(scene: Scene) -> None:
    async with asyncio.timeout(20):
        while scene.serving[-1:] != [REPLICAS]:  # noqa: ASYNC110 - until a watch tells
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)  # the Deployment's own count comes a little later


async def deploy(
    owner: KubernetesApi, kind: Kind, changes: dict[str, Any], *, applied: bool
) -> None:
    """Deploy as after an earlier move: the affinity is Act's, the rest is its owner's.

    What is created, and not applied, has its defaults recorded for its creator too.
    """
    requests = {"cpu": "1", "memory": "1Gi"}
    container = {
        "name": NAME,
        "image": "example.invalid/none",
        "resources": {"requests": requests},
    }
    labels = {"app": NAME}
    whole = {
        "apiVersion": "apps/v1",
        "kind": kind.name,
        "metadata": {"name": NAME, "namespace": "xr"},
    }
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        **({"strategy": SAFE} if kind == DEPLOYMENT else {"serviceName": NAME}),
        **changes,
    }
    where = {"template": {"spec": {"affinity": pinned_to("metro")}}}
    path = path_to(kind)
    if applied:
        await owner.apply(path, {**whole, "spec": spec}, manager="owner")
    else:
        await owner.create(path.rpartition("/")[0], {**whole, "spec": spec}, manager="owner")
    await owner.apply(path, {**whole, "spec": where}, manager="crossloop-act")
    await owner.merge_patch(path, {"spec": {"replicas": REPLICAS}}, manager="owner")
    group = {"group": APPLICATION.group, "version": APPLICATION.version}
    applications = path_of(**group, plural=APPLICATION.plural, namespace="xr")
    await owner.create(applications, an_application(NAME, FLEET, "xr"), manager="owner")


async def test_a_move_stretches_the_namespace_and_no_replica_is_ever_missing(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path) as scene:
        outcome = await scene.outcome(await scene.decide("edge-north"), 12.0)

        assert [(r.status, r.message) for r in outcome.actions] == [(Status.SUCCEEDED, "")] * 2
        assert scene.stands_on == {"edge-north"}
        assert min(scene.serving) >= REPLICAS


@pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET])
async def test_a_move_that_makes_it_worse_goes_back_and_no_replica_is_ever_missing(
    tmp_path: Path, kind: Kind
) -> None:
    async with a_scene(tmp_path, kind) as scene:
        outcome = await scene.outcome(await scene.decide("edge-north"), 30.0)

        assert outcome.status is Status.REVERTED
        assert outcome.message == "visitors has 30.0 ms, more than 21.0 ms"
        assert scene.stands_on == {"metro"}
        assert min(scene.serving) >= REPLICAS


async def test_a_stateful_set_moves_with_one_pod_more_and_its_partition_is_given_back(
    tmp_path: Path,
) -> None:
    async with a_scene(tmp_path, STATEFUL_SET) as scene:
        outcome = await scene.outcome(await scene.decide("edge-north"), 12.0)

        assert [(r.status, r.message) for r in outcome.actions] == [(Status.SUCCEEDED, "")] * 2
        assert scene.stands_on == {"edge-north"}
        assert min(scene.serving) >= REPLICAS
        assert sorted(scene.pods) == [f"{NAME}-{n}" for n in range(REPLICAS)]
        assert partition_of(await scene.workload()) == 0


@pytest.mark.parametrize("applied", [True, False])
async def test_a_strategy_set_for_the_move_is_given_back_after_it(
    tmp_path: Path, applied: bool
) -> None:
    """Nobody chose the strategy; 5 replicas by the default may miss one."""
    async with a_scene(tmp_path, applied=applied, strategy={}) as scene:
        before = (await scene.workload())["spec"]["strategy"]
        await scene.api.merge_patch(path_to(DEPLOYMENT), {"spec": {"replicas": 5}}, manager="owner")
        async with asyncio.timeout(20):
            while scene.serving[-1:] != [5]:  # noqa: ASYNC110 - until a watch tells
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        scene.serving.clear()

        outcome = await scene.outcome(await scene.decide("edge-north"), 12.0)

        assert outcome.status is Status.SUCCEEDED
        assert min(scene.serving) >= 5
        assert (await scene.workload())["spec"]["strategy"] == before


@pytest.mark.parametrize("kind", [DEPLOYMENT, STATEFUL_SET])
async def test_a_pause_stops_a_rollout_within_a_second_and_it_goes_on_when_it_ends(
    tmp_path: Path, kind: Kind
) -> None:
    async with a_scene(tmp_path, kind) as scene:
        decision = await scene.decide("edge-north")
        async with asyncio.timeout(20):
            while scene.stands_on == {"metro"}:  # noqa: ASYNC110 - until a watch tells
                await asyncio.sleep(0.01)
        await scene.pause(paused=True)
        await asyncio.sleep(1.0)
        mark = read_mark(await scene.workload())
        assert mark is not None
        once = {name: dig(pod, "metadata", "uid") for name, pod in scene.pods.items()}
        await asyncio.sleep(1.0)

        still = {name: dig(pod, "metadata", "uid") for name, pod in scene.pods.items()}
        assert once == still
        assert "metro" in scene.stands_on
        await scene.pause(paused=False)
        outcome = await scene.outcome(decision, 12.0)
        assert outcome.status is Status.SUCCEEDED
        assert scene.stands_on == {"edge-north"}
        assert min(scene.serving) >= REPLICAS
