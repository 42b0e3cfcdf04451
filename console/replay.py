"""Make a past decision once more, from what the bus recorded, and compare it byte by byte."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.lookup import find_decision
from console.output import plain
from services.decide.core.replaying import (
    Again,
    Record,
    again,
    decisions_since,
    insights_since,
    record_of,
)
from shared.bus.codec import encode
from shared.bus.port import Bus
from shared.messages.decision import Decision
from shared.messages.insight import Insight

SLACK = timedelta(minutes=1)
"""A message is stored a little later than the instant it is of."""

Difference = tuple[str, Any, Any]
"""Where, as `plan.actions.0.target`; as published; as made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A past decision, and what came of making it once more."""

    decision: Decision
    insight: Insight
    """What it was made on."""
    size: int
    """Bytes of its body on the bus."""
    is_identical: bool
    """Whether every byte is the same."""
    assumed: str
    """What had to be taken of Decide; empty: that it ran on and saw everything."""
    differences: tuple[Difference, ...]


async def replayed(bus: Bus, called: str) -> Replayed:
    """Make a decision again, called by its id or its application.

    LookupError, with a sentence: there is none, or what it was made on is no longer recorded.
    """
    decision, _ = await find_decision(bus, called)
    record = await _record(bus, decision)
    ways = []
    for way in again(record):
        ways.append(_compared(record, way))
        if ways[-1].is_identical:
            return ways[-1]
    return ways[0]


async def _record(bus: Bus, decision: Decision) -> Record:
    until = decision.at + SLACK
    around = await bus.replay(of=Insight, since=decision.at - SLACK, until=until)
    insight = next((i for i in around if i.cycle == decision.cycle), None)
    if insight is None:
        raise LookupError(
            f"the bus does not hold the insight of {decision.cycle} (any more), on which "
            f"{decision.id} was made: CROSSLOOP_RECORD keeps 24 hours"
        )
    insights = await bus.replay(of=Insight, since=insights_since(insight) - SLACK, until=until)
    since = decisions_since(insight) - SLACK
    decisions = await bus.replay(of=Decision, since=since, until=until)
    return record_of(decision, (*insights, insight), decisions)


def _compared(record: Record, way: Again) -> Replayed:
    body, _ = encode(record.decision)
    same = way.decision is not None and encode(way.decision)[0] == body
    return Replayed(
        decision=record.decision,
        insight=record.insight,
        size=len(body),
        is_identical=same,
        assumed=way.assumed,
        differences=()
        if same
        else tuple(_differences("", plain(record.decision), plain(way.decision))),
    )


def _differences(where: str, before: Any, after: Any) -> Iterator[Difference]:
    """Yield the innermost parts of two JSON values that differ."""
    inside = f"{where}." if where else ""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _differences(inside + name, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            pair = (side[number] if number < len(side) else None for side in (before, after))
            yield from _differences(f"{inside}{number}", *pair)
    elif before != after:
        yield where or "decision", before, after


def replay_view(replayed: Replayed) -> RenderableType:
    """Show whether a decision came out the same, and what differs."""
    decision = replayed.decision
    if replayed.is_identical:
        sentence = f"identical: {decision.id}, {replayed.size} bytes"
        return Group(Text(sentence, style="green"), *_assumed(replayed.assumed))
    table = Table("field", "published", "made again", box=None, padding=(0, 2))
    for where, before, after in replayed.differences:
        table.add_row(where, _shown(before), _shown(after))
    return Group(Text(f"not identical: {decision.id}", style="red"), table)


def _assumed(sentence: str) -> list[Text]:
    return [Text(f"as if {sentence}", style="dim")] if sentence else []


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


def as_parts(replayed: Replayed) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "decision": replayed.decision.id,
        "identical": replayed.is_identical,
        "bytes": replayed.size,
        "assumed": replayed.assumed,
        "differences": [
            {"field": where, "published": before, "made_again": after}
            for where, before, after in replayed.differences
        ],
    }


def save(insight: Insight, file: Path) -> None:
    """Write an insight as it is on the bus. LookupError, with a sentence: it cannot be written."""
    try:
        file.write_bytes(encode(insight)[0])
    except OSError as error:
        raise LookupError(f"{file} cannot be written: {error.strerror}") from error
