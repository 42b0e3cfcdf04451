"""A cluster in memory with a peered provider, and stories of everything that may happen to it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

from services.act.board import Board
from services.act.core.cluster_api.kinds import CLUSTER
from services.act.core.guard import DESTRUCTIVE, counts
from services.act.core.ledger_json import read_ledger
from services.act.core.liqo import admits
from services.act.core.objects import (
    APPLICATION,
    CONFIG_MAP,
    FOREIGN_CLUSTER,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    SITE,
    Kind,
    Manner,
    Object,
    Query,
    Ref,
    Write,
    dig,
)
from services.act.core.peering.kinds import RESOURCE_SLICE, TENANT, VIRTUAL_NODE
from services.act.executor import Executor
from services.act.intake import Intake
from services.act.outbox import Outbox
from shared.errors import PermanentError, TransientError
from shared.messages.approval import Approval
from shared.messages.decision import Decision
from shared.model.application import Autonomy, WorkloadRef
from shared.model.names import CAPACITY, ClusterName, ComponentName, decision_id
from shared.model.plan import (
    Action,
    DeleteCluster,
    Evacuate,
    FleetAction,
    OffloadNamespace,
    Peer,
    Plan,
    Scale,
    Unpeer,
)
from shared.runtime.following import Listed, News
from tests.support.builders import ARENA, FLEET, cycle_at
from tests.support.executing_act import good, seen
from tests.support.fakes_act import FakeClusterApi, KilledError, a_ground, a_world
from tests.support.faulty import FaultyApi
from tests.support.objects_act import a_decision, a_foreign_cluster, a_move, a_pod

METRO = ClusterName("metro")
REMOTE = {"liqo.io/remote-cluster-id": "metro"}
SPACE = "liqo-tenant-metro"
OFFLOADING = Ref(kind=NAMESPACE_OFFLOADING, namespace="xr", name="offloading")
ACTIONS: tuple[Action, ...] = (
    a_move(),
    a_move("home", "metro"),
    a_move(workload=WorkloadRef(name="nobody")),
    OffloadNamespace(application=ARENA, clusters=(ClusterName("home"),)),
    Scale(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        replicas_before=3,
        replicas=4,
    ),
    Unpeer(consumer=ClusterName("home"), provider=METRO),
    DeleteCluster(site=METRO),
    Evacuate(cluster=METRO, moves=(a_move(),)),
    Peer(consumer=ClusterName("home"), provider=METRO),
    Unpeer(consumer=METRO, provider=ClusterName("home")),
    DeleteCluster(site=ClusterName("nowhere")),
)


@dataclass(slots=True)
class Watchful:
    """A `ClusterApi` that fails the test when a write takes away what a pod stands on."""

    world: FakeClusterApi

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        return await self.world.get(ref)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match."""
        return await self.world.list(query)

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Follow the world."""
        return self.world.follow(kind)

    async def write(self, write: Write) -> Object:
        """Carry out a write that harms nobody."""
        is_deletion = write.manner is Manner.DELETE
        if is_deletion and (write.ref.kind.group, write.ref.kind.name) in DESTRUCTIVE:
            standing = [pod for pod in self.world.pods("metro") if counts(pod, POD)]
            assert not standing, f"{write.purpose}, under {standing}"
        before = self._taken_in()
        done = await self.world.write(write)
        assert before <= self._taken_in(), f"{write.purpose} narrows the selector"
        return done

    def _taken_in(self) -> set[str]:
        offloading = self.world.objects.get(OFFLOADING)
        if offloading is None:
            return set()
        nodes = [obj for ref, obj in self.world.objects.items() if ref.kind == NODE]
        return {
            node["metadata"]["name"]
            for node in nodes
            if admits(offloading, dig(node, "metadata", "labels") or {})
        }


def a_peered_world() -> FakeClusterApi:
    """Return the usual world in which metro is a peered cluster that may be deleted."""
    world = a_world()
    template = {"name": "small", "namespace": "fleet", "mayDelete": True}
    peerings = [{"consumer": "home", "network": False}]
    site = {"metadata": {"name": "metro"}, "spec": {"template": template, "peerings": peerings}}
    world.put(Ref(kind=SITE, name="metro"), site)
    world.put(Ref(kind=CLUSTER, namespace="fleet", name="metro"), {"metadata": {"name": "metro"}})
    identity = Ref(kind=CONFIG_MAP, namespace="liqo", name="liqo-clusterid-configmap")
    for ref, name in ((identity, "home"), (replace(identity, cluster=METRO), "metro")):
        world.put(ref, {"metadata": {"name": ref.name}, "data": {"CLUSTER_ID": name}})
    space = {"liqo.io/tenant-namespace": "true", **REMOTE}
    world.put(Ref(kind=NAMESPACE, name=SPACE), {"metadata": {"name": SPACE, "labels": space}})
    for kind in (RESOURCE_SLICE, VIRTUAL_NODE):
        ref = Ref(kind=kind, namespace=SPACE, name="metro")
        metadata = {"name": "metro", "namespace": SPACE, "labels": REMOTE}
        world.put(ref, {"metadata": metadata, "spec": {}})
    back = {"name": "home", "namespace": "t", "labels": {"liqo.io/remote-cluster-id": "home"}}
    there = Ref(kind=TENANT, namespace="t", name="home", cluster=METRO)
    world.put(there, {"metadata": back, "spec": {}})
    return world


@dataclass(slots=True)
class Play:
    """One story: Act and the world, step by step."""

    world: FakeClusterApi = field(default_factory=a_peered_world)
    decided: list[Decision] = field(default_factory=list)
    strays: int = 0
    api: FaultyApi = field(init=False)
    executor: Executor = field(init=False)

    def __post_init__(self) -> None:
        self.api = FaultyApi(Watchful(self.world))
        self.restart()

    async def do(self, what: str, how: Any) -> None:
        """Let one thing happen. What Act refuses or cannot do now is as good as done."""
        try:
            await self._do(what, how)
        except KilledError:
            self.restart()
        except (PermanentError, TransientError):
            return

    async def _do(self, what: str, how: Any) -> None:
        match what:
            case "decide":
                await self.decide(ACTIONS[how])
            case "go on":
                for _ in range(how):
                    await self.go_on()
            case "replay" | "approve" | "decline":
                await self._repeat(what)
            case "fault":
                self.api.fault, self.api.at = how[0], self.api.calls + how[1]
            case "restart":
                self.restart()
            case _:
                self._happen(what)

    def _happen(self, what: str) -> None:
        """Change the world as somebody else does."""
        match what:
            case "lose":
                self.world.lose("metro")
            case "return":
                peer = Ref(kind=FOREIGN_CLUSTER, name="metro")
                self.world.put(peer, a_foreign_cluster("metro"))
            case "pod" if Ref(kind=NODE, name="metro") in self.world.objects:
                self.strays += 1
                name = f"stray-{self.strays}"
                self.world.put(Ref(kind=POD, namespace="xr", name=name), a_pod(name, "metro"))
            case "pod ends":
                for ref in [r for r in self.world.objects if r.name.startswith("stray")]:
                    del self.world.objects[ref]
            case "leave":
                for ref in [r for r in self.world.objects if r.kind == POD]:
                    self.world.objects[ref]["spec"]["nodeName"] = "home-node-1"

    async def decide(self, action: Action) -> None:
        """Have Act take in a decision for one action."""
        plain = a_decision(action, at=self.world.at)
        of_fleet = isinstance(action, FleetAction)
        plain = replace(plain, cycle=cycle_at(self.world.at), plan=Plan(actions=(action,)))
        if of_fleet:
            plain = replace(
                plain,
                id=decision_id(plain.cycle, CAPACITY),
                application=CAPACITY,
                autonomy=Autonomy.APPROVE,
                expectations=(),
            )
        self.decided.append(plain)
        await self._intake().take(plain)

    async def _repeat(self, what: str) -> None:
        """Publish the last decision again, or answer it."""
        for decision in self.decided[-1:]:
            if what == "replay":
                await self._intake().take(decision)
                continue
            answer = Approval(
                decision=decision.id,
                fleet=FLEET,
                approved=what == "approve",
                by="ann",
                reason="so be it",
                at=self.world.at,
            )
            await self._intake().take_answer(answer)

    async def go_on(self) -> None:
        """Let Act look once, and the world go on for a second."""
        self._hear()
        try:
            await self.executor.advance_all()
        except* KilledError:
            self.restart()
        self.world.tick()
        self._play_liqo()

    def restart(self) -> None:
        """Start an Act that knows nothing."""
        board = Board(fleet=FLEET)
        self.executor = Executor(
            api=self.api,
            board=board,
            outbox=Outbox(board),
            now=self.world.now,
            ground=a_ground(),
        )
        self._hear()

    def _intake(self) -> Intake:
        self._hear()
        act = self.executor
        return Intake(
            api=act.api, board=act.board, outbox=act.outbox, now=act.now, ground=act.ground
        )

    def _hear(self) -> None:
        board, objects = self.executor.board, self.world.objects.items()
        board.insight = seen(self.world, good)
        board.hear(Listed(objects=tuple(o for r, o in objects if r.kind == APPLICATION)))
        board.hear_of_sites(Listed(objects=tuple(o for r, o in objects if r.kind == SITE)))

    def _play_liqo(self) -> None:
        """Take the virtual node away with the slice, as Liqo does; a Cluster goes as it is told."""
        objects = self.world.objects
        for kind, cause in ((VIRTUAL_NODE, RESOURCE_SLICE), (NODE, VIRTUAL_NODE)):
            place = "" if kind == NODE else SPACE
            if Ref(kind=cause, namespace=SPACE, name="metro") not in objects:
                objects.pop(Ref(kind=kind, namespace=place, name="metro"), None)

    @property
    def ledger(self) -> Any:
        """Return the plan that metro's Site keeps."""
        return read_ledger(self.world.objects[Ref(kind=SITE, name="metro")])
