"""The parts of an evacuation: the moves of each application, and the plan they become."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.act.core.emptying.remains import Remains, is_of
from services.act.core.ledger import Entry, Ledger, closed
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import Object, dig
from services.act.core.seen import Grounds
from services.act.core.steps import Context, HandOver, Next, Progress, Wait
from shared.errors import PermanentError
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Action, Evacuate, Move, OffloadNamespace

PATIENCE = 10
"""Times the policy's `moveTimeout`: so long an application with a plan of its own is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An application's part of the evacuation, and how it stands with the application."""

    moves: tuple[Move, ...]
    declared: Object | None
    ledger: Ledger | None
    damage: str
    """Why its ledger cannot be read, or nothing."""
    stands: bool
    """Whether something of it will not go by itself."""

    @property
    def application(self) -> ApplicationName:
        """Return whose part it is."""
        return self.moves[0].application

    @property
    def is_busy(self) -> bool:
        """Tell whether a plan is carried out; one that waits for a person has not begun."""
        ledger = self.ledger
        return ledger is not None and ledger.is_under_way and ledger.status is not Status.WAITING


def parts_of(action: Evacuate, grounds: Grounds, remains: Remains) -> tuple[Part, ...]:
    """Return the parts in the order in which their applications were first named."""
    moves: dict[ApplicationName, tuple[Move, ...]] = {}
    for move in action.moves:
        moves[move.application] = (*moves.get(move.application, ()), move)
    return tuple(_part(of_one, grounds, remains) for of_one in moves.values())


def _part(moves: tuple[Move, ...], grounds: Grounds, remains: Remains) -> Part:
    declared = grounds.applications.get(moves[0].application)
    ledger, damage = None, ""
    try:
        ledger = read_ledger(declared) if declared is not None else None
    except PermanentError as error:
        damage = str(error)
    stands = any(
        is_of(pod, move.application, move.workload) for pod in remains.standing for move in moves
    )
    return Part(moves=moves, declared=declared, ledger=ledger, damage=damage, stands=stands)


def next_of_parts(entry: Entry, parts: tuple[Part, ...], context: Context) -> Next | None:
    """Hand over what is due, the weightiest first, and wait for the rest; None: all is over.

    A part is handed over once. What became of it is told in the warnings, and not tried again.
    """
    under_way, busy = [], []
    for part in parts:
        name = part.application
        if any(told.startswith(f"{name}: ") for told in entry.warnings):
            continue
        if told := _why_left(part, entry, context):
            return Progress(entry=replace(entry, warnings=(*entry.warnings, f"{name}: {told}")))
        if part.ledger is not None and part.ledger.decision == context.decision:
            under_way += [name] if part.ledger.is_under_way else []
        elif part.is_busy:
            busy.append(name)
        elif part.stands:
            return HandOver(moves=part.moves)
    if under_way:
        return Wait(reason=f"{', '.join(under_way)} move away")
    return Wait(reason=f"{', '.join(busy)} first end plans of their own") if busy else None


def _why_left(part: Part, entry: Entry, context: Context) -> str:
    """Say why a part is not done, once that is final; else nothing.

    Where the autonomy is `approve` nobody is asked again: the order itself was approved.
    """
    ledger = part.ledger
    if ledger is not None and ledger.decision == context.decision:
        failed = not ledger.is_under_way and ledger.status is not Status.SUCCEEDED
        return f"{ledger.status}: {ledger.message}" if failed else ""
    if part.declared is None:
        return "left where it is: there is no such Application"
    if part.damage:
        return f"left where it is: {part.damage}"
    autonomy = dig(part.declared, "spec", "autonomy")
    if autonomy in (Autonomy.SHADOW, Autonomy.ADVISE):
        return f"left where it is: its autonomy is {autonomy}"
    if part.is_busy and ledger is not None and is_overdue(entry, context, PATIENCE):
        return f"left where it is: the plan of {ledger.decision} does not end"
    return ""


def is_overdue(entry: Entry, context: Context, times: int) -> bool:
    """Tell whether that many times the policy's time for a move has passed."""
    since = entry.serving_at or entry.started_at
    return since is not None and context.now > since + times * context.move_timeout


def part_of(
    part: HandOver, whole: Ledger, *, home: ClusterName, now: datetime, lifetime: timedelta
) -> Ledger:
    """Return the ledger of an application's moves. It carries the decision of the whole.

    Where pods go to providers, the namespace is stretched over them first; one that is already
    ends that at once. Nothing is promised for the quality: what counts is that they leave.
    """
    application = part.moves[0].application
    actions: tuple[Action, ...] = (*_stretching(part, application, home), *part.moves)
    return Ledger(
        decision=whole.decision,
        cycle=whole.cycle,
        application=application,
        status=Status.PENDING,
        started_at=now,
        deadline_at=now + lifetime,
        updated_at=now,
        by=whole.by,
        entries=tuple(Entry(action=action) for action in actions),
    )


def _stretching(
    part: HandOver, application: ApplicationName, home: ClusterName
) -> tuple[OffloadNamespace, ...]:
    targets = sorted({move.target for move in part.moves} - {home})
    if not targets:
        return ()
    return (OffloadNamespace(application=application, clusters=tuple(targets)),)


def overtaken(waiting: Ledger, whole: Ledger, now: datetime) -> Ledger:
    """Return a plan that waited for a person, ended, since a person ordered something else."""
    message = f"overtaken by the order {whole.decision}"
    return replace(closed(waiting, Status.REFUSED), updated_at=now, message=message)
