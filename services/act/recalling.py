"""Learn again from the bus what an earlier Act knew and Kubernetes does not keep."""

from services.act.intake import Intake
from shared.bus.port import Bus
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome
from shared.model.names import CAPACITY, application_token


async def recall(bus: Bus, intake: Intake) -> None:
    """Put the newest decisions, and what was declined of late, on the board.

    What is there already is newer. Alerts that an earlier Act posted are ended only after this.
    """
    board = intake.board
    insight = await board.informed()
    outcomes = await bus.replay(of=Outcome, since=intake.now() - insight.policy.approval_lifetime)
    newest = {(outcome.application, outcome.site): outcome for outcome in outcomes}
    for key, outcome in newest.items():
        known = board.outcomes.get(key)
        if known is None or known.cycle < outcome.cycle:
            board.note(outcome)
    for application in sorted({*board.applications, CAPACITY}):
        decision = await bus.newest(of=Decision, tail=application_token(application))
        if decision is not None:
            intake.remember(decision, insight.policy)
    board.recalled = True
    board.touch()
