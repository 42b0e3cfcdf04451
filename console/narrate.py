"""The story as lines, for where there is no terminal: what changed, once."""

from collections.abc import Iterator

from console.render import clock, plan_text, suspicion
from console.story import Story
from shared.messages.control import Control
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight, Quality
from shared.messages.outcome import Outcome, Status
from shared.messages.subjects import Message
from shared.model.plan import describe


def narrate(before: Story, now: Story, message: Message | None) -> Iterator[str]:
    """Yield a line for each thing that changed with a message."""
    match message:
        case Insight():
            yield from _insight_lines(before.insight, message)
        case Decision():
            yield from _decision_lines(message)
        case Outcome():
            yield from _outcome_lines(message)
        case Control():
            state = "paused" if message.paused else "resumed"
            yield f"{clock(message.at)}  {state} by {message.by}: {message.reason}"
        case _:
            if now.insight is None:
                yield "waiting for the first insight"


def _insight_lines(before: Insight | None, insight: Insight) -> Iterator[str]:
    known = {(q.application, q.group): q for q in before.qualities} if before else {}
    for quality in insight.qualities:
        past = known.get((quality.application, quality.group))
        if past is None or past.is_met != quality.is_met or _moved(past, quality):
            yield f"{clock(insight.at)}  {_quality_line(quality)}"
    open_before = {i.id for i in before.incidents} if before else set()
    for incident in insight.incidents:
        if not incident.is_open:
            yield f"{clock(insight.at)}  incident over: {incident.message}"
        elif incident.id not in open_before:
            note = f"{incident.message}{suspicion(incident)}"
            yield f"{clock(insight.at)}  incident ({incident.severity}): {note}"


def _moved(past: Quality, now: Quality) -> bool:
    """Tell whether the latency changed by more than a tenth of the budget."""
    if past.latency_ms is None or now.latency_ms is None:
        return past.latency_ms is not now.latency_ms
    return abs(past.latency_ms - now.latency_ms) > now.budget_ms / 10


def _quality_line(quality: Quality) -> str:
    who = f"{quality.application} {quality.group}"
    if quality.latency_ms is None:
        return f"{who}: latency not known, {quality.reason}"
    word = "within" if quality.is_met else "OUT OF"
    return f"{who}: {quality.latency_ms:.1f} ms, {word} its budget of {quality.budget_ms:g} ms"


def _decision_lines(decision: Decision) -> Iterator[str]:
    head = f"{clock(decision.at)}  {decision.application} {decision.verdict}"
    yield f"{head} ({decision.reason}): {decision.detail}"
    if decision.verdict is Verdict.ACT:
        yield f"          plan: {plan_text(decision.plan)}"
        for rejection in decision.rejections[:1]:
            candidate = describe(rejection.candidate)
            yield f"          turned down: {candidate} ({rejection.reason}): {rejection.detail}"


def _outcome_lines(outcome: Outcome) -> Iterator[str]:
    note = f": {outcome.message}" if outcome.message else ""
    yield f"{clock(outcome.at)}  {outcome.application} {_status(outcome)}{note}"


def _status(outcome: Outcome) -> str:
    """Return how far it is: a move that serves is watched for some cycles before it is done."""
    running = [r for r in outcome.actions if r.status is Status.RUNNING]
    if not running:
        return outcome.status
    action = describe(running[0].action)
    return f"running: {action}" + (", serving, under watch" if running[0].serving_at else "")
