"""Act empties and cordons clusters over the simulator's API server, controllers and Liqo."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console.ordering import Desk
from console.orders import Order
from console.real.http import post
from console.stack import simulator_child
from services.act.adapters import alertmanager, kubernetes
from services.act.board import Board
from services.act.core.emptying.cordons import REFLEX, is_cordoned, read_cordon
from services.act.core.moving.workloads import is_serving
from services.act.core.objects import NODE, Object, Ref, dig, is_going
from services.act.ports import ClusterApi
from services.act.service import Pace, run
from shared.bus.memory import MemoryBus
from shared.messages.outcome import Status
from shared.model.names import ClusterName, FleetName, decision_id
from shared.model.plan import Evacuate
from shared.model.policy import FleetPolicy
from shared.runtime import clock
from shared.runtime import kubernetes as api
from shared.runtime.following import Changed, Listed, follow
from shared.runtime.kubernetes import path_of
from shared.runtime.probes import Readiness
from tests.support.builders import ARENA, a_cluster, a_fleet, a_placement, an_insight, cycle_at
from tests.support.fakes_act import a_ground
from tests.support.objects_act import a_decision, a_move
from tests.support.processes import running, wait_until

pytestmark = pytest.mark.slow

DEMO = FleetName("default")
METRO = Ref(kind=NODE, name="metro")
REPLICAS = 2
PODS = path_of(version="v1", plural="pods", namespace="xr")
LOST_AND_BACK = """
about: Metro dies for a minute.
events:
  - {at: 1, kind: cluster-dies, cluster: metro}
  - {at: 61, kind: cluster-returns, cluster: metro}
"""


@dataclass(slots=True, kw_only=True)
class Scene:
    """The demo fleet with Act beside it, and what a watch told of the pods of render."""

    cluster: ClusterApi
    bus: MemoryBus
    board: Board
    start: str
    """Where to tell the simulator that its scenario begins."""
    pods: dict[str, Object] = field(default_factory=dict)
    serving: list[int] = field(default_factory=list)
    """Pods of render that are ready and stay, after each event."""

    async def watch(self, watched: api.KubernetesApi) -> None:
        """Keep what is told of the pods of render, for ever."""
        async with aclosing(follow(watched, PODS, labels="app.kubernetes.io/name=render")) as news:
            async for item in news:
                if isinstance(item, Listed):
                    self.pods = {pod["metadata"]["name"]: pod for pod in item.objects}
                elif isinstance(item, Changed):
                    self.pods[item.object["metadata"]["name"]] = item.object
                    if item.gone:
                        del self.pods[item.object["metadata"]["name"]]
                self.serving.append(sum(map(is_serving, self.pods.values())))

    async def see(self) -> None:
        """Publish an insight in which render stands where its pods do."""
        clusters = tuple(a_cluster(c, home=c == "home") for c in ("home", "metro"))
        standing = {"home" if n.startswith("home") else n for n in self.nodes(staying=True)}
        placements = tuple(a_placement("render", cluster, 1) for cluster in sorted(standing))
        fleet = a_fleet(
            at=clock.now(), clusters=clusters, applications=(), placements=placements, links=()
        )
        policy = FleetPolicy(soak_cycles=1)
        insight = an_insight(fleet, fleet_name=DEMO, interval_seconds=0.5, policy=policy)
        await self.bus.publish(insight)

    async def go_on_seeing(self) -> None:
        """Publish insights, for ever."""
        while True:
            await asyncio.sleep(0.2)
            await self.see()

    def nodes(self, *, staying: bool = False) -> set[str]:
        """Return the nodes on which pods of render stand."""
        pods = [p for p in self.pods.values() if not (staying and is_going(p))]
        return {str(dig(pod, "spec", "nodeName")) for pod in pods}

    async def node(self) -> Object:
        """Return the virtual node of metro."""
        node = await self.cluster.get(METRO)
        assert node is not None
        return node

    async def until_cordoned(self, *, cordoned: bool, seconds: float) -> Object:
        """Wait until the virtual node of metro is cordoned, or is no more."""
        async with asyncio.timeout(seconds):
            node = await self.node()
            while is_cordoned(node) is not cordoned:
                await asyncio.sleep(0.05)
                node = await self.node()
        return node

    async def begin(self) -> None:
        """Let the scenario begin."""
        await asyncio.to_thread(post, self.start)

    async def move_home(self) -> None:
        """Decide that render moves home, and wait until it serves there."""
        at = clock.now()
        decision = a_decision(
            a_move(replicas=REPLICAS),
            at=at,
            fleet=DEMO,
            id=decision_id(cycle_at(at), ARENA),
            expectations=(),
        )
        await self.bus.publish(decision)
        async with asyncio.timeout(20):
            while self.serving_at_home() < REPLICAS:  # noqa: ASYNC110 - until a watch tells
                await asyncio.sleep(0.05)

    def serving_at_home(self) -> int:
        """Return how many pods of render are ready and stay at home."""
        here = [p for p in self.pods.values() if is_serving(p)]
        return sum(str(dig(p, "spec", "nodeName")).startswith("home") for p in here)


@asynccontextmanager
async def a_scene(directory: Path, scenario: str = "calm") -> AsyncIterator[Scene]:
    """Run the demo fleet, and Act once render serves."""
    child = simulator_child(directory, scenario=scenario, speed=20.0)
    file, readiness = directory / "endpoints.json", Readiness()
    with running(child):
        wait_until(file.exists, what="the simulator", seconds=30, children=[child])
        endpoints = json.loads(file.read_text())
        config = endpoints["kubeconfig"]
        async with (
            api.connect(config) as watched,
            kubernetes.connect(config, readiness=readiness) as cluster,
            alertmanager.connect((endpoints["alertmanager"],), readiness=readiness) as sink,
        ):
            bus, board = MemoryBus(fleet=DEMO), Board(fleet=DEMO)
            scene = Scene(cluster=cluster, bus=bus, board=board, start=endpoints["start"])
            pace = Pace(step_seconds=0.05, alert_seconds=30.0)
            work = run(bus, cluster, sink, ground=a_ground(), now=clock.now, pace=pace, board=board)
            tasks = [asyncio.create_task(scene.watch(watched))]
            try:
                async with asyncio.timeout(20):
                    while scene.serving[-1:] != [REPLICAS]:  # noqa: ASYNC110 - until a watch tells
                        await asyncio.sleep(0.05)
                scene.serving.clear()
                await scene.see()
                tasks += [asyncio.create_task(scene.go_on_seeing()), asyncio.create_task(work)]
                yield scene
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)


def an_order() -> Order:
    """Return the order to empty metro, where nothing but render stands."""
    move = a_move(replicas=REPLICAS)
    return Order(action=Evacuate(cluster=ClusterName("metro"), moves=(move,)))


async def test_an_order_empties_a_cluster_and_no_replica_is_ever_missing(tmp_path: Path) -> None:
    async with a_scene(tmp_path) as scene:
        desk = Desk(bus=scene.bus, by="ann", poll_seconds=0.1)
        _, outcome = await desk.carry_out(lambda _: an_order(), asked=False)

        assert (outcome.status, outcome.by) == (Status.SUCCEEDED, "ann")
        assert outcome.message == "metro stays cordoned until somebody runs kubectl uncordon"
        assert all(node.startswith("home") for node in scene.nodes())
        assert min(scene.serving) >= REPLICAS
        mark = read_cordon(await scene.node())
        assert mark is not None
        assert mark.by == outcome.decision


async def test_a_lost_cluster_is_cordoned_on_the_sign_and_opened_when_the_double_run_is_over(
    tmp_path: Path,
) -> None:
    scenario = tmp_path / "lost-and-back.yaml"
    scenario.write_text(LOST_AND_BACK)
    async with a_scene(tmp_path, str(scenario)) as scene:
        await scene.begin()
        mark = read_cordon(await scene.until_cordoned(cordoned=True, seconds=10))
        assert mark is not None
        assert mark.by == REFLEX
        await scene.move_home()
        async with asyncio.timeout(20):
            while not scene.board.double_runs:  # noqa: ASYNC110 - until the pods are looked at
                await asyncio.sleep(0.05)
        assert [(run.cluster, run.application) for run in scene.board.double_runs] == [
            ("metro", ARENA)
        ]
        assert is_cordoned(await scene.node())

        node = await scene.until_cordoned(cordoned=False, seconds=40)

        assert read_cordon(node) is None
        assert scene.board.double_runs == ()
        assert all(node.startswith("home") for node in scene.nodes())
