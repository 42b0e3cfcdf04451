"""Hand an application its part of an evacuation: a plan of its own, with the same decision."""

from datetime import datetime

from services.act.board import Board
from services.act.core.ledger import Ledger
from services.act.core.steps import HandOver
from services.act.outbox import Outbox
from services.act.ports import ClusterApi


async def hand_over(
    part: HandOver, whole: Ledger, board: Board, outbox: Outbox, api: ClusterApi, now: datetime
) -> None:
    """Write the ledger of an application's moves. TransientError: it changed meanwhile."""
    raise NotImplementedError
