"""The phases of an action that takes long: noted in its entry when they are first seen."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.act.core.ledger import Entry
from services.act.core.steps import Progress
from shared.messages.outcome import Phase

REQUESTED = "requested"
"""What the action is about was asked of Cluster API, and stands there."""
SETTLING = timedelta(seconds=30)
"""How long after that an answer that knows nothing of it may merely be old."""


def reach(entry: Entry, names: tuple[str, ...], now: datetime) -> Progress | None:
    """Return the progress that some phases are, or None: all of them are noted already."""
    known = {phase.name for phase in entry.phases}
    new = tuple(Phase(name=name, at=now) for name in names if name not in known)
    return Progress(entry=replace(entry, phases=(*entry.phases, *new))) if new else None


def reached_at(entry: Entry, name: str) -> datetime | None:
    """Return when an action was first seen to be that far, or None."""
    return next((phase.at for phase in entry.phases if phase.name == name), None)


def may_be_old(entry: Entry, now: datetime) -> bool:
    """Tell whether what was seen may be from before the request."""
    at = reached_at(entry, REQUESTED)
    return at is not None and now <= at + SETTLING


def last_change(entry: Entry, now: datetime) -> datetime:
    """Return when an action last got further."""
    steps = [entry.started_at, entry.back_at, *(phase.at for phase in entry.phases)]
    return max((at for at in steps if at is not None), default=now)
