"""Everything Act tells operators: one function per thing that happens."""

from services.act.core.objects import Write
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.plan import CreateCluster, GrowCluster, describe
from shared.runtime import logs, metrics

_log = logs.get("act")
_outcomes = metrics.counter(
    "act_outcomes_total", "What became of the decisions: succeeded, refused, failed?", ("status",)
)
_writes = metrics.counter("act_writes_total", "How often was which kind written?", ("kind",))
_action_seconds = metrics.histogram(
    "act_action_seconds",
    "How long did an action take until its effect served?",
    ("kind",),
    buckets=(1, 2, 5, 10, 20, 30, 60, 120, 300),
)
_provisioning_seconds = metrics.histogram(
    "act_provisioning_seconds",
    "How long did it take to make nodes or a cluster, up to each phase?",
    ("phase",),
    buckets=(5, 10, 20, 40, 60, 100, 150, 200, 300, 450, 600, 900, 1800, 3600),
)
_alerts = metrics.gauge("act_alerts", "How many alerts fire?")
_lacking = metrics.gauge(
    "act_permissions_lacking", "How many permissions lack for what Act does?", ("purpose",)
)


def outcome_reached(outcome: Outcome) -> None:
    """Tell that a decision got further, or ended."""
    _outcomes.labels(status=outcome.status).inc()
    tell = _log.error if outcome.status is Status.FAILED else _log.info
    tell(
        "outcome_reached",
        cycle=outcome.cycle,
        application=outcome.application,
        decision=outcome.decision,
        status=outcome.status,
        message=outcome.message,
        by=outcome.by,
        dry_run=outcome.dry_run,
    )


def action_ended(result: ActionResult) -> None:
    """Tell how one action ended, and how long it took to serve."""
    if result.started_at and result.serving_at:
        taken = (result.serving_at - result.started_at).total_seconds()
        _action_seconds.labels(kind=result.action.kind).observe(taken)
    _provisioned(result)
    _log.info(
        "action_ended",
        action=describe(result.action),
        status=result.status,
        message=result.message,
    )


def _provisioned(result: ActionResult) -> None:
    """Count how long nodes took, phase by phase: `ready of <machine>` is one of `ready`."""
    if not isinstance(result.action, GrowCluster | CreateCluster) or result.started_at is None:
        return
    for phase in result.phases:
        taken = (phase.at - result.started_at).total_seconds()
        _provisioning_seconds.labels(phase=phase.name.partition(" of ")[0]).observe(taken)


def wait_begun(decision: str, reason: str) -> None:
    """Tell what a plan waits for, when that changed."""
    _log.info("wait_begun", decision=decision, reason=reason)


def step_taken(decision: str, write: Write) -> None:
    """Tell that the cluster was changed."""
    _writes.labels(kind=write.ref.kind.name).inc()
    _log.info("step_taken", decision=decision, object=str(write.ref), purpose=write.purpose)


def step_intended(write: Write) -> None:
    """Tell what would have been written, were this not a dry run."""
    _log.info("step_intended", object=str(write.ref), purpose=write.purpose, body=write.body)


def step_denied(decision: str, write: Write, reason: str) -> None:
    """Tell that the API server refused a write for good."""
    _log.warning("step_denied", decision=decision, object=str(write.ref), reason=reason)


def step_postponed(reason: str) -> None:
    """Tell that a plan could not be looked at; it is tried again at the next pass."""
    _log.warning("step_postponed", reason=reason)


def ledger_damaged(application: str, reason: str) -> None:
    """Tell that somebody broke a ledger: its plan is not followed any more."""
    _log.error("ledger_damaged", application=application, reason=reason)


def decision_outdated(decision: Decision) -> None:
    """Tell that a decision older than the plan in the ledger came, and was left alone."""
    _log.info("decision_outdated", decision=decision.id, application=decision.application)


def control_changed(control: Control) -> None:
    """Tell that a person stopped or released the loop."""
    if control.paused:
        _log.warning("loop_paused", by=control.by, reason=control.reason)
    else:
        _log.warning("loop_resumed", by=control.by, reason=control.reason)


def status_denied(application: str, reason: str) -> None:
    """Tell that the status of an application could not be written."""
    _log.warning("status_denied", application=application, reason=reason)


def kubernetes_lost(reason: str) -> None:
    """Tell that the API server does not answer. It is tried for ever."""
    _log.error("kubernetes_lost", reason=reason)


def kubernetes_found() -> None:
    """Tell that the API server answers again."""
    _log.info("kubernetes_found")


def alerts_posted(firing: int) -> None:
    """Keep the number of alerts that fire."""
    _alerts.set(firing)


def alertmanager_lost(replica: str, reason: str) -> None:
    """Tell that one Alertmanager takes no alerts; the others still do."""
    _log.error("alertmanager_lost", replica=replica, reason=reason)


def alerts_unknown(replica: str, reason: str) -> None:
    """Tell that an Alertmanager does not say what an earlier Act posted: that ends by itself."""
    _log.warning("alerts_unknown", replica=replica, reason=reason)


def alertmanager_found(replica: str) -> None:
    """Tell that an Alertmanager takes alerts again."""
    _log.info("alertmanager_found", replica=replica)


def permissions_counted(purpose: str, lacking: int) -> None:
    """Keep how many permissions lack for something."""
    _lacking.labels(purpose=purpose).set(lacking)


def permissions_changed(purpose: str, lacks: list[str]) -> None:
    """Tell what an action cannot do for want of permissions, or that it has all of them again."""
    if lacks:
        _log.error("permission_missing", purpose=purpose, lacks=lacks)
    else:
        _log.info("permission_granted", purpose=purpose)


def check_postponed(reason: str) -> None:
    """Tell that the permissions could not be checked; it is tried again at once."""
    _log.warning("check_postponed", reason=reason)
