"""How Act ends a peering, without losing anything that runs there."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.act.core.emptying.cordons import is_cordoned
from services.act.core.ledger import Entry
from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import (
    CONFIG_MAP,
    FOREIGN_CLUSTER,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    Manner,
    Ref,
    dig,
)
from services.act.core.peering.kinds import IDENTITY, RESOURCE_SLICE, TENANT, VOLUME_CLAIM
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import Unpeer
from tests.support.builders import later
from tests.support.peers_act import EDGE, HERE, HOME, TENANT_EDGE, TENANT_HOME, UNPEER, Act

SLICE = Ref(kind=RESOURCE_SLICE, namespace=TENANT_EDGE, name=EDGE)
CONTROL = Ref(kind=SECRET, namespace=TENANT_EDGE, name="kubeconfig-controlplane-edge")
HERS = Ref(kind=POD, namespace="xr", name="arena")
A_POD = {"metadata": {"name": "arena", "namespace": "xr"}, "spec": {"nodeName": EDGE}}
ORDER = [
    "ResourceSlice liqo-tenant-edge/edge",
    "Secret liqo-tenant-edge/kubeconfig-controlplane-edge",
    "Tenant liqo-tenant-home/home on edge",
    "RoleBinding liqo-tenant-home/crossloop-home on edge",
    "Secret liqo-tenant-home/crossloop-home-token on edge",
    "ServiceAccount liqo-tenant-home/crossloop-home on edge",
    "GatewayClient liqo-tenant-edge/edge",
    "GatewayServer liqo-tenant-home/home on edge",
    "PublicKey liqo-tenant-edge/edge",
    "PublicKey liqo-tenant-home/home on edge",
    "Configuration liqo-tenant-edge/edge",
    "Configuration liqo-tenant-home/home on edge",
    "Namespace liqo-tenant-edge",
    "Namespace liqo-tenant-home on edge",
]


async def parting(**act: object) -> Act:
    """Return a peering whose end was ordered."""
    made = await Act(**act).peered()
    made.order(UNPEER)
    return made


def deleted(act: Act) -> list[str]:
    return [str(write.ref) for write in act.api.writes if write.manner is Manner.DELETE]


async def test_all_goes_in_liqos_order_and_nothing_is_left() -> None:
    act = await parting()
    entry = await act.go_on()

    told = "ForeignCluster edge on home stays: Liqo keeps it"
    assert (entry.status, entry.message) == (Status.SUCCEEDED, told)
    assert str(act.api.writes[0].purpose) == "cordon edge"
    assert deleted(act) == ORDER
    assert act.api.names() == set()


async def test_each_deletion_names_the_very_object() -> None:
    act = await parting()
    uids = {ref: dig(obj, "metadata", "uid") for ref, obj in act.api.objects.items()}
    await act.go_on()

    deletions = [write for write in act.api.writes if write.manner is Manner.DELETE]
    assert {w.ref: w.body["preconditions"]["uid"] for w in deletions} == {
        w.ref: uids[w.ref] for w in deletions
    }


async def test_a_kill_after_any_write_ends_the_same() -> None:
    clean = await parting()
    await clean.go_on()
    for call in clean.api.written_at:
        act = await parting()
        act.api.killed_at = call
        entry = await act.go_on()

        assert entry.status is Status.SUCCEEDED
        assert deleted(act) == ORDER
        assert act.api.names() == set()


async def test_they_are_not_peered() -> None:
    act = Act(entry=Entry(action=UNPEER))
    entry = await act.go_on()

    assert (entry.status, entry.message) == (Status.SUCCEEDED, "they are not peered")
    assert act.api.writes == []


async def test_pods_that_stand_there_are_to_be_moved_first() -> None:
    act = await parting()
    act.api.put(HERS, dict(A_POD))
    await act.look()
    assert act.waited_for == ["1 pods stand on edge: xr/arena; move them first"]
    act.api.at = later(130, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.REFUSED
    assert entry.message.startswith("its deadline has passed: 1 pods stand on edge")
    assert act.api.writes == []


async def test_it_begins_when_the_pods_are_gone() -> None:
    act = await parting()
    act.api.put(HERS, dict(A_POD))
    await act.look()
    del act.api.objects[HERS]

    assert (await act.go_on()).status is Status.SUCCEEDED


async def test_pods_that_have_ended_or_never_ran_do_not_count() -> None:
    act = await parting()
    owner = {"kind": "DaemonSet", "name": "agent"}
    act.api.put(HERS, {**A_POD, "status": {"phase": "Failed"}})
    act.api.put(
        Ref(kind=POD, namespace="xr", name="agent"),
        {
            "metadata": {"name": "agent", "namespace": "xr", "ownerReferences": [owner]},
            "spec": {"nodeName": EDGE},
            "status": {"phase": "Pending", "reason": "OffloadingBackOff"},
        },
    )

    assert (await act.go_on()).status is Status.SUCCEEDED


async def test_volumes_whose_data_are_there_keep_it() -> None:
    act = await parting()
    annotations = {"volume.kubernetes.io/selected-node": EDGE}
    claim = {"metadata": {"name": "data", "namespace": "xr", "annotations": annotations}}
    act.api.put(Ref(kind=VOLUME_CLAIM, namespace="xr", name="data"), claim)
    await act.look()

    assert act.waited_for == [
        "1 volumes have their data on edge: xr/data; move or delete them first"
    ]


async def test_pods_that_only_the_provider_still_has_keep_it() -> None:
    act = await parting()
    labels = {"offloading.liqo.io/origin": HOME}
    pod = {"metadata": {"name": "arena", "namespace": "xr-home", "labels": labels}, "spec": {}}
    act.api.put(Ref(kind=POD, namespace="xr-home", name="arena", cluster=EDGE), pod)
    await act.look()

    assert act.waited_for == [
        "1 pods still run on edge: xr-home/arena, though home has them no more"
    ]


async def test_a_pod_that_comes_meanwhile_turns_it_back_and_the_cordon_is_lifted() -> None:
    act = await parting()
    await act.go_on(lambda: len(act.api.writes) == 1)
    assert is_cordoned(act.api.objects[Ref(kind=NODE, name=EDGE)])
    act.api.put(HERS, dict(A_POD))
    await act.look()
    act.api.at = later(601, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert entry.message.startswith("1 pods stand on edge")
    assert not is_cordoned(act.api.objects[Ref(kind=NODE, name=EDGE)])
    assert deleted(act) == []


async def test_a_cordon_of_somebody_else_is_left() -> None:
    act = await parting()
    node = act.api.objects[Ref(kind=NODE, name=EDGE)]
    node["spec"] = {"unschedulable": True}
    await act.look()
    act.api.put(HERS, dict(A_POD))
    act.api.at = later(601, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert is_cordoned(act.api.objects[Ref(kind=NODE, name=EDGE)])
    assert act.api.writes == []


async def test_a_first_call_that_is_denied_turns_it_back() -> None:
    act = await parting()
    act.api.refusals[SLICE] = "403 Forbidden"
    entry = await act.go_on()

    assert entry.status is Status.REVERTED
    assert entry.message == f"{SLICE} could not be deleted"
    assert not is_cordoned(act.api.objects[Ref(kind=NODE, name=EDGE)])


async def test_a_cordon_that_is_denied_turns_it_back() -> None:
    act = await parting()
    act.api.refusals[Ref(kind=NODE, name=EDGE)] = "403 Forbidden"
    entry = await act.go_on()

    assert (entry.status, entry.message) == (Status.REVERTED, "edge could not be cordoned")


async def denied(act: Act) -> Entry:
    """Have a later call denied for half an hour."""
    act.api.refusals[CONTROL] = "403 Forbidden"
    await act.go_on(lambda: bool(act.entry.warnings))
    act.api.at = later(1801, act.api.at)
    return await act.go_on()


async def test_a_later_call_that_is_denied_is_tried_again() -> None:
    act = await parting()
    act.api.refusals[CONTROL] = "403 Forbidden"
    await act.go_on(lambda: bool(act.entry.warnings))
    act.api.refusals.clear()

    assert (await act.go_on()).status is Status.SUCCEEDED
    assert act.api.names() == set()


async def test_a_later_call_that_is_denied_for_long_stops_it_halfway() -> None:
    entry = await denied(await parting())

    assert entry.status is Status.FAILED
    told = "could not delete Secret kubeconfig-controlplane-edge: 403 Forbidden; still there: "
    assert entry.message.startswith(f"{told}{CONTROL}, ")
    assert entry.message.endswith("; order it again when that is over")


async def test_what_was_left_halfway_goes_when_it_is_ordered_again() -> None:
    act = await parting()
    await denied(act)
    act.api.refusals.clear()
    act.order(UNPEER)

    assert (await act.go_on()).status is Status.SUCCEEDED
    assert act.api.names() == set()


async def test_what_finalizers_hold_while_the_provider_is_gone_is_told() -> None:
    act = await parting()
    act.api.silent[EDGE] = "edge does not answer"
    act.api.objects[SLICE]["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z"
    await act.go_on(lambda: act.waited_for[-1:] == [f"{SLICE} is not gone yet"])
    act.api.at = later(1801, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert "edge does not answer: Liqo waits for edge; if it is gone for ever" in entry.message
    assert "liqoctl force unpeer edge" in entry.message


async def test_what_hangs_though_the_provider_answers_is_told() -> None:
    act = await parting()
    act.api.objects[SLICE]["metadata"]["deletionTimestamp"] = "2026-11-24T07:00:00Z"
    await act.go_on(lambda: bool(act.waited_for))
    act.api.at = later(1801, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert entry.message.startswith(f"{SLICE} is not gone yet; still there: ")


async def test_a_pod_that_comes_halfway_is_waited_for_and_told() -> None:
    act = await parting()
    act.api.orphans.add(EDGE)
    await act.go_on(lambda: SLICE not in act.api.objects)
    act.api.put(HERS, dict(A_POD))
    gone = len(deleted(act))
    await act.look()
    act.api.at = later(1801, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert entry.message.startswith("1 pods stand on edge: xr/arena")
    assert len(deleted(act)) == gone


async def test_a_provider_that_is_gone_is_left_to_its_owner_with_the_commands() -> None:
    act = await parting()
    await act.go_on(lambda: SLICE not in act.api.objects)
    act.api.silent[EDGE] = "edge does not answer"
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    assert "edge does not answer: what its owner has to delete is in ConfigMap" in entry.message
    assert "until then edge lets home in" in entry.message
    ref = Ref(kind=CONFIG_MAP, namespace="crossloop", name="peering-home-edge")
    told = act.api.objects[ref]["data"]["README"]
    assert "resourceslices.authentication.liqo.io,tenants.authentication.liqo.io" in told
    assert {name for name in act.api.names() if not name.endswith(" on edge")} == set()


async def test_a_consumer_that_does_not_answer_is_waited_for() -> None:
    act = await parting()
    act.api.silent[HERE] = "home does not answer"
    with pytest.raises(Exception, match="home does not answer"):
        await act.look()


async def test_the_tunnel_stays_where_the_provider_uses_the_consumer_too() -> None:
    act = await parting()
    tenant = Ref(kind=TENANT, namespace=TENANT_EDGE, name="edge")
    act.api.put(tenant, {"metadata": {"name": "edge", "labels": {CLUSTER_LABEL: EDGE}}})
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    assert entry.message == "the tunnel and the tenant namespaces stay: edge uses home"
    assert deleted(act) == ORDER[:6]


async def test_a_slice_of_the_other_direction_stays() -> None:
    act = await parting()
    theirs = Ref(kind=RESOURCE_SLICE, namespace=TENANT_HOME, name="home", cluster=EDGE)
    act.api.put(theirs, {"metadata": {"name": "home", "labels": {CLUSTER_LABEL: HOME}}})
    entry = await act.go_on()

    assert entry.message == "the tunnel and the tenant namespaces stay: edge uses home"
    assert deleted(act) == ORDER[:6]
    assert theirs in act.api.objects


async def test_what_is_on_a_cluster_of_others_is_left_to_them() -> None:
    act = await parting()
    act.spec = {"kubeconfigSecret": None}
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    assert "Act has no way into edge: what its owner has to delete is in" in entry.message


async def test_an_identity_goes_with_the_way_into_the_provider() -> None:
    act = await parting()
    for name, of in (("controlplane-edge", "ControlPlane"), ("resourceslice-x", "ResourceSlice")):
        metadata = {"name": name, "namespace": TENANT_EDGE, "labels": {CLUSTER_LABEL: EDGE}}
        ref = Ref(kind=IDENTITY, namespace=TENANT_EDGE, name=name)
        act.api.put(ref, {"metadata": metadata, "spec": {"type": of}})
    await act.go_on()

    assert "Identity liqo-tenant-edge/controlplane-edge" in deleted(act)
    assert "Identity liqo-tenant-edge/resourceslice-x" not in deleted(act)


async def test_a_tenant_namespace_with_something_of_others_in_it_stays() -> None:
    act = await parting()
    ref = Ref(kind=CONFIG_MAP, namespace=TENANT_EDGE, name="notes")
    act.api.put(ref, {"metadata": {"name": "notes", "namespace": TENANT_EDGE}})
    theirs = Ref(kind=NAMESPACE, name=TENANT_HOME, cluster=EDGE)
    act.api.objects[theirs]["metadata"]["annotations"] = {}
    entry = await act.go_on()

    assert entry.status is Status.SUCCEEDED
    assert "Namespace liqo-tenant-edge on home stays: in it is ConfigMap notes" in entry.message
    assert "Namespace liqo-tenant-home on edge stays: in it is nothing of Act's" in entry.message


async def test_a_node_whose_virtual_kubelet_goes_on_is_told() -> None:
    act = await parting()
    act.api.orphans.add(EDGE)
    del act.api.objects[Ref(kind=FOREIGN_CLUSTER, name=EDGE)]
    entry = await act.go_on()

    assert entry.message == (
        "Node edge on home is of no VirtualNode any more: end its virtual kubelet, then delete it"
    )


async def test_a_consumer_that_is_not_ours_ends_it_itself() -> None:
    act = Act(spec={"kubeconfigSecret": None})
    act.entry = Entry(action=Unpeer(consumer=EDGE, provider=HOME))
    entry = await act.go_on()

    assert entry.status is Status.REFUSED
    assert entry.message == "what of edge runs on home is for its own Act to say: unpeer there"


def a_silent(act: Act) -> None:
    act.api.silent[EDGE] = "edge does not answer"


def a_closed(act: Act) -> None:
    act.api.closed[EDGE] = "the kubeconfig of Site edge leads to cluster metro"


@pytest.mark.parametrize(
    ("prepare", "status", "reason"),
    [
        (a_silent, Status.REFUSED, "its deadline has passed: edge does not answer"),
        (a_closed, Status.REFUSED, "the kubeconfig of Site edge leads to cluster metro"),
    ],
)
async def test_without_a_way_into_the_consumer_it_does_not_begin(
    prepare: Callable[[Act], None], status: Status, reason: str
) -> None:
    act = Act(entry=Entry(action=Unpeer(consumer=EDGE, provider=HOME)))
    prepare(act)
    act.began_at = later(-200, act.began_at)
    entry = await act.go_on()

    assert (entry.status, entry.message) == (status, reason)


async def test_a_consumer_that_falls_silent_stops_it_in_the_end() -> None:
    act = Act(entry=Entry(action=Unpeer(consumer=EDGE, provider=HOME)))
    act.entry = Entry(action=act.entry.action, status=Status.RUNNING, started_at=act.api.at)
    a_silent(act)
    await act.look()
    assert act.waited_for == ["edge does not answer"]
    act.api.at = later(1801, act.api.at)
    entry = await act.go_on()

    assert entry.status is Status.FAILED
    assert "edge does not answer; still there: " in entry.message


TROUBLES = st.lists(
    st.sampled_from(("pod comes", "pod goes", "edge falls silent", "edge answers", "time passes")),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(troubles=TROUBLES, apart=st.integers(min_value=1, max_value=5))
async def test_whatever_comes_nothing_is_deleted_while_a_pod_stands_there(
    troubles: list[str], apart: int
) -> None:
    act = await parting()
    for trouble in troubles:
        match trouble:
            case "pod comes" if Ref(kind=NODE, name=EDGE) in act.api.objects:
                act.api.put(HERS, dict(A_POD))
            case "pod goes":
                act.api.objects.pop(HERS, None)
            case "edge falls silent":
                act.api.silent[ClusterName(EDGE)] = "edge does not answer"
            case "edge answers":
                act.api.silent.clear()
            case _:
                act.api.at = later(400, act.api.at)
        for _ in range(apart):
            gone, stands = len(deleted(act)), HERS in act.api.objects
            if not act.entry.status.is_final:
                await act.look()
            assert not stands or len(deleted(act)) == gone
            act.api.tick()
