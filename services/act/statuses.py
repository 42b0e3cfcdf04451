"""Tell people by what their Applications and Sites say about themselves."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from services.act import telemetry
from services.act.board import Board
from services.act.core.ledger import Ledger, keeper_of
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import APPLICATION, Manner, Object, Ref, Write
from services.act.core.telling.last_decision import site_status_of
from services.act.core.telling.status import (
    Standing,
    differs,
    meaning_of,
    status_of,
)
from services.act.ports import ClusterApi, UnreachableError
from shared.errors import PermanentError, TransientError
from shared.model.names import CAPACITY, ApplicationName, ClusterName
from shared.runtime.clock import Clock

STATUS_PAUSE_SECONDS = 1.0
"""Least time between two rounds of writing statuses."""
NUMBERS_EVERY = timedelta(seconds=60)
"""How often a status is written of which only numbers changed."""
NUMBERS_APART = timedelta(seconds=2)
"""Least time between two such writes, of whichever applications: the more there are, the less
often each gets its turn."""
NUMBERS_SAVED = timedelta(seconds=30)
"""Turns that nobody took are kept for so long: insights come now and then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What was written last of one status."""

    at: datetime
    meaning: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class StatusWriter:
    """Writes what changed in meaning at once, and mere numbers now and then."""

    api: ClusterApi
    board: Board
    now: Clock
    _written: dict[ApplicationName, _Written] = field(default_factory=dict)
    _numbers_at: datetime = datetime.min.replace(tzinfo=UTC) + NUMBERS_SAVED
    """The last turn of mere numbers that was taken."""
    _denied: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Follow the board, for ever. Where nothing changes, nothing is asked."""
        await self.board.informed()
        seen = -1
        while True:
            seen = await self.board.changed(seen)
            if not await self.write_all():
                seen = -1
            await asyncio.sleep(STATUS_PAUSE_SECONDS)

    async def write_all(self) -> bool:
        """Write the statuses that are due, one after the other. False: some have to be tried again.

        A status that is denied for good is told of once, and tried again when the board changes.
        """
        complete = True
        for name, write in self._writes():
            try:
                await write()
                self._denied.pop(name, None)
            except UnreachableError:
                return False
            except TransientError:
                complete = False
            except PermanentError as error:
                if self._denied.get(name) != str(error):
                    telemetry.status_denied(name, str(error))
                self._denied[name] = str(error)
        return complete

    def _writes(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """Yield all that may be due, with whose status it is."""
        for application in sorted(self.board.applications, key=self._written_at):
            yield application, partial(self._write_if_due, application)
        for site in sorted(self.board.sites):
            yield f"Site {site}", partial(self._write_site_if_due, site)

    async def _write_site_if_due(self, site: ClusterName) -> None:
        live, outcome = self.board.sites.get(site), self.board.outcomes.get((CAPACITY, site))
        if live is None or outcome is None:
            return
        async with self.board.writing(keeper_of(live)):
            live = self.board.sites.get(site)
            if live is None or not differs(site_status_of(outcome), live):
                return
            write = Write(
                ref=keeper_of(live),
                manner=Manner.APPLY,
                subresource="status",
                body={"status": site_status_of(outcome)},
                purpose="tell what became of the newest decision about it",
            )
            self.board.put(await self.api.write(write))

    async def _write_if_due(self, application: ApplicationName) -> None:
        live = self.board.applications.get(application)
        if live is None:
            return
        async with self.board.writing(keeper_of(live)):
            live = self.board.applications.get(application)
            if live is None:
                return
            status = status_of(self._standing(application, live), live, now=self.now())
            if not self._is_due(application, status, live):
                return
            namespace, _, name = application.partition("/")
            write = Write(
                ref=Ref(kind=APPLICATION, namespace=namespace, name=name),
                manner=Manner.APPLY,
                subresource="status",
                body={"status": status},
                purpose="tell how the application does",
            )
            self.board.put(await self.api.write(write))
            self._written[application] = _Written(at=self.now(), meaning=meaning_of(status))

    def _written_at(self, application: ApplicationName) -> tuple[str, ApplicationName]:
        """Order what was written longest ago before the rest."""
        written = self._written.get(application)
        return (written.at.isoformat() if written else "", application)

    def _is_due(self, application: ApplicationName, status: Object, live: Object) -> bool:
        """Tell whether a status has to be written. What was just written is not said again."""
        meaning, written = meaning_of(status), self._written.get(application)
        is_recent = written is not None and self.now() < written.at + NUMBERS_EVERY
        if is_recent and written is not None and written.meaning == meaning:
            return False
        if meaning != meaning_of(live.get("status")):
            return True
        return differs(status, live) and self._has_turn(written)

    def _has_turn(self, written: _Written | None) -> bool:
        """Tell whether mere numbers may be written now, and take the turn."""
        if written is None:
            return True
        now = self.now()
        turn = max(self._numbers_at, now - NUMBERS_SAVED) + NUMBERS_APART
        if turn <= now:
            self._numbers_at = turn
        return turn <= now

    def _standing(self, application: ApplicationName, live: Object) -> Standing:
        return Standing(
            application=application,
            insight=self.board.insight,
            decision=self.board.decisions.get(application),
            ledger=_readable_ledger(live),
            outcome=self.board.outcomes.get((application, None)),
        )


def _readable_ledger(live: Object) -> Ledger | None:
    """Return the ledger; a damaged one is the executor's to tell of."""
    try:
        return read_ledger(live)
    except PermanentError:
        return None
