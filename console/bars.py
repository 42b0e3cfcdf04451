"""One user group's way as bars on a scale of milliseconds, with its budget, and its hops as lists.

A hop has the same number in its bar and in the list below; its name stands in the bar too where
it fits. A hop that the other way does not have is set in bold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from console import svg
from shared.messages.decision import Expectation
from shared.messages.insight import Hop

LEFT, RIGHT = 88.0, 690.0
"""Where bars begin, and where the longest one ends."""
BAR, GAP = 26.0, 8.0
BASE = BAR / 2 + 4
"""From the top of a bar to the baseline of what is written in it."""
TOP = 1.6 * svg.LINE
BOTTOM = TOP + 2 * BAR + GAP
COLUMN = (svg.INSIDE - 32.0) / 2
"""Width of each of the two lists of hops."""
FEW_MS = 10.0
"""Below it, latencies are told with two decimals."""
SEAM = 1.0
"""Left free after a hop that is wide enough to spare it."""
CLEAR = 3.0
"""Between a label and what it must not touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The way of a group at one time."""

    label: str
    latency_ms: float | None
    hops: tuple[Hop, ...]
    budget_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Milliseconds to pixels."""

    most_ms: float

    def x(self, latency_ms: float) -> float:
        """Return where an instant of the way is drawn."""
        return LEFT + (RIGHT - LEFT) * latency_ms / self.most_ms


def group_part(expected: Expectation, *, guard_band_ratio: float) -> svg.Part:
    """Return the picture of one user group, on a scale of its own."""
    budget_ms = expected.budget_ms
    sides = (
        Side(
            label="now",
            latency_ms=expected.before_ms,
            hops=expected.hops_before,
            budget_ms=budget_ms,
        ),
        Side(
            label="after",
            latency_ms=expected.after_ms,
            hops=expected.hops_after,
            budget_ms=budget_ms,
        ),
    )
    scale = Scale(most_ms=max(budget_ms, *(s.latency_ms or 0.0 for s in sides), 1e-3) * 1.02)
    marks = [_name(expected.group), *_guard(scale, budget_ms, guard_band_ratio)]
    for side, y in zip(sides, (TOP, TOP + BAR + GAP), strict=True):
        marks += [*_bar(scale, side, y), *_labels(side, y)]
    marks += _budget(scale, budget_ms)
    lists = BOTTOM + 2.2 * svg.LINE
    now, after = sides
    marks += _list(now, after, x=svg.MARGIN, y=lists)
    marks += _list(after, now, x=svg.MARGIN + COLUMN + 32.0, y=lists)
    return marks, lists + svg.LINE * max(len(now.hops), len(after.hops))


def _name(group: str) -> str:
    return svg.text(svg.MARGIN, svg.BIG, svg.cut(group, svg.INSIDE, svg.BIG), style="big ink")


def _guard(scale: Scale, budget_ms: float, ratio: float) -> Iterator[str]:
    start, end = scale.x(budget_ms * (1.0 - ratio)), scale.x(budget_ms)
    yield svg.box(start, TOP - 4, end - start, BOTTOM - TOP + 8, style="guard")


def _budget(scale: Scale, budget_ms: float) -> Iterator[str]:
    x = scale.x(budget_ms)
    yield svg.line(x, TOP - 4, BOTTOM + 4, style="budget")
    words = f"budget {budget_ms:g} ms"
    half = svg.width_of(words, svg.SMALL) / 2
    middle = max(svg.MARGIN + half, x)
    yield svg.text(middle, BOTTOM + svg.LINE, words, style="small ink", anchor="middle")


def _labels(side: Side, y: float) -> Iterator[str]:
    yield svg.text(svg.MARGIN, y + BASE, side.label, style="ink")
    if side.latency_ms is not None:
        left = side.budget_ms - side.latency_ms
        rest = f"{_ms(left)} left" if left >= 0 else f"{_ms(-left)} over"
        words = f"{_ms(side.latency_ms)} ms, {rest}"
        yield svg.text(RIGHT + 16, y + BASE, words, style="strong ink")


def _ms(latency_ms: float) -> str:
    return f"{latency_ms:.1f}" if latency_ms >= FEW_MS else f"{latency_ms:.2f}"


def _bar(scale: Scale, side: Side, y: float) -> Iterator[str]:
    if side.latency_ms is None:
        yield svg.box(LEFT, y, RIGHT - LEFT, BAR, style="unknown")
        yield svg.text(LEFT + 8, y + BASE, "cannot be told", style="ink")
    elif not side.hops:
        width = scale.x(side.latency_ms) - LEFT
        yield svg.box(LEFT, y, width, BAR, style="whole", tip="its hops are not known")
    at_ms, budget = 0.0, scale.x(side.budget_ms)
    for number, hop in enumerate(side.hops, start=1):
        start, at_ms = scale.x(at_ms), at_ms + hop.latency_ms
        end = scale.x(at_ms)
        tip = f"{number} {hop.kind} {hop.name}: {hop.latency_ms:.2f} ms"
        width = end - start - (SEAM if end - start > 2 * SEAM else 0.0)
        yield svg.box(start, y, width, BAR, style=hop.kind, tip=tip)
        yield from _in_bar((f"{number} {hop.name}", f"{number}"), _clear(start, end, budget), y)


def _clear(start: float, end: float, line: float) -> tuple[float, float]:
    """Return the larger part of a hop beside the budget's line, the whole where it is not there."""
    sides = ((start, min(end, line - CLEAR)), (max(start, line + CLEAR), end))
    return max(sides, key=lambda side: side[1] - side[0])


def _in_bar(labels: tuple[str, ...], room: tuple[float, float], y: float) -> Iterator[str]:
    """Yield the first label that fits."""
    start, end = room
    for label in labels:
        if svg.width_of(label, svg.SMALL) + CLEAR <= end - start - SEAM:
            middle = (start + end - SEAM) / 2
            yield svg.text(middle, y + BASE, label, style="inside", anchor="middle")
            return


def _list(side: Side, other: Side, *, x: float, y: float) -> Iterator[str]:
    known = {hop.name for hop in other.hops} or {hop.name for hop in side.hops}
    if side.hops:
        yield svg.text(x, y, side.label, style="small dim")
    for number, hop in enumerate(side.hops, start=1):
        base = y + svg.LINE * number
        told = f"{hop.latency_ms:.2f} ms"
        style = "ink" if hop.name in known else "strong ink"
        room = COLUMN - 56 - svg.width_of(told, svg.USUAL)
        yield svg.box(x, base - 9, 10, 10, style=hop.kind)
        yield svg.text(x + 42, base, f"{number}", style="dim", anchor="end")
        yield svg.text(x + 50, base, svg.cut(hop.name, room, svg.USUAL), style=style)
        yield svg.text(x + COLUMN, base, told, style=style, anchor="end")
