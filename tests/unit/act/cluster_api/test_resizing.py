"""A cluster's size is changed by the difference, once, and only where nothing speaks against it."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.cluster_api.kinds import PAUSED, RESIZE, TOPOLOGY_NAME, TOPOLOGY_OWNED
from services.act.core.cluster_api.resizing import next_of_grow, reads_of_grow
from services.act.core.ledger import Entry
from services.act.core.objects import Manner
from services.act.core.steps import Context, Next, Step, Wait
from shared.messages.outcome import Phase, Status
from shared.model.plan import GrowCluster, ShrinkCluster
from tests.support.builders import NOW, later
from tests.support.objects_cluster_api import (
    DECISION,
    GROWTH,
    METRO,
    Json,
    a_capi_cluster,
    a_context,
    a_machine,
    a_machine_deployment,
    a_site,
    conditions,
    followed,
    running,
    seen_of,
    the_grounds,
)

SIZE: dict[str, Any] = {
    "cluster": METRO,
    "namespace": "fleet",
    "machine_deployment": "metro-md-0",
    "expected_minutes": 5.0,
}
GROW = GrowCluster(nodes_before=3, nodes=5, **SIZE)
REQUESTED = (Phase(name="requested", at=NOW),)
LATE = later(16 * 60)


def noted(before: int = 2, target: int = 4, decision: str = DECISION) -> Json:
    """Return the annotation that says what is intended."""
    data = {"decision": decision, "before": before, "target": target, "machines": ["m-1", "m-2"]}
    return {"annotations": {RESIZE: json.dumps(data)}}


class Scene:
    """One MachineDeployment with its machines, its Cluster and its Site."""

    def __init__(self, deployment: Json | None = None, **changes: Any) -> None:
        self.deployment = deployment or a_machine_deployment()
        self.cluster: Json | None = changes.get("cluster", a_capi_cluster())
        self.machines = changes.get("machines", [a_machine("m-1"), a_machine("m-2")])
        self.site = changes.get("site", a_site())
        self.action = changes.get("action", GROW)

    def next(self, entry: Entry, context: Context) -> Next:
        """Return what comes next."""
        objects = {"MachineDeployment": [self.deployment], "Machine": self.machines}
        objects["Cluster"] = [self.cluster] if self.cluster else []
        grounds = the_grounds(self.site)
        seen = seen_of(reads_of_grow(self.action, grounds), objects)
        return next_of_grow(self.action, entry, seen, grounds, context)

    def after(self, entry: Entry, at: datetime = NOW) -> tuple[Entry, Next]:
        """Return the entry after all progress, and what comes then."""
        return followed(self.next, entry, at)


def the_write(following: Next) -> Any:
    assert isinstance(following, Step)
    return following.write


def test_what_is_intended_is_noted_before_the_size_is_changed() -> None:
    entry, following = Scene().after(Entry(action=GROW))
    assert entry.status is Status.RUNNING
    write = the_write(following)
    assert (write.manner, write.subresource) == (Manner.MERGE, "")
    assert write.body["metadata"]["resourceVersion"] == "7"
    assert json.loads(write.body["metadata"]["annotations"][RESIZE]) == {
        "decision": DECISION,
        "before": 2,
        "target": 4,
        "machines": ["m-1", "m-2"],
    }


@pytest.mark.parametrize("entry", [Entry(action=GROW), running(GROW)])
def test_the_size_is_changed_by_its_subresource(entry: Entry) -> None:
    write = the_write(Scene(a_machine_deployment(metadata=noted())).after(entry)[1])
    assert str(write.ref) == "MachineDeployment fleet/metro-md-0"
    assert (write.manner, write.subresource) == (Manner.MERGE, "scale")
    assert write.body == {"metadata": {"resourceVersion": "7"}, "spec": {"replicas": 4}}


@pytest.mark.parametrize("text", ["", "[]", "{", f'{{"decision": "{DECISION}"}}'])
def test_a_note_that_cannot_be_read_counts_as_none(text: str) -> None:
    scene = Scene(a_machine_deployment(metadata={"annotations": {RESIZE: text}}))
    assert RESIZE in the_write(scene.after(running(GROW))[1]).body["metadata"]["annotations"]


def test_the_note_of_another_decision_is_replaced() -> None:
    scene = Scene(a_machine_deployment(metadata=noted(decision="older")))
    assert (
        "before" in the_write(scene.after(running(GROW))[1]).body["metadata"]["annotations"][RESIZE]
    )


def a_topology(replicas: int | None) -> Json:
    """Return a Cluster whose topology makes the workers."""
    pools: list[Json] = [{"class": "w", "name": "other", "replicas": 1}]
    pools.append({"class": "w", "name": "pool"} | ({} if replicas is None else {"replicas": 2}))
    spec = {"topology": {"workers": {"machineDeployments": pools}}}
    return a_capi_cluster(spec=spec, metadata={"resourceVersion": "8", **noted()})


OWNED = {"labels": {TOPOLOGY_OWNED: "", TOPOLOGY_NAME: "pool"}}


def test_the_size_of_a_topology_is_changed_in_the_cluster() -> None:
    scene = Scene(a_machine_deployment(metadata=OWNED), cluster=a_topology(2))
    write = the_write(scene.after(running(GROW))[1])
    assert str(write.ref) == "Cluster fleet/metro"
    assert (write.manner, write.subresource) == (Manner.MERGE, "")
    assert write.body == {
        "metadata": {"resourceVersion": "8"},
        "spec": {
            "topology": {
                "workers": {
                    "machineDeployments": [
                        {"class": "w", "name": "other", "replicas": 1},
                        {"class": "w", "name": "pool", "replicas": 4},
                    ]
                }
            }
        },
    }


def test_a_size_that_the_topology_leaves_out_is_the_machine_deployments_own() -> None:
    deployment = a_machine_deployment(metadata={**OWNED, **noted()})
    write = the_write(Scene(deployment, cluster=a_topology(None)).after(running(GROW))[1])
    assert write.subresource == "scale"


def _managed(manager: str, path: Json, **entry: Any) -> Json:
    return {"managedFields": [{"manager": manager, "fieldsV1": {"f:spec": path}, **entry}]}


SIZED: Json = {"f:replicas": {}}
POOLED: Json = {"f:topology": {"f:workers": {"f:machineDeployments": {'k:{"name":"pool"}': SIZED}}}}


def _annotated(**annotations: str) -> Json:
    prefix = "cluster.x-k8s.io/cluster-api-autoscaler-node-group"
    return {"annotations": {f"{prefix}-{k}-size": v for k, v in annotations.items()}}


LASTING: tuple[tuple[Scene, str], ...] = (
    (
        Scene(a_machine_deployment(metadata={"deletionTimestamp": "x"})),
        "MachineDeployment metro-md-0 is being deleted",
    ),
    (Scene(cluster=None), "Cluster metro of MachineDeployment metro-md-0 does not exist"),
    (
        Scene(cluster=a_capi_cluster(metadata={"deletionTimestamp": "x"})),
        "Cluster metro of MachineDeployment metro-md-0 is being deleted",
    ),
    (
        Scene(a_machine_deployment(metadata=_managed("argo", SIZED, operation="Apply"))),
        "the size of metro-md-0 is kept by argo: let it go there, or drop the Site's growth",
    ),
    (
        Scene(
            a_machine_deployment(
                metadata=_managed("autoscaler", SIZED, operation="Update", subresource="scale")
            )
        ),
        "the size of metro-md-0 is kept by autoscaler: let it go there, or drop the Site's growth",
    ),
    (
        Scene(
            a_machine_deployment(metadata=OWNED),
            cluster=a_capi_cluster(
                spec=a_topology(2)["spec"], metadata=_managed("argo", POOLED, operation="Apply")
            ),
        ),
        "the size of metro-md-0 is kept by argo: let it go there, or drop the Site's growth",
    ),
    (
        Scene(site=a_site(growth=None)),
        "Site metro does not say that fleet/metro-md-0 makes its nodes",
    ),
    (Scene(site=a_site(growth={**GROWTH, "maxNodes": 4})), "5 nodes: Site metro allows 1 to 4"),
    (
        Scene(a_machine_deployment(metadata=_annotated(max="3"))),
        "4 machines: metro-md-0 allows 0 to 3",
    ),
    (
        Scene(
            a_machine_deployment(metadata=_annotated(min="2", max="none")),
            action=ShrinkCluster(nodes_before=3, nodes=2, **SIZE),
        ),
        "1 machines: metro-md-0 allows 2 to any",
    ),
    (
        Scene(a_machine_deployment(0), action=ShrinkCluster(nodes_before=3, nodes=2, **SIZE)),
        "-1 machines: metro-md-0 allows 0 to any",
    ),
)


@pytest.mark.parametrize(("scene", "told"), LASTING, ids=[told for _, told in LASTING])
def test_what_does_not_go_away_refuses_it(scene: Scene, told: str) -> None:
    entry, _ = scene.after(Entry(action=scene.action))
    assert (entry.status, entry.message) == (Status.REFUSED, told)


@pytest.mark.parametrize(
    "metadata",
    [
        _managed("crossloop-act", SIZED, operation="Update", subresource="scale"),
        _managed("kubectl-edit", SIZED, operation="Update"),
        _managed("argo", {"f:template": {}}, operation="Apply"),
    ],
)
def test_our_own_hold_an_editor_and_another_field_are_no_objection(metadata: Json) -> None:
    scene = Scene(a_machine_deployment(metadata=metadata))
    assert scene.after(Entry(action=GROW))[0].status is Status.RUNNING


PASSING: tuple[tuple[Scene, str], ...] = (
    (Scene(cluster=a_capi_cluster(spec={"paused": True})), "metro is paused"),
    (
        Scene(a_machine_deployment(metadata={"annotations": {PAUSED: ""}})),
        "metro-md-0 is paused",
    ),
    (
        Scene(a_machine_deployment(metadata={"generation": 2})),
        "Cluster API has not seen the newest metro-md-0 yet",
    ),
    (
        Scene(a_machine_deployment(conditions=conditions(RollingOut="True"))),
        "metro-md-0: a rollout of it is under way",
    ),
    (
        Scene(a_machine_deployment(conditions=conditions(ScalingUp="True"))),
        "metro-md-0: it is being scaled up already",
    ),
    (
        Scene(a_machine_deployment(upToDateReplicas=1)),
        "metro-md-0: not all of its machines are there and up to date",
    ),
    (
        Scene(
            machines=[a_machine("m-1"), a_machine("m-2", NodeReady="False/NodeNotReady/kubelet")]
        ),
        "metro-md-0 is not whole: Machine m-2: NodeReady is False (NodeNotReady: kubelet)",
    ),
    (
        Scene(machines=[a_machine("m-1", deleting=True, Deleting="True/DrainingNode/x\n y")]),
        "metro-md-0 is not whole: Machine m-1 is being deleted (DrainingNode: x y)",
    ),
)


@pytest.mark.parametrize(("scene", "told"), PASSING, ids=[told for _, told in PASSING])
def test_what_may_go_away_is_waited_for_until_the_deadline(scene: Scene, told: str) -> None:
    assert scene.after(Entry(action=GROW))[1] == Wait(reason=told)
    entry, _ = scene.after(Entry(action=GROW), later(121))
    assert (entry.status, entry.message) == (Status.REFUSED, told)


def test_it_does_not_begin_after_its_deadline_but_goes_on() -> None:
    assert Scene().after(Entry(action=GROW), later(121))[0].message == "its deadline has passed"
    assert isinstance(Scene().after(running(GROW), later(121))[1], Step)


@pytest.mark.parametrize(
    ("entry", "status"),
    [(Entry(action=GROW), Status.REFUSED), (running(GROW), Status.FAILED)],
)
def test_what_does_not_exist_is_told(entry: Entry, status: Status) -> None:
    scene = Scene()
    scene.deployment["metadata"]["name"] = "other"
    ended, _ = scene.after(entry)
    told = "MachineDeployment fleet/metro-md-0 does not exist"
    assert (ended.status, ended.message) == (status, told)


def grown(*machines: Json, **changes: Any) -> Scene:
    """Return a scene in which the new size was asked for."""
    changes = {
        "readyReplicas": sum("not" not in m["metadata"]["name"] for m in machines),
        **changes,
    }
    deployment = a_machine_deployment(4, metadata=noted(), **changes)
    return Scene(deployment, machines=list(machines))


FOUR = tuple(a_machine(f"m-{n}") for n in (1, 2, 3, 4))


def test_it_has_grown_when_every_machine_is_ready_and_told_so() -> None:
    entry, _ = grown(*FOUR).after(running(GROW))
    assert (entry.status, entry.message) == (Status.SUCCEEDED, "")
    assert entry.phases[0] == Phase(name="requested", at=NOW)
    assert [phase.name for phase in entry.phases[1:]] == [
        f"{stage} of m-{n}"
        for n in (3, 4)
        for stage in ("bootstrap", "infrastructure", "node", "ready")
    ]


@pytest.mark.parametrize(
    ("scene", "told"),
    [
        (
            grown(
                *FOUR[:3],
                a_machine("not", InfrastructureReady="False/NoQuota/none left", Ready="False"),
            ),
            (
                "3 of 4 machines of metro-md-0 are ready; "
                "Machine not: InfrastructureReady is False (NoQuota: none left)"
            ),
        ),
        (
            grown(*FOUR[:3], a_machine("not", NodeReady="Unknown")),
            "3 of 4 machines of metro-md-0 are ready; Machine not: NodeReady is Unknown",
        ),
        (
            grown(*FOUR[:2], conditions=conditions(MachinesReady="True")),
            "2 of 4 machines of metro-md-0 are ready",
        ),
        (
            grown(*FOUR[:2], conditions=conditions(MachinesReady="False/X/y")),
            "2 of 4 machines of metro-md-0 are ready; MachinesReady is False (X: y)",
        ),
        (
            grown(*FOUR, upToDateReplicas=3, conditions=conditions(MachinesReady="True")),
            "metro-md-0 has not settled yet",
        ),
    ],
)
def test_growth_that_lacks_something_is_waited_for_and_then_taken_back(
    scene: Scene, told: str
) -> None:
    entry, following = scene.after(running(GROW))
    assert following == Wait(reason=told)
    assert scene.after(entry, later(15 * 60))[1] == following
    back, following = scene.after(entry, LATE)
    assert (back.back_at, back.message) == (LATE, f"not in time: {told}")
    assert the_write(following).body["spec"] == {"replicas": 2}


def test_a_short_expectation_gets_ten_minutes_at_least() -> None:
    scene = grown(*FOUR[:2])
    scene.action = replace(GROW, expected_minutes=1.0)
    entry, _ = scene.after(running(GROW))
    assert isinstance(scene.after(entry, later(600))[1], Wait)
    assert scene.after(entry, later(601))[0].back_at is not None


def test_a_pause_during_growth_is_named() -> None:
    scene = grown(*FOUR[:2])
    scene.cluster = a_capi_cluster(spec={"paused": True})
    told = "2 of 4 machines of metro-md-0 are ready; metro is paused"
    assert scene.after(running(GROW))[1] == Wait(reason=told)


GOING_BACK = running(GROW, back_at=LATE, message="not in time", phases=REQUESTED)


def test_it_is_back_when_the_machines_are_as_before() -> None:
    scene = Scene(a_machine_deployment(metadata=noted()))
    entry, _ = scene.after(GOING_BACK, LATE)
    assert (entry.status, entry.message) == (Status.REVERTED, "not in time")


def test_a_way_back_that_does_not_end_is_a_failure() -> None:
    scene = Scene(a_machine_deployment(metadata=noted()))
    scene.deployment["status"]["replicas"] = 3
    scene.machines.append(a_machine("m-3", deleting=True, Deleting="True/DrainingNode/pdb"))
    told = "going back: Machine m-3 is being deleted (DrainingNode: pdb)"
    assert scene.after(GOING_BACK, LATE)[1] == Wait(reason=told)
    entry, _ = scene.after(GOING_BACK, later(16 * 60, LATE))
    assert (entry.status, entry.message) == (Status.FAILED, f"not in time; {told}")


TAKEN = "somebody else asks metro-md-0 for 7 machines, not for 2 or 4: it is theirs now"


def test_a_size_that_somebody_else_changes_meanwhile_is_theirs() -> None:
    scene = Scene(a_machine_deployment(7, metadata=noted()))
    entry, _ = scene.after(running(GROW, phases=REQUESTED), later(60))
    assert (entry.status, entry.message) == (Status.FAILED, TAKEN)
    entry, _ = scene.after(GOING_BACK, LATE)
    assert (entry.status, entry.message) == (Status.FAILED, f"not in time; {TAKEN}")


@pytest.mark.parametrize("metadata", [noted(), {}])
def test_right_after_the_request_an_old_answer_is_not_believed(metadata: Json) -> None:
    scene = Scene(a_machine_deployment(2, metadata=metadata))
    entry = running(GROW, phases=REQUESTED)
    assert isinstance(scene.after(entry, later(29))[1], Wait)
    assert scene.after(entry, later(31))[0].status is Status.FAILED


@given(
    before=st.integers(0, 9),
    nodes_before=st.integers(1, 9),
    nodes=st.integers(1, 9),
    crash_after=st.integers(0, 9),
)
def test_the_difference_is_added_once_whenever_act_dies(
    before: int, nodes_before: int, nodes: int, crash_after: int
) -> None:
    if nodes == nodes_before:
        return
    kind = GrowCluster if nodes > nodes_before else ShrinkCluster
    action = kind(nodes_before=nodes_before, nodes=nodes, **SIZE)
    scene = Scene(a_machine_deployment(before), machines=[], action=action)
    entry, asked = Entry(action=action), []
    for turn in range(12):
        following = scene.next(entry, a_context(later(turn)))
        if isinstance(following, Step):
            body = following.write.body
            scene.deployment["metadata"]["annotations"] = {
                **scene.deployment["metadata"].get("annotations", {}),
                **body["metadata"].get("annotations", {}),
            }
            if "spec" in body:
                asked.append(body["spec"]["replicas"])
                scene.deployment["spec"]["replicas"] = asked[-1]
        elif not isinstance(following, Wait) and turn != crash_after:
            entry = following.entry  # else it died before the record
        if entry.status.is_final:
            break
    possible = before + nodes - nodes_before >= 0
    assert asked == ([before + nodes - nodes_before] if possible else [])
