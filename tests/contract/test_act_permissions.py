"""What Act asks for, for each action on the simulator, is what its table of permissions says."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from console.real.auditing import Request
from services.act.adapters.fleet import FleetCluster
from services.act.adapters.kubernetes import KubernetesCluster
from services.act.core.permitting.needs import Need
from services.act.core.permitting.permissions import (
    DUTIES,
    permissions,
    permissions_for,
    permissions_of,
)
from services.act.core.permitting.roles import Permission, Role
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import (
    CreateCluster,
    DeleteCluster,
    FleetAction,
    GrowCluster,
    Peer,
    ShrinkCluster,
    Unpeer,
)
from shared.runtime.following import Listed
from tests.contract.test_act_peering import PEER, UNPEER, Desk, desk, notes, site
from tests.support.cluster_api import TEMPLATES
from tests.support.cluster_api_lab import Lab, in_lab
from tests.support.lab_act import SITE_NAME, LabCluster, a_stage
from tests.support.peerings import EDGE, HOME, REMOTE, TENANT_EDGE
from tests.support.recording import Recording, used

pytestmark = pytest.mark.slow

GROWTH = {"namespace": "fleet", "machineDeployment": "metro-md-0", "minNodes": 1, "maxNodes": 9}
RESIZING: dict[str, Any] = {
    "cluster": SITE_NAME,
    "namespace": "fleet",
    "machine_deployment": "metro-md-0",
    "expected_minutes": 2.0,
}
ORDERS: tuple[FleetAction, ...] = (
    CreateCluster(site=SITE_NAME, template="small", expected_minutes=5.0),
    GrowCluster(nodes_before=3, nodes=4, **RESIZING),
    ShrinkCluster(nodes_before=4, nodes=3, **RESIZING),
    DeleteCluster(site=SITE_NAME),
)


def made_by_others(group: str, kind: str, **spec: Any) -> dict[str, Any]:
    """Return what somebody else made at home of the peering."""
    return {
        "apiVersion": f"{group}.liqo.io/v1beta1",
        "kind": kind,
        "metadata": {"name": "by-hand", "namespace": TENANT_EDGE, "labels": {REMOTE: EDGE}},
        "spec": spec,
    }


OF_ANOTHER_HAND = (
    made_by_others("authentication", "Identity", type="ControlPlane", clusterID=EDGE),
    made_by_others("networking", "GatewayServer"),
    made_by_others("offloading", "VirtualNode", clusterID=EDGE),
)
"""As `liqoctl` would leave it behind."""


@dataclass(slots=True)
class RecordedLab(Recording):
    """The simulator's management cluster, with what is asked of it."""

    @property
    def lab(self) -> Lab:
        """Return the cluster itself."""
        return cast("LabCluster", self.cluster).lab


async def of_clusters(lab: Lab, make: Any) -> dict[str, set[Request]]:
    """Make, resize and delete a cluster; return what each kind of action asked for."""
    template = {"name": "small", "namespace": "fleet", "nodes": 2, "mayDelete": True}
    node = {"cores": 4, "memoryGib": 8}
    manifests = {"small": tuple(make(SITE_NAME))}
    stage = a_stage(lab, templates=manifests, growth=GROWTH, template={**template, "node": node})
    found: dict[str, set[Request]] = {}
    for turn, order in enumerate(ORDERS):
        recorded = RecordedLab(LabCluster(lab))
        stage.cluster = cast("LabCluster", recorded)
        await stage.order(order, turn=turn)
        entry = await stage.until_ended()
        assert (entry.status, entry.message) == (Status.SUCCEEDED, ""), order.kind
        found[order.kind] = recorded.requests
    return found


@asynccontextmanager
async def watched(act: Desk, found: set[Request]) -> AsyncIterator[None]:
    """Write down what Act asks for at home while the block lasts."""
    recorded = Recording(KubernetesCluster(act.two.home.api))
    before, act.api = act.api, FleetCluster(recorded, sites=lambda: act.board.sites)
    try:
        yield
    finally:
        await act.api.close()
        act.api = before
        found |= recorded.requests


async def of_consuming(folder: Path) -> set[Request]:
    """Let home use edge, and end that; return what Act asked for at home."""
    found: set[Request] = set()
    async with desk(folder) as act, watched(act, found):
        await act.carry_out(PEER)
        await act.two.home.apply(*OF_ANOTHER_HAND)
        entry = await act.carry_out(UNPEER)
    assert entry.status is Status.SUCCEEDED, entry.message
    return found


async def of_telling_an_owner(folder: Path) -> set[Request]:
    """Begin to let home use a cluster that is not ours; return what Act asked for at home."""
    found: set[Request] = set()
    async with desk(folder, has_way=False) as act, watched(act, found):
        await act.order(PEER)
        await act.go_on(lambda: "hand-back.json" in notes(act))
    return found


async def of_providing(folder: Path) -> set[Request]:
    """Let edge use home, and end that; return what Act asked for at home."""
    found: set[Request] = set()
    here, there = ClusterName(HOME), ClusterName(EDGE)
    async with desk(folder) as act:
        kubeconfig = base64.b64encode(act.two.home.kubeconfig.read_bytes()).decode()
        metadata = {"name": "home-kubeconfig", "namespace": "crossloop"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        way = {"kubeconfigSecret": metadata}
        wish = {"consumer": EDGE, "milliseconds": 5}
        await act.two.home.apply(
            {**secret, "data": {"value": kubeconfig}},
            site(HOME, home=True, peerings=[wish], **way),
        )
        act.board.hear_of_sites(Listed(objects=act.two.home.all("Site")))
        act.keeper = HOME
        async with watched(act, found):
            for kind in (Peer, Unpeer):
                order = kind(consumer=there, provider=here)
                entry = await act.carry_out(order)
                assert entry.status is Status.SUCCEEDED, entry.message
                if kind is Peer:
                    await act.two.home.apply(made_by_others("networking", "GatewayClient"))
    return found


def beyond(kind: str, requests: set[Request]) -> set[Permission]:
    """Return what an action of a kind asked for; AssertionError: more than it may."""
    both = permissions_of("unpeer") if kind == "peer" else frozenset()
    table = permissions_of(kind) | both | permissions_for("keep plans for clusters")
    return used(requests, table)


def unused(role: Role, found: set[Permission]) -> list[str]:
    """Return what a role grants that nothing asked for."""
    return [str(p) for p in sorted(permissions()) if p.role is role and p not in found]


@pytest.mark.parametrize("make", TEMPLATES.values(), ids=TEMPLATES)
def test_actions_on_clusters_ask_for_nothing_beyond_their_permissions(make: Any) -> None:
    """That nothing of the role is unused is told by a real API server (`tests/real`)."""

    @in_lab
    async def story(lab: Lab) -> None:
        for kind, requests in (await of_clusters(lab, make)).items():
            assert beyond(kind, requests)

    story()


async def test_using_others_takes_exactly_the_role_for_it(tmp_path: Path) -> None:
    requests = await of_consuming(folder_in(tmp_path, "ours"))
    requests |= await of_telling_an_owner(folder_in(tmp_path, "theirs"))
    found = beyond("peer", requests)
    assert unused(Role.PEERING, found) + unused(Role.NOTES, found) == []


async def test_being_used_by_others_takes_exactly_the_role_for_it(tmp_path: Path) -> None:
    found = beyond("peer", await of_providing(tmp_path))
    assert unused(Role.PROVIDING, found) == []


def folder_in(parent: Path, name: str) -> Path:
    """Make a folder."""
    folder = parent / name
    folder.mkdir()
    return folder


def test_all_duties_are_granted_by_the_role_that_is_always_bound() -> None:
    assert {p.role for duty in DUTIES for p in permissions_for(duty)} == {Role.ALWAYS}


async def test_an_api_server_without_the_question_is_taken_to_grant_everything(
    tmp_path: Path,
) -> None:
    async with desk(tmp_path) as act:
        cluster = KubernetesCluster(act.two.home.api)
        assert await cluster.may(Need(permission=min(permissions())))
