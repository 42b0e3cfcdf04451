"""How simulated clusters come to be: stages, times, traps, and what people may point elsewhere."""

import asyncio
from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.controllers.cluster_api.kinds import NO_ROOM
from simulator.controllers.cluster_api.secrets import WORKLOAD_KUBECONFIG
from simulator.controllers.cluster_api.timing import (
    JITTER_RATIO,
    ONE_NODE_SECONDS,
    TWENTY_FIVE_NODES_SECONDS,
    paced,
    usual_seconds,
)
from simulator.kubernetes.api import Ref
from simulator.kubernetes.objects import Object, dig, is_true, name_of
from simulator.kubernetes.resources import CRDS
from tests.support.cluster_api import CORE, in_memory, k_threes_on_openstack, of_kind
from tests.support.cluster_api_lab import BY, Lab, in_lab


async def available(fleet: Lab, manifests: list[Object]) -> float:
    """Apply a cluster, wait until it is available, and return how long that took."""
    fleet.apply(*manifests)
    name, begun = name_of(of_kind(manifests, "Cluster")), fleet.seconds
    await fleet.until_true("Cluster", name, "Available")
    return fleet.seconds - begun


@pytest.mark.parametrize("nodes", [1, 25])
@in_lab
async def test_a_cluster_takes_as_long_as_in_the_paper(fleet: Lab, nodes: int) -> None:
    took = await available(fleet, in_memory("one", workers=nodes - 1))
    if nodes == 1:
        begun = fleet.seconds - took
        await fleet.until(
            lambda: fleet.get("KubeadmControlPlane", "one-cp")["status"]["readyReplicas"] == 1
        )
        took = fleet.seconds - begun
    assert took == pytest.approx(usual_seconds(nodes), rel=JITTER_RATIO)
    assert (usual_seconds(1), usual_seconds(25)) == (ONE_NODE_SECONDS, TWENTY_FIVE_NODES_SECONDS)


@given(st.text(max_size=20), st.text(max_size=20), st.floats(0, 1e4))
def test_the_pace_is_the_objects_own_and_near_the_usual(
    namespace: str, name: str, seconds: float
) -> None:
    once = paced(seconds, namespace, name)
    assert once == paced(seconds, namespace, name)
    assert abs(once - seconds) <= seconds * JITTER_RATIO * (1 + 1e-9)


def test_the_same_cluster_takes_the_same_time_and_makes_the_same_machines_again() -> None:
    runs = []

    @in_lab
    async def once(fleet: Lab) -> None:
        took = await available(fleet, in_memory("one", workers=3))
        runs.append((took, [name_of(m) for m in fleet.all("Machine")]))

    once()
    once()
    assert runs[0] == runs[1]


@in_lab
async def test_two_clusters_grow_side_by_side(fleet: Lab) -> None:
    fleet.apply(*in_memory("one", workers=1), *in_memory("two", workers=1))
    for name in ("one", "two"):
        await fleet.until_true("Cluster", name, "Available")
    assert fleet.seconds == pytest.approx(usual_seconds(2), rel=JITTER_RATIO)


@in_lab
async def test_growing_a_cluster_takes_only_the_time_of_its_new_workers(fleet: Lab) -> None:
    await available(fleet, in_memory("one", workers=1))
    begun = fleet.seconds
    fleet.scale("MachineDeployment", "one-md-0", 5)
    await fleet.until(
        lambda: fleet.get("MachineDeployment", "one-md-0")["status"]["readyReplicas"] == 5
    )
    wanted = 15.45 + 4 * 8.875
    assert fleet.seconds - begun == pytest.approx(wanted, rel=JITTER_RATIO)


@in_lab
async def test_a_growing_cluster_is_not_available_and_that_is_no_fault(fleet: Lab) -> None:
    await available(fleet, in_memory("one", workers=2))
    fleet.scale("MachineDeployment", "one-md-0", 4)
    await fleet.until(lambda: not is_true(fleet.get("Cluster", "one"), "Available"))
    status, reason, message = fleet.condition("MachineDeployment", "one-md-0", "Available")
    assert (status, reason) == ("False", "NotAvailable")
    assert message == "2 available replicas, at least 4 required"
    assert fleet.get("MachineDeployment", "one-md-0")["status"]["phase"] == "ScalingUp"
    assert ("one-md-0", "ScalingUp") in fleet.happenings()
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_the_kubeconfig_may_lead_to_an_api_server_that_is_there(fleet: Lab) -> None:
    manifests = in_memory("one")
    text = "clusters: [{name: here}]"
    of_kind(manifests, "DevCluster")["metadata"]["annotations"] = {WORKLOAD_KUBECONFIG: text}
    fleet.apply(*manifests)
    await fleet.until(lambda: fleet.secret("one-kubeconfig") is not None)
    assert b64decode((fleet.secret("one-kubeconfig") or {})["data"]["value"]).decode() == text


@in_lab
async def test_a_dev_cluster_without_annotations_never_stands_until_it_has_one(fleet: Lab) -> None:
    manifests = in_memory("one")
    del of_kind(manifests, "DevCluster")["metadata"]["annotations"]
    fleet.apply(*manifests)
    with pytest.raises(TimeoutError):
        await fleet.until(lambda: is_true(fleet.get("Cluster", "one"), "InfrastructureReady"))
    conditions = fleet.get("DevCluster", "one")["status"]["conditions"]
    assert [(c["type"], c["status"]) for c in conditions] == [("Paused", "False")]
    assert fleet.get("Cluster", "one")["status"]["phase"] == "Provisioning"
    fleet.annotate("DevCluster", "one", any="1")
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_a_wrong_kind_is_taken_and_hangs_until_it_is_put_right(fleet: Lab) -> None:
    manifests = in_memory("one")
    cluster = of_kind(manifests, "Cluster")
    right = cluster["spec"]["controlPlaneRef"]
    cluster["spec"]["controlPlaneRef"] = {**right, "kind": "Nope"}
    fleet.apply(*manifests)
    with pytest.raises(TimeoutError):
        await fleet.until_true("Cluster", "one", "ControlPlaneInitialized")
    told = fleet.condition("Cluster", "one", "ControlPlaneAvailable")
    assert told == ("Unknown", "InternalError", "Please check controller logs for errors")
    assert fleet.condition("Cluster", "one", "Available")[0] == "False"
    fleet.apply({**cluster, "spec": {**cluster["spec"], "controlPlaneRef": right}})
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_a_kind_whose_crd_names_no_contract_is_as_good_as_unknown(fleet: Lab) -> None:
    ref = Ref(resource=CRDS, name="devclusters.infrastructure.cluster.x-k8s.io")

    def unlabel(crd: Object) -> Object:
        return {**crd, "metadata": {**crd["metadata"], "labels": {}}}

    fleet.api.patch(ref, unlabel, BY)
    fleet.apply(*in_memory("one"))
    await asyncio.sleep(60)
    told = fleet.condition("Cluster", "one", "InfrastructureReady")
    assert told == ("Unknown", "InternalError", "Please check controller logs for errors")


@pytest.mark.parametrize(
    ("kind", "condition", "word"),
    [
        ("DevCluster", "InfrastructureReady", "DevCluster one does not exist"),
        ("KubeadmControlPlane", "ControlPlaneAvailable", "KubeadmControlPlane one-cp does not"),
    ],
)
@in_lab
async def test_a_part_that_is_missing_is_named_and_waited_for(
    fleet: Lab, kind: str, condition: str, word: str
) -> None:
    manifests = in_memory("one")
    missing = of_kind(manifests, kind)
    fleet.apply(*(m for m in manifests if m is not missing))
    await asyncio.sleep(200)
    status, reason, message = fleet.condition("Cluster", "one", condition)
    assert (status != "True", reason) == (True, "ObjectDoesNotExist")
    assert word in message
    fleet.apply(missing)
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_a_cluster_may_be_written_part_by_part_and_the_last_part_first(fleet: Lab) -> None:
    manifests = in_memory("one", workers=1)
    for manifest in reversed(manifests):
        fleet.apply(manifest)
        await asyncio.sleep(20)
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_a_cluster_of_nothing_waits_and_can_be_deleted(fleet: Lab) -> None:
    cluster = of_kind(in_memory("one"), "Cluster")
    network = {"clusterNetwork": cluster["spec"]["clusterNetwork"]}
    fleet.apply({**cluster, "spec": network})
    await asyncio.sleep(60)
    told = fleet.condition("Cluster", "one", "InfrastructureReady")
    assert told == ("False", "ObjectDoesNotExist", "there is no spec.infrastructureRef")
    fleet.delete("Cluster", "one")
    await fleet.until(lambda: fleet.find("Cluster", "one") is None)


@in_lab
async def test_parts_of_no_cluster_do_nothing_and_can_be_deleted(fleet: Lab) -> None:
    parts = [m for m in in_memory("one") if m["kind"] != "Cluster"]
    fleet.apply(*parts)
    await asyncio.sleep(60)
    assert fleet.all("Machine") == ()
    for kind, name in (("KubeadmControlPlane", "one-cp"), ("MachineDeployment", "one-md-0")):
        fleet.delete(kind, name)
        assert fleet.find(kind, name) is None


@in_lab
async def test_bootstrap_data_may_be_somebody_elses(fleet: Lab) -> None:
    manifests = in_memory("one", workers=1)
    machine = of_kind(manifests, "MachineDeployment")["spec"]["template"]["spec"]
    machine["bootstrap"] = {"dataSecretName": "ours"}
    await available(fleet, manifests)


@in_lab
async def test_missing_templates_block_the_workers_and_are_named(fleet: Lab) -> None:
    manifests = in_memory("one", workers=2)
    missing = [m for m in manifests if name_of(m) == "one-md-0" and m["kind"].endswith("Template")]
    fleet.apply(*(m for m in manifests if m not in missing))
    await fleet.until_true("KubeadmControlPlane", "one-cp", "MachinesReady")
    await asyncio.sleep(200)
    assert fleet.condition("MachineDeployment", "one-md-0", "ScalingUp")[2] == (
        "Scaling up from 0 to 2 replicas is blocked because KubeadmConfigTemplate and "
        "DevMachineTemplate do not exist"
    )
    assert fleet.workers() == []


@pytest.mark.parametrize("marked", ["MachineDeployment", "OpenStackMachineTemplate"])
@in_lab
async def test_a_provider_without_room_says_so_for_ever(fleet: Lab, marked: str) -> None:
    manifests = k_threes_on_openstack("one", workers=2)
    for manifest in manifests:
        if (manifest["kind"], name_of(manifest)) == (marked, "one-md-0"):
            manifest["metadata"]["annotations"] = {NO_ROOM: "true"}
    fleet.apply(*manifests)
    await fleet.until_true("KThreesControlPlane", "one-cp", "Available")
    with pytest.raises(TimeoutError):
        await fleet.until_true("Cluster", "one", "Available")
    for worker in fleet.workers():
        told = fleet.condition("Machine", name_of(worker), "InfrastructureReady")
        assert told[:2] == ("False", "InstanceCreateFailed")
        assert "the provider has no room" in told[2]
        assert worker["status"]["phase"] == "Provisioning"
    fleet.annotate(marked, "one-md-0", **{NO_ROOM: None})
    await fleet.until_true("Cluster", "one", "Available")


@in_lab
async def test_a_control_plane_without_room_never_answers(fleet: Lab) -> None:
    manifests = in_memory("one")
    template = next(m for m in manifests if m["kind"] == "DevMachineTemplate")
    template["metadata"]["annotations"] = {NO_ROOM: "true"}
    assert name_of(template) == "one-cp"
    fleet.apply(*manifests)
    with pytest.raises(TimeoutError):
        await fleet.until_true("Cluster", "one", "ControlPlaneInitialized")
    (first,) = set(map(name_of, fleet.all("Machine"))) - set(map(name_of, fleet.workers()))
    assert fleet.condition("Machine", first, "InfrastructureReady")[1] == "InstanceCreateFailed"


@in_lab
async def test_three_control_plane_machines_are_made_one_after_the_other(fleet: Lab) -> None:
    manifests = in_memory("one", workers=0)
    of_kind(manifests, "KubeadmControlPlane")["spec"]["replicas"] = 3
    await available(fleet, manifests)
    await fleet.until(
        lambda: fleet.get("KubeadmControlPlane", "one-cp")["status"]["readyReplicas"] == 3
    )
    ready = [name for name, condition in fleet.happenings() if condition == "Ready"]
    made = [
        name_of(change.last)
        for change in fleet.api.store.since(1)
        if change.last["kind"] == "Machine" and change.before is None
    ]
    assert ready == made
    assert fleet.seconds == pytest.approx(103 + 2 * (8.875 + 15.45), rel=JITTER_RATIO)
    fleet.scale("KubeadmControlPlane", "one-cp", 1)
    await fleet.until(lambda: len(fleet.all("Machine")) == 1)


@in_lab
async def test_a_paused_cluster_takes_wishes_and_does_nothing(fleet: Lab) -> None:
    await available(fleet, in_memory("one", workers=2))
    fleet.patch("Cluster", "one", paused=True)
    await fleet.until_true("MachineDeployment", "one-md-0", "Paused")
    fleet.scale("MachineDeployment", "one-md-0", 3)
    await asyncio.sleep(300)
    found = fleet.get("MachineDeployment", "one-md-0")
    assert (found["spec"]["replicas"], found["status"]["replicas"]) == (3, 2)
    assert found["status"]["observedGeneration"] < found["metadata"]["generation"]
    for kind in ("Cluster", "DevCluster"):
        assert fleet.condition(kind, "one", "Paused")[0] == "True"
    assert fleet.condition("KubeadmControlPlane", "one-cp", "Paused")[0] == "True"
    assert all(is_true(machine, "Paused") for machine in fleet.all("Machine"))
    fleet.patch("Cluster", "one", paused=False)
    await fleet.until(
        lambda: fleet.get("MachineDeployment", "one-md-0")["status"].get("readyReplicas") == 3
    )


@in_lab
async def test_one_paused_object_is_left_alone(fleet: Lab) -> None:
    await available(fleet, in_memory("one", workers=1))
    fleet.annotate("MachineDeployment", "one-md-0", **{f"{CORE}/paused": ""})
    fleet.scale("MachineDeployment", "one-md-0", 2)
    await asyncio.sleep(300)
    assert len(fleet.workers()) == 1
    assert fleet.condition("Cluster", "one", "Paused")[0] == "False"


@in_lab
async def test_a_gate_of_ours_keeps_a_cluster_from_being_available(fleet: Lab) -> None:
    manifests = in_memory("one", workers=1)
    gate = {"conditionType": "crossloop.dev/Peered"}
    of_kind(manifests, "Cluster")["spec"]["availabilityGates"] = [gate]
    fleet.apply(*manifests)
    await fleet.until_true("Cluster", "one", "WorkersAvailable")
    status, reason, message = fleet.condition("Cluster", "one", "Available")
    assert (status, reason) == ("Unknown", "AvailableUnknown")
    assert "crossloop.dev/Peered" in message


@in_lab
async def test_a_new_template_rolls_out_machine_by_machine(fleet: Lab) -> None:
    await available(fleet, in_memory("one", workers=2))
    before = {name_of(machine) for machine in fleet.workers()}
    found = fleet.get("MachineDeployment", "one-md-0")
    template = {**found["spec"]["template"]}
    template["spec"] = {**template["spec"], "version": "v1.36.0"}
    fleet.patch("MachineDeployment", "one-md-0", template=template)
    await fleet.until_true("MachineDeployment", "one-md-0", "RollingOut")
    assert is_true(fleet.get("Cluster", "one"), "Available")
    await fleet.until(
        lambda: fleet.condition("MachineDeployment", "one-md-0", "RollingOut")[0] == "False"
    )
    await fleet.until(lambda: len(fleet.workers()) == 2)
    assert not before & {name_of(machine) for machine in fleet.workers()}
    assert {dig(m, "spec", "version") for m in fleet.workers()} == {"v1.36.0"}
    most = max(
        (change.last["status"].get("replicas", 0))
        for change in fleet.api.store.since(1)
        if change.last["kind"] == "MachineDeployment" and "status" in change.last
    )
    assert most <= 4
