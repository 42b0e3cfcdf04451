"""How a change of replicas goes on, from hand-made objects."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.ledger import Entry
from services.act.core.live import Live
from services.act.core.moving.scale import next_of_scale
from services.act.core.steps import Context, Next, Progress, Step, Wait
from shared.messages.outcome import Status
from shared.model.application import WorkloadRef
from shared.model.names import ClusterName, ComponentName
from shared.model.plan import Scale
from tests.support.builders import ARENA, NOW, an_insight, later
from tests.support.objects_act import a_decision, a_deployment, a_scaler, managed

SCALE = Scale(
    application=ARENA,
    component=ComponentName("render"),
    workload=WorkloadRef(name="render"),
    replicas_before=3,
    replicas=4,
)
BEGUN = Entry(action=SCALE, status=Status.RUNNING, started_at=NOW)
GOING_BACK = replace(BEGUN, back_at=NOW, message="too slow")


def step(
    entry: Entry, workload: dict[str, Any] | None, seconds: float = 1.0, *, scalers: Any = ()
) -> Next:
    """Return what comes next so many seconds after it began."""
    context = Context(
        now=later(seconds), decision=a_decision().id, deadline_at=later(120), insight=an_insight()
    )
    seen = Live(home=ClusterName("home"), workload=workload, scalers=scalers)
    return next_of_scale(SCALE, entry, seen, context)


def ended(following: Next) -> tuple[Status, str]:
    """Return how it ended."""
    assert isinstance(following, Progress)
    return following.entry.status, following.entry.message


def asking(replicas: int, ready: int) -> dict[str, Any]:
    """Return a Deployment that asks for some replicas and has others."""
    deployment = a_deployment("render", replicas=ready)
    deployment["spec"]["replicas"] = replicas
    return deployment


def test_the_intent_is_recorded_before_the_write() -> None:
    begun = step(Entry(action=SCALE), asking(3, 3))
    written = step(BEGUN, asking(3, 3))

    assert isinstance(begun, Progress)
    assert begun.entry.status is Status.RUNNING
    assert isinstance(written, Step)
    assert written.write.subresource == "scale"
    assert written.write.body["spec"] == {"replicas": 4}


def test_it_is_done_when_all_replicas_are_ready() -> None:
    assert step(BEGUN, asking(4, 3)) == Wait(reason="3 of 4 replicas are ready")
    assert ended(step(BEGUN, asking(4, 4))) == (Status.SUCCEEDED, "")


def test_replicas_not_ready_in_time_are_taken_back() -> None:
    late = step(BEGUN, asking(4, 3), seconds=181)

    assert isinstance(late, Progress)
    assert late.entry.back_at == later(181)
    undone = step(GOING_BACK, asking(4, 3))
    assert isinstance(undone, Step)
    assert undone.write.body["spec"] == {"replicas": 3}
    assert ended(step(GOING_BACK, asking(3, 3))) == (Status.REVERTED, "too slow")
    assert ended(step(GOING_BACK, asking(3, 4), seconds=181))[0] is Status.FAILED


@pytest.mark.parametrize(
    ("entry", "status"),
    [(Entry(action=SCALE), Status.REFUSED), (BEGUN, Status.FAILED)],
)
def test_a_workload_that_is_gone_or_changed_by_others_is_left_alone(
    entry: Entry, status: Status
) -> None:
    assert ended(step(entry, None)) == (status, "Deployment render does not exist")
    assert ended(step(entry, asking(9, 9))) == (status, "render has 9 replicas, not 3")


def test_it_is_refused_after_its_deadline() -> None:
    assert ended(step(Entry(action=SCALE), asking(3, 3), seconds=121)) == (
        Status.REFUSED,
        "its deadline has passed",
    )


def test_replicas_that_somebody_else_keeps_are_refused_with_their_name() -> None:
    new = Entry(action=SCALE)
    applied = managed(asking(3, 3), "argocd", "Apply", "spec", "replicas")
    by_load = (a_scaler("Deployment", "render"),)

    assert ended(step(new, applied)) == (
        Status.REFUSED,
        "the replicas of render are applied by argocd",
    )
    assert ended(step(new, asking(3, 3), scalers=by_load)) == (
        Status.REFUSED,
        "the replicas of render are kept by HorizontalPodAutoscaler by-load",
    )


def test_a_change_begun_is_brought_to_an_end_whoever_keeps_the_replicas_since() -> None:
    assert isinstance(step(BEGUN, asking(3, 3), scalers=(a_scaler("Deployment", "render"),)), Step)
