"""Clusters are joined and parted by Act's own executor, over two API servers with Liqo played."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from console.real.kubernetes import RealKubernetes
from services.act.adapters.fleet import FleetCluster
from services.act.adapters.kubernetes import KubernetesCluster
from services.act.board import Board
from services.act.core.ledger import Entry
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import dig, name_of
from services.act.executor import Executor
from services.act.intake import Intake
from services.act.outbox import Outbox
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName, decision_id
from shared.model.plan import FleetAction, Peer, Plan, Unpeer
from shared.model.policy import FleetPolicy
from shared.runtime.following import Listed
from shared.runtime.kubernetes import connect
from simulator.kubernetes.objects import Object, clone, labels_of
from simulator.kubernetes.resources import CRDS as DEFINITIONS
from tests.support.builders import FLEET, NOW, later
from tests.support.fakes_act import a_ground
from tests.support.objects_act import a_decision, an_insight_of
from tests.support.peerings import (
    BY,
    EDGE,
    HOME,
    REMOTE,
    TENANT_EDGE,
    TENANT_HOME,
    Cluster,
    Pair,
    definitions,
    key_of,
    link,
    pair,
    says,
)
from tests.support.peers_act import Act
from tests.support.real_parts import manifests

ROOT = Path(__file__).parents[2]
PEER = Peer(consumer=ClusterName(HOME), provider=ClusterName(EDGE))
UNPEER = Unpeer(consumer=ClusterName(HOME), provider=ClusterName(EDGE))


@dataclass(slots=True)
class Desk:
    """Act without its bus, at the home of two clusters."""

    two: Pair
    board: Board
    api: FleetCluster
    minutes: float = 0.0
    orders: int = 0
    keeper: str = EDGE
    """The Site that keeps the plan: that of the provider."""

    def now(self) -> datetime:
        return later(60 * self.minutes)

    @property
    def entry(self) -> Entry:
        """What is kept of the action ordered last."""
        ledger = read_ledger(self.board.sites[ClusterName(self.keeper)])
        assert ledger is not None
        return ledger.entries[0]

    async def order(self, action: FleetAction) -> None:
        """Decide it, and let Act take the decision in."""
        plain = a_decision(at=later(60 * self.minutes + self.orders))
        self.orders += 1
        decision = replace(
            plain,
            id=decision_id(plain.cycle, CAPACITY),
            application=CAPACITY,
            plan=Plan(actions=(action,)),
        )
        await Intake(
            api=self.api,
            board=self.board,
            outbox=Outbox(self.board),
            now=self.now,
            ground=a_ground(),
        ).take(decision)

    async def go_on(self, is_enough: Callable[[], Any], seconds: float = 10.0) -> Entry:
        """Let Act go on until it is enough. Each time it is another Act, which knows nothing."""
        async with asyncio.timeout(seconds):
            while not is_enough():
                await Executor(
                    api=self.api,
                    board=self.board,
                    outbox=Outbox(self.board),
                    now=self.now,
                    ground=a_ground(),
                ).advance_all()
                await asyncio.sleep(0.01)
        return self.entry

    async def carry_out(self, action: FleetAction) -> Entry:
        """Order an action, and let Act go on until it has ended."""
        await self.order(action)
        return await self.go_on(lambda: self.entry.status.is_final)


@asynccontextmanager
async def desk(folder: Path, *, network: bool = True, has_way: bool = True) -> AsyncIterator[Desk]:
    """Give Act with two Sites; without a way into edge, it is somebody else's."""
    async with pair(folder) as two:
        home = KubernetesCluster(two.home.api)
        board = Board(fleet=FLEET)
        for crd in manifests(ROOT / "deploy" / "kubernetes" / "crds"):
            two.home.local.create(DEFINITIONS, "", clone(crd), BY)
        kubeconfig = base64.b64encode(two.edge.kubeconfig.read_bytes()).decode()
        await two.home.apply(
            space("crossloop"),
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "edge-kubeconfig", "namespace": "crossloop"},
                "data": {"value": kubeconfig},
            },
        )
        wish = {"consumer": HOME, "milliseconds": 5, "network": network}
        way = {"kubeconfigSecret": {"namespace": "crossloop", "name": "edge-kubeconfig"}}
        await two.home.apply(
            site(HOME, home=True),
            site(EDGE, peerings=[wish], maxCores=6, **(way if has_way else {})),
        )
        insight = replace(
            an_insight_of(at=NOW), policy=FleetPolicy(capacity_autonomy=Autonomy.AUTO)
        )
        board.learn(insight)
        board.hear(Listed(objects=()))
        board.hear_of_sites(Listed(objects=two.home.all("Site")))
        fleet = FleetCluster(home, sites=lambda: board.sites)
        try:
            yield Desk(two, board, fleet)
        finally:
            await fleet.close()


def space(name: str) -> Object:
    """Return a namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def site(name: str, **spec: Any) -> Object:
    """Return a Site."""
    labels = {"crossloop.dev/fleet": FLEET}
    metadata = {"name": name, "labels": labels}
    return {
        "apiVersion": "crossloop.dev/v1alpha1",
        "kind": "Site",
        "metadata": metadata,
        "spec": spec,
    }


async def test_two_clusters_are_joined_by_a_tunnel_and_nothing_of_it_is_left_in_the_end(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as act:
        joined = await act.carry_out(PEER)

        assert (joined.status, joined.message) == (Status.SUCCEEDED, "")
        assert says(act.two.home.find("Node", EDGE), "Ready") == "True"
        assert [link(cluster) for cluster in (act.two.home, act.two.edge)] == ["Connected"] * 2

        parted = await act.carry_out(UNPEER)

        told = "ForeignCluster edge on home stays: Liqo keeps it"
        assert (parted.status, parted.message) == (Status.SUCCEEDED, told)
        assert traces(act) == []


async def test_nothing_is_deleted_while_a_pod_stands_there(tmp_path: Path) -> None:
    async with desk(tmp_path, network=False) as act:
        await act.carry_out(PEER)
        granted = act.two.home.find("ResourceSlice", EDGE, TENANT_EDGE)
        assert dig(granted, "status", "resources", "cpu") == "6"
        assert link(act.two.home) == ""
        await act.two.home.apply(pod_on(EDGE))
        before = traces(act)

        await act.order(UNPEER)
        act.minutes += 5
        entry = await act.go_on(lambda: act.entry.status.is_final)

        assert entry.status is Status.REFUSED
        assert "1 pods stand on edge: default/arena; move them first" in entry.message
        assert traces(act) == before


async def test_the_owner_of_a_cluster_that_is_not_ours_is_told_what_to_do(tmp_path: Path) -> None:
    async with desk(tmp_path, has_way=False) as act:
        await act.order(PEER)
        await act.go_on(lambda: "hand-back.json" in notes(act))
        await act.two.edge.apply(*listed(notes(act)["edge.json"]))
        await act.two.until(lambda: key_of(act.two.edge, "GatewayServer"))
        await act.two.home.apply(*filled_in(act, notes(act)["hand-back.json"]))
        await act.go_on(lambda: '"PublicKey"' in notes(act)["edge.json"])
        await act.two.edge.apply(*listed(notes(act)["edge.json"]))

        entry = await act.go_on(lambda: act.entry.status.is_final)

        assert entry.status is Status.SUCCEEDED
        assert says(act.two.home.find("Node", EDGE), "Ready") == "True"
        assert link(act.two.home) == "Connected"

        ended = await act.carry_out(UNPEER)
        assert ended.status is Status.SUCCEEDED
        assert "what its owner has to delete is in" in ended.message
        assert "kubectl delete namespace liqo-tenant-home" in notes(act)["README"]


def traces(act: Desk) -> list[str]:
    """Return what on either cluster is labelled with the other one."""
    return sorted(
        f"{cluster.name}: {obj['kind']} {obj['metadata']['name']}"
        for cluster, other in ((act.two.home, EDGE), (act.two.edge, HOME))
        for resource in cluster.local.registry
        for obj in cluster.local.store.all(resource.key)
        if labels_of(obj).get(REMOTE) == other and obj["kind"] != "ForeignCluster"
    )


def notes(act: Desk) -> dict[str, str]:
    """Return what the owner of edge is told."""
    found = act.two.home.find("ConfigMap", "peering-home-edge", "crossloop")
    return dict(found["data"]) if found else {}


def listed(text: str) -> tuple[Object, ...]:
    """Return the manifests in a file."""
    return tuple(json.loads(text)["items"])


def filled_in(act: Desk, text: str) -> tuple[Object, ...]:
    """Return what is handed back, with what only the owner of edge knows."""
    edge = act.two.edge
    (server,) = edge.all("GatewayServer")
    token = edge.find("Secret", "crossloop-home-token", TENANT_HOME)
    config = yaml.safe_load(edge.kubeconfig.read_text())
    config["users"][0]["user"]["token"] = base64.b64decode(token["data"]["token"]).decode()
    known = {
        "<status.cidr of Network liqo/pod-cidr on edge>": cidr(edge, "pod-cidr"),
        "<status.cidr of Network liqo/external-cidr on edge>": cidr(edge, "external-cidr"),
        "<status.endpoint.addresses of the GatewayServer on edge>": server["status"]["endpoint"][
            "addresses"
        ][0],
        "<data.publicKey of the Secret in status.secretRef of the gateway on edge>": key_of(
            edge, "GatewayServer"
        ),
        "<base64 of a kubeconfig with the token in Secret liqo-tenant-home/crossloop-home-token"
        " on edge>": base64.b64encode(json.dumps(config).encode()).decode(),
    }
    for asked, value in known.items():
        assert asked in text
        text = text.replace(asked, value)
    assert "<" not in text
    return listed(text)


def cidr(cluster: Cluster, name: str) -> str:
    """Return an address range of a cluster."""
    return str(cluster.find("Network", name, "liqo")["status"]["cidr"])


def pod_on(node: str) -> Object:
    """Return a pod that is bound to a virtual node, and may stay there."""
    spec = {
        "nodeName": node,
        "containers": [{"name": "main", "image": "example.invalid/a"}],
        "tolerations": [{"key": "virtual-node.liqo.io/not-allowed", "operator": "Exists"}],
    }
    metadata = {"name": "arena", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.real
async def test_a_real_server_takes_everything_that_is_made(real_kubernetes: RealKubernetes) -> None:
    act = Act()
    await act.go_on()
    async with connect(str(real_kubernetes.kubeconfig)) as api:
        await asyncio.to_thread(real_kubernetes.install_crds, definitions())
        cluster = KubernetesCluster(api)
        made = [await cluster.write(write) for write in act.api.writes]

    assert [name_of(obj) for obj in made] == [write.ref.name for write in act.api.writes]
