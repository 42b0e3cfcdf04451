"""Hand an application its part of an evacuation: a plan of its own, with the same decision."""

from dataclasses import replace
from datetime import datetime

from services.act.board import Board
from services.act.core.emptying.handover import overtaken, part_of
from services.act.core.ledger import Ledger, keeper_of
from services.act.core.ledger_json import read_ledger
from services.act.core.steps import HandOver
from services.act.outbox import Outbox, record
from services.act.ports import ClusterApi
from shared.errors import TransientError
from shared.messages.outcome import Status


async def hand_over(
    part: HandOver, whole: Ledger, board: Board, outbox: Outbox, api: ClusterApi, now: datetime
) -> None:
    """Write the ledger of an application's moves, and publish where it stands.

    A plan that waits for a person is ended first; the moves are then handed over at the next pass.
    TransientError: the application changed meanwhile, or is busy.
    """
    application, insight = part.moves[0].application, await board.informed()
    obj = board.applications.get(application)
    if obj is None:
        raise TransientError(f"Application {application} is gone")
    before = read_ledger(obj)
    if before is not None and before.decision == whole.decision:
        return
    if before is not None and before.is_under_way:
        if before.status is not Status.WAITING:
            raise TransientError(f"the plan of {keeper_of(obj)} changed meanwhile")
        ended = overtaken(before, whole, now)
        await record(api, board, outbox, before=before, after=ended)
        return
    lifetime = insight.policy.decision_lifetime
    after = part_of(part, whole, home=board.home, now=now, lifetime=lifetime)
    if before is not None:
        # the cycle never goes back: a decision delivered again stays one that was answered
        after = replace(after, cycle=max(after.cycle, before.cycle))
    await record(api, board, outbox, before=before, after=after)
