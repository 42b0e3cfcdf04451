"""The shell of Act: hear the bus and the applications, and keep everything that follows going."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from services.act import telemetry
from services.act.board import Board
from services.act.cordoning import Cordoning
from services.act.core.ledger import keeper_of
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import APPLICATION, SITE, Object
from services.act.core.outcome import outcome_of
from services.act.executor import Executor
from services.act.grounding import Ground
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.ports import AlertSink, ClusterApi, UnreachableError
from services.act.recalling import recall
from services.act.reporting import report_alerts
from services.act.statuses import StatusWriter
from shared.bus.port import Bus
from shared.errors import PermanentError
from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.runtime import logs
from shared.runtime.clock import Clock
from shared.runtime.following import Listed

T = TypeVar("T")
NAME = "act"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often Act does things of its own accord, and whether it changes anything."""

    step_seconds: float
    alert_seconds: float
    again_seconds: float = 1.0
    """Pause before a message is tried again while the API server does not answer."""
    dry_run: bool = False


async def run(
    bus: Bus,
    api: ClusterApi,
    sink: AlertSink,
    *,
    ground: Ground,
    now: Clock,
    pace: Pace,
    board: Board | None = None,
) -> None:
    """Hear, act and report, for ever. What was under way when Act ended last goes on.

    `board`: an empty one that somebody else looks at too, as whoever has to know the Sites.
    """
    board = board or Board(fleet=bus.fleet)
    outbox = Outbox(board)
    intake = Intake(
        api=api, board=board, outbox=outbox, now=now, ground=ground, dry_run=pace.dry_run
    )
    board.control = await bus.newest(of=Control)
    board.learn(await bus.newest(of=Insight))
    async with asyncio.TaskGroup() as group:
        group.create_task(outbox.run(bus))
        group.create_task(_hear_controls(bus, board))
        group.create_task(_hear_insights(bus, board))
        group.create_task(_follow_applications(api, board, outbox))
        group.create_task(_follow_sites(api, board, outbox))
        group.create_task(_hear_decisions(bus, intake, pace))
        group.create_task(recall(bus, intake))
        alerts = report_alerts(sink, board, now=now, interval_seconds=pace.alert_seconds)
        group.create_task(alerts)
        if not pace.dry_run:
            executor = Executor(api=api, board=board, outbox=outbox, now=now, ground=ground)
            group.create_task(executor.run(pace.step_seconds))
            group.create_task(_hear_approvals(bus, intake, pace))
            group.create_task(StatusWriter(api=api, board=board, now=now).run())
            cordoning = Cordoning(api=api, board=board, now=now)
            group.create_task(cordoning.run(pace.step_seconds))


async def _hear_controls(bus: Bus, board: Board) -> None:
    async for delivery in bus.deliveries(of=Control, consumer=NAME):
        async with delivery.settling() as control:
            board.control = control
            board.touch()
            telemetry.control_changed(control)


async def _hear_insights(bus: Bus, board: Board) -> None:
    async for delivery in bus.deliveries(of=Insight, consumer=NAME):
        async with delivery.settling() as insight:
            board.learn(insight)


async def _hear_decisions(bus: Bus, intake: Intake, pace: Pace) -> None:
    await intake.board.informed()
    async for delivery in bus.deliveries(of=Decision, consumer=NAME):
        async with delivery.settling() as decision:
            with logs.bound(cycle=decision.cycle, application=decision.application):
                await _patiently(intake.take, decision, pace)
                await intake.outbox.emptied()


async def _hear_approvals(bus: Bus, intake: Intake, pace: Pace) -> None:
    await intake.board.informed()
    async for delivery in bus.deliveries(of=Approval, consumer=NAME):
        async with delivery.settling() as approval:
            with logs.bound(decision=approval.decision):
                await _patiently(intake.take_answer, approval, pace)
                await intake.outbox.emptied()


async def _patiently(take: Callable[[T], Awaitable[None]], message: T, pace: Pace) -> None:
    """Try for as long as the API server does not answer: that is not the message's fault."""
    while True:
        try:
            return await take(message)
        except UnreachableError:
            await asyncio.sleep(pace.again_seconds)


async def _follow_applications(api: ClusterApi, board: Board, outbox: Outbox) -> None:
    """Keep the board up to date with the Applications, which hold the plans for themselves."""
    async for news in api.follow(APPLICATION):
        is_first = isinstance(news, Listed) and not board.listed
        board.hear(news)
        if is_first:
            _publish_again(outbox, board, board.applications)


async def _follow_sites(api: ClusterApi, board: Board, outbox: Outbox) -> None:
    """Keep the board up to date with the Sites, which hold the plans for whole clusters."""
    async for news in api.follow(SITE):
        is_first = isinstance(news, Listed) and not board.sites_listed
        board.hear_of_sites(news)
        if is_first:
            _publish_again(outbox, board, board.sites)


def _publish_again(outbox: Outbox, board: Board, keepers: Mapping[Any, Object]) -> None:
    """Publish what the ledgers found at first say.

    Publishing twice is harmless; what a crash kept from the bus is made up for.
    """
    for _, obj in sorted(keepers.items()):
        try:
            ledger = read_ledger(obj)
        except PermanentError as error:
            telemetry.ledger_damaged(str(keeper_of(obj)), str(error))
            continue
        if ledger is not None:
            outbox.put(outcome_of(ledger, board.fleet))
