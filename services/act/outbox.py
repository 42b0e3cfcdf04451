"""Outcomes on their way to the bus, in order, so that a lost bus stops nobody halfway."""

import asyncio

from services.act import telemetry
from services.act.board import Board
from services.act.core.ledger import Ledger
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import Manner, Write, version_of
from services.act.core.outcome import outcome_of
from services.act.ports import ClusterApi
from shared.bus.port import Bus
from shared.errors import TransientError
from shared.messages.outcome import Outcome


class Outbox:
    """Keeps outcomes until the bus has them. One that is lost in a crash is in the ledger."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._waiting: asyncio.Queue[Outcome] = asyncio.Queue()
        self._put = 0
        self._reached = 0
        self._further = asyncio.Condition()

    def put(self, outcome: Outcome) -> None:
        """Have an outcome published, after those put before."""
        self._board.note(outcome)
        self._waiting.put_nowait(outcome)
        self._put += 1

    async def emptied(self) -> None:
        """Wait until the bus has everything that was put so far, whatever comes after it."""
        goal = self._put
        async with self._further:
            await self._further.wait_for(lambda: self._reached >= goal)

    async def run(self, bus: Bus) -> None:
        """Publish, for ever."""
        while True:
            outcome = await self._waiting.get()
            await bus.publish(outcome)
            telemetry.outcome_reached(outcome)
            async with self._further:
                self._reached += 1
                self._further.notify_all()


async def record(
    api: ClusterApi, board: Board, outbox: Outbox, *, before: Ledger | None, after: Ledger
) -> None:
    """Write a ledger to its keeper, and then have its outcome published.

    TransientError: the ledger is not as it was when this one was computed; nothing was written.
    """
    keeper = after.keeper
    async with board.writing(keeper):
        kept = board.kept_by(keeper)
        if kept is None:
            raise TransientError(f"{keeper} is gone")
        if read_ledger(kept) != before:
            raise TransientError(f"the plan of {keeper} changed meanwhile")
        write = Write(
            ref=keeper,
            manner=Manner.MERGE,
            subresource="status",
            body={
                "metadata": {"resourceVersion": version_of(kept)},
                "status": {"plan": ledger_json(after)},
            },
            purpose="keep the ledger",
        )
        board.put(await api.write(write))
    outbox.put(outcome_of(after, board.fleet))
