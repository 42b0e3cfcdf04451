"""What would be decided, for people: the decisions, what holds them now, what a change changes."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from console.explain import explanation
from services.decide.core.whatif.foresee import Foreseen
from shared.messages.decision import Decision, Score
from shared.messages.insight import Insight
from shared.model.names import ApplicationName
from shared.model.plan import describe

Row = tuple[str, str, str]
"""What, without the changes, with them."""


def what_if(
    insight: Insight, foreseen: Sequence[Foreseen], before: Mapping[ApplicationName, Foreseen]
) -> RenderableType:
    """Show what would be decided; `before`: without the changes, empty where there are none."""
    policy = insight.policy
    parts: list[RenderableType] = [
        Text(
            f"decided on {insight.cycle} alone, as if seen in {policy.persistence_needed} cycles, "
            "with nothing under way, no recent move and no maintenance window",
            style="dim",
        )
    ]
    for one in foreseen:
        name = one.decision.application
        parts.extend((Text(), explanation(one.decision, None)))
        parts.extend(_held(hold) for hold in one.held_by)
        if before:
            earlier = before.get(name)
            parts.append(_differences(earlier.decision if earlier else None, one.decision))
    return Group(*parts)


def _held(hold: Decision) -> Text:
    return Text(f"held now: {hold.reason}, {hold.detail}", style="yellow")


def _differences(before: Decision | None, after: Decision) -> RenderableType:
    rows = tuple(differences(before, after)) if before else ()
    if before and not rows:
        return Text("the changes change nothing in this decision", style="dim")
    table = Table("", "without the changes", "with them", box=None, padding=(0, 2))
    for row in rows:
        table.add_row(*row)
    shown = table if before else Text("there is no decision without the changes")
    return Panel(shown, title="what the changes change", title_align="left")


def differences(before: Decision, after: Decision) -> Iterable[Row]:
    """Yield what differs between two decisions for one application."""
    for what, told in (
        ("answer", lambda d: f"{d.verdict} · {d.reason}"),
        ("why", lambda d: d.detail),
        ("plan", lambda d: "; ".join(describe(a) for a in d.plan.actions) or "nothing to do"),
        ("score now", lambda d: _score(d.score_before)),
        ("score then", lambda d: _score(d.score_after)),
    ):
        pair = told(before), told(after)
        if pair[0] != pair[1]:
            yield what, *pair


def _score(score: Score | None) -> str:
    if score is None:
        return "not known"
    return (
        f"hard {score.hard}, unplaced {score.unplaced}, quality {score.quality:.2f}, "
        f"USD {score.money:.2f}"
    )
