"""A cluster is deleted where its Site permits it and nothing stands there; nothing is forced."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.cluster_api.deleting import (
    further_reads_of_delete,
    next_of_delete,
    reads_of_delete,
)
from services.act.core.cluster_api.kinds import CLUSTER_NAME, HOOK
from services.act.core.ledger import Entry
from services.act.core.objects import Manner
from services.act.core.steps import Context, Next, Step, Wait
from shared.errors import PermanentError
from shared.messages.outcome import Phase, Status
from shared.model.names import ClusterName
from shared.model.plan import DeleteCluster
from tests.support.builders import NOW, later
from tests.support.objects_cluster_api import (
    METRO,
    NODE,
    Json,
    a_capi_cluster,
    a_machine,
    a_site,
    conditions,
    followed,
    running,
    seen_of,
    the_grounds,
)

DELETE = DeleteCluster(site=METRO)
TEMPLATE: Json = {
    "name": "small",
    "namespace": "fleet",
    "nodes": 2,
    "node": NODE,
    "mayDelete": True,
}
OTHER = ClusterName("edge")
PEERED = {"peerings": [{"consumer": "home"}, {"consumer": OTHER}]}
LIQO = {"liqo.io/remote-cluster-id": METRO}
VIRTUAL = {"metadata": {"name": "metro-1", "labels": {**LIQO, "liqo.io/type": "virtual-node"}}}


def a_pod(node: str = "metro-1", **status: str) -> Json:
    metadata = {"name": "render", "namespace": "xr", "labels": {"liqo.io/managed-by": "shadowpod"}}
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": status}


class Scene:
    """A cluster with one machine, and whoever uses it."""

    def __init__(self, **objects: list[Json]) -> None:
        self.site = a_site(template=TEMPLATE, **PEERED)
        self.unreached: dict[ClusterName, str] = {}
        self.refused: dict[ClusterName, str] = {}
        self.objects = {"Cluster": [a_capi_cluster()], "Machine": [a_machine("m-1")], **objects}

    @property
    def cluster(self) -> Json:
        """Return the Cluster."""
        return self.objects["Cluster"][0]

    def next(self, entry: Entry, context: Context) -> Next:
        """Return what comes next."""
        grounds = the_grounds(self.site)
        silent = {"unreached": self.unreached, "refused": self.refused}
        asked = [
            read
            for read in reads_of_delete(DELETE, grounds)
            if read.cluster not in {**self.unreached, **self.refused}
        ]
        seen = seen_of(tuple(asked), self.objects, **silent)
        seen = seen.plus(seen_of(further_reads_of_delete(DELETE, seen), self.objects))
        return next_of_delete(DELETE, entry, seen, grounds, context)

    def after(self, entry: Entry, at: datetime = NOW) -> tuple[Entry, Next]:
        """Return the entry after all progress, and what comes then."""
        return followed(self.next, entry, at)


def the_write(following: Next) -> Any:
    assert isinstance(following, Step)
    return following.write


def test_machines_are_held_before_the_cluster_is_deleted() -> None:
    entry, following = Scene().after(Entry(action=DELETE))
    assert entry.status is Status.RUNNING
    write = the_write(following)
    assert write.manner is Manner.MERGE
    assert write.body["metadata"] == {"resourceVersion": "9", "annotations": {HOOK: "crossloop"}}
    assert isinstance(following, Step)
    assert following.otherwise is not None
    assert following.otherwise.entry.message == "Machine m-1 could not be held"


def held(scene: Scene) -> Scene:
    """Return the scene with every machine held."""
    for machine in scene.objects["Machine"]:
        machine["metadata"]["annotations"] = {HOOK: "crossloop"}
    return scene


def test_only_the_cluster_is_deleted_and_only_this_one() -> None:
    _, following = held(Scene()).after(running(DELETE))
    write = the_write(following)
    assert (str(write.ref), write.manner) == ("Cluster fleet/metro", Manner.DELETE)
    assert write.body["preconditions"] == {"uid": "uid-metro"}
    assert isinstance(following, Step)
    assert following.otherwise is not None
    assert following.otherwise.entry.back_at == NOW


def _foreign_cluster(enabled: bool) -> Json:
    return {
        "metadata": {"name": METRO},
        "status": {"modules": {"offloading": {"enabled": enabled}}},
    }


def _of_liqo(name: str) -> Json:
    return {"metadata": {"name": name, "namespace": "liqo-tenant", "labels": LIQO}}


IN_USE: tuple[tuple[Scene, str], ...] = (
    (Scene(Node=[VIRTUAL], Pod=[a_pod()]), "1 pods stand on metro: xr/render"),
    (
        Scene(Node=[VIRTUAL], Pod=[a_pod("other"), a_pod(phase="Succeeded")]),
        "metro is still peered: its virtual node metro-1 is there",
    ),
    (
        Scene(ResourceSlice=[_of_liqo("slice")]),
        "metro is still peered: ResourceSlice slice is there",
    ),
    (
        Scene(VirtualNode=[_of_liqo("pool")]),
        "metro is still peered: VirtualNode pool is there",
    ),
    (
        Scene(ForeignCluster=[_foreign_cluster(True)]),
        "metro is still peered: ForeignCluster metro offloads",
    ),
    (
        Scene(**{"edge:Node": [VIRTUAL]}),
        "metro is still peered: edge has its virtual node metro-1",
    ),
    (
        Scene(**{"metro:Pod": [a_pod(), a_pod(phase="Failed")]}),
        "1 pods of others run on metro: xr/render",
    ),
)


@pytest.mark.parametrize(("scene", "told"), IN_USE, ids=[told for _, told in IN_USE])
def test_a_cluster_in_use_is_not_deleted(scene: Scene, told: str) -> None:
    assert scene.after(Entry(action=DELETE))[1] == Wait(reason=told)
    entry, _ = scene.after(Entry(action=DELETE), later(121))
    assert (entry.status, entry.message) == (Status.REFUSED, told)


@pytest.mark.parametrize(("scene", "told"), IN_USE, ids=[told for _, told in IN_USE])
def test_what_comes_into_use_halfway_is_let_go(scene: Scene, told: str) -> None:
    entry, following = held(scene).after(running(DELETE))
    assert entry.back_at == NOW
    assert the_write(following).body["metadata"]["annotations"] == {HOOK: None}
    scene.objects["Machine"] = [a_machine("m-1")]
    entry, _ = scene.after(entry)
    assert (entry.status, entry.message) == (Status.REVERTED, told)


def test_a_peering_that_has_ended_is_no_objection() -> None:
    scene = Scene(ForeignCluster=[_foreign_cluster(False)])
    assert scene.after(Entry(action=DELETE))[0].status is Status.RUNNING


def test_a_consumer_that_is_silent_may_use_it() -> None:
    scene = Scene()
    scene.unreached[OTHER] = "edge does not answer"
    told = "whether edge uses metro is not known: edge does not answer"
    assert scene.after(Entry(action=DELETE))[1] == Wait(reason=told)


def test_who_cannot_be_asked_is_told_as_a_warning() -> None:
    scene = Scene()
    scene.refused[OTHER] = "there is no way into edge"
    scene.unreached[METRO] = "metro does not answer"
    entry, _ = scene.after(Entry(action=DELETE))
    assert entry.status is Status.RUNNING
    assert entry.warnings == (
        "what edge knows of pods on metro was not heard: there is no way into edge",
        "what metro knows of pods on metro was not heard: metro does not answer",
    )


def test_what_its_site_does_not_permit_is_refused() -> None:
    scene = Scene()
    scene.site = a_site(template={**TEMPLATE, "mayDelete": False})
    entry, _ = scene.after(Entry(action=DELETE))
    told = "Site metro does not permit it: spec.template.mayDelete is not true"
    assert (entry.status, entry.message) == (Status.REFUSED, told)
    assert scene.after(running(DELETE))[0].message == "its Site does not permit it any more"


def test_a_site_without_a_template_made_no_cluster() -> None:
    with pytest.raises(PermanentError, match=r"Site metro declares no spec\.template"):
        reads_of_delete(DELETE, the_grounds(a_site()))


def test_what_is_not_there_is_not_deleted() -> None:
    entry, _ = Scene(Cluster=[]).after(Entry(action=DELETE))
    assert (entry.status, entry.message) == (Status.REFUSED, "Cluster fleet/metro does not exist")


def test_it_does_not_begin_after_its_deadline() -> None:
    entry, _ = Scene().after(Entry(action=DELETE), later(121))
    assert (entry.status, entry.message) == (Status.REFUSED, "its deadline has passed")


def going(reason: str = "WaitingForWorkersDeletion", **changes: Any) -> Scene:
    """Return a scene in which the Cluster is being deleted."""
    told = conditions(Deleting=f"True/{reason}/m-1")
    metadata = {"deletionTimestamp": "x"}
    return Scene(Cluster=[a_capi_cluster(metadata=metadata, conditions=told, **changes)])


def test_machines_are_let_go_once_it_is_proven_empty_again() -> None:
    _, following = held(going()).after(running(DELETE))
    assert the_write(following).body["metadata"]["annotations"] == {HOOK: None}


def test_machines_stay_held_while_something_stands_there() -> None:
    scene = held(going())
    scene.objects |= {"Node": [VIRTUAL], "Pod": [a_pod()]}
    _, following = scene.after(running(DELETE))
    assert following == Wait(reason="its Machines are held: 1 pods stand on metro: xr/render")


@pytest.mark.parametrize(
    ("reason", "phases"),
    [
        ("WaitingForBeforeDeleteHook", ("requested",)),
        ("WaitingForWorkersDeletion", ("requested",)),
        ("WaitingForControlPlaneDeletion", ("requested", "workers deleted")),
        (
            "WaitingForInfrastructureDeletion",
            ("requested", "workers deleted", "control plane deleted"),
        ),
    ],
)
def test_how_far_it_is_is_told_by_the_reason(reason: str, phases: tuple[str, ...]) -> None:
    entry, following = going(reason).after(running(DELETE))
    assert tuple(phase.name for phase in entry.phases) == phases
    assert following == Wait(reason=f"Cluster metro is going ({reason}: m-1)")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "Cluster metro is going (WaitingForWorkersDeletion: m-1)"),
        ({"spec": {"paused": True}}, "Cluster metro is paused"),
    ],
)
def test_a_deletion_that_is_stuck_is_told(changes: Any, told: str) -> None:
    scene = going(**changes)
    entry, _ = scene.after(running(DELETE))
    assert isinstance(scene.after(entry, later(15 * 60))[1], Wait)
    ended, _ = scene.after(entry, later(16 * 60))
    assert ended.status is Status.FAILED
    assert ended.message == (
        f"no further for 15 minutes: {told}; mend what it waits for; it goes on by itself then"
    )


def _left(name: str, **metadata: Any) -> Json:
    return {"metadata": {"name": name, "namespace": "fleet", "uid": f"uid-{name}", **metadata}}


OWNED = {"ownerReferences": [{"kind": "Cluster", "name": METRO}]}


def test_what_is_left_of_it_is_removed_and_nothing_else() -> None:
    marked = {"labels": {CLUSTER_NAME: METRO}}
    scene = Scene(
        Cluster=[],
        Secret=[_left("ours", **marked), _left("theirs")],
        DevMachineTemplate=[_left("owned", **OWNED), _left("theirs")],
    )
    entry, following = scene.after(running(DELETE))
    assert [phase.name for phase in entry.phases] == ["requested", "deleted"]
    assert str(the_write(following).ref) == "Secret fleet/ours"
    del scene.objects["Secret"][0]
    told = "DevMachineTemplate fleet/owned is going"
    assert scene.after(entry, later(30))[1] == Wait(reason=told)
    assert the_write(scene.after(entry, later(31))[1]).body["preconditions"] == {"uid": "uid-owned"}
    del scene.objects["DevMachineTemplate"][0]
    ended, _ = scene.after(entry, later(32))
    assert (ended.status, ended.message) == (Status.SUCCEEDED, "")
    assert ended.phases[-1] == Phase(name="deleted", at=NOW)


ENTRIES = (Entry(action=DELETE), running(DELETE), running(DELETE, back_at=NOW, message="why"))


@given(
    entry=st.sampled_from(ENTRIES),
    in_use=st.sampled_from([None, *(scene.objects for scene, _ in IN_USE)]),
    is_held=st.booleans(),
    may_delete=st.booleans(),
    is_going=st.booleans(),
    seconds=st.integers(0, 3600),
)
def test_a_cluster_in_use_is_never_deleted(
    entry: Entry,
    in_use: dict[str, list[Json]] | None,
    is_held: bool,
    may_delete: bool,
    is_going: bool,
    seconds: int,
) -> None:
    scene = going() if is_going else Scene()
    scene.objects |= {k: v for k, v in (in_use or {}).items() if k not in ("Cluster", "Machine")}
    scene.site = a_site(template={**TEMPLATE, "mayDelete": may_delete}, **PEERED)
    _, following = (held(scene) if is_held else scene).after(entry, later(seconds))
    if isinstance(following, Step) and following.write.manner is Manner.DELETE:
        assert in_use is None
        assert may_delete
        assert is_held
        assert following.write.ref.kind.name == "Cluster"
