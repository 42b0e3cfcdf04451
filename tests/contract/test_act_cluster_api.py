"""Act resizes, makes and deletes clusters on the simulator's Cluster API, and dies at any call."""

import asyncio
from typing import Any

import pytest

from services.act.core.cluster_api.kinds import HOOK
from services.act.core.objects import dig
from shared.messages.outcome import Status
from shared.model.plan import CreateCluster, DeleteCluster, GrowCluster, ShrinkCluster
from simulator.controllers.cluster_api.kinds import NO_ROOM
from simulator.controllers.cluster_api.machines import PRE_TERMINATE
from simulator.kubernetes.objects import annotations_of
from tests.support.cluster_api import TEMPLATES, in_memory
from tests.support.cluster_api_lab import BY, SPACE, Lab, in_lab
from tests.support.lab_act import SITE_NAME, Stage, a_stage

pytestmark = pytest.mark.slow

GROWTH = {"namespace": "fleet", "machineDeployment": "metro-md-0", "minNodes": 1, "maxNodes": 9}
RESIZING: dict[str, Any] = {
    "cluster": SITE_NAME,
    "namespace": "fleet",
    "machine_deployment": "metro-md-0",
    "expected_minutes": 2.0,
}
GROW = GrowCluster(nodes_before=3, nodes=5, **RESIZING)
SHRINK = ShrinkCluster(nodes_before=3, nodes=2, **RESIZING)
CREATE = CreateCluster(site=SITE_NAME, template="small", expected_minutes=5.0)
DELETE = DeleteCluster(site=SITE_NAME)


async def a_running_cluster(lab: Lab, **spec: Any) -> Stage:
    """Return a stage with a cluster of one control-plane node and two workers."""
    stage = a_stage(lab, growth=GROWTH, **spec)
    lab.apply(*in_memory(SITE_NAME), by="crossloop-act")
    await lab.until_true("Cluster", SITE_NAME, "Available")
    return stage


@in_lab
async def test_a_cluster_grows_by_the_difference(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    await stage.order(GROW)
    entry = await stage.until_ended()
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert lab.get("MachineDeployment", "metro-md-0")["spec"]["replicas"] == 4
    assert len(lab.workers()) == 4
    stages = [phase.name.partition(" of ")[0] for phase in entry.phases]
    assert stages[0] == "requested"
    assert sorted(stages[1:]) == sorted(["bootstrap", "infrastructure", "node", "ready"] * 2)


@in_lab
async def test_a_cluster_shrinks_by_the_difference(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    await stage.order(SHRINK)
    entry = await stage.until_ended()
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert len(lab.workers()) == 1


def a_template(nodes: int = 2, **changes: Any) -> dict[str, Any]:
    """Return what the Site declares its cluster to be made from."""
    node = {"cores": 4, "memoryGib": 8}
    return {"name": "small", "namespace": "fleet", "nodes": nodes, "node": node, **changes}


def a_stage_for_creation(lab: Lab, make: Any = in_memory, **template: Any) -> Stage:
    """Return a stage whose Site has no cluster yet."""
    manifests = tuple(make(SITE_NAME))
    return a_stage(lab, templates={"small": manifests}, template=a_template(**template))


@pytest.mark.parametrize("make", TEMPLATES.values(), ids=TEMPLATES)
@in_lab
async def test_a_cluster_is_made(lab: Lab, make: Any) -> None:
    stage = a_stage_for_creation(lab, make)
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert [phase.name for phase in entry.phases] == [
        "requested",
        "described",
        "infrastructure",
        "kubeconfig",
        "control plane initialized",
        "control plane ready",
        "workers ready",
        "available",
    ]
    assert len(lab.all("Machine")) == 3


@in_lab
async def test_a_cluster_is_deleted_and_nothing_is_left(lab: Lab) -> None:
    stage = await a_running_cluster(lab, template=a_template(mayDelete=True))
    await stage.order(DELETE)
    entry = await stage.until_ended()
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert [phase.name for phase in entry.phases] == [
        "requested",
        "workers deleted",
        "control plane deleted",
        "deleted",
    ]
    for kind in ("Cluster", "Machine", "DevMachineTemplate", "KubeadmConfigTemplate", "Secret"):
        assert lab.all(kind) == (), kind


async def _grown(stage: Stage) -> None:
    assert stage.lab.get("MachineDeployment", "metro-md-0")["spec"]["replicas"] == 4
    assert len(stage.lab.workers()) == 4


async def _made(stage: Stage) -> None:
    assert [dig(c, "metadata", "name") for c in stage.lab.all("Cluster")] == [SITE_NAME]
    assert len(stage.lab.all("Machine")) == 3


async def _deleted(stage: Stage) -> None:
    kinds = ("Cluster", "Machine", "DevMachineTemplate", "KubeadmConfigTemplate", "Secret")
    assert [kind for kind in kinds if stage.lab.all(kind)] == []


async def _ready(lab: Lab) -> Stage:
    return await a_running_cluster(lab, template=a_template(mayDelete=True))


async def _bare(lab: Lab) -> Stage:
    return a_stage_for_creation(lab)


STORIES: dict[str, Any] = {
    "grow": (_ready, GROW, _grown),
    "create": (_bare, CREATE, _made),
    "delete": (_ready, DELETE, _deleted),
}


@pytest.mark.parametrize("story", STORIES)
def test_act_may_die_after_any_write(story: str) -> None:
    prepare, action, check = STORIES[story]
    kills = 0
    while _killed_at(kills + 1, prepare, action, check):
        kills += 1
    assert kills > 5


@pytest.mark.parametrize("story", STORIES)
@in_lab
async def test_writes_may_fail_and_answers_be_lost_or_old(lab: Lab, story: str) -> None:
    prepare, action, check = STORIES[story]
    stage = await prepare(lab)
    await stage.order(action)
    stage.cluster.shaky = True
    entry = await stage.until_ended()
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    await check(stage)


def _killed_at(number: int, prepare: Any, action: Any, check: Any) -> bool:
    """Run a story in which Act dies after one write; tell whether it came to that."""
    crashes = []

    @in_lab
    async def story(lab: Lab) -> None:
        stage = await prepare(lab)
        await stage.order(action)
        stage.cluster.writes.clear()
        stage.cluster.killed_at = number
        entry = await stage.until_ended()
        assert (entry.status, entry.message) == (Status.SUCCEEDED, ""), number
        await check(stage)
        crashes.append(stage.crashes)

    story()
    return bool(crashes[0])


@in_lab
async def test_what_is_denied_halfway_is_undone(lab: Lab) -> None:
    stage = a_stage_for_creation(lab)
    stage.cluster.denied["MachineDeployment"] = "no quota"
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert entry.status is Status.REVERTED
    assert entry.message == "MachineDeployment fleet/metro-md-0 could not be made"
    assert any("no quota" in warning for warning in entry.warnings)
    await _deleted(stage)


@in_lab
async def test_what_is_denied_before_the_cluster_is_there_is_undone(lab: Lab) -> None:
    stage = a_stage_for_creation(lab)
    stage.cluster.denied["Cluster"] = "not allowed"
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert entry.status is Status.REVERTED
    await _deleted(stage)


def no_room(lab: Lab, is_so: bool = True) -> None:
    """Let the provider of workers have no room, or have it again."""
    value = "true" if is_so else None
    lab.annotate("DevMachineTemplate", "metro-md-0", **{NO_ROOM: value})


@in_lab
async def test_growth_that_does_not_come_is_taken_back(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    no_room(lab)
    await stage.order(GROW)
    begun = lab.seconds
    entry = await stage.until_ended()
    assert entry.status is Status.REVERTED
    assert entry.message.startswith("not in time: 2 of 4 machines of metro-md-0 are ready; Machine")
    assert "InstanceCreateFailed" in entry.message
    assert lab.get("MachineDeployment", "metro-md-0")["spec"]["replicas"] == 2
    assert len(lab.workers()) == 2
    assert 600 < lab.seconds - begun < 700


def without_room(name: str) -> list[Any]:
    """Return manifests of a cluster whose workers the provider has no room for."""
    manifests = in_memory(name)
    template = next(m for m in manifests if m["metadata"]["name"] == f"{name}-md-0")
    template["metadata"]["annotations"] = {NO_ROOM: "true"}
    return manifests


@in_lab
async def test_a_cluster_that_does_not_come_is_left_to_people(lab: Lab) -> None:
    stage = a_stage_for_creation(lab, without_room)
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert entry.status is Status.FAILED
    assert entry.message.startswith("it got no further for 15 minutes: ")
    assert entry.message.endswith("; mend or delete Cluster fleet/metro, which is left")
    assert "InstanceCreateFailed" in entry.message
    assert len(lab.all("Cluster")) == 1


@in_lab
async def test_a_cluster_that_does_not_come_is_deleted_where_its_site_permits(lab: Lab) -> None:
    stage = a_stage_for_creation(lab, without_room, mayDelete=True)
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert entry.status is Status.REVERTED
    assert entry.phases[-1].name == "deleted"
    await _deleted(stage)


@in_lab
async def test_a_cluster_of_somebody_else_is_left_alone(lab: Lab) -> None:
    stage = a_stage_for_creation(lab)
    lab.apply(*in_memory(SITE_NAME), by="somebody")
    await stage.order(CREATE)
    entry = await stage.until_ended()
    assert entry.status is Status.REFUSED
    assert entry.message == (
        "Cluster fleet/metro is there already, and this decision did not make it"
    )
    assert {write.ref.kind.name for write in stage.cluster.writes} == {"Site"}


@in_lab
async def test_growth_waits_for_a_pause_to_end(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    lab.patch("Cluster", SITE_NAME, paused=True)
    await stage.order(GROW)
    for _ in range(10):
        await stage.turn()
        await asyncio.sleep(5)
    assert stage.entry.status is Status.PENDING
    lab.patch("Cluster", SITE_NAME, paused=False)
    assert (await stage.until_ended()).status is Status.SUCCEEDED
    await _grown(stage)


@in_lab
async def test_growth_during_somebody_elses_waits_and_adds_to_it(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    lab.patch("MachineDeployment", "metro-md-0", replicas=3)
    await stage.order(GROW)
    entry = await stage.until_ended()
    assert entry.status is Status.SUCCEEDED
    assert lab.get("MachineDeployment", "metro-md-0")["spec"]["replicas"] == 5


@in_lab
async def test_a_size_that_somebody_else_keeps_is_left_to_them(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    lab.scale("MachineDeployment", "metro-md-0", 3)
    await lab.until(lambda: len(lab.workers()) == 3)
    await stage.order(GROW)
    entry = await stage.until_ended()
    assert entry.status is Status.REFUSED
    assert entry.message.startswith("the size of metro-md-0 is kept by act:")


@in_lab
async def test_act_scales_again_what_it_scaled_before(lab: Lab) -> None:
    stage = await a_running_cluster(lab)
    await stage.order(GROW)
    assert (await stage.until_ended()).status is Status.SUCCEEDED
    again = ShrinkCluster(nodes_before=5, nodes=4, **RESIZING)
    await stage.order(again, turn=1)
    assert (await stage.until_ended()).status is Status.SUCCEEDED
    assert len(lab.workers()) == 3


def a_virtual_node(lab: Lab) -> None:
    """Put a virtual node of the cluster into the management cluster, and a pod on it."""
    labels = {"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": SITE_NAME}
    node = {"metadata": {"name": SITE_NAME, "labels": labels}}
    lab.api.create(lab.resource("Node"), "", node, BY)
    spec = {"nodeName": SITE_NAME, "containers": [{"name": "a", "image": "a"}]}
    pod = {"metadata": {"name": "render"}, "spec": spec}
    lab.api.create(lab.resource("Pod"), SPACE, pod, BY)


@in_lab
async def test_a_cluster_is_not_deleted_while_anything_stands_there(lab: Lab) -> None:
    stage = await a_running_cluster(lab, template=a_template(mayDelete=True))
    a_virtual_node(lab)
    await stage.order(DELETE)
    entry = await stage.until_ended()
    assert entry.status is Status.REFUSED
    assert entry.message == "1 pods stand on metro: fleet/render"
    assert len(lab.all("Machine")) == 3


@in_lab
async def test_what_comes_to_stand_there_while_machines_are_held_stops_it(lab: Lab) -> None:
    stage = await a_running_cluster(lab, template=a_template(mayDelete=True))
    await stage.order(DELETE)
    await stage.turn()
    await stage.turn()
    assert any(HOOK in annotations_of(machine) for machine in lab.all("Machine"))
    a_virtual_node(lab)
    entry = await stage.until_ended()
    assert entry.status is Status.REVERTED
    assert entry.message == "1 pods stand on metro: fleet/render"
    assert not any(HOOK in annotations_of(machine) for machine in lab.all("Machine"))
    assert len(lab.all("Machine")) == 3


@in_lab
async def test_a_cluster_is_not_deleted_without_leave(lab: Lab) -> None:
    stage = await a_running_cluster(lab, template=a_template())
    await stage.order(DELETE)
    entry = await stage.until_ended()
    assert entry.status is Status.REFUSED
    assert entry.message == ("Site metro does not permit it: spec.template.mayDelete is not true")


@in_lab
async def test_a_deletion_that_is_stuck_is_told_and_forces_nothing(lab: Lab) -> None:
    stage = await a_running_cluster(lab, template=a_template(mayDelete=True))
    machine = lab.workers()[0]["metadata"]["name"]
    lab.annotate("Machine", machine, **{f"{PRE_TERMINATE}/other": "x"})
    await stage.order(DELETE)
    entry = await stage.until_ended()
    assert entry.status is Status.FAILED
    assert "WaitingForWorkersDeletion" in entry.message
    assert entry.message.endswith("mend what it waits for; it goes on by itself then")
    assert [m["metadata"]["name"] for m in lab.workers()] == [machine]
