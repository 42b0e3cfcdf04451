"""A dry run of one decision: its actions judged against the world as it is, and nothing changed."""

from dataclasses import replace

from services.act.core.act import next_of_plan
from services.act.core.admission import own_actions
from services.act.core.ledger import Entry, Ledger
from services.act.core.outcome import declined
from services.act.core.steps import Progress, Step, Wait
from services.act.ports import ClusterApi
from services.act.reading import read_live
from shared.errors import PermanentError
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.names import ClusterName
from shared.model.plan import ApplicationAction
from shared.runtime.clock import Clock


async def rehearse(
    decision: Decision, api: ClusterApi, insight: Insight, *, home: ClusterName, now: Clock
) -> Outcome:
    """Return what would become of a decision. `api` tells writes and does not make them.

    Each action is judged on its own: what an earlier one would have changed is not there.
    """
    told = []
    for action in own_actions(decision):
        message = await _first_step(action, decision, api, insight, home=home, now=now)
        told.append(ActionResult(action=action, status=Status.ADVISED, message=message))
    outcome = declined(decision, Status.ADVISED, "a dry run: nothing was changed", now=now())
    return replace(outcome, actions=tuple(told), dry_run=True)


async def _first_step(
    action: ApplicationAction,
    decision: Decision,
    api: ClusterApi,
    insight: Insight,
    *,
    home: ClusterName,
    now: Clock,
) -> str:
    """Say what the action would do first, or why it would not."""
    try:
        live = await read_live(api, action, home=home)
    except PermanentError as error:
        return f"would be refused: {error}"
    entry = Entry(action=action)
    while not entry.status.is_final:
        following = next_of_plan(_alone(decision, entry, now), live, insight, now=now())
        match following:
            case Progress():
                entry = following.entry
            case Step():
                await api.write(following.write)
                return f"would {following.write.purpose}"
            case Wait():
                return f"would wait: {following.reason}"
    return f"would end as {entry.status}: {entry.message}".rstrip(": ")


def _alone(decision: Decision, entry: Entry, now: Clock) -> Ledger:
    """Return a ledger with one action, as if it had just been admitted."""
    return Ledger(
        decision=decision.id,
        cycle=decision.cycle,
        application=decision.application,
        status=Status.PENDING,
        started_at=now(),
        deadline_at=decision.deadline_at,
        updated_at=now(),
        entries=(entry,),
    )
