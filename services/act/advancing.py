"""Take the next step of one plan: look at its objects, and change the cluster or note progress."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.act import telemetry
from services.act.board import Board
from services.act.core.act import (
    after_denied_look,
    after_denied_step,
    after_progress,
    context_of,
    current_entry,
)
from services.act.core.admission import expired
from services.act.core.ledger import Ledger
from services.act.core.outcome import result_of
from services.act.core.steps import HandOver, Progress, Step, Wait
from services.act.grounding import Ground
from services.act.guarding import send
from services.act.handing import hand_over
from services.act.outbox import Outbox, record
from services.act.ports import ClusterApi
from services.act.reading import Pass, prospect_of
from shared.errors import PermanentError, TransientError
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.names import CycleId
from shared.runtime import logs
from shared.runtime.clock import Clock

DENIED_SECONDS = 5.0
"""Pause before a step is tried again that was denied for good, and that has no way back."""
PATIENCE = timedelta(seconds=5)
"""How long a plan that only waits for an insight is left alone."""


@dataclass(slots=True)
class Attention:
    """What was last seen of one plan: spares calls, and telling the same twice."""

    told: str = ""
    insight: CycleId | None = None
    """The one it was judged by, where only a newer one can change anything."""
    looked_at: datetime | None = None
    version: str = ""
    """Of the object the ledger below was read from."""
    ledger: Ledger | None = None
    stands_still: bool = False
    """Whether there is nothing to do for it in the pause that goes on."""
    not_before: datetime | None = None
    """Until when it is not looked at: an API server asked for that, or people take their time."""

    def is_news(self, reason: str) -> bool:
        """Tell whether this was not what was told last, and keep it."""
        told, self.told = self.told, reason
        return told != reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """Advances one plan at a time. It holds nothing that is not in Kubernetes."""

    api: ClusterApi
    board: Board
    outbox: Outbox
    now: Clock
    ground: Ground

    async def advance(self, ledger: Ledger, look: Pass, attention: Attention) -> None:
        """Take at most one step. What fails is tried again at the next look."""
        if attention.not_before and self.now() < attention.not_before:
            return
        with logs.bound(cycle=ledger.cycle, application=ledger.application):
            try:
                await self._advance_now(ledger, look, attention)
            except (TransientError, PermanentError) as error:
                attention.not_before = self._asked_for(error)
                if attention.is_news(str(error)):
                    telemetry.step_postponed(str(error))

    def _asked_for(self, error: TransientError | PermanentError) -> datetime | None:
        """Return when an API server wants to be asked again, where it said so."""
        seconds = error.retry_after_seconds if isinstance(error, TransientError) else None
        return None if seconds is None else self.now() + timedelta(seconds=seconds)

    async def _advance_now(self, ledger: Ledger, look: Pass, attention: Attention) -> None:
        insight = self.board.insight
        if ledger.status is Status.WAITING:
            if self.now() > ledger.deadline_at:
                await self._record(ledger, expired(ledger, self.now()))
            return
        if insight is None or self._can_wait(attention, insight):
            return
        if not self.board.home:
            raise TransientError("no Site says that it is home: where pods stand cannot be told")
        await self._follow(ledger, look, insight, attention)

    async def _follow(
        self, ledger: Ledger, look: Pass, insight: Insight, attention: Attention
    ) -> None:
        """Look at an action's objects, and record progress until there is a step or a wait."""
        action = current_entry(ledger).action
        attention.insight = None
        try:
            prospect = await prospect_of(look, action, self.board, self.ground)
        except PermanentError as error:
            progress = after_denied_look(ledger, str(error), now=self.now())
            if progress is None:
                raise
            await self._progress(ledger, progress)
            return
        while ledger.is_under_way and current_entry(ledger).action is action:
            context = context_of(ledger, insight, now=self.now(), paused_by=self.board.paused_by)
            match prospect(current_entry(ledger), context):
                case Progress() as progress:
                    ledger = await self._progress(ledger, progress)
                case Step() as step:
                    await self._take(ledger, step)
                    return
                case HandOver() as part:
                    await hand_over(part, ledger, self.board, self.outbox, self.api, self.now())
                    return
                case Wait() as wait:
                    attention.insight = insight.cycle if wait.for_insight else None
                    self._wait(ledger, wait, attention)
                    return

    def _wait(self, ledger: Ledger, wait: Wait, attention: Attention) -> None:
        """Note what a plan waits for, and tell it when that changed."""
        attention.looked_at = self.now()
        attention.not_before = self.now() + wait.pause
        attention.stands_still = self.board.is_paused
        if attention.is_news(wait.reason):
            telemetry.wait_begun(ledger.decision, wait.reason)

    def _can_wait(self, attention: Attention, insight: Insight) -> bool:
        """Tell whether the plan waits for an insight newer than this one, or for a pause's end."""
        if self.board.is_paused:
            return attention.stands_still
        attention.stands_still = False
        if attention.insight != insight.cycle or attention.looked_at is None:
            return False
        return self.now() < attention.looked_at + PATIENCE

    async def _take(self, ledger: Ledger, step: Step) -> None:
        """Change the cluster. A pause that came meanwhile still counts."""
        if self.board.is_paused and not step.even_paused:
            return
        entry = current_entry(ledger)
        try:
            if entry.status is Status.PENDING:
                self.ground.permit(entry.action, self.board)
            await send(self.api, step.write)
        except PermanentError as error:
            telemetry.step_denied(ledger.decision, step.write, str(error))
            if step.even_paused:  # a rollout that cannot be frozen goes on to its end
                return
            reason = f"could not {step.write.purpose}: {error}"
            progress = after_denied_step(ledger, step, reason, now=self.now())
            if progress.entry == entry:  # it is to be tried again, and was told already
                raise TransientError(reason, retry_after_seconds=DENIED_SECONDS) from error
            await self._progress(ledger, progress)
        else:
            telemetry.step_taken(ledger.decision, step.write)

    async def _progress(self, ledger: Ledger, progress: Progress) -> Ledger:
        """Record the progress of the current action, and return the ledger as it is then."""
        insight = await self.board.informed()
        after = after_progress(ledger, progress, now=self.now(), policy=insight.policy)
        await self._record(ledger, after)
        if progress.entry.status.is_final:
            telemetry.action_ended(result_of(progress.entry))
        return after

    async def _record(self, before: Ledger, after: Ledger) -> None:
        await record(self.api, self.board, self.outbox, before=before, after=after)
