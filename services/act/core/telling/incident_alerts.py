"""Incidents as alerts: one for each, with labels that say what it is about."""

from datetime import datetime
from typing import assert_never

from services.act.core.telling.alerts import Alert, labels_of
from shared.messages.incident import Incident, SubjectKind
from shared.messages.insight import Insight


def open_incidents(insight: Insight, *, ends_at: datetime) -> tuple[Alert, ...]:
    """Return the alerts of the incidents that go on."""
    return tuple(_alert(i, insight, ends_at) for i in insight.incidents if i.is_open)


def closed_incidents(insight: Insight | None, *, now: datetime) -> tuple[Alert, ...]:
    """Return the alerts of the incidents that the newest insight tells to be over."""
    if insight is None:
        return ()
    return tuple(_alert(i, insight, now) for i in insight.incidents if not i.is_open)


def _alert(incident: Incident, insight: Insight, ends_at: datetime) -> Alert:
    affected = ", ".join(incident.affected)
    return Alert(
        labels=labels_of(
            alertname=NAMES[incident.kind],
            incident=incident.id,
            severity=incident.severity,
            fleet=insight.fleet_name,
            **_subject(incident),
        ),
        summary=incident.message,
        description=f"Affected: {affected}" if affected else "",
        starts_at=incident.opened_at,
        ends_at=ends_at,
    )


NAMES = {
    SubjectKind.LINK: "LinkDegraded",
    SubjectKind.NODE: "NodeDegraded",
    SubjectKind.GATEWAY: "GatewayDegraded",
    SubjectKind.CLUSTER: "ClusterUnreachable",
    SubjectKind.COMPONENT: "ComponentDegraded",
    SubjectKind.GROUP: "QualityMissed",
}
"""What an alert of an incident is called, by what the incident is about."""


def _subject(incident: Incident) -> dict[str, str]:
    """Return the labels that say what an incident is about, for routes and inhibitions."""
    match incident.kind:
        case SubjectKind.LINK:
            source, _, target = incident.subject.partition(">")
            return {"cluster": source, "peer": target}
        case SubjectKind.NODE:
            cluster, _, node = incident.subject.partition("/")
            return {"cluster": cluster, "node": node}
        case SubjectKind.GATEWAY | SubjectKind.CLUSTER:
            return {"cluster": incident.subject}
        case SubjectKind.COMPONENT:
            application, _, component = incident.subject.rpartition("/")
            return {"application": application, "component": component}
        case SubjectKind.GROUP:
            application, _, group = incident.subject.rpartition("/")
            return {"application": application, "group": group}
        case _:
            assert_never(incident.kind)
