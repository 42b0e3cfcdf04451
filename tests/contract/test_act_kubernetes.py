"""What Act asks of an API server, against the simulator's and a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from services.act.adapters import kubernetes as adapter
from services.act.adapters.kubernetes import KubernetesCluster
from services.act.core.admission import Admitted, admit
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.liqo import next_stretch
from services.act.core.live import Live
from services.act.core.moving.lending import DEFAULT, SAFE, borrowed, is_lendable, returned
from services.act.core.moving.marks import read_mark
from services.act.core.moving.pinning import pin, pin_marked, unpin
from services.act.core.moving.workloads import is_strategy_safe, terms_of
from services.act.core.objects import (
    APPLICATION,
    DEPLOYMENT,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    POD,
    Kind,
    Manner,
    Object,
    Query,
    Ref,
    Write,
    dig,
    has_condition,
    version_of,
)
from services.act.core.steps import Step
from services.act.core.telling.status import Standing, differs, status_of
from services.act.ports import UnreachableError
from shared.errors import PermanentError, TransientError
from shared.messages.decision import Decision
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Move
from shared.model.policy import FleetPolicy
from shared.runtime import kubernetes
from shared.runtime.following import Changed, Fresh, Listed
from shared.runtime.kubernetes import KubernetesApi, path_of
from shared.runtime.probes import Readiness
from simulator.kubernetes.server import ApiServer, write_kubeconfig
from tests.support.builders import NOW
from tests.support.management import an_application
from tests.support.objects_act import a_decision, a_move, an_insight_of
from tests.support.real_parts import manifests

ROOT = Path(__file__).parents[2]
OWNER = "platform-team"
_numbers = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An API server: as Act sees it, and as its owners do. Each test has a namespace."""

    cluster: KubernetesCluster
    api: KubernetesApi
    readiness: Readiness
    space: str

    def ref(self, kind: Kind, name: str) -> Ref:
        """Return the address of an object in the test's namespace."""
        return Ref(kind=kind, namespace=self.space if kind.namespaced else "", name=name)

    def move(self, target: str = "home") -> Move:
        """Return a move of the test's Deployment."""
        return a_move(target=target, application=ApplicationName(f"{self.space}/arena"))

    async def create(self, kind: Kind, name: str, **body: Any) -> Object:
        """Create an object as somebody else than Act."""
        namespace = self.space if kind.namespaced else ""
        path = path_of(
            group=kind.group, version=kind.version, plural=kind.plural, namespace=namespace
        )
        metadata = {"name": name, **body.pop("metadata", {})}
        whole = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": metadata | ({"namespace": namespace} if namespace else {}),
            **body,
        }
        return await self.api.create(path, whole, manager=OWNER)

    async def change(self, name: str, write: Callable[[Object], Write]) -> Object:
        """Write to a Deployment as it is now, as often as its controller was quicker."""
        for _ in range(20):
            try:
                return await self.cluster.write(write(await self.live(DEPLOYMENT, name)))
            except TransientError:
                await asyncio.sleep(0.02)
        raise AssertionError(f"{name} does not stand still")

    def pinned(self, target: str = "home") -> Callable[[Object], Write]:
        """Return how the Deployment is moved to a cluster."""
        move, decision, home = self.move(target), a_decision().id, ClusterName("home")
        return lambda live: pin(move, live, decision=decision, home=home, now=NOW)

    async def live(self, kind: Kind, name: str) -> Object:
        """Return an object that has to be there."""
        found = await self.cluster.get(self.ref(kind, name))
        assert found is not None
        return found


@pytest.fixture(params=["simulated", pytest.param("real", marks=pytest.mark.real)])
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Server]:
    """An API server with our kinds and Liqo's, and a namespace."""
    async with AsyncExitStack() as stack:
        if request.param == "real":
            real = request.getfixturevalue("real_kubernetes")
            await asyncio.to_thread(real.install_crds, kinds())
            file = real.kubeconfig
        else:
            simulated = await stack.enter_async_context(ApiServer())
            file = tmp_path / "kubeconfig"
            write_kubeconfig(file, simulated.url)
        readiness = Readiness()
        api = await stack.enter_async_context(kubernetes.connect(str(file)))
        cluster = await stack.enter_async_context(adapter.connect(str(file), readiness=readiness))
        if request.param == "simulated":
            await install_kinds(api)
        server = Server(
            cluster=cluster, api=api, readiness=readiness, space=f"act-{next(_numbers)}"
        )
        await server.create(NAMESPACE, server.space)
        yield server


def kinds() -> tuple[Object, ...]:
    """Return our CRDs and Liqo's."""
    ours = manifests(ROOT / "deploy" / "kubernetes" / "crds")
    return (*ours, *manifests(ROOT / "simulator", "liqo_crds.yaml"))


async def install_kinds(api: KubernetesApi) -> None:
    """Apply our CRDs and Liqo's, and wait until they are served."""
    for crd in kinds():
        path = path_of(
            group="apiextensions.k8s.io",
            version="v1",
            plural="customresourcedefinitions",
            name=crd["metadata"]["name"],
        )
        await api.apply(path, crd, manager=OWNER)
        for _ in range(200):
            if has_condition(await api.get(path), "Established"):
                break
            await asyncio.sleep(0.05)


def a_template(**spec: Any) -> Object:
    """Return the spec of a paused Deployment: nothing has to roll out here."""
    labels = {"app": "render"}
    container = {"name": "render", "image": "example.invalid/none"}
    return {
        "replicas": 3,
        "paused": True,
        "selector": {"matchLabels": labels},
        "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [container], **spec},
        },
    }


async def test_what_does_not_exist_is_none_and_a_kind_not_installed_has_no_objects(
    server: Server,
) -> None:
    unknown = Kind(group="nobody.example", name="Thing", plural="things", namespaced=False)

    assert await server.cluster.get(server.ref(DEPLOYMENT, "render")) is None
    assert await server.cluster.list(Query(kind=unknown)) == ()
    assert server.readiness.problems["kubernetes"] == ""


async def test_objects_are_listed_by_namespace_and_labels(server: Server) -> None:
    spec = {"containers": [{"name": "a", "image": "example.invalid/none"}]}
    for name in ("a", "b"):
        await server.create(POD, name, metadata={"labels": {"app": name}}, spec=spec)

    found = await server.cluster.list(Query(kind=POD, namespace=server.space, selector="app=b"))

    assert [pod["metadata"]["name"] for pod in found] == ["b"]


async def test_a_move_and_its_way_back_leave_the_affinity_as_it_was(server: Server) -> None:
    before = await server.create(DEPLOYMENT, "render", spec=a_template())

    pinned = await server.change("render", server.pinned("edge-north"))
    mark = read_mark(pinned)
    assert mark is not None
    move = server.move("edge-north")
    returned = await server.change(
        "render", lambda live: unpin(move, live, mark, home=ClusterName("home"))
    )

    assert terms_of(before) is None
    assert values_of(pinned) == [["edge-north"]]
    assert (mark.decision, mark.previous) == (a_decision().id, None)
    assert terms_of(returned) is None
    back = read_mark(returned)
    assert back is not None
    assert back.back


async def test_a_second_move_replaces_the_first_and_goes_back_to_it(server: Server) -> None:
    await server.create(DEPLOYMENT, "render", spec=a_template())
    await server.change("render", server.pinned("edge-north"))

    second = await server.change("render", server.pinned("home"))
    mark = read_mark(second)
    assert mark is not None
    returned = await server.change(
        "render", lambda live: unpin(server.move(), live, mark, home=ClusterName("home"))
    )

    assert values_of(second) == [["virtual-node"]]
    assert values_of(returned) == [["edge-north"]]


async def test_an_unsafe_strategy_that_nobody_set_is_made_safe_and_stays_so(
    server: Server,
) -> None:
    path = path_of(
        group="apps", version="v1", plural="deployments", namespace=server.space, name="render"
    )
    metadata = {"name": "render", "namespace": server.space}
    whole = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    spec = {**a_template(), "replicas": 4}
    before = await server.api.apply(path, {**whole, "spec": spec}, manager=OWNER)

    first = await server.change("render", server.pinned("edge-north"))
    second = await server.change("render", server.pinned("home"))

    assert [is_strategy_safe(d) for d in (before, first, second)] == [False, True, True]


async def test_a_default_strategy_is_borrowed_from_whoever_created_and_given_back(
    server: Server,
) -> None:
    move, home = server.move(), ClusterName("home")
    created = await server.create(DEPLOYMENT, "render", spec={**a_template(), "replicas": 4})
    marked = await server.change(
        "render",
        lambda live: pin(move, live, decision=a_decision().id, home=home, now=NOW, lent=True),
    )
    mark = read_mark(marked)
    assert mark is not None
    made_safe = await server.change("render", lambda live: write_of(borrowed(move, live)))
    pinned = await server.change("render", lambda live: pin_marked(move, live, mark, home=home))
    given_back = await server.change("render", lambda live: write_of(returned(move, live)))

    rolling = [
        live["spec"]["strategy"]["rollingUpdate"]
        for live in (created, marked, made_safe, pinned, given_back)
    ]
    assert is_lendable(created)
    assert rolling == [DEFAULT, DEFAULT, SAFE, SAFE, DEFAULT]
    assert values_of(pinned) == values_of(given_back) == [["virtual-node"]]
    assert is_lendable(given_back)


def write_of(made: Step | Write | None) -> Write:
    """Return the write of a step."""
    assert made is not None
    return made.write if isinstance(made, Step) else made


async def test_an_affinity_of_another_manager_is_a_conflict_that_names_it(server: Server) -> None:
    there = {"key": "zone", "operator": "In", "values": ["a"]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [there]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    before = await server.create(DEPLOYMENT, "render", spec=a_template(affinity=affinity))

    with pytest.raises(PermanentError, match=OWNER):
        await server.change("render", server.pinned())

    assert terms_of(await server.live(DEPLOYMENT, "render")) == terms_of(before)


async def test_a_workload_that_changed_meanwhile_is_not_written(server: Server) -> None:
    before = await server.create(DEPLOYMENT, "render", spec=a_template())
    await server.change("render", server.pinned("edge-north"))

    with pytest.raises(TransientError):
        await server.cluster.write(server.pinned()(before))

    assert values_of(await server.live(DEPLOYMENT, "render")) == [["edge-north"]]


async def test_replicas_are_written_through_scale_if_they_are_as_they_were(server: Server) -> None:
    before = await server.create(DEPLOYMENT, "render", spec=a_template())

    def scaled(live: Object) -> Write:
        return Write(
            ref=server.ref(DEPLOYMENT, "render"),
            manner=Manner.MERGE,
            subresource="scale",
            body={"metadata": {"resourceVersion": version_of(live)}, "spec": {"replicas": 2}},
            purpose="scale render to 2",
        )

    await server.change("render", scaled)

    assert dig(await server.live(DEPLOYMENT, "render"), "spec", "replicas") == 2
    with pytest.raises(TransientError):
        await server.cluster.write(scaled(before))


async def test_a_namespace_offloading_is_made_and_widened(server: Server) -> None:
    live = Live(home=ClusterName("home"), namespace=await server.live(NAMESPACE, server.space))
    for clusters in (["metro"], ["metro", "edge-north"]):
        while write := next_stretch(live, server.space, [ClusterName(c) for c in clusters]):
            await server.cluster.write(write)
            live = replace(
                live,
                namespace=await server.live(NAMESPACE, server.space),
                offloading=await server.cluster.get(server.ref(NAMESPACE_OFFLOADING, "offloading")),
            )

    selector = dig(live.offloading, "spec", "clusterSelector", "nodeSelectorTerms")
    assert selector[0]["matchExpressions"][0]["values"] == ["edge-north", "metro"]
    assert dig(live.namespace, "metadata", "labels", "liqo.io/scheduling-enabled") == "true"


async def test_two_plans_cannot_be_written_over_the_same_application(server: Server) -> None:
    before = await declare(server)
    decisions = a_decision(), a_decision(id="20261124T070015000Z_xr_arena")
    first, second = (ledger_write(server, before, decision) for decision in decisions)

    await server.cluster.write(first)

    with pytest.raises(TransientError):
        await server.cluster.write(second)
    ledger = read_ledger(await server.live(APPLICATION, "arena"))
    assert ledger is not None
    assert ledger.decision == decisions[0].id


async def test_status_and_ledger_leave_each_other_alone(server: Server) -> None:
    before = await declare(server)
    name = ApplicationName(f"{server.space}/arena")
    standing = Standing(
        application=name, insight=an_insight_of(at=NOW), decision=a_decision(), ledger=None
    )
    status = status_of(standing, before, now=NOW)
    told = Write(
        ref=server.ref(APPLICATION, "arena"),
        manner=Manner.APPLY,
        subresource="status",
        body={"status": status},
        purpose="tell how the application does",
    )

    with_plan = await server.cluster.write(ledger_write(server, before, a_decision()))
    with_both = await server.cluster.write(told)
    again = await server.cluster.write(ledger_write(server, with_both, a_decision()))

    assert read_ledger(with_both) == read_ledger(with_plan)
    assert not differs(status, again)


async def test_applications_are_listed_and_then_followed(server: Server) -> None:
    before = await declare(server)
    async with asyncio.timeout(10), aclosing(server.cluster.follow(APPLICATION)) as news:
        listed, fresh = await anext(news), await anext(news)
        await server.cluster.write(ledger_write(server, before, a_decision()))
        changed = await anext(news)

    assert isinstance(listed, Listed)
    assert server.space in [o["metadata"]["namespace"] for o in listed.objects]
    assert isinstance(fresh, Fresh)
    assert isinstance(changed, Changed)
    assert read_ledger(changed.object) is not None


async def test_a_server_that_does_not_answer_is_told_by_readiness(tmp_path: Path) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:9")
    readiness = Readiness()
    async with adapter.connect(str(tmp_path / "kubeconfig"), readiness=readiness) as cluster:
        with pytest.raises(UnreachableError):
            await cluster.list(Query(kind=POD))

    assert not readiness.is_ready


def values_of(deployment: Object) -> list[list[str]]:
    """Return the values that the pod template's node affinity names, term by term."""
    return [e["values"] for t in terms_of(deployment) or [] for e in t["matchExpressions"]]


async def declare(server: Server) -> Object:
    """Create the Application `arena`."""
    spec = an_application("arena", "default", server.space)["spec"]
    return await server.create(APPLICATION, "arena", spec=spec)


def ledger_write(server: Server, before: Object, decision: Decision) -> Write:
    """Return the write that admits a decision."""
    admission = admit(decision, None, now=NOW, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    return Write(
        ref=server.ref(APPLICATION, "arena"),
        manner=Manner.MERGE,
        subresource="status",
        body={
            "metadata": {"resourceVersion": version_of(before)},
            "status": {"plan": ledger_json(admission.ledger)},
        },
        purpose="keep the ledger",
    )
