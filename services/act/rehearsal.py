"""A dry run of one decision: its actions judged against the world as it is, and nothing changed."""

from dataclasses import dataclass, replace

from services.act.board import Board
from services.act.core.act import context_of
from services.act.core.admission import own_actions, site_of_decision
from services.act.core.ledger import Entry, Ledger
from services.act.core.outcome import declined
from services.act.core.steps import HandOver, Progress, Step, Wait
from services.act.grounding import Ground
from services.act.ports import ClusterApi
from services.act.reading import Pass, prospect_of
from shared.errors import PermanentError
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.plan import Action, describe
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Tells what would be done. `api` tells writes and does not make them.

    Each action is judged on its own: what an earlier one would have changed is not there.
    """

    api: ClusterApi
    board: Board
    insight: Insight
    ground: Ground
    now: Clock

    async def of(self, decision: Decision) -> Outcome:
        """Return what would become of a decision."""
        told = []
        for action in own_actions(decision):
            message = await self._first_step(action, decision)
            told.append(ActionResult(action=action, status=Status.ADVISED, message=message))
        reason = "a dry run: nothing was changed"
        outcome = declined(decision, Status.ADVISED, reason, now=self.now())
        return replace(outcome, actions=tuple(told), dry_run=True)

    async def _first_step(self, action: Action, decision: Decision) -> str:
        """Say what the action would do first, or why it would not."""
        entry = Entry(action=action)
        try:
            prospect = await prospect_of(Pass(self.api), action, self.board, self.ground)
        except PermanentError as error:
            return f"would be refused: {error}"
        while not entry.status.is_final:
            ledger = self._alone(decision, entry)
            following = prospect(entry, context_of(ledger, self.insight, now=self.now()))
            match following:
                case Progress():
                    entry = following.entry
                case Step():
                    await self.api.write(following.write)
                    return f"would {following.write.purpose}"
                case HandOver():
                    return f"would {describe(following.moves[0])}"
                case Wait():
                    return f"would wait: {following.reason}"
        return f"would end as {entry.status}: {entry.message}".rstrip(": ")

    def _alone(self, decision: Decision, entry: Entry) -> Ledger:
        """Return a ledger with one action, as if it had just been admitted."""
        return Ledger(
            decision=decision.id,
            cycle=decision.cycle,
            application=decision.application,
            status=Status.PENDING,
            started_at=self.now(),
            deadline_at=decision.deadline_at,
            updated_at=self.now(),
            entries=(entry,),
            site=site_of_decision(decision),
        )
