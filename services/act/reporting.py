"""Tell people: the status of each Application, and alerts to every Alertmanager."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.act import telemetry
from services.act.board import Board
from services.act.core.ledger import Ledger, keeper_of
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import APPLICATION, Manner, Object, Ref, Write
from services.act.core.telling.alerts import Alert, Posted, next_post, with_held
from services.act.core.telling.firing import Known, due_alerts, is_by_act
from services.act.core.telling.incident_alerts import closed_incidents
from services.act.core.telling.status import Standing, differs, meaning_of, status_of
from services.act.ports import AlertSink, ClusterApi, UnreachableError
from shared.errors import PermanentError, TransientError
from shared.model.names import CAPACITY, ApplicationName
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
    _denied: dict[ApplicationName, str] = field(default_factory=dict)

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
        for application in sorted(self.board.applications, key=self._written_at):
            try:
                await self._write_if_due(application)
                self._denied.pop(application, None)
            except UnreachableError:
                return False
            except TransientError:
                complete = False
            except PermanentError as error:
                if self._denied.get(application) != str(error):
                    telemetry.status_denied(application, str(error))
                self._denied[application] = str(error)
        return complete

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
        )


async def report_alerts(
    sink: AlertSink, board: Board, *, now: Clock, interval_seconds: float
) -> None:
    """Post all alerts each interval, and at once when another one fires or ends, for ever.

    An API server that is down keeps nobody from hearing of incidents. What an earlier Act posted
    and fires no more is ended as soon as all is known that it could have been posted for.
    """
    await board.begun()
    posted, is_heir = Posted(), False
    lifetime = 3 * timedelta(seconds=interval_seconds)

    def due() -> tuple[Alert, ...]:
        return due_alerts(_known(board), now=now(), lifetime=lifetime)

    while True:
        if board.recalled and not is_heir:
            held = await sink.held(board.fleet)
            posted, is_heir = with_held(posted, tuple(filter(is_by_act, held))), True
        firing = due()
        closed = closed_incidents(board.newest, now=now())
        batch, posted = next_post(firing, closed, posted, now=now())
        await sink.post(batch)
        telemetry.alerts_posted(len(firing))
        await _until_different(board, due, interval_seconds)


def _known(board: Board) -> Known:
    """Return what is worth an alert, without what is about Applications and Sites that are gone."""
    return Known(
        fleet=board.fleet,
        insight=board.newest,
        control=board.control,
        outcomes=tuple(
            outcome
            for (name, site), outcome in board.outcomes.items()
            if name in board.applications or site in board.sites
        ),
        decisions=tuple(
            decision
            for name, decision in board.decisions.items()
            if name in board.applications or name == CAPACITY
        ),
        double_runs=board.double_runs,
        lacking=board.lacking,
    )


async def _until_different(
    board: Board, due: Callable[[], tuple[Alert, ...]], at_most_seconds: float
) -> None:
    """Wait until other alerts fire than now, but no longer than that."""
    firing, version = {alert.labels for alert in due()}, board.version
    try:
        async with asyncio.timeout(at_most_seconds):
            while {alert.labels for alert in due()} == firing:
                version = await board.changed(version)
    except TimeoutError:
        return


def _readable_ledger(live: Object) -> Ledger | None:
    """Return the ledger; a damaged one is the executor's to tell of."""
    try:
        return read_ledger(live)
    except PermanentError:
        return None
