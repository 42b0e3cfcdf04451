"""The account of what was wanted and what was seen, cycle by cycle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from console.shadow.seen import Seen, seen_in
from console.shadow.wants import Want, with_decision
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.model.names import ApplicationName, CycleId


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All that a report needs, up to a cycle."""

    upto: CycleId | None = None
    wants: tuple[Want, ...] = ()
    """Oldest first."""
    seen: tuple[Seen, ...] = ()
    well: frozenset[ApplicationName] = frozenset()
    """Applications whose groups would all be within budget in the newest cycle."""
    horizon: timedelta = timedelta(hours=1)
    """The time the money of a decision is for."""


def told(account: Account, decisions: Iterable[Decision], insights: Sequence[Insight]) -> Account:
    """Return the account after some insights, and what was decided up to the last of them.

    What it knows already is left out. Without insights: after all that was decided.
    """
    last = insights[-1].cycle if insights else None
    messages: tuple[Insight | Decision, ...] = (*insights, *decisions)
    news = [
        message
        for message in messages
        if (account.upto is None or message.cycle > account.upto)
        and (last is None or message.cycle <= last)
    ]
    wants, well, seen = account.wants, account.well, list(account.seen)
    for message in sorted(news, key=lambda m: (m.cycle, isinstance(m, Decision))):
        if isinstance(message, Decision):
            wants = with_decision(wants, message, well=well)
        else:
            now = seen_in(message, wants)
            seen += now
            well = _well(now)
    horizon = insights[-1].policy.horizon if insights else account.horizon
    upto = max((message.cycle for message in news), default=account.upto)
    return replace(account, upto=upto, wants=wants, seen=tuple(seen), well=well, horizon=horizon)


def _well(seen: Iterable[Seen]) -> frozenset[ApplicationName]:
    seen = tuple(seen)
    ill = {s.application for s in seen if s.would_ms is None or s.would_ms > s.budget_ms}
    return frozenset({each.application for each in seen} - ill)
