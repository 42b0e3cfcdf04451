"""How simulated clusters shrink and go: who goes first, what holds, and that nothing is left."""

import asyncio

import pytest

from simulator.controllers.cluster_api.kinds import DELETE_FIRST, NO_ROOM
from simulator.controllers.cluster_api.machine_objects import dispensable
from simulator.controllers.cluster_api.machines import PRE_DRAIN, PRE_TERMINATE
from simulator.kubernetes.objects import Object, annotations_of, is_going, is_true, name_of
from tests.support.cluster_api import in_memory
from tests.support.cluster_api_lab import Lab, in_lab

MD = "one-md-0"


async def available(fleet: Lab, *, workers: int) -> None:
    fleet.apply(*in_memory("one", workers=workers))
    await fleet.until_true("Cluster", "one", "Available")


async def shrunk(fleet: Lab, workers: int) -> set[str]:
    """Change the number of workers, and return the names of those that went."""
    before = {name_of(machine) for machine in fleet.workers()}
    fleet.scale("MachineDeployment", MD, workers)
    await fleet.until(lambda: len(fleet.workers()) == workers)
    return before - {name_of(machine) for machine in fleet.workers()}


def reasons(fleet: Lab, kind: str, name: str) -> list[str]:
    """Return the reasons for which an object was not gone yet, in order."""
    told = [
        condition["reason"]
        for change in fleet.api.store.since(1)
        if (change.last["kind"], name_of(change.last)) == (kind, name)
        for condition in (change.last.get("status") or {}).get("conditions") or ()
        if (condition["type"], condition["status"]) == ("Deleting", "True")
    ]
    return list(dict.fromkeys(told))


def a_machine(name: str, made: int, *, healthy: bool = True, marked: bool = False) -> Object:
    condition = {"type": "NodeHealthy", "status": str(healthy)}
    annotations = {DELETE_FIRST: "yes"} if marked else {}
    at = f"2026-01-01T00:00:{made:02}Z"
    return {
        "metadata": {"name": name, "creationTimestamp": at, "annotations": annotations},
        "status": {"nodeRef": {"name": name}, "conditions": [condition]},
    }


MACHINES = [
    a_machine("old", 1),
    a_machine("new", 3),
    a_machine("also-new", 3),
    a_machine("ill", 0, healthy=False),
    a_machine("marked", 2, marked=True),
    a_machine("marked-and-ill", 2, marked=True, healthy=False),
]


@pytest.mark.parametrize(
    ("order", "rest"),
    [
        ("Newest", ["also-new", "new", "old"]),
        ("Random", ["also-new", "new", "old"]),
        ("Oldest", ["old", "also-new", "new"]),
    ],
)
def test_the_marked_go_first_then_the_ill_then_by_age(order: str, rest: list[str]) -> None:
    for machines in (MACHINES, MACHINES[::-1]):
        names = [name_of(machine) for machine in dispensable(machines, order)]
        assert names == ["marked-and-ill", "marked", "ill", *rest]


@in_lab
async def test_who_is_marked_goes_then_who_never_came_then_the_newest(fleet: Lab) -> None:
    await available(fleet, workers=1)
    (oldest,) = map(name_of, fleet.workers())
    await asyncio.sleep(10)
    fleet.scale("MachineDeployment", MD, 3)
    await fleet.until(lambda: sum(is_true(m, "Ready") for m in fleet.workers()) == 3)
    fleet.annotate("MachineDeployment", MD, **{NO_ROOM: "true"})
    fleet.scale("MachineDeployment", MD, 4)
    await asyncio.sleep(200)
    (crowded,) = {name_of(m) for m in fleet.workers() if not is_true(m, "Ready")}
    newer = {name_of(m) for m in fleet.workers()} - {oldest, crowded}
    fleet.annotate("Machine", oldest, **{DELETE_FIRST: "true"})
    assert await shrunk(fleet, 3) == {oldest}
    assert await shrunk(fleet, 2) == {crowded}
    assert len(await shrunk(fleet, 1) & newer) == 1
    assert await shrunk(fleet, 0) < newer


@in_lab
async def test_shrinking_says_so_and_takes_seconds(fleet: Lab) -> None:
    await available(fleet, workers=3)
    begun = fleet.seconds
    assert len(await shrunk(fleet, 1)) == 2
    assert 2 < fleet.seconds - begun < 6
    assert (MD, "ScalingDown") in fleet.happenings()
    assert fleet.get("MachineDeployment", MD)["status"]["replicas"] == 1
    assert is_true(fleet.get("Cluster", "one"), "Available")


@in_lab
async def test_a_machine_that_is_deleted_is_replaced(fleet: Lab) -> None:
    await available(fleet, workers=2)
    victim = name_of(fleet.workers()[0])
    begun = fleet.seconds
    fleet.delete("Machine", victim)
    await fleet.until(lambda: fleet.find("Machine", victim) is None)
    assert fleet.seconds - begun < 4
    await fleet.until_true("Cluster", "one", "Available")
    assert len(fleet.workers()) == 2
    assert reasons(fleet, "Machine", victim) == ["DrainingNode", "WaitingForInfrastructureDeletion"]


@in_lab
async def test_a_hook_before_the_drain_holds_a_machine_until_it_is_gone(fleet: Lab) -> None:
    await available(fleet, workers=2)
    hooks = {f"{PRE_DRAIN}/crossloop": "unpeer", f"{PRE_TERMINATE}/other": ""}
    victim = name_of(fleet.workers()[0])
    fleet.annotate("Machine", victim, **hooks, **{DELETE_FIRST: "true"})
    fleet.scale("MachineDeployment", MD, 1)
    await asyncio.sleep(300)
    assert fleet.condition("Machine", victim, "Deleting")[:2] == ("True", "WaitingForPreDrainHook")
    machine = fleet.get("Machine", victim)
    assert machine["status"]["phase"] == "Deleting"
    assert "waitForPreDrainHookStartTime" in machine["status"]["deletion"]
    assert not is_true(machine, "Ready")
    fleet.annotate("Machine", victim, **{f"{PRE_DRAIN}/crossloop": None})
    await asyncio.sleep(300)
    assert fleet.condition("Machine", victim, "Deleting")[1] == "WaitingForPreTerminateHook"
    fleet.annotate("Machine", victim, **{f"{PRE_TERMINATE}/other": None})
    await fleet.until(lambda: fleet.find("Machine", victim) is None)
    assert reasons(fleet, "Machine", victim) == [
        "WaitingForPreDrainHook",
        "DrainingNode",
        "WaitingForPreTerminateHook",
        "WaitingForInfrastructureDeletion",
    ]


@in_lab
async def test_a_hook_before_the_drain_does_not_hold_a_whole_cluster(fleet: Lab) -> None:
    """Upstream looks at these hooks only where the node may be deleted: not with its Cluster."""
    await available(fleet, workers=1)
    victim = name_of(fleet.workers()[0])
    fleet.annotate("Machine", victim, **{f"{PRE_DRAIN}/crossloop": "unpeer"})
    fleet.delete("Cluster", "one")
    await fleet.until(lambda: fleet.find("Cluster", "one") is None)


@in_lab
async def test_a_cluster_that_is_deleted_names_what_it_waits_for(fleet: Lab) -> None:
    await available(fleet, workers=1)
    (worker,) = map(name_of, fleet.workers())
    fleet.annotate("Machine", worker, **{f"{PRE_TERMINATE}/other": ""})
    fleet.delete("Cluster", "one")
    await asyncio.sleep(300)
    status, reason, message = fleet.condition("Cluster", "one", "Deleting")
    assert (status, reason) == ("True", "WaitingForWorkersDeletion")
    assert message == f"* MachineDeployments: one-md-0\n* Worker Machines: {worker}"
    assert fleet.get("Cluster", "one")["status"]["phase"] == "Deleting"
    assert not is_true(fleet.get("Cluster", "one"), "Available")
    assert is_going(fleet.get("MachineDeployment", MD))
    assert not is_going(fleet.get("KubeadmControlPlane", "one-cp"))


@in_lab
async def test_a_paused_cluster_is_not_taken_down(fleet: Lab) -> None:
    await available(fleet, workers=1)
    fleet.patch("Cluster", "one", paused=True)
    fleet.delete("Cluster", "one")
    await asyncio.sleep(300)
    assert len(fleet.workers()) == 1
    fleet.patch("Cluster", "one", paused=False)
    await fleet.until(lambda: fleet.find("Cluster", "one") is None)


@in_lab
async def test_a_cluster_can_be_deleted_before_it_is_anything(fleet: Lab) -> None:
    fleet.apply(*in_memory("one", workers=1))
    await asyncio.sleep(5)
    fleet.delete("Cluster", "one")
    await fleet.until(lambda: fleet.find("Cluster", "one") is None, seconds=30)


@in_lab
async def test_deleting_the_deployment_alone_leaves_the_control_plane(fleet: Lab) -> None:
    await available(fleet, workers=2)
    fleet.delete("MachineDeployment", MD)
    await fleet.until(lambda: fleet.find("MachineDeployment", MD) is None)
    await fleet.until(lambda: not fleet.all("MachineSet"))
    assert fleet.workers() == []
    await fleet.until(
        lambda: fleet.condition("Cluster", "one", "WorkersAvailable")[1] == "NoWorkers"
    )
    assert is_true(fleet.get("Cluster", "one"), "Available")
    assert all(DELETE_FIRST not in annotations_of(m) for m in fleet.all("Machine"))
