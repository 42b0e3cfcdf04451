"""Act with the token of its own service account: what the API server writes down is its role."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.real.auditing import requests_in
from console.real.client import Object
from console.real.kubernetes import RealKubernetes
from services.act.adapters import kubernetes
from services.act.adapters.templates import TemplateFolders
from services.act.board import Board
from services.act.core.cluster_api.kinds import (
    CLUSTER,
    CLUSTER_NAME,
    INFRASTRUCTURE,
    MACHINE,
    TOPOLOGY_NAME,
    TOPOLOGY_OWNED,
)
from services.act.core.cluster_api.manifests import in_order
from services.act.core.ledger import Entry
from services.act.core.ledger_json import read_ledger
from services.act.core.permitting.permissions import permissions, permissions_of
from services.act.core.permitting.roles import Role
from services.act.executor import Executor
from services.act.grounding import Ground
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.ports import ClusterApi
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName, FleetName, decision_id
from shared.model.plan import (
    CreateCluster,
    DeleteCluster,
    FleetAction,
    GrowCluster,
    Plan,
    ShrinkCluster,
)
from shared.model.policy import FleetPolicy
from shared.runtime.clock import now
from shared.runtime.following import Listed
from shared.runtime.probes import Readiness
from tests.support.builders import a_cluster, a_fleet, an_insight, cycle_at
from tests.support.cluster_api import definitions, in_memory
from tests.support.management import declared
from tests.support.objects_act import a_decision
from tests.support.real_parts import namespace
from tests.support.recording import used
from tests.support.roles import granted_in, kubeconfig_of

pytestmark = [pytest.mark.real, pytest.mark.slow]

FLEET = FleetName("permissions")
TEMPLATES = Path(__file__).parents[2] / "deploy" / "examples" / "templates"
CLOUD = {
    "CREDENTIALS": "clouds",
    "EXTERNAL_NETWORK": "11111111-2222-4333-8444-555555555555",
    "IMAGE": "ubuntu",
    "SSH_KEY": "ops",
}
VALUES: dict[str, dict[str, Any]] = {
    "in-memory": {},
    "openstack-kubeadm": CLOUD,
    "openstack-k3s": CLOUD,
}
SPACE = "permissions"


@pytest.fixture(scope="module")
def granted(management: RealKubernetes) -> Iterator[RealKubernetes]:
    """A management cluster with Cluster API's kinds, without its controllers, and all roles."""
    management.install_crds([deepcopy(crd) for crd in definitions()])
    namespace(management, SPACE)
    with granted_in(management, SPACE):
        yield management


@dataclass(slots=True)
class Desk:
    """Act without its bus, on a clock that a test sets forward, and one Site."""

    server: RealKubernetes
    api: ClusterApi
    name: ClusterName
    ahead: timedelta = field(default_factory=timedelta)

    @property
    def path(self) -> str:
        return f"/apis/crossloop.dev/v1alpha1/sites/{self.name}"

    @property
    def entry(self) -> Entry:
        """How far the action ordered last is."""
        ledger = read_ledger(self.server.client.get(self.path))
        assert ledger is not None
        return ledger.entries[0]

    def now(self) -> datetime:
        return now() + self.ahead

    def ground(self) -> Ground:
        return Ground(templates=TemplateFolders(TEMPLATES), namespace="crossloop")

    def board(self) -> Board:
        """Return what an Act knows that has just started."""
        board = Board(fleet=FLEET)
        fleet = a_fleet(clusters=(a_cluster("home", home=True),), placements=(), links=())
        policy = FleetPolicy(capacity_autonomy=Autonomy.AUTO)
        board.learn(replace(an_insight(fleet), policy=policy, fleet_name=FLEET))
        board.hear(Listed(objects=()))
        board.hear_of_sites(Listed(objects=(self.server.client.get(self.path),)))
        return board

    async def order(self, action: FleetAction) -> None:
        """Have Act take a decision in."""
        at, board = self.now(), self.board()
        decision = replace(
            a_decision(at=at),
            id=decision_id(cycle_at(at), CAPACITY),
            fleet=FLEET,
            application=CAPACITY,
            plan=Plan(actions=(action,)),
        )
        outbox, ground = Outbox(board), self.ground()
        intake = Intake(api=self.api, board=board, outbox=outbox, now=self.now, ground=ground)
        await intake.take(decision)

    async def until(self, is_enough: Callable[[Entry], bool]) -> Entry:
        """Let Act go on until it is enough. Each time it is another Act, which knows nothing."""
        for _ in range(100):
            if is_enough(self.entry):
                return self.entry
            board = self.board()
            outbox, ground = Outbox(board), self.ground()
            await Executor(
                api=self.api, board=board, outbox=outbox, now=self.now, ground=ground
            ).advance_all()
        raise AssertionError(self.entry)


@asynccontextmanager
async def desk(server: RealKubernetes, name: str, folder: Path, **spec: Any) -> AsyncIterator[Desk]:
    """Give Act with a token of its service account, and declare a Site."""
    usual = {"tier": "metro", "region": "here", "owner": "us"}
    server.client.create(declared("Site", name, FLEET, {**usual, **spec}))
    config = kubeconfig_of(server, "act", folder)
    async with kubernetes.connect(str(config), readiness=Readiness()) as cluster:
        yield Desk(server, cluster, ClusterName(name))


def made_from(template: str) -> dict[str, Any]:
    """Return what a Site says of the template of its cluster."""
    return {
        "name": template,
        "namespace": SPACE,
        "nodes": 2,
        "node": {"cores": 4, "memoryGib": 8},
        "mayDelete": True,
        "values": VALUES[template],
    }


def is_final(entry: Entry) -> bool:
    return entry.status.is_final


def has_reached(phase: str) -> Callable[[Entry], bool]:
    """Return what tells whether an action came that far."""
    return lambda entry: phase in {reached.name for reached in entry.phases}


@pytest.mark.parametrize("template", VALUES)
async def test_a_cluster_is_made_and_taken_back(
    tmp_path: Path, granted: RealKubernetes, template: str
) -> None:
    name = f"made-{template}"
    async with desk(granted, name, tmp_path, template=made_from(template)) as act:
        order = CreateCluster(site=act.name, template=template, expected_minutes=5.0)
        await act.order(order)
        await act.until(has_reached("described"))
        act.ahead += timedelta(minutes=20)
        entry = await act.until(is_final)

    assert entry.status is Status.REVERTED, entry.message


@pytest.mark.parametrize("template", VALUES)
async def test_a_cluster_is_deleted_with_what_is_left_of_it(
    tmp_path: Path, granted: RealKubernetes, template: str
) -> None:
    name = f"gone-{template}"
    async with desk(granted, name, tmp_path, template=made_from(template)) as act:
        put_cluster(act, template)
        machine = granted.client.path_of(granted.client.create(a_machine(name)))
        await act.order(DeleteCluster(site=act.name))
        await act.until(lambda _: not clusters_named(act))
        held = granted.client.get(machine)["metadata"]["annotations"]
        granted.client.patch(machine, {"metadata": {"annotations": dict.fromkeys(held)}})
        granted.client.delete(machine)
        act.ahead += timedelta(minutes=1)
        entry = await act.until(is_final)

    assert entry.status is Status.SUCCEEDED, entry.message


def put_cluster(act: Desk, template: str) -> None:
    """Put what a cluster is made from, and a Secret of it, where Act would."""
    client, ground = act.server.client, act.ground()
    action = CreateCluster(site=act.name, template=template, expected_minutes=1.0)
    grounds = ground.of(action, act.board())
    assert not grounds.unrendered
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{act.name}-ca", "namespace": SPACE},
    }
    for manifest in (*in_order(grounds.manifests), secret):
        metadata = {**manifest["metadata"], "labels": {CLUSTER_NAME: act.name}}
        client.apply({**manifest, "metadata": metadata})


def a_machine(cluster: str) -> Object:
    """Return one Machine of a cluster."""
    infrastructure = {"apiGroup": INFRASTRUCTURE, "kind": "DevMachine", "name": "one"}
    return {
        "apiVersion": MACHINE.api_version,
        "kind": "Machine",
        "metadata": {
            "name": f"{cluster}-one",
            "namespace": SPACE,
            "labels": {CLUSTER_NAME: cluster},
        },
        "spec": {
            "clusterName": cluster,
            "bootstrap": {"dataSecretName": "none"},
            "infrastructureRef": infrastructure,
        },
    }


def clusters_named(act: Desk) -> list[str]:
    """Return the Cluster of the Site, if it is there."""
    path = f"/apis/{CLUSTER.api_version}/namespaces/{SPACE}/clusters/{act.name}"
    return [act.name] if act.server.client.find(path) else []


@pytest.mark.parametrize("is_topology", [False, True])
@pytest.mark.parametrize("action", [GrowCluster, ShrinkCluster])
async def test_a_cluster_is_resized(
    tmp_path: Path, granted: RealKubernetes, action: Any, *, is_topology: bool
) -> None:
    name = f"{action.__name__}-{is_topology}".lower()
    pool = f"{name}-md-0"
    growth = {"namespace": SPACE, "machineDeployment": pool, "minNodes": 1, "maxNodes": 9}
    async with desk(granted, name, tmp_path, growth=growth) as act:
        put_pool(act, pool, is_topology=is_topology)
        nodes = (3, 4) if action is GrowCluster else (3, 2)
        await act.order(
            action(
                cluster=act.name,
                namespace=SPACE,
                machine_deployment=pool,
                nodes_before=nodes[0],
                nodes=nodes[1],
                expected_minutes=2.0,
            )
        )
        await act.until(has_reached("requested"))


def put_pool(act: Desk, name: str, *, is_topology: bool) -> None:
    """Put a Cluster and a MachineDeployment of three machines, all of them well."""
    client = act.server.client
    pool = {"class": "w", "name": "pool", "replicas": 3}
    topology = {
        "classRef": {"name": "in-memory"},
        "version": "v1.35.0",
        "workers": {"machineDeployments": [pool]},
    }
    labels = {TOPOLOGY_OWNED: "", TOPOLOGY_NAME: "pool"} if is_topology else {}
    client.create(
        {
            "apiVersion": CLUSTER.api_version,
            "kind": "Cluster",
            "metadata": {"name": act.name, "namespace": SPACE},
            "spec": {"topology": topology} if is_topology else {"paused": False},
        }
    )
    made = in_memory(act.name, namespace=SPACE)
    manifest = next(m for m in made if m["kind"] == "MachineDeployment")
    metadata = {"name": name, "namespace": SPACE, "labels": labels}
    spec = {**manifest["spec"], "replicas": 3}
    path = client.path_of(client.create({**manifest, "metadata": metadata, "spec": spec}))
    status = {"observedGeneration": 1, "replicas": 3, "upToDateReplicas": 3, "readyReplicas": 3}
    client.patch(f"{path}/status", {"status": status})


def test_nothing_was_denied_and_nothing_of_the_role_for_cluster_api_is_unused(
    granted: RealKubernetes,
) -> None:
    requests = requests_in(granted.kubeconfig.parent)
    assert {request for request, codes in requests.items() if 403 in codes} == set()
    found = used(requests, permissions())
    wanted = {p for p in permissions() if p.role is Role.CLUSTERS}
    assert [str(p) for p in sorted((wanted | permissions_of("delete_cluster")) - found)] == []
