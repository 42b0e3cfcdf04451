"""The ways of Pending on a virtual node, as Liqo 1.2 was seen to show them."""

from typing import Any

import pytest

from services.act.core.moving.hanging import Hanging, Pending, hanging, is_unaccepted
from tests.support.builders import later
from tests.support.objects_act import a_pod

UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 node(s) were unschedulable",
}
BACK_OFF = {"type": "PodScheduled", "status": "False", "reason": "OffloadingBackOff"}
ACCEPTED = {"hostIP": "10.0.0.1"}
CORDONED = 'admission webhook "x" denied the request: user is cordoned'
REFUSED = 'Post "https://127.0.0.1:7443": dial tcp 127.0.0.1:7443: connect: connection refused'


def a_copy(**status: Any) -> dict[str, Any]:
    """Return a pod put on edge-north now."""
    pod = a_pod("render-e0", "edge-north", ready=False, **status)
    pod["metadata"]["uid"] = "1"
    return pod


def an_event(message: str, *, uid: str = "1", **changes: Any) -> dict[str, Any]:
    """Return what Liqo tells of the pod."""
    about = {"kind": "Pod", "name": "render-e0", "uid": uid}
    return {"reason": "FailedReflection", "message": message, "involvedObject": about, **changes}


def told(pod: dict[str, Any], *events: dict[str, Any], seconds: float = 1) -> Hanging:
    """Return the way a pod is Pending so many seconds after it was made."""
    found = hanging(pod, events, later(seconds))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("status", "events", "way", "reason"),
    [
        (ACCEPTED, (), Pending.STARTING, "its scheduler may be dead"),
        ({**ACCEPTED, "conditions": [UNSCHEDULABLE]}, (), Pending.NO_ROOM, "0/3 nodes are"),
        ({"reason": "OffloadingBackOff"}, (), Pending.NOT_OFFLOADED, "not offloaded there"),
        ({"conditions": [BACK_OFF]}, (), Pending.NOT_OFFLOADED, "not offloaded there"),
        ({}, (CORDONED,), Pending.CORDONED, "has cordoned this consumer"),
        ({}, (REFUSED,), Pending.UNREACHABLE, "API does not answer"),
        ({}, ('pods "x" is forbidden: exceeded quota: q',), Pending.NO_ROOM, "exceeded quota"),
        ({}, ("something new", REFUSED, CORDONED), Pending.CORDONED, "user is cordoned"),
    ],
)
def test_each_way_is_told_apart_at_once(
    status: dict[str, Any], events: tuple[str, ...], way: Pending, reason: str
) -> None:
    found = told(a_copy(**status), *map(an_event, events))

    assert found.way is way
    assert reason in found.reason
    assert found.reason.startswith("render-e0 ")


def test_only_a_copy_that_was_taken_may_still_start_by_itself() -> None:
    hopeless = {way for way in Pending if Hanging(way=way, reason="").is_hopeless}

    assert hopeless == set(Pending) - {Pending.STARTING}


@pytest.mark.parametrize(("events", "reason"), [((), ""), (("no idea",), ": no idea")])
def test_without_a_sign_that_says_why_it_is_not_accepted_after_ten_seconds(
    events: tuple[str, ...], reason: str
) -> None:
    pod, said = a_copy(), [an_event(text) for text in events]

    assert hanging(pod, said, later(10)) is None
    late = told(pod, *said, seconds=11)
    assert late.way is Pending.NOT_ACCEPTED
    assert late.reason == f"render-e0 was not accepted by the provider{reason}"


def test_the_time_of_acceptance_counts_from_when_it_was_put_on_its_node() -> None:
    bound = {
        "type": "PodScheduled",
        "status": "True",
        "lastTransitionTime": later(60).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }

    assert hanging(a_copy(conditions=[bound]), (), later(70)) is None
    assert told(a_copy(conditions=[bound]), seconds=71).way is Pending.NOT_ACCEPTED


@pytest.mark.parametrize(
    "event",
    [
        an_event(CORDONED, uid="of an earlier pod of that name"),
        an_event(CORDONED, involvedObject={"name": "render-e1"}),
        an_event(CORDONED, reason="SuccessfulReflection"),
        {"reason": "FailedReflection"},
    ],
)
def test_what_was_told_of_another_pod_or_of_success_says_nothing(event: dict[str, Any]) -> None:
    assert hanging(a_copy(), (event,), later(1)) is None


def test_a_pod_without_a_date_is_never_late() -> None:
    pod = a_copy()
    del pod["metadata"]["creationTimestamp"]

    assert hanging(pod, (), later(1000)) is None


def test_a_pod_that_runs_or_has_no_node_yet_does_not_hang_there() -> None:
    waiting = a_copy()
    del waiting["spec"]["nodeName"]

    assert hanging(a_pod("render-e0", "edge-north"), (), later(60)) is None
    assert hanging(waiting, (), later(60)) is None
    assert [is_unaccepted(pod) for pod in (a_copy(), a_copy(**ACCEPTED), waiting)] == [
        True,
        False,
        False,
    ]
