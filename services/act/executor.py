"""Carry plans out: look at each one under way, again and again, and take its next step."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
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
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import Object, Ref, version_of
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

AT_ONCE = 8
"""Plans looked at together."""
SPACING_SECONDS = 0.05
"""The more plans are under way, the less often each is looked at: so many seconds for each."""
DENIED_SECONDS = 5.0
"""Pause before a step is tried again that was denied for good, and that has no way back."""
PATIENCE = timedelta(seconds=5)
"""How long a plan that only waits for an insight is left alone."""


@dataclass(slots=True)
class _Attention:
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


@dataclass(slots=True, kw_only=True)
class _Shared:
    """What plans that are looked at about the same time read once for all of them."""

    api: ClusterApi
    now: Clock
    lasts: timedelta
    _look: Pass | None = None
    _until: datetime | None = None

    def look(self) -> Pass:
        """Return the pass that goes on, or begin another one."""
        now = self.now()
        if self._look is None or self._until is None or now >= self._until:
            self._look, self._until = Pass(self.api), now + self.lasts
        return self._look


@dataclass(slots=True, kw_only=True)
class Executor:
    """Advances plans. It holds nothing that is not in Kubernetes: another may go on at any time."""

    api: ClusterApi
    board: Board
    outbox: Outbox
    now: Clock
    ground: Ground
    _attention: dict[Ref, _Attention] = field(default_factory=dict)
    _attended: set[Ref] = field(default_factory=set)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def run(self, interval_seconds: float) -> None:
        """Look at all plans under way, for ever. Where there are none, nothing is asked.

        Each plan has its own pace: a new one does not wait until the others were looked at.
        """
        await self.board.permitted()
        shared = _Shared(api=self.api, now=self.now, lasts=timedelta(seconds=interval_seconds))
        async with asyncio.TaskGroup() as group:
            while True:
                version = self.board.version
                for ledger in self._under_way():
                    if ledger.keeper not in self._attended:
                        self._attended.add(ledger.keeper)
                        group.create_task(self._attend(ledger.keeper, shared, interval_seconds))
                await self.board.changed(version)

    async def _attend(self, keeper: Ref, shared: "_Shared", interval_seconds: float) -> None:
        """Look at the plans of one keeper until none is under way."""
        while True:
            obj = self.board.kept_by(keeper)
            ledger = None if obj is None else self._ledger(keeper, obj)
            if ledger is None or not ledger.is_under_way:
                self._attended.discard(keeper)
                return
            was_paused = self.board.is_paused
            await self._advance(ledger, shared.look(), self._places)
            pause = max(interval_seconds, len(self._attended) * SPACING_SECONDS)
            await self._rest(pause, was_paused=was_paused)

    async def _rest(self, seconds: float, *, was_paused: bool) -> None:
        """Let some time pass, but none between the loop's pause and what it asks of a rollout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.board.is_paused == was_paused:
                    await self.board.changed(self.board.version)

    async def advance_all(self) -> None:
        """Advance each plan under way by at most one step."""
        look = Pass(self.api)
        async with asyncio.TaskGroup() as group:
            for ledger in self._under_way():
                group.create_task(self._advance(ledger, look, self._places))

    def _under_way(self) -> list[Ledger]:
        """Return the plans under way, by their keepers' names."""
        kept = self.board.keepers()
        for gone in self._attention.keys() - kept.keys() - self._attended:
            del self._attention[gone]
        ledgers = (self._ledger(keeper, obj) for keeper, obj in kept.items())
        under_way = [ledger for ledger in ledgers if ledger and ledger.is_under_way]
        return sorted(under_way, key=lambda ledger: str(ledger.keeper))

    def _ledger(self, keeper: Ref, obj: Object) -> Ledger | None:
        """Return the ledger an object holds, read once for each version of it."""
        attention = self._attention.setdefault(keeper, _Attention())
        if attention.version != version_of(obj) or not attention.version:
            try:
                attention.ledger = read_ledger(obj)
            except PermanentError as error:
                attention.ledger = None
                if attention.is_news(str(error)):
                    telemetry.ledger_damaged(str(keeper), str(error))
            attention.version = version_of(obj)
        return attention.ledger

    async def _advance(self, ledger: Ledger, look: Pass, places: asyncio.Semaphore) -> None:
        """Advance one plan. What fails is tried again at the next pass."""
        attention = self._attention[ledger.keeper]
        if attention.not_before and self.now() < attention.not_before:
            return
        async with places:
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

    async def _advance_now(self, ledger: Ledger, look: Pass, attention: _Attention) -> None:
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
        self, ledger: Ledger, look: Pass, insight: Insight, attention: _Attention
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

    def _wait(self, ledger: Ledger, wait: Wait, attention: _Attention) -> None:
        """Note what a plan waits for, and tell it when that changed."""
        attention.looked_at = self.now()
        attention.not_before = self.now() + wait.pause
        attention.stands_still = self.board.is_paused
        if attention.is_news(wait.reason):
            telemetry.wait_begun(ledger.decision, wait.reason)

    def _can_wait(self, attention: _Attention, insight: Insight) -> bool:
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
