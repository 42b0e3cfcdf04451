"""Carry plans out: look at each one under way, again and again, and take its next step."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.act import telemetry
from services.act.board import Board
from services.act.core.act import (
    after_denial,
    after_progress,
    current_entry,
    next_of_plan,
)
from services.act.core.admission import expired
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import read_ledger
from services.act.core.live import Live
from services.act.core.outcome import result_of
from services.act.core.steps import Progress, Step, Wait
from services.act.outbox import Outbox, record
from services.act.ports import ClusterApi
from services.act.reading import read_live
from shared.errors import PermanentError, TransientError
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.names import ApplicationName, CycleId
from shared.runtime import logs
from shared.runtime.clock import Clock

AT_ONCE = 8
"""Plans looked at together."""
PATIENCE = timedelta(seconds=5)
"""How long a plan that only waits for an insight is left alone."""


@dataclass(slots=True)
class _Attention:
    """What was last seen of one plan: spares calls, and telling the same twice."""

    told: str = ""
    insight: CycleId | None = None
    """The one it was judged by, where only a newer one can change anything."""
    looked_at: datetime | None = None

    def is_news(self, reason: str) -> bool:
        """Tell whether this was not what was told last, and keep it."""
        told, self.told = self.told, reason
        return told != reason


@dataclass(slots=True, kw_only=True)
class Executor:
    """Advances plans. It holds nothing that is not in Kubernetes: another may go on at any time."""

    api: ClusterApi
    board: Board
    outbox: Outbox
    now: Clock
    _attention: dict[ApplicationName, _Attention] = field(default_factory=dict)

    async def run(self, interval_seconds: float) -> None:
        """Look at all plans under way, for ever. Where there are none, nothing is asked."""
        await self.board.informed()
        while True:
            await self.advance_all()
            await asyncio.sleep(interval_seconds)

    async def advance_all(self) -> None:
        """Advance each plan under way by at most one step."""
        ledgers = (self._ledger(application) for application in sorted(self.board.applications))
        under_way = [ledger for ledger in ledgers if ledger and ledger.is_under_way]
        places = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for ledger in under_way:
                group.create_task(self._advance(ledger, places))

    def _ledger(self, application: ApplicationName) -> Ledger | None:
        try:
            return read_ledger(self.board.applications[application])
        except PermanentError as error:
            if self._attention_for(application).is_news(str(error)):
                telemetry.ledger_damaged(application, str(error))
            return None

    def _attention_for(self, application: ApplicationName) -> _Attention:
        return self._attention.setdefault(application, _Attention())

    async def _advance(self, ledger: Ledger, places: asyncio.Semaphore) -> None:
        """Advance one plan. What fails is tried again at the next pass."""
        attention = self._attention_for(ledger.application)
        async with places:
            with logs.bound(cycle=ledger.cycle, application=ledger.application):
                try:
                    await self._advance_now(ledger, attention)
                except (TransientError, PermanentError) as error:
                    if attention.is_news(str(error)):
                        telemetry.step_postponed(str(error))

    async def _advance_now(self, ledger: Ledger, attention: _Attention) -> None:
        insight = self.board.insight
        if ledger.status is Status.WAITING:
            if self.now() > ledger.deadline_at:
                await self._record(ledger, expired(ledger, self.now()))
            return
        if insight is None or self.board.is_paused or self._can_wait(attention, insight):
            return
        if not self.board.home:
            raise TransientError("no Site says that it is home: where pods stand cannot be told")
        entry = current_entry(ledger)
        try:
            live = await read_live(self.api, entry.action, home=self.board.home)
        except PermanentError as error:
            await self._progress(ledger, after_denial(ledger, str(error), now=self.now()))
            return
        await self._follow(ledger, live, insight, attention)

    async def _follow(
        self, ledger: Ledger, live: Live, insight: Insight, attention: _Attention
    ) -> None:
        """Record progress until there is a step to take or something to wait for."""
        action = current_entry(ledger).action
        attention.insight = None
        while ledger.is_under_way and current_entry(ledger).action is action:
            match next_of_plan(ledger, live, insight, now=self.now()):
                case Progress() as progress:
                    ledger = await self._progress(ledger, progress)
                case Step() as step:
                    await self._take(ledger, step)
                    return
                case Wait() as wait:
                    attention.looked_at = self.now()
                    attention.insight = insight.cycle if wait.for_insight else None
                    if attention.is_news(wait.reason):
                        telemetry.wait_begun(ledger.decision, wait.reason)
                    return

    def _can_wait(self, attention: _Attention, insight: Insight) -> bool:
        """Tell whether the plan waits for an insight newer than this one."""
        if attention.insight != insight.cycle or attention.looked_at is None:
            return False
        return self.now() < attention.looked_at + PATIENCE

    async def _take(self, ledger: Ledger, step: Step) -> None:
        """Change the cluster. A pause that came meanwhile still counts."""
        if self.board.is_paused:
            return
        try:
            await self.api.write(step.write)
        except PermanentError as error:
            telemetry.step_denied(ledger.decision, step.write, str(error))
            reason = f"could not {step.write.purpose}: {error}"
            await self._progress(ledger, after_denial(ledger, reason, now=self.now()))
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
