"""What takes a move back, what proves it, and what is given back at its end."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.act.core.moving.marks import MARK
from services.act.core.moving.move import next_of_move
from services.act.core.objects import Manner, dig
from services.act.core.steps import Context, Next, Step, Wait
from shared.messages.outcome import Status
from shared.model.policy import FleetPolicy
from tests.support.builders import NOW, later
from tests.support.moving_act import (
    AT_HOME,
    AT_METRO,
    DONE,
    GOING_BACK,
    NODES,
    PEERS,
    RUNNING,
    SERVING,
    live,
    marked,
    pending,
    progress,
    step,
)
from tests.support.objects_act import (
    AN_EXPECTATION,
    a_decision,
    a_deployment,
    a_foreign_cluster,
    a_move,
    a_node,
    a_pod,
    a_service,
    a_slice,
    an_insight_of,
    managed,
    pinned_to,
)


def test_a_move_to_a_pool_names_its_node_and_counts_pods_on_it_alone() -> None:
    nodes = (*NODES, a_node("edge-gpu", "edge-north"))
    move = a_move("metro", "edge-north", pool="edge-gpu")
    begins = step(live=live(nodes=nodes), move=move)

    assert isinstance(begins, Step)
    affinity = begins.write.body["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert [(e["key"], e["values"]) for e in term["matchExpressions"]] == [
        ("liqo.io/remote-cluster-id", ["edge-north"]),
        ("kubernetes.io/hostname", ["edge-gpu"]),
    ]
    deployment = a_deployment("render", cluster="edge-north")
    deployment["metadata"]["annotations"] = begins.write.body["metadata"]["annotations"]
    elsewhere = tuple(a_pod(f"render-e{n}", "edge-north") for n in range(3))
    there = tuple(a_pod(f"render-g{n}", "edge-gpu") for n in range(3))
    running = replace(RUNNING, action=move)
    waits = step(running, live=live(workload=deployment, pods=elsewhere, nodes=nodes), move=move)
    serves = step(running, live=live(workload=deployment, pods=there, nodes=nodes), move=move)
    assert waits == Wait(reason="0 of 3 replicas of render are ready on edge-north")
    assert progress(serves).serving_at == later(1)


def cordoned_tenant() -> dict[str, Any]:
    """Return what Liqo tells of a pod that the provider turned down."""
    return {
        "reason": "FailedReflection",
        "message": "denied the request: user is cordoned",
        "involvedObject": {"name": "render-e0"},
    }


def test_a_copy_turned_down_by_the_provider_takes_the_move_back_at_its_first_sign() -> None:
    seen = replace(pending(), events=(cordoned_tenant(),))

    entry = progress(step(RUNNING, live=seen, move=a_move("metro", "edge-north")))

    assert entry.back_at == later(1)
    assert "the provider has cordoned this consumer" in entry.message


def test_a_copy_taken_that_never_starts_is_told_to_be_when_time_is_over() -> None:
    seen = pending(hostIP="10.0.0.1")

    entry = progress(step(RUNNING, live=seen, seconds=181, move=a_move("metro", "edge-north")))

    assert entry.message.endswith("its scheduler may be dead")


def test_a_silent_virtual_kubelet_takes_the_move_back_before_its_node_tells() -> None:
    lease = {"metadata": {"name": "edge-north"}, "spec": {"renewTime": NOW.isoformat()}}
    seen = replace(pending(hostIP="10.0.0.1"), leases=(lease,))
    to_edge = a_move("metro", "edge-north")

    entry = progress(step(RUNNING, live=seen, seconds=41, move=to_edge))

    assert entry.message == "the virtual kubelet of edge-north is silent since 41 s"


def test_readiness_on_a_target_that_just_came_back_is_waited_for() -> None:
    node = a_node("edge-north", "edge-north")
    node["metadata"]["creationTimestamp"] = later(-900).isoformat()
    node["status"]["conditions"][0]["lastTransitionTime"] = NOW.isoformat()
    seen = replace(pending(), nodes=(NODES[0], node))

    assert step(RUNNING, live=seen, move=a_move("metro", "edge-north")) == Wait(
        reason="edge-north came back a moment ago: what it tells may be from before"
    )


def test_a_move_is_proven_only_once_its_services_lead_to_the_new_pods_alone() -> None:
    insight = an_insight_of(at=later(30))
    missing = replace(DONE, services=(a_service(),), slices=(a_slice(*AT_HOME[:2]),))
    extra = replace(DONE, services=(a_service(),), slices=(a_slice(*AT_HOME, OLD_POD),))
    right = replace(DONE, services=(a_service(),), slices=(a_slice(*AT_HOME),))

    waits = [step(SERVING, live=seen, insight=insight, seconds=31) for seen in (missing, extra)]

    assert waits == [
        Wait(reason="Service render does not lead to render-h2 yet"),
        Wait(reason="Service render still leads to render-5d9c-0"),
    ]
    ended = progress(step(SERVING, live=right, insight=insight, seconds=31))
    assert ended.status is Status.SUCCEEDED
    unreached = progress(step(SERVING, live=missing, insight=insight, seconds=361))
    assert unreached.back_at is not None
    stuck = progress(step(SERVING, live=extra, insight=insight, seconds=361))
    assert (stuck.status, stuck.message) == (
        Status.FAILED,
        "it serves on home, but Service render still leads to render-5d9c-0",
    )


OLD_POD = a_pod("render-5d9c-0", "metro")


@pytest.mark.parametrize(("latency_ms", "goes_back"), [(31.5, False), (31.6, True)])
def test_a_move_that_knowingly_ends_above_a_budget_is_held_to_its_promise(
    latency_ms: float, goes_back: bool
) -> None:
    context = Context(
        now=later(31),
        decision=a_decision().id,
        deadline_at=later(120),
        insight=an_insight_of(at=later(30), latency_ms=latency_ms),
        expectations=(replace(AN_EXPECTATION, after_ms=30.0),),
    )

    entry = progress(next_of_move(a_move(), SERVING, DONE, context))

    assert (entry.back_at is not None) is goes_back


def set_strategy(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return the Deployment with a strategy that the move set."""
    mark = json.loads(deployment["metadata"]["annotations"][MARK])
    deployment["metadata"]["annotations"][MARK] = json.dumps({**mark, "strategy": True})
    return deployment


@pytest.mark.parametrize("is_back", [False, True])
def test_a_strategy_set_for_the_move_is_given_back_before_it_ends(is_back: bool) -> None:
    workload = set_strategy(marked("metro" if is_back else "home", back=is_back))
    seen = live(workload=workload, pods=AT_METRO if is_back else AT_HOME)
    entry = GOING_BACK if is_back else SERVING

    following = step(entry, live=seen, insight=an_insight_of(at=later(30)), seconds=31)

    assert isinstance(following, Step)
    assert "strategy" not in following.write.body["spec"]
    affinity = following.write.body["spec"]["template"]["spec"]["affinity"]
    assert affinity == pinned_to("metro" if is_back else "home")
    assert following.otherwise is not None
    expected = Status.REVERTED if is_back else Status.SUCCEEDED
    assert following.otherwise.entry.status is expected


def test_a_step_on_the_way_there_that_is_denied_takes_the_move_back() -> None:
    workload = marked()
    mark = json.loads(workload["metadata"]["annotations"][MARK])
    workload["metadata"]["annotations"][MARK] = json.dumps({**mark, "frozen": True})

    following = step(RUNNING, live=live(workload=workload))

    assert isinstance(following, Step)
    assert "paused" not in following.write.body["spec"]
    assert following.otherwise is not None
    assert following.otherwise.entry.back_at == later(1)


def test_a_worse_quality_is_only_told_where_there_is_no_way_back() -> None:
    insight = an_insight_of(at=later(30), latency_ms=30.0)
    lost = replace(DONE, foreign_clusters=(a_foreign_cluster("metro", "Error"), PEERS[1]))

    entry = progress(step(SERVING, live=lost, insight=insight, seconds=31))

    assert entry.status is Status.SUCCEEDED
    assert "but there is no way back: Liqo does not reach" in entry.message


def test_a_move_found_going_back_is_recorded_as_such() -> None:
    entry = progress(step(RUNNING, live=live(workload=marked("metro", back=True))))

    assert (entry.back_at, entry.message) == (later(1), "it was being taken back")


def test_without_a_soak_a_move_counts_as_done_once_it_serves_alone() -> None:
    insight = an_insight_of(at=NOW, latency_ms=99.0, policy=FleetPolicy(soak_cycles=0))

    assert progress(step(SERVING, live=DONE, insight=insight)).status is Status.SUCCEEDED


def created_with_defaults(**spec: Any) -> dict[str, Any]:
    """Return a Deployment of 4 replicas whose default strategy is recorded for its creator."""
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    deployment = a_deployment("render", **{"replicas": 4, "strategy": strategy, **spec})
    for name in rolling:
        path = ("spec", "strategy", "rollingUpdate", name)
        deployment = managed(deployment, "helm", "Update", *path)
    return deployment


FOUR_AT_METRO = (*AT_METRO, a_pod("render-3", "metro"))
SAFE = {"maxSurge": 1, "maxUnavailable": 0}


def applied(deployment: dict[str, Any], following: Next) -> dict[str, Any]:
    """Return the Deployment after a step: its mark, and its strategy where it is patched."""
    assert isinstance(following, Step)
    annotations = following.write.body["metadata"].get("annotations")
    rolling = dig(following.write.body, "spec", "strategy", "rollingUpdate")
    metadata, spec = deployment["metadata"], deployment["spec"]
    if annotations:
        metadata = {**metadata, "annotations": annotations}
    if rolling:
        spec = {**spec, "strategy": {**spec["strategy"], "rollingUpdate": rolling}}
    return {**deployment, "metadata": metadata, "spec": spec}


def test_a_default_strategy_recorded_for_its_creator_is_borrowed_before_the_template_changes() -> (
    None
):
    created = created_with_defaults()
    marks = step(live=live(workload=created, pods=FOUR_AT_METRO))
    borrows = step(RUNNING, live=live(workload=(marked_ := applied(created, marks))))
    pins = step(RUNNING, live=live(workload=applied(marked_, borrows)))

    steps = [s.write for s in (marks, borrows, pins) if isinstance(s, Step)]
    assert [s.manner for s in steps] == [Manner.APPLY, Manner.MERGE, Manner.APPLY]
    assert [dig(s.body, "spec", "strategy", "rollingUpdate") for s in steps] == [None, SAFE, None]
    assert [dig(s.body, "spec", "template", "spec", "affinity") for s in steps] == [
        pinned_to("metro"),
        None,
        pinned_to("home"),
    ]


def test_what_was_borrowed_is_given_back_before_the_move_ends_and_borrowed_to_go_back() -> None:
    created = created_with_defaults()
    borrowed = applied(created, step(live=live(workload=created, pods=FOUR_AT_METRO)))
    strategy = {"type": "RollingUpdate", "rollingUpdate": SAFE}
    borrowed = {**borrowed, "spec": {**borrowed["spec"], "strategy": strategy}}
    pinned = applied(borrowed, step(RUNNING, live=live(workload=borrowed)))
    there = (*AT_HOME, a_pod("render-h3", "home-node-1"))
    insight = an_insight_of(at=later(30))

    gives_back = step(SERVING, live=live(workload=pinned, pods=there), insight=insight, seconds=31)
    settled = live(workload=applied(pinned, gives_back), pods=there)

    assert isinstance(gives_back, Step)
    assert gives_back.write.body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == "25%"
    ended = progress(step(SERVING, live=settled, insight=insight, seconds=31))
    assert ended.status is Status.SUCCEEDED
    borrows = step(GOING_BACK, live=settled)
    assert isinstance(borrows, Step)
    assert borrows.write.body["spec"]["strategy"]["rollingUpdate"] == SAFE
    returns = step(GOING_BACK, live=live(workload=pinned, pods=there))
    assert isinstance(returns, Step)
    assert "strategy" not in returns.write.body["spec"]


@pytest.mark.parametrize(
    "spec",
    [
        {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}},
        {"replicas": 3},
    ],
)
def test_a_strategy_that_was_chosen_or_is_safe_is_not_borrowed(spec: dict[str, Any]) -> None:
    pods = FOUR_AT_METRO[: spec.get("replicas", 4)]

    following = step(live=live(workload=created_with_defaults(**spec), pods=pods))

    assert isinstance(following, Step)
    assert following.write.body["spec"]["template"]["spec"]["affinity"] == pinned_to("home")


def test_a_default_that_somebody_applies_is_theirs() -> None:
    path = ("spec", "strategy", "rollingUpdate", "maxSurge")
    theirs = managed(created_with_defaults(), "argocd", "Apply", *path)

    following = step(live=live(workload=theirs, pods=FOUR_AT_METRO))

    assert isinstance(following, Step)
    assert following.write.body["spec"]["strategy"]["rollingUpdate"] == SAFE


def test_a_rollout_frozen_on_its_way_back_goes_on_and_a_denial_of_that_ends_it_there() -> None:
    workload = marked("metro", back=True)
    mark = json.loads(workload["metadata"]["annotations"][MARK])
    workload["metadata"]["annotations"][MARK] = json.dumps({**mark, "frozen": True})

    following = step(GOING_BACK, live=live(workload=workload))

    assert isinstance(following, Step)
    assert following.otherwise is None


def test_a_move_whose_beginning_is_not_known_is_never_late() -> None:
    undated = replace(RUNNING, started_at=None)

    assert isinstance(step(undated, live=live(workload=marked()), seconds=9000), Wait)
