"""Carry plans out: look at each one under way, again and again, at its own pace."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.act import telemetry
from services.act.advancing import Advance, Attention
from services.act.board import Board
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import Object, Ref, version_of
from services.act.grounding import Ground
from services.act.outbox import Outbox
from services.act.ports import ClusterApi
from services.act.reading import Pass
from shared.errors import PermanentError
from shared.runtime.clock import Clock

AT_ONCE = 8
"""Plans looked at together."""
SPACING_SECONDS = 0.05
"""The more plans are under way, the less often each is looked at: so many seconds for each."""


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
    _attention: dict[Ref, Attention] = field(default_factory=dict)
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
            await self._advance(ledger, shared.look())
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
                group.create_task(self._advance(ledger, look))

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
        attention = self._attention.setdefault(keeper, Attention())
        if attention.version != version_of(obj) or not attention.version:
            try:
                attention.ledger = read_ledger(obj)
            except PermanentError as error:
                attention.ledger = None
                if attention.is_news(str(error)):
                    telemetry.ledger_damaged(str(keeper), str(error))
            attention.version = version_of(obj)
        return attention.ledger

    async def _advance(self, ledger: Ledger, look: Pass) -> None:
        """Advance one plan, when there is a place for it."""
        advance = Advance(
            api=self.api, board=self.board, outbox=self.outbox, now=self.now, ground=self.ground
        )
        async with self._places:
            await advance.advance(ledger, look, self._attention[ledger.keeper])
