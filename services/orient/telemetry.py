"""Everything Orient tells operators."""

from collections.abc import Collection
from datetime import datetime

from services.orient.core.series.rows import Tally
from shared.messages.incident import Incident
from shared.messages.insight import Insight
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

_readings = metrics.counter(
    "orient_readings_total", "How many readings were used, and how many were odd?", ("state",)
)
_series = metrics.gauge("orient_series", "How many series does Orient know?")
_memory_bytes = metrics.gauge("orient_memory_bytes", "How large is the memory on disk?")


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
    if not incident.is_open:
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


def readings_counted(tally: Tally, *, series: int) -> None:
    """Tell what the readings of one turn were like, and how many series there are."""
    used = tally.readings - tally.duplicates - tally.refused - tally.not_finite
    _readings.labels("used").inc(used)
    _readings.labels("duplicate").inc(tally.duplicates)
    _readings.labels("not_finite").inc(tally.not_finite)
    _readings.labels("refused").inc(tally.refused)
    _readings.labels("new").inc(tally.new)
    _readings.labels("evicted").inc(tally.evicted)
    _series.set(series)


def observation_skipped(*, newest: datetime) -> None:
    """Tell that an observation was left out: a newer one was judged before."""
    _log.warning("observation_skipped", newest=newest.isoformat())


def clock_set_back(*, newest: datetime) -> None:
    """Tell that observations are of long before the newest: what was learnt is given up."""
    _log.warning("clock_set_back", newest=newest.isoformat())


def memory_not_kept() -> None:
    """Tell that there is no folder to save the memory in."""
    _log.info("memory_not_kept", setting="CROSSLOOP_MEMORY_DIR")


def memory_restored(*, series: int, learnt_at: datetime | None) -> None:
    """Tell that what was saved is known again."""
    _series.set(series)
    _log.info("memory_restored", series=series, learnt_at=learnt_at and learnt_at.isoformat())


def memory_set_aside(*, reason: str) -> None:
    """Tell that what was saved cannot be used, and that Orient learns anew."""
    _log.warning("memory_set_aside", reason=reason)


def memory_saved(*, size_bytes: int, seconds: float) -> None:
    """Tell that the memory is on disk."""
    _memory_bytes.set(size_bytes)
    _log.debug("memory_saved", bytes=size_bytes, seconds=round(seconds, 3))


def memory_lost(*, reason: str) -> None:
    """Tell that the memory cannot be saved."""
    _log.error("memory_lost", reason=reason)


def memory_found() -> None:
    """Tell that it can be saved again."""
    _log.info("memory_found")
