"""Everything Orient tells operators."""

from collections.abc import Collection

from shared.messages.insight import Incident, IncidentState, Insight
from shared.runtime import logs, metrics

_log = logs.get("orient")
_insights = metrics.counter("orient_insights_total", "Does Orient keep turning?")
_seconds = metrics.histogram(
    "orient_turn_seconds",
    "How long does one assessment take?",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_incidents = metrics.gauge("orient_open_incidents", "How much is wrong now?", ("kind", "severity"))
_groups = metrics.gauge(
    "orient_user_groups", "How many user groups are within their budget?", ("state",)
)


def insight_reached(insight: Insight, *, known: Collection[str], seconds: float) -> None:
    """Tell one turn: its length, the users' quality, and incidents that opened or closed.

    `known`: the ids of the incidents that were open before.
    """
    _insights.inc()
    _seconds.observe(seconds)
    states = [quality.is_met for quality in insight.qualities]
    _groups.labels("met").set(states.count(True))
    _groups.labels("violated").set(states.count(False))
    _groups.labels("unknown").set(states.count(None))
    _incidents.clear()
    for incident in insight.incidents:
        _tell(incident, is_new=incident.id not in known)
    _log.debug("insight_reached", seconds=round(seconds, 4), incidents=len(insight.incidents))


def _tell(incident: Incident, *, is_new: bool) -> None:
    if incident.state is IncidentState.CLOSED:
        _log.info("incident_closed", incident=incident.id, message=incident.message)
        return
    _incidents.labels(incident.kind, incident.severity).inc()
    if is_new:
        _log.warning(
            "incident_opened",
            incident=incident.id,
            severity=incident.severity,
            message=incident.message,
            affected=list(incident.affected),
        )
