"""Everything Decide tells operators."""

from collections.abc import Sequence

from shared.messages.decision import Decision, Verdict
from shared.model.plan import describe
from shared.runtime import logs, metrics

_log = logs.get("decide")
_decisions = metrics.counter(
    "decide_decisions_total", "What was decided, and why?", ("verdict", "reason")
)
_seconds = metrics.histogram(
    "decide_turn_seconds",
    "How long does deciding for the whole fleet take?",
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
_compiled = metrics.gauge("decide_kernels_compiled", "Does the search run as fast as it can?")


def kernels_compiled(*, seconds: float) -> None:
    """Tell that from now on the search runs as machine code."""
    _compiled.set(1)
    _log.info("kernels_compiled", seconds=round(seconds, 1))


def kernels_not_compiled(*, reason: str) -> None:
    """Tell that the search stays interpreted, and with that slow."""
    _log.error("kernels_not_compiled", reason=reason)


def decision_made(decision: Decision) -> None:
    """Tell a decision that was published."""
    _log.info(
        "decision_made",
        decision=decision.id,
        application=decision.application,
        verdict=decision.verdict,
        reason=decision.reason,
        detail=decision.detail,
        actions=[describe(action) for action in decision.plan.actions],
    )


def turn_ended(decisions: Sequence[Decision], *, seconds: float) -> None:
    """Count one turn: all its decisions, published or not, and its length."""
    _seconds.observe(seconds)
    for decision in decisions:
        _decisions.labels(decision.verdict, decision.reason).inc()
    acts = sum(decision.verdict is Verdict.ACT for decision in decisions)
    _log.debug("turn_ended", decisions=len(decisions), acts=acts, seconds=round(seconds, 4))
