"""What fires, what ends, and that labels never vary."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.outcome import declined
from services.act.core.permitting.needs import Land, all_needs
from services.act.core.telling.alerts import LAST_WORDS, Alert, Posted, next_post, with_held
from services.act.core.telling.double_runs import DoubleRun
from services.act.core.telling.firing import NAMES, Known, due_alerts
from services.act.core.telling.incident_alerts import closed_incidents
from shared.messages.control import Control
from shared.messages.incident import Incident, IncidentState, Severity, SubjectKind
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy, WorkloadRef
from shared.model.names import CAPACITY, ClusterName, ComponentName
from shared.model.plan import GrowCluster, Scale
from tests.support.builders import ARENA, FLEET, NOW, an_insight, later
from tests.support.objects_act import a_decision, an_incident

LIFETIME = timedelta(seconds=90)


def due(*incidents: Incident, seconds: float = 60.0, **known: Any) -> tuple[Alert, ...]:
    """Return what fires so many seconds after NOW."""
    insight = an_insight(incidents=incidents)
    everything = Known(fleet=FLEET, insight=insight, **known)
    return due_alerts(everything, now=later(seconds), lifetime=LIFETIME)


def name_of(alert: Alert) -> str:
    """Return what an alert is called."""
    return dict(alert.labels)["alertname"]


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


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.ADVISED, Status.REJECTED])
def test_a_decision_that_ended_as_people_wish_does_not_fire(status: Status) -> None:
    assert due(outcomes=(an_outcome(status),)) == ()


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING])
def test_a_move_under_way_is_told_and_nobody_is_woken(status: Status) -> None:
    outcome = an_outcome(status)
    begun = tuple(replace(result, started_at=later(5)) for result in outcome.actions)

    (alert,) = due(outcomes=(replace(outcome, actions=begun, at=later(30)),))

    assert dict(alert.labels) == {
        "alertname": "MoveUnderWay",
        "application": ARENA,
        "incident": f"plan:{ARENA}",
        "severity": "info",
        "fleet": FLEET,
    }
    assert alert.summary == "move render from metro to home"
    assert alert.starts_at == later(5)


def test_a_plan_that_moves_nothing_is_not_told_as_a_move() -> None:
    scale = Scale(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        replicas_before=1,
        replicas=2,
    )

    assert due(outcomes=(declined(a_decision(scale), Status.RUNNING, "", now=NOW),)) == ()


def test_what_is_told_of_a_plan_for_clusters_names_the_cluster() -> None:
    grow = GrowCluster(
        cluster=ClusterName("metro"),
        namespace="capi",
        machine_deployment="metro-md-0",
        nodes_before=1,
        nodes=2,
        expected_minutes=5.0,
    )
    decision = a_decision(grow, application=CAPACITY, autonomy=Autonomy.ADVISE)
    refused = declined(decision, Status.REFUSED, "no room", now=NOW)

    alerts = due(outcomes=(refused,), decisions=(decision,))

    labels = {"cluster": "metro", "incident": "plan:metro", "severity": "warning", "fleet": FLEET}
    assert [dict(alert.labels) for alert in alerts] == [
        {"alertname": "CapacityAdvised", **labels},
        {"alertname": "PlanRefused", **labels},
    ]


def test_a_paused_loop_is_told_with_who_paused_it() -> None:
    control = Control(fleet=FLEET, paused=True, by="ann", reason="maintenance", at=NOW)

    (alert,) = due(control=control)

    assert alert.summary == "The loop is paused by ann: maintenance"
    assert dict(alert.labels)["severity"] == "info"
    assert due(control=replace(control, paused=False)) == ()
    (alert,) = due(control=replace(control, by="", reason=""))
    assert alert.summary == "The loop is paused by somebody"


def test_what_act_was_not_granted_is_told_by_what_it_is_needed_for() -> None:
    needs = all_needs(Land(home=ClusterName("home"), namespace="crossloop"))
    lacking = {"offload_namespace": tuple(sorted(needs["offload_namespace"]))[:2]}

    (alert,) = due(lacking=lacking)

    assert dict(alert.labels) == {
        "alertname": "PermissionMissing",
        "purpose": "offload_namespace",
        "incident": "permission:offload_namespace",
        "severity": "warning",
        "fleet": FLEET,
    }
    assert alert.summary == "Act cannot offload namespace: permissions lack"
    assert alert.description.count("Act may not") == 2


def test_a_double_run_is_told() -> None:
    run = DoubleRun(cluster=ClusterName("metro"), application=ARENA, pods=2, since=NOW)

    (alert,) = due(double_runs=(run,))

    assert (name_of(alert), alert.starts_at) == ("DoubleRun", NOW)


def test_every_alert_has_one_of_the_names_that_act_ends_after_a_restart() -> None:
    statuses = (Status.WAITING, Status.REFUSED, Status.EXPIRED, Status.REVERTED, Status.FAILED)
    alerts = [
        *(alert for kind in SubjectKind for alert in due(an_incident(kind=kind, subject="a>b"))),
        *(alert for status in statuses for alert in due(outcomes=(an_outcome(status),))),
    ]

    assert len(alerts) == len(SubjectKind) + len(statuses)
    assert {name_of(alert) for alert in alerts} < NAMES


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


def test_before_the_first_insight_there_are_neither_incidents_nor_outcomes_to_tell() -> None:
    known = Known(fleet=FLEET, outcomes=(an_outcome(Status.FAILED),))

    assert due_alerts(known, now=NOW, lifetime=LIFETIME) == ()


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


def test_what_fires_on_keeps_the_start_it_was_first_posted_with() -> None:
    earlier = due(decisions=(a_decision(autonomy=Autonomy.ADVISE),))
    again = due(decisions=(a_decision(at=later(15), autonomy=Autonomy.ADVISE),))

    batch, posted = next_post(again, (), Posted(firing=earlier), now=later(70))

    assert [alert.starts_at for alert in batch] == [NOW]
    assert posted.firing == batch


def test_what_an_earlier_act_posted_and_fires_no_more_is_ended_in_the_first_post() -> None:
    (mild,) = due(an_incident(severity=Severity.WARNING))
    worse = due(an_incident(severity=Severity.CRITICAL))
    posted = with_held(Posted(firing=worse), (mild, *worse))

    batch, _ = next_post(worse, (), posted, now=later(70))

    assert batch == (*worse, replace(mild, ends_at=later(70)))


def test_a_closed_incident_is_ended_though_its_alert_was_posted_by_another_act() -> None:
    told = an_insight(incidents=(an_incident(state=IncidentState.CLOSED),))
    closed = closed_incidents(told, now=later(60))

    batch, _ = next_post((), closed, Posted(), now=later(60))

    assert [(a.labels, a.ends_at) for a in batch] == [(due(an_incident())[0].labels, later(60))]
    assert closed_incidents(None, now=NOW) == ()


@given(st.lists(st.sampled_from(Severity), min_size=1, max_size=8), st.booleans())
def test_an_incident_never_has_two_alerts_at_once(
    severities: list[Severity], restart: bool
) -> None:
    firing: dict[Any, Any] = {}
    posted = Posted()
    for turn, severity in enumerate(severities):
        if restart:
            held = tuple(alert for alert in firing.values() if alert.ends_at > later(60 + turn))
            posted = with_held(Posted(), held)
        now_due = due(an_incident(severity=severity), seconds=60 + turn)
        batch, posted = next_post(now_due, (), posted, now=later(60 + turn))
        firing |= {alert.labels: alert for alert in batch}
        open_alerts = [a for a in firing.values() if a.ends_at > later(60 + turn)]
        assert [dict(a.labels)["severity"] for a in open_alerts] == [severity]
