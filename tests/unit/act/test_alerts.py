"""What fires, what ends, and that labels never vary."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.act.core.alerts import (
    LAST_WORDS,
    Alert,
    Posted,
    closed_alerts,
    due_alerts,
    next_post,
)
from services.act.core.outcome import declined
from shared.messages.decision import Decision
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy
from tests.support.builders import ARENA, NOW, an_insight, later
from tests.support.objects_act import a_decision, an_incident

LIFETIME = timedelta(seconds=90)


def due(
    *incidents: Incident,
    outcomes: tuple[Outcome, ...] = (),
    decisions: tuple[Decision, ...] = (),
    seconds: float = 60.0,
) -> tuple[Alert, ...]:
    """Return what fires so many seconds after NOW."""
    insight = an_insight(incidents=incidents)
    return due_alerts(insight, outcomes, decisions, now=later(seconds), lifetime=LIFETIME)


def an_outcome(status: Status, **changes: Any) -> Outcome:
    """Return an outcome of the decision at NOW."""
    return replace(declined(a_decision(), status, "no room", now=NOW), **changes)


def test_an_open_incident_fires_from_when_it_was_opened() -> None:
    (alert,) = due(an_incident())

    assert dict(alert.labels) == {
        "alertname": "LinkDegraded",
        "incident": "link:home>metro:20261124T070000Z",
        "severity": "critical",
        "fleet": "default",
        "cluster": "home",
        "peer": "metro",
    }
    assert (alert.starts_at, alert.ends_at) == (NOW, later(60) + LIFETIME)


@pytest.mark.parametrize(
    ("kind", "subject", "labels"),
    [
        (SubjectKind.NODE, "metro/metro-1", {"cluster": "metro", "node": "metro-1"}),
        (SubjectKind.CLUSTER, "metro", {"cluster": "metro", "alertname": "ClusterUnreachable"}),
        (SubjectKind.GATEWAY, "metro", {"cluster": "metro", "alertname": "GatewayDegraded"}),
        (SubjectKind.COMPONENT, "xr/arena/render", {"application": "xr/arena"}),
        (SubjectKind.GROUP, "xr/arena/north", {"application": "xr/arena", "group": "north"}),
    ],
)
def test_labels_say_what_an_incident_is_about(
    kind: SubjectKind, subject: str, labels: dict[str, str]
) -> None:
    (alert,) = due(an_incident(kind=kind, subject=subject))

    assert labels.items() <= dict(alert.labels).items()


def test_labels_and_start_are_the_same_whenever_they_are_computed() -> None:
    (first,) = due(an_incident())
    (again,) = due(an_incident(), seconds=3000)

    assert (first.labels, first.starts_at) == (again.labels, again.starts_at)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (Status.WAITING, "ApprovalNeeded"),
        (Status.REFUSED, "PlanRefused"),
        (Status.REVERTED, "PlanReverted"),
        (Status.FAILED, "PlanFailed"),
        (Status.EXPIRED, "PlanExpired"),
    ],
)
def test_a_decision_that_needs_a_person_fires_without_its_id_in_the_labels(
    status: Status, name: str
) -> None:
    (alert,) = due(outcomes=(an_outcome(status),))

    labels = dict(alert.labels)
    assert (labels["alertname"], labels["application"]) == (name, ARENA)
    assert not any(a_decision().id in value for value in labels.values())
    assert alert.summary == "move render from metro to home: no room"
    assert alert.description == f"Decision {a_decision().id}"


@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUCCEEDED, Status.ADVISED])
def test_a_decision_that_goes_well_does_not_fire(status: Status) -> None:
    assert due(outcomes=(an_outcome(status),)) == ()


def test_a_refusal_is_over_after_a_while_and_a_failure_is_not() -> None:
    outcomes = (an_outcome(Status.REFUSED), an_outcome(Status.FAILED))

    (alert,) = due(outcomes=outcomes, seconds=901)

    assert ("alertname", "PlanFailed") in alert.labels


def test_advice_fires_until_its_deadline() -> None:
    advice = a_decision(autonomy=Autonomy.ADVISE)

    (alert,) = due(decisions=(advice,))

    assert ("alertname", "MoveAdvised") in alert.labels
    assert due(decisions=(advice,), seconds=121) == ()
    assert due(decisions=(a_decision(),)) == ()


def test_a_dry_run_does_not_fire() -> None:
    assert due(outcomes=(an_outcome(Status.REFUSED, dry_run=True),)) == ()


def test_what_fires_no_more_is_ended_a_few_times() -> None:
    firing = due(an_incident())
    posted = Posted(firing=firing)
    ends = []
    for turn in range(LAST_WORDS + 2):
        batch, posted = next_post((), (), posted, now=later(70 + turn))
        ends += [alert.ends_at for alert in batch]

    assert ends == [later(70)] * LAST_WORDS


def test_an_incident_that_got_worse_ends_its_milder_alert() -> None:
    mild = due(an_incident(severity=Severity.WARNING))
    worse = due(an_incident(severity=Severity.CRITICAL))

    batch, posted = next_post(worse, (), Posted(firing=mild), now=later(70))

    assert [alert.ends_at for alert in batch] == [later(60) + LIFETIME, later(70)]
    assert posted.firing == worse


def test_what_fires_again_is_not_ended_any_more() -> None:
    firing = due(an_incident())
    _, posted = next_post((), (), Posted(firing=firing), now=later(70))

    batch, posted = next_post(firing, (), posted, now=later(80))

    assert batch == firing
    assert posted.endings == ()


def test_a_closed_incident_is_ended_though_its_alert_was_posted_by_another_act() -> None:
    closed = closed_alerts(told(an_incident(state=IncidentState.CLOSED)), now=later(60))

    batch, _ = next_post((), closed, Posted(), now=later(60))

    assert [(a.labels, a.ends_at) for a in batch] == [(due(an_incident())[0].labels, later(60))]


def told(*incidents: Incident) -> Insight:
    """Return an insight with these incidents."""
    return an_insight(incidents=incidents)
