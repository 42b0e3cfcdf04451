"""One decision told whole: why, what, what it brings, what was turned down, what became of it."""

from typing import assert_never

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.render import STATUS_STYLES, clock, outcome_text
from shared.messages.decision import Decision, Effect, Lever, Score, TurningPoint
from shared.messages.outcome import Outcome
from shared.model.plan import describe


def explanation(decision: Decision, outcome: Outcome | None) -> RenderableType:
    """Tell one decision whole: why, what, what it brings, what was turned down, what became."""
    parts: list[RenderableType] = [
        Text(f"{decision.verdict} · {decision.reason} · {decision.application}", style="bold"),
        Text(f"{decision.id}, autonomy {decision.autonomy}", style="dim"),
        Text(decision.detail),
    ]
    if decision.expectations:
        parts.append(Panel(_expectations(decision), title="user groups", title_align="left"))
    if decision.effects:
        parts.append(Panel(_effects(decision), title="plan", title_align="left"))
    if decision.binding or decision.turning_points:
        parts.append(Panel(_limits(decision), title="what limits it", title_align="left"))
    if decision.rejections:
        parts.append(Panel(_rejections(decision), title="turned down", title_align="left"))
    if outcome is not None:
        parts.append(Panel(_results(outcome), title="outcome", title_align="left"))
    return Group(*parts)


def _expectations(decision: Decision) -> Table:
    table = Table.grid(padding=(0, 2))
    for expected in decision.expectations:
        table.add_row(
            expected.group,
            f"{_ms(expected.before_ms)} → {_ms(expected.after_ms)}",
            f"budget {expected.budget_ms:g} ms",
        )
    return table


def _ms(value: float | None) -> str:
    return "not known" if value is None else f"{value:.1f} ms"


def _effects(decision: Decision) -> RenderableType:
    parts: list[RenderableType] = []
    for number, effect in enumerate(decision.effects, start=1):
        parts.append(Text(f"{number}. {describe(effect.action)}", style="bold"))
        parts.append(_terms(effect))
    parts.append(Text(f"score {_score(decision.score_before)} → {_score(decision.score_after)}"))
    return Group(*parts)


def _terms(effect: Effect) -> Table:
    table = Table.grid(padding=(0, 2))
    for term in effect.terms:
        change = term.after - term.before
        style = "green" if change < 0 else "yellow"
        table.add_row(
            "  ",
            term.name,
            f"{term.before:.4g} → {term.after:.4g}",
            Text(f"{change:+.4g}", style=style),
        )
    return table


def _score(score: Score | None) -> str:
    if score is None:
        return "not known"
    return (
        f"[hard {score.hard}, unplaced {score.unplaced}, quality {score.quality:.2f}, "
        f"USD {score.money:.2f}]"
    )


def _limits(decision: Decision) -> RenderableType:
    parts: list[RenderableType] = [Text(decision.binding)] if decision.binding else []
    if decision.turning_points:
        parts.append(Text("another answer with", style="dim"))
    parts += [Text(f"  {turning_words(point)}") for point in decision.turning_points]
    return Group(*parts)


def turning_words(point: TurningPoint) -> str:
    """Return what would have to change, signed and in its unit, and what would be done then."""
    size = _size(abs(point.amount))
    more, sign = ("more", "+") if point.amount > 0 else ("less", "-")
    match point.lever:
        case Lever.LINK_LATENCY_MS:
            change = f"{sign}{size} ms on {point.name}"
        case Lever.LATENCY_BUDGET_MS:
            change = f"{sign}{size} ms of budget for {point.name}"
        case Lever.CLUSTER_CORES:
            word = "core" if size == "1" else "cores"
            change = f"{size} {'more' if point.amount > 0 else 'fewer'} {word} on {point.name}"
        case Lever.MONEY_USD:
            change = f"{size} USD {more} for {point.name}"
        case _:
            assert_never(point.lever)
    return f"{change}: {point.answer}"


def _size(amount: float) -> str:
    """Return an amount with one decimal, or two digits where it is small."""
    return f"{round(amount, 1):g}" if amount >= 1 else f"{amount:.2g}"


def _rejections(decision: Decision) -> Table:
    table = Table.grid(padding=(0, 2))
    for rejection in decision.rejections:
        table.add_row(
            describe(rejection.candidate), Text(rejection.reason, style="yellow"), rejection.detail
        )
    return table


def _results(outcome: Outcome) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for result in outcome.actions:
        table.add_row(
            describe(result.action),
            Text(result.status, style=STATUS_STYLES[result.status]),
            f"serving {clock(result.serving_at)}" if result.serving_at else "",
            result.message,
        )
    by = f" by {outcome.by}" if outcome.by else ""
    return Group(outcome_text(outcome) + Text(by), table)
