"""How Act joins two clusters, and takes back what did not come."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.act.core.ledger import Entry
from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    Ref,
)
from services.act.core.peering.kinds import GATEWAY_SERVER, RESOURCE_SLICE, TENANT, VIRTUAL_NODE
from services.act.core.peering.kinds import TENANT_NAMESPACE as TENANT_LABEL
from services.act.core.steps import goes_back
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import Peer
from tests.support.builders import later
from tests.support.peers_act import EDGE, HERE, HOME, PEER, TENANT_EDGE, Act

SLICE = Ref(kind=RESOURCE_SLICE, namespace=TENANT_EDGE, name=EDGE)
CLUSTER_ID = Ref(kind=CONFIG_MAP, namespace="liqo", name="liqo-clusterid-configmap", cluster=EDGE)
CONTROL = Ref(kind=SECRET, namespace=TENANT_EDGE, name="kubeconfig-controlplane-edge")
OF_HOME = {CLUSTER_LABEL: "home"}
ORDER = [
    "Namespace liqo-tenant-edge",
    "Namespace liqo-tenant-home on edge",
    "Configuration liqo-tenant-edge/edge",
    "Configuration liqo-tenant-home/home on edge",
    "GatewayServer liqo-tenant-home/home on edge",
    "GatewayClient liqo-tenant-edge/edge",
    "PublicKey liqo-tenant-edge/edge",
    "PublicKey liqo-tenant-home/home on edge",
    "ServiceAccount liqo-tenant-home/crossloop-home on edge",
    "Secret liqo-tenant-home/crossloop-home-token on edge",
    "RoleBinding liqo-tenant-home/crossloop-home on edge",
    "Tenant liqo-tenant-home/home on edge",
    "Secret liqo-tenant-edge/kubeconfig-controlplane-edge",
    "ResourceSlice liqo-tenant-edge/edge",
]


async def test_all_is_made_once_and_in_liqos_order() -> None:
    act = Act()
    entry = await act.go_on()

    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert [str(write.ref) for write in act.api.writes] == ORDER


async def test_without_a_tunnel_nothing_of_it_is_made() -> None:
    act = Act(wishes={"network": False})
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    assert [str(w.ref) for w in act.api.writes] == ORDER[:2] + ORDER[8:]


async def test_a_kill_after_any_write_makes_nothing_twice() -> None:
    clean = Act()
    await clean.go_on()
    for call in clean.api.written_at:
        act = Act()
        act.api.killed_at = call
        entry = await act.go_on()

        assert entry.status is Status.SUCCEEDED
        assert [str(write.ref) for write in act.api.writes] == ORDER


async def test_what_is_denied_is_taken_back_in_the_reverse_order() -> None:
    act = Act()
    act.api.verdict = "Denied"
    entry = await act.go_on()

    assert (entry.status, entry.message) == (Status.REVERTED, "edge denied it: too much")
    assert [str(w.ref) for w in act.api.writes[len(ORDER) :]] == ORDER[::-1]
    assert act.api.names() == set()


async def test_what_does_not_come_in_time_is_taken_back() -> None:
    act = Act()
    act.api.verdict = ""
    await act.go_on(lambda: SLICE in act.api.objects)
    await act.look()
    act.api.at = later(901, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert entry.message.startswith("it took too long: edge has not accepted what home asks for")
    assert act.api.names() == set()


async def test_what_somebody_else_made_is_used_and_left() -> None:
    act = Act(wishes={"network": False})
    tenant = {"metadata": {"name": "theirs", "namespace": "tenants-of-home", "labels": OF_HOME}}
    space = {"metadata": {"name": "tenants-of-home", "labels": {**OF_HOME, TENANT_LABEL: "true"}}}
    act.api.put(Ref(kind=NAMESPACE, name="tenants-of-home", cluster=EDGE), space)
    act.api.put(Ref(kind=TENANT, namespace="tenants-of-home", name="theirs", cluster=EDGE), tenant)
    before = act.api.names()
    act.api.verdict = "Denied"
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    token = "Secret tenants-of-home/crossloop-home-token on edge"
    assert token in [str(write.ref) for write in act.api.writes]
    assert act.api.names() == before


async def test_nothing_is_taken_back_while_a_pod_runs_there() -> None:
    act = Act()
    await act.go_on(lambda: Ref(kind=NODE, name=EDGE) in act.api.objects)
    act.entry = goes_back(act.entry, act.api.at, "a person wants it so").entry
    pod = {"metadata": {"name": "arena", "namespace": "xr"}, "spec": {"nodeName": EDGE}}
    act.api.put(Ref(kind=POD, namespace="xr", name="arena"), pod)
    before = act.api.names()
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert entry.message.startswith("a person wants it so; 1 pods run at edge by now;")
    assert act.api.names() == before


async def test_a_call_that_is_denied_takes_back_what_was_made() -> None:
    act = Act()
    tenant = Ref(kind=TENANT, namespace="liqo-tenant-home", name=HOME, cluster=EDGE)
    act.api.refusals[tenant] = "403 Forbidden"
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert entry.message == "Tenant liqo-tenant-home/home on edge could not be made"
    assert entry.warnings == ("could not make Tenant home for home: 403 Forbidden",)
    assert act.api.names() == set()


async def test_what_cannot_be_taken_back_in_time_is_told() -> None:
    act = Act()
    act.api.verdict = "Denied"
    await act.go_on(lambda: act.entry.back_at is not None)
    act.api.silent[EDGE] = "edge does not answer"
    await act.look()
    assert act.waited_for[-1] == "edge does not answer"
    act.api.at = later(601, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert "edge does not answer; what is left of it stays" in entry.message


async def test_what_finalizers_hold_for_too_long_is_told() -> None:
    act = Act()
    act.api.verdict = "Denied"
    await act.go_on(lambda: act.entry.back_at is not None)
    act.api.objects[SLICE]["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z"
    await act.look()
    assert act.waited_for[-1] == f"{SLICE} is not gone yet"
    act.api.at = later(601, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert "still there: ResourceSlice liqo-tenant-edge/edge, Secret" in entry.message


async def test_a_cluster_that_falls_silent_is_waited_for() -> None:
    act = Act()
    await act.go_on(lambda: len(act.api.writes) == 4)
    act.api.silent[EDGE] = "edge does not answer"
    await act.look()
    act.api.silent.clear()
    entry = await act.go_on()

    assert "edge does not answer" in act.waited_for
    assert entry.status is Status.SUCCEEDED


async def test_what_is_still_being_deleted_is_waited_for() -> None:
    act = Act()
    space = Ref(kind=NAMESPACE, name="liqo-tenant-home", cluster=EDGE)
    labels = {**OF_HOME, TENANT_LABEL: "true"}
    metadata = {"name": space.name, "labels": labels, "deletionTimestamp": "2026-11-24T07:00:00Z"}
    act.api.put(space, {"metadata": metadata})
    await act.go_on(lambda: bool(act.waited_for))
    assert act.waited_for == [f"{space} is still being deleted"]
    del act.api.objects[space]

    assert (await act.go_on()).status is Status.SUCCEEDED


async def test_a_tunnel_of_the_other_direction_is_used() -> None:
    act = Act()
    server = Ref(kind=GATEWAY_SERVER, namespace=TENANT_EDGE, name="theirs")
    act.api.put(server, {"metadata": {"name": "theirs", "labels": {CLUSTER_LABEL: EDGE}}})
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    made = [str(w.ref) for w in act.api.writes]
    assert "GatewayClient liqo-tenant-home/home on edge" in made
    assert not [ref for ref in made if ref.startswith("GatewayServer")]


async def test_they_are_peered_already() -> None:
    act = Act()
    await act.go_on()
    act.order(PEER)
    writes = len(act.api.writes)
    entry = await act.go_on()

    assert (entry.status, entry.message) == (Status.SUCCEEDED, "they are peered already")
    assert len(act.api.writes) == writes


def without_id(act: Act) -> None:
    del act.api.objects[CLUSTER_ID]


def with_another_id(act: Act) -> None:
    act.api.objects[CLUSTER_ID]["data"] = {"CLUSTER_ID": "metro"}


def with_two_spaces(act: Act) -> None:
    for name in ("one", "two"):
        labels = {CLUSTER_LABEL: EDGE, TENANT_LABEL: "true"}
        ref = Ref(kind=NAMESPACE, name=name)
        act.api.put(ref, {"metadata": {"name": name, "labels": labels}})


def with_other_versions(act: Act) -> None:
    for at, version in ((HERE, "v1.2.0"), (EDGE, "v1.1.2")):
        name = "liqo-controller-manager"
        image = {"image": f"example.invalid/liqo:{version}"}
        spec = {"template": {"spec": {"containers": [image]}}}
        ref = Ref(kind=DEPLOYMENT, namespace="liqo", name=name, cluster=at)
        act.api.put(ref, {"metadata": {"name": name}, "spec": spec})


def with_a_cordoned_tenant(act: Act) -> None:
    ref = Ref(kind=TENANT, namespace="any", name="home", cluster=EDGE)
    metadata = {"name": "home", "labels": OF_HOME}
    act.api.put(ref, {"metadata": metadata, "spec": {"tenantCondition": "Cordoned"}})


def with_an_orphan(act: Act) -> None:
    labels = {CLUSTER_LABEL: EDGE, "liqo.io/type": "virtual-node"}
    act.api.orphans.add("old")
    act.api.put(Ref(kind=NODE, name="old"), {"metadata": {"name": "old", "labels": labels}})


def with_two_servers(act: Act) -> None:
    text = b"clusters:\n- cluster:\n    server: https://a\n- cluster: {server: 'https://b'}\n"
    secret = act.api.objects[Ref(kind=SECRET, namespace="crossloop", name="edge-kubeconfig")]
    secret["data"] = {"value": base64.b64encode(text).decode()}


def with_no_text(act: Act) -> None:
    secret = act.api.objects[Ref(kind=SECRET, namespace="crossloop", name="edge-kubeconfig")]
    secret["data"] = {"value": "%"}


def with_another_way(act: Act) -> None:
    act.api.closed[EDGE] = "the kubeconfig of Site edge leads to cluster metro"


def with_silence(act: Act) -> None:
    act.api.silent[EDGE] = "edge does not answer"
    act.began_at = later(-200, act.began_at)


def late(act: Act) -> None:
    act.began_at = later(-200, act.began_at)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (without_id, "Liqo is not installed on edge: there is no ConfigMap liqo/"),
        (with_another_id, "Site edge is about cluster metro"),
        (with_two_spaces, "home has more than one tenant namespace for edge: one, two"),
        (with_other_versions, "different minor versions of Liqo: 1.1 and 1.2"),
        (with_a_cordoned_tenant, "Tenant home on edge is Cordoned: home is to get nothing more"),
        (with_an_orphan, "Node old is of no VirtualNode: end its virtual kubelet"),
        (with_two_servers, "its kubeconfig has to name one server, and names 2"),
        (with_no_text, "its kubeconfig has to name one server, and names 0"),
        (with_another_way, "the kubeconfig of Site edge leads to cluster metro"),
        (with_silence, "its deadline has passed: edge does not answer"),
        (late, "its deadline has passed"),
    ],
)
async def test_it_is_refused_before_anything_is_done(
    prepare: Callable[[Act], None], reason: str
) -> None:
    act = Act()
    prepare(act)
    entry = await act.go_on()

    assert entry.status is Status.REFUSED
    assert reason in entry.message
    assert act.api.writes == []


async def test_a_cluster_of_which_nobody_declares_a_site_is_refused() -> None:
    act = Act()
    await act.look(replace(act.grounds, sites={}))

    assert (act.entry.status, act.entry.message) == (Status.REFUSED, "there is no Site home")


async def test_it_begins_when_the_cluster_answers() -> None:
    act = Act()
    act.api.silent[EDGE] = "edge does not answer"
    await act.look()
    assert act.waited_for == ["edge does not answer"]
    act.api.silent.clear()

    assert (await act.go_on()).status is Status.SUCCEEDED


async def test_two_clusters_of_others_are_refused() -> None:
    act = Act(spec={"kubeconfigSecret": None})
    await act.look(replace(act.grounds, home=ClusterName("metro")))

    assert act.entry.status is Status.REFUSED
    assert "there is no way into either cluster" in act.entry.message


async def test_a_provider_that_is_home_needs_an_address_for_others() -> None:
    act = Act()
    act.entry = Entry(action=Peer(consumer=EDGE, provider=HOME))
    await act.look()

    assert act.entry.status is Status.REFUSED
    assert "Site home names no spec.kubeconfigSecret" in act.entry.message


@pytest.mark.parametrize(
    ("cluster", "trusted"),
    [
        ({"server": "https://edge", "certificate-authority-data": "T1dO"}, "T1dO"),
        ({"server": "https://edge"}, "Q0E="),
        ({"server": "http://edge"}, None),
    ],
)
async def test_the_consumer_is_told_where_the_provider_is_and_whom_to_trust(
    cluster: dict[str, str], trusted: str | None
) -> None:
    act = Act(wishes={"network": False})
    config = {"clusters": [{"name": "it", "cluster": cluster}]}
    secret = act.api.objects[Ref(kind=SECRET, namespace="crossloop", name="edge-kubeconfig")]
    secret["data"] = {"value": base64.b64encode(json.dumps(config).encode()).decode()}
    await act.go_on()

    made = act.api.objects[CONTROL]
    assert made["metadata"]["annotations"]["liqo.io/remote-tenant-namespace"] == "liqo-tenant-home"
    given = json.loads(base64.b64decode(made["data"]["kubeconfig"]))
    told = given["clusters"][0]["cluster"]
    assert (told["server"], told.get("certificate-authority-data")) == (cluster["server"], trusted)
    assert given["users"][0]["user"] == {"token": "token"}


@pytest.mark.parametrize(
    ("cores", "asked"), [(6, {"cpu": "6"}), (2.5, {"cpu": "2500m"}), (None, None)]
)
async def test_no_more_is_asked_for_than_may_be_used(
    cores: float | None, asked: dict[str, str] | None
) -> None:
    act = Act(wishes={"network": False}, spec={"maxCores": cores})
    await act.go_on()

    assert act.api.objects[SLICE]["spec"].get("resources") == asked


async def test_a_virtual_node_goes_before_the_way_to_the_provider_does() -> None:
    act = Act()
    node = Ref(kind=VIRTUAL_NODE, namespace=TENANT_EDGE, name=EDGE)
    await act.go_on(lambda: node in act.api.objects)
    other = {"metadata": {"name": "theirs", "labels": {CLUSTER_LABEL: EDGE}}}
    act.api.put(replace(node, name="theirs"), other)
    act.entry = goes_back(act.entry, act.api.at, "a person wants it so").entry
    await act.look()
    assert SLICE not in act.api.objects
    await act.look()
    assert act.waited_for[-1] == "VirtualNode liqo-tenant-edge/edge is not gone yet"
    act.api.tick()
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert act.api.names() == set()
