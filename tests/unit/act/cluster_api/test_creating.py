"""A cluster is made by name, once; what is half made is gone again or told."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from services.act.core.cluster_api.creating import next_of_create, reads_of_create
from services.act.core.ledger import Entry
from services.act.core.objects import DECISION as MARK
from services.act.core.objects import Manner
from services.act.core.steps import Context, Next, Step, Wait
from shared.messages.outcome import Phase, Status
from shared.model.plan import CreateCluster
from tests.support.builders import NOW, later
from tests.support.cluster_api import in_memory, k_threes_on_openstack
from tests.support.objects_cluster_api import (
    DECISION,
    METRO,
    NODE,
    Json,
    a_machine,
    a_site,
    conditions,
    followed,
    running,
    seen_of,
    the_grounds,
)

CREATE = CreateCluster(site=METRO, template="small", expected_minutes=10.0)
MADE = (Phase(name="requested", at=NOW), Phase(name="described", at=NOW))
NOT_THERE = "names DevCluster metro, which is not in the template"
TEMPLATE: Json = {"name": "small", "namespace": "fleet", "nodes": 2, "node": NODE}


class Scene:
    """What a Site's cluster is made from, and what is there of it."""

    def __init__(self, make: Callable[..., list[Json]] = in_memory, **template: Any) -> None:
        self.manifests = tuple(make(METRO))
        self.site = a_site(template={**TEMPLATE, **template})
        self.there: dict[str, list[Json]] = {}
        self.unrendered = ""

    def stands(self, *, by: str = DECISION, **metadata: Any) -> "Scene":
        """Let all of it be there."""
        for manifest in self.manifests:
            annotations = {"annotations": {MARK: by}, "uid": f"uid-{manifest['kind']}"}
            known = {**manifest["metadata"], **annotations, **metadata}
            found = {**manifest, "metadata": known, "status": {}}
            self.there.setdefault(manifest["kind"], []).append(found)
        return self

    def says(self, kind: str, status: Json) -> None:
        """Let what stands of a kind say something."""
        self.there[kind][0]["status"] = status

    def next(self, entry: Entry, context: Context) -> Next:
        """Return what comes next."""
        grounds = the_grounds(self.site, manifests=self.manifests, unrendered=self.unrendered)
        seen = seen_of(reads_of_create(CREATE, grounds), self.there)
        return next_of_create(CREATE, entry, seen, grounds, context)

    def after(self, entry: Entry, at: datetime = NOW) -> tuple[Entry, Next]:
        """Return the entry after all progress, and what comes then."""
        return followed(self.next, entry, at)


def available(control_plane: Json, make: Any = in_memory) -> Scene:
    """Return a scene in which everything is ready."""
    scene = Scene(make).stands()
    counts = {"controlPlane": {"readyReplicas": 1}, "workers": {"readyReplicas": 2}}
    said = ("InfrastructureReady", "ControlPlaneInitialized", "ControlPlaneAvailable")
    told = conditions(**dict.fromkeys((*said, "WorkersAvailable", "Available"), "True"))
    scene.says("Cluster", {"conditions": told, **counts})
    kind = next(m["kind"] for m in scene.manifests if m["kind"].endswith("ControlPlane"))
    scene.says(kind, control_plane)
    secret = {"metadata": {"name": "metro-kubeconfig"}, "data": {"value": "aGk="}}
    scene.there["Secret"] = [secret]
    return scene


def test_everything_is_applied_with_the_marks_of_the_decision_and_the_cluster() -> None:
    _, following = Scene().after(Entry(action=CREATE))
    assert isinstance(following, Step)
    write = following.write
    assert write.manner is Manner.APPLY
    assert str(write.ref) == "DevMachineTemplate fleet/metro-cp"
    metadata = write.body["metadata"]
    assert metadata["annotations"] == {MARK: DECISION}
    assert metadata["labels"] == {"cluster.x-k8s.io/cluster-name": METRO}


def test_a_dev_cluster_has_an_annotation_without_which_its_provider_panics() -> None:
    scene = Scene().stands()
    del scene.there["DevCluster"]
    for manifest in scene.manifests:
        manifest["metadata"].pop("annotations", None)
    _, following = scene.after(running(CREATE, phases=MADE[:1]))
    assert isinstance(following, Step)
    assert following.write.body["metadata"]["annotations"]


def test_what_stands_is_noted_before_anything_is_waited_for() -> None:
    entry, following = Scene().stands().after(running(CREATE))
    assert entry.phases == MADE
    assert isinstance(following, Wait)


def test_warnings_are_kept() -> None:
    scene = Scene(nodes=3)
    assert scene.after(Entry(action=CREATE))[0].warnings == (
        "the template makes 2 workers, and Site metro says 3",
    )


def _spoilt() -> Scene:
    scene = Scene()
    scene.manifests = scene.manifests[1:]
    return scene


def _unrendered() -> Scene:
    scene = Scene()
    scene.unrendered = "template small cannot be read"
    return scene


WRONG = [
    (_unrendered(), "template small cannot be read"),
    (Scene(name="large"), "Site metro names the template large, not small"),
    (
        _spoilt(),
        f"template small: Cluster metro: spec.infrastructureRef {NOT_THERE}",
    ),
    (
        Scene().stands(by="older"),
        "Cluster fleet/metro is there already, and this decision did not make it",
    ),
]


@pytest.mark.parametrize(("scene", "told"), WRONG, ids=[told for _, told in WRONG])
def test_what_cannot_be_made_is_refused(scene: Scene, told: str) -> None:
    entry, _ = scene.after(Entry(action=CREATE))
    assert (entry.status, entry.message) == (Status.REFUSED, told)


def test_it_does_not_begin_after_its_deadline() -> None:
    entry, _ = Scene().after(Entry(action=CREATE), later(121))
    assert (entry.status, entry.message) == (Status.REFUSED, "its deadline has passed")


def test_a_template_that_is_spoilt_halfway_is_waited_for() -> None:
    scene, entry = _unrendered(), running(CREATE, phases=MADE)
    assert scene.after(entry, later(60))[1] == Wait(reason="template small cannot be read")
    ended, _ = scene.after(entry, later(31 * 60))
    assert ended.status is Status.FAILED
    assert ended.message == "template small cannot be read; what was made is left as it is"


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (None, "somebody deleted the Cluster while it was made"),
        ({"deletionTimestamp": "x"}, "somebody deletes the Cluster while it is made"),
    ],
)
def test_a_cluster_that_somebody_takes_is_not_made_again(metadata: Any, told: str) -> None:
    scene = Scene().stands()
    if metadata is None:
        del scene.there["Cluster"]
    else:
        scene.there["Cluster"][0]["metadata"] |= metadata
    entry = running(CREATE, phases=MADE[:1])
    assert scene.after(entry, later(10))[1] == Wait(reason=told)
    ended, _ = scene.after(entry, later(60))
    assert (ended.status, ended.message) == (Status.FAILED, told)


def test_what_somebody_else_makes_meanwhile_sends_it_back() -> None:
    scene = Scene().stands()
    del scene.there["Cluster"]
    scene.there["DevCluster"][0]["metadata"]["annotations"] = {}
    entry, following = scene.after(running(CREATE))
    assert entry.back_at == NOW
    assert entry.message.startswith("DevCluster fleet/metro is there already")
    assert isinstance(following, Step)
    assert following.write.manner is Manner.DELETE
    assert following.write.ref.kind.name != "DevCluster"


def test_what_is_denied_sends_it_back() -> None:
    _, following = Scene().after(running(CREATE))
    assert isinstance(following, Step)
    assert following.otherwise is not None
    assert following.otherwise.entry.back_at == NOW
    assert (
        following.otherwise.entry.message == "DevMachineTemplate fleet/metro-cp could not be made"
    )


@pytest.mark.parametrize(
    ("control_plane", "make"),
    [
        ({"readyReplicas": 1}, in_memory),
        ({"readyReplicas": 1, "ready": True}, k_threes_on_openstack),
    ],
)
def test_it_is_made_when_all_nodes_are_ready(control_plane: Json, make: Any) -> None:
    entry, _ = available(control_plane, make).after(running(CREATE, phases=MADE))
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert [phase.name for phase in entry.phases[2:]] == [
        "infrastructure",
        "kubeconfig",
        "control plane initialized",
        "control plane ready",
        "workers ready",
        "available",
    ]


@pytest.mark.parametrize(
    ("control_plane", "make"),
    [({}, in_memory), ({"readyReplicas": 1, "ready": False}, k_threes_on_openstack)],
)
def test_a_control_plane_without_ready_nodes_is_waited_for(control_plane: Json, make: Any) -> None:
    _, following = available(control_plane, make).after(running(CREATE, phases=MADE))
    assert isinstance(following, Wait)


def test_a_cluster_whose_owner_asks_for_more_is_not_waited_for_long() -> None:
    scene = available({"readyReplicas": 1})
    status = scene.there["Cluster"][0]["status"]
    status["conditions"] = [c for c in status["conditions"] if c["type"] != "Available"]
    entry, following = scene.after(running(CREATE, phases=MADE))
    assert following == Wait(reason="not all nodes are ready")
    assert scene.after(entry, later(31))[0].status is Status.SUCCEEDED


def test_a_topology_is_ready_by_the_clusters_own_count() -> None:
    scene = available({"readyReplicas": 1})
    pools = [{"class": "w", "name": "a", "replicas": 2}]
    cluster = next(m for m in scene.manifests if m["kind"] == "Cluster")
    topology = {"workers": {"machineDeployments": pools}}
    scene.manifests = ({**cluster, "spec": {"topology": topology}},)
    assert scene.after(running(CREATE, phases=MADE))[0].status is Status.SUCCEEDED


STUCK = "ControlPlaneInitialized is False (X: y); Machine m: NodeReady is Unknown"


def stuck(**template: Any) -> tuple[Scene, Entry]:
    """Return a scene whose control plane does not come up, and the entry of its action."""
    scene = Scene(**template).stands()
    told = conditions(InfrastructureReady="True", ControlPlaneInitialized="False/X/y")
    scene.says("Cluster", {"conditions": told})
    scene.there["Machine"] = [a_machine("m", NodeReady="Unknown", Ready="False")]
    return scene, scene.after(running(CREATE, phases=MADE))[0]


def test_a_cluster_that_is_stuck_is_left_and_told() -> None:
    scene, entry = stuck()
    assert scene.after(entry, later(30 * 60))[1] == Wait(reason=STUCK)
    ended, _ = scene.after(entry, later(31 * 60))
    assert ended.status is Status.FAILED
    assert ended.message == (
        f"it got no further for 30 minutes: {STUCK}; "
        "mend or delete Cluster fleet/metro, which is left"
    )


def test_a_cluster_that_is_stuck_is_deleted_where_its_site_permits() -> None:
    scene, entry = stuck(mayDelete=True)
    _, following = scene.after(entry, later(31 * 60))
    assert isinstance(following, Step)
    assert str(following.write.ref) == "Cluster fleet/metro"
    assert following.write.body["preconditions"] == {"uid": "uid-Cluster"}


GOING_BACK = running(CREATE, phases=MADE, back_at=NOW, message="it is stuck")


def test_a_cluster_that_takes_pods_already_is_left() -> None:
    scene = Scene().stands()
    labels = {"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": METRO}
    scene.there["Node"] = [{"metadata": {"name": "metro", "labels": labels}}]
    entry, _ = scene.after(GOING_BACK)
    told = "it is stuck; its virtual node metro takes pods, so it is left"
    assert (entry.status, entry.message) == (Status.FAILED, told)


def test_a_deletion_that_does_not_end_is_told() -> None:
    scene = Scene().stands(deletionTimestamp="x")
    scene.says("Cluster", {"conditions": conditions(Deleting="True/Waiting/for it")})
    told = "Cluster metro is going (Waiting: for it)"
    assert scene.after(GOING_BACK)[1] == Wait(reason=told)
    entry, _ = scene.after(GOING_BACK, later(16 * 60))
    assert (entry.status, entry.message) == (Status.FAILED, f"it is stuck; {told}")


def test_what_an_owner_kept_is_left_to_the_garbage_collector_for_a_while() -> None:
    scene = Scene().stands(ownerReferences=[{"kind": "Cluster", "name": METRO}])
    del scene.there["Cluster"]
    entry, following = scene.after(GOING_BACK)
    assert entry.phases[-1] == Phase(name="deleted", at=NOW)
    assert isinstance(following, Wait)
    _, following = scene.after(entry, later(31))
    assert isinstance(following, Step)
    assert following.write.manner is Manner.DELETE
    scene.there.clear()
    assert scene.after(entry, later(32))[0].status is Status.REVERTED


def test_what_is_left_and_does_not_go_is_told() -> None:
    scene = Scene().stands(deletionTimestamp="x")
    del scene.there["Cluster"]
    entry, following = scene.after(GOING_BACK)
    assert following == Wait(reason="MachineDeployment fleet/metro-md-0 is going")
    ended, _ = scene.after(entry, later(16 * 60))
    assert ended.status is Status.FAILED


def test_the_cluster_of_somebody_else_is_not_deleted_on_the_way_back() -> None:
    scene = Scene().stands(by="older")
    assert scene.after(GOING_BACK)[0].status is Status.REVERTED
