"""Act resizes, makes and deletes clusters on the simulator's Cluster API, and dies at any call."""

from datetime import timedelta
from typing import Any

import pytest

from services.act.core.objects import dig
from shared.messages.outcome import Status
from shared.model.plan import CreateCluster, DeleteCluster, GrowCluster, ShrinkCluster
from tests.support.cluster_api import TEMPLATES, in_memory
from tests.support.cluster_api_lab import Lab, in_lab
from tests.support.lab_act import SITE_NAME, Stage, a_stage

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
