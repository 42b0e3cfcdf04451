"""Tell people by alerts, to every Alertmanager."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from services.act import telemetry
from services.act.board import Board
from services.act.core.telling.alerts import Alert, Posted, next_post, with_held
from services.act.core.telling.firing import Known, due_alerts, is_by_act
from services.act.core.telling.incident_alerts import closed_incidents
from services.act.ports import AlertSink
from shared.model.names import CAPACITY
from shared.runtime.clock import Clock


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
