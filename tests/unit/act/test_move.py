"""How a move goes on, from hand-made objects."""

import json
from dataclasses import replace
from typing import Any

import pytest

from services.act.core.live import Live
from services.act.core.moving.marks import MARK
from services.act.core.moving.move import next_of_move
from services.act.core.steps import Context, Step, Wait
from shared.messages.outcome import Status
from shared.model.names import ClusterName
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
    an_insight_of,
    an_offloading,
    pinned_to,
)


def refusal(**changes: Any) -> str:
    """Return the sentence with which a move is refused for such objects."""
    entry = progress(step(live=live(**changes)))
    assert entry.status is Status.REFUSED
    return entry.message


def test_a_healthy_workload_is_pinned_to_the_target_with_its_mark_in_one_write() -> None:
    following = step(live=live())

    assert isinstance(following, Step)
    body = following.write.body
    assert body["spec"] == {"template": {"spec": {"affinity": pinned_to("home")}}}
    assert body["metadata"]["resourceVersion"] == "7"
    mark = json.loads(body["metadata"]["annotations"][MARK])
    assert mark["decision"] == a_decision().id
    assert mark["previous"][0]["matchExpressions"][0]["values"] == ["metro"]


def test_a_move_to_a_provider_names_its_cluster_id() -> None:
    pods = tuple(a_pod(f"render-{n}", "home-node-1") for n in range(3))
    move = a_move("home", "edge-north")

    following = step(live=live(pods=pods), move=move)

    assert isinstance(following, Step)
    assert following.write.body["spec"]["template"]["spec"]["affinity"] == pinned_to("edge-north")


@pytest.mark.parametrize(
    ("strategy", "is_set"),
    [
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%"}}, False),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}, True),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}, True),
        ({"type": "Recreate"}, True),
    ],
)
def test_a_strategy_that_takes_old_pods_first_is_set_in_the_same_write(
    strategy: dict[str, Any], is_set: bool
) -> None:
    following = step(live=live(workload=a_deployment("render", strategy=strategy)))

    assert isinstance(following, Step)
    assert ("strategy" in following.write.body["spec"]) is is_set


def test_a_strategy_once_set_is_applied_again_since_leaving_it_out_would_take_it_away() -> None:
    deployment = marked("metro")
    mark = json.loads(deployment["metadata"]["annotations"][MARK])
    mark.update(decision="an-earlier-one", strategy=True)
    deployment["metadata"]["annotations"][MARK] = json.dumps(mark)

    following = step(live=live(workload=deployment))

    assert isinstance(following, Step)
    assert following.write.body["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"workload": None}, "Deployment render does not exist"),
        ({"workload": a_deployment("render", paused=True)}, "rollouts of Deployment render are"),
        ({"workload": a_deployment("render", replicas=0)}, "has no replicas"),
        ({"pods": AT_HOME}, "render no longer stands on metro"),
        ({"pods": (_bound := a_pod("render-0", "metro"),)}, "bound by the volume claim models"),
    ],
)
def test_a_workload_that_changed_is_refused(changes: dict[str, Any], reason: str) -> None:
    _bound["spec"]["volumes"] = [{"persistentVolumeClaim": {"claimName": "models"}}]

    assert reason in refusal(**changes)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"nodes": (a_node("metro", "metro"),)}, "virtual node of edge-north is missing"),
        ({"nodes": (*NODES[:1], a_node("e", "edge-north", ready=False))}, "is not Ready"),
        ({"nodes": (*NODES[:1], a_node("e", "edge-north", cordoned=True))}, "is cordoned"),
        ({"foreign_clusters": ()}, "not established the peering"),
        (
            {"foreign_clusters": (a_foreign_cluster("edge-north", "Error"),)},
            "does not reach the API server of edge-north",
        ),
        ({"offloading": None}, "not stretched over any cluster"),
        ({"offloading": an_offloading("metro")}, "not stretched over edge-north"),
    ],
)
def test_a_target_that_cannot_take_pods_is_refused(changes: dict[str, Any], reason: str) -> None:
    entry = progress(step(live=live(**changes), move=a_move("metro", "edge-north")))

    assert entry.status is Status.REFUSED
    assert reason in entry.message


def test_a_move_waits_for_an_unready_replica_and_is_refused_at_its_deadline() -> None:
    unready = live(pods=(*AT_METRO[:2], a_pod("render-2", "metro", ready=False)))

    assert step(live=unready) == Wait(reason="only 2 of 3 replicas of render are ready")
    late = progress(step(live=unready, seconds=121))
    assert late.status is Status.REFUSED
    assert "deadline has passed: only 2 of 3" in late.message


def test_health_on_a_lost_cluster_is_not_asked_for() -> None:
    gone = tuple(a_pod(f"render-{n}", "metro", ready=False) for n in range(3))
    lost = live(pods=gone, foreign_clusters=(a_foreign_cluster("metro", "Error"),))

    assert isinstance(step(live=lost), Step)


def test_a_mark_found_on_the_workload_is_a_move_begun_whatever_the_ledger_knows() -> None:
    entry = progress(step(live=live(workload=marked())))

    assert (entry.status, entry.started_at) == (Status.RUNNING, NOW)


def test_a_mark_of_someone_else_during_a_move_is_a_failure() -> None:
    entry = progress(step(RUNNING, live=live(workload=a_deployment("render"))))

    assert entry.status is Status.FAILED
    assert "someone else changed render" in entry.message


def test_a_workload_deleted_during_a_move_is_said_to_be() -> None:
    entry = progress(step(RUNNING, live=Live(home=ClusterName("home"))))

    assert (entry.status, entry.message) == (
        Status.FAILED,
        "someone else deleted render during the move",
    )


def test_it_serves_once_all_replicas_are_ready_on_the_target_before_the_old_ones_are_gone() -> None:
    both = live(workload=marked(), pods=AT_METRO + AT_HOME)

    assert progress(step(RUNNING, live=both)).serving_at == later(1)


def test_ready_pods_do_not_count_before_the_controller_saw_the_change() -> None:
    unseen = marked()
    unseen["metadata"]["generation"] = 2

    assert isinstance(step(RUNNING, live=live(workload=unseen, pods=AT_METRO + AT_HOME)), Wait)


def test_pods_of_another_workload_with_the_same_labels_do_not_count() -> None:
    foreign = tuple(a_pod(f"render-x{n}", "home-node-1", hash_="other") for n in range(3))
    for pod in foreign:
        pod["metadata"]["ownerReferences"][0]["name"] = "render-canary-other"

    waiting = step(RUNNING, live=live(workload=marked(), pods=foreign))

    assert waiting == Wait(reason="0 of 3 replicas of render are ready on home")


def test_it_waits_for_old_copies_that_are_terminating() -> None:
    leaving = (*AT_HOME, a_pod("render-0", "metro", terminating=True))

    waiting = step(SERVING, live=live(workload=marked(), pods=leaving))

    assert waiting == Wait(reason="the old replicas of render on metro are going")


def test_copies_terminating_on_a_lost_cluster_are_told_and_not_waited_for() -> None:
    leaving = (*AT_HOME, a_pod("render-0", "metro", terminating=True))
    lost = live(
        workload=marked(), pods=leaving, foreign_clusters=(a_foreign_cluster("metro", "Error"),)
    )

    entry = progress(step(SERVING, live=lost, seconds=40, insight=an_insight_of(at=later(30))))

    assert entry.status is Status.SUCCEEDED
    assert "1 old replicas stay Terminating until metro answers" in entry.message


def test_old_copies_that_never_go_are_a_failure_for_a_person() -> None:
    leaving = (*AT_HOME, a_pod("render-0", "metro", terminating=True))

    entry = progress(step(SERVING, live=live(workload=marked(), pods=leaving), seconds=361))

    assert entry.status is Status.FAILED


def test_copies_that_do_not_stay_ready_on_the_target_are_taken_back() -> None:
    flapping = (*AT_HOME[:2], a_pod("render-h2", "home-node-1", ready=False))

    entry = progress(step(SERVING, live=live(workload=marked(), pods=flapping), seconds=361))

    assert entry.back_at is not None


def test_it_succeeds_when_the_quality_is_as_promised_after_the_soak() -> None:
    early = step(SERVING, live=DONE, insight=an_insight_of(at=later(29)))
    done = step(SERVING, live=DONE, insight=an_insight_of(at=later(30)), seconds=31)

    assert early == Wait(reason="proving it over 2 cycles", for_insight=True)
    assert progress(done).status is Status.SUCCEEDED


@pytest.mark.parametrize(("latency_ms", "goes_back"), [(15.0, False), (21.0, False), (21.1, True)])
def test_it_goes_back_when_a_group_has_more_than_its_budget_and_more_than_before(
    latency_ms: float, goes_back: bool
) -> None:
    insight = an_insight_of(at=later(30), latency_ms=latency_ms)

    entry = progress(step(SERVING, live=DONE, insight=insight, seconds=31))

    assert (entry.back_at is not None) is goes_back
    assert (entry.status is Status.SUCCEEDED) is not goes_back


@pytest.mark.parametrize("missing", ["quality", "placement"])
def test_missing_data_hold_the_move_where_it_is_and_end_it_with_a_note(missing: str) -> None:
    latency_ms = None if missing == "quality" else 12.0
    stands_on = "metro" if missing == "placement" else "home"
    insight = an_insight_of(at=later(30), latency_ms=latency_ms, stands_on=stands_on)

    waiting = step(SERVING, live=DONE, insight=insight, seconds=40)
    ended = progress(step(SERVING, live=DONE, insight=insight, seconds=361))

    assert isinstance(waiting, Wait)
    assert waiting.for_insight
    assert ended.status is Status.SUCCEEDED
    assert ended.message.startswith("not proven")


@pytest.mark.parametrize(("before_ms", "waits"), [(None, False), (21.0, True)])
def test_it_does_not_wait_for_a_group_that_other_components_keep_unserved_as_before(
    before_ms: float | None, waits: bool
) -> None:
    insight = an_insight_of(at=later(30), latency_ms=None)
    placements = tuple(replace(p, ready_replicas=0) for p in insight.fleet.placements[:1])
    fleet = replace(insight.fleet, placements=(*placements, *insight.fleet.placements[1:]))
    context = Context(
        now=later(31),
        decision=a_decision().id,
        deadline_at=later(120),
        insight=replace(insight, fleet=fleet),
        expectations=(replace(AN_EXPECTATION, before_ms=before_ms),),
    )

    following = next_of_move(a_move(), SERVING, DONE, context)

    assert isinstance(following, Wait) is waits


def test_a_move_whose_copies_are_not_ready_in_time_goes_back() -> None:
    entry = progress(step(RUNNING, live=live(workload=marked()), seconds=181))

    assert entry.back_at == later(181)
    assert entry.message == "only 0 of 3 replicas of render are ready on home in time"


UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available",
}


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        ({"conditions": [UNSCHEDULABLE], "hostIP": "10.0.0.1"}, 1, "0/3 nodes are available"),
        ({"reason": "OffloadingBackOff"}, 1, "not offloaded there"),
        ({}, 11, "was not accepted by the provider"),
    ],
)
def test_a_copy_that_hangs_on_the_virtual_node_takes_the_move_back_at_once(
    status: dict[str, Any], seconds: float, reason: str
) -> None:
    to_edge = a_move("metro", "edge-north")

    entry = progress(step(RUNNING, live=pending(**status), seconds=seconds, move=to_edge))

    assert entry.back_at is not None
    assert reason in entry.message


@pytest.mark.parametrize(("status", "seconds"), [({}, 5), ({"hostIP": "10.0.0.1"}, 60)])
def test_a_copy_that_is_only_starting_is_waited_for(status: dict[str, Any], seconds: float) -> None:
    to_edge = a_move("metro", "edge-north")

    assert isinstance(step(RUNNING, live=pending(**status), seconds=seconds, move=to_edge), Wait)


def test_a_target_that_is_lost_takes_the_move_back() -> None:
    lost = replace(pending(), foreign_clusters=(a_foreign_cluster("edge-north", "Error"), PEERS[0]))

    entry = progress(step(RUNNING, live=lost, move=a_move("metro", "edge-north")))

    assert entry.message == "Liqo does not reach the API server of edge-north"


def test_there_is_no_way_back_to_a_lost_cluster() -> None:
    lost = live(workload=marked(), foreign_clusters=(a_foreign_cluster("metro", "Error"),))

    entry = progress(step(RUNNING, live=lost, seconds=181))

    assert entry.status is Status.FAILED
    assert "there is no way back" in entry.message


def test_going_back_applies_the_affinity_from_before() -> None:
    following = step(GOING_BACK, live=live(workload=marked(), pods=AT_METRO + AT_HOME))

    assert isinstance(following, Step)
    assert following.write.body["spec"]["template"]["spec"]["affinity"] == pinned_to("metro")
    assert json.loads(following.write.body["metadata"]["annotations"][MARK])["back"] is True


def test_a_workload_that_had_no_affinity_gets_none_back() -> None:
    deployment = marked()
    mark = json.loads(deployment["metadata"]["annotations"][MARK])
    deployment["metadata"]["annotations"][MARK] = json.dumps({**mark, "previous": None})

    following = step(GOING_BACK, live=live(workload=deployment))

    assert isinstance(following, Step)
    assert "spec" not in following.write.body


def test_it_is_reverted_when_it_runs_as_before() -> None:
    returning = live(workload=marked("metro", back=True), pods=(*AT_METRO, AT_HOME[0]))
    returned = live(workload=marked("metro", back=True))

    assert step(GOING_BACK, live=returning) == Wait(reason="going back to metro: worse")
    entry = progress(step(GOING_BACK, live=returned))
    assert (entry.status, entry.message) == (Status.REVERTED, "worse")


def test_going_back_that_does_not_end_is_a_failure_for_a_person() -> None:
    returning = live(workload=marked("metro", back=True), pods=AT_METRO + AT_HOME)

    entry = progress(step(GOING_BACK, live=returning, seconds=181))

    assert entry.status is Status.FAILED
    assert "did not end in time" in entry.message
