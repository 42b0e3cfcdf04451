"""Whether a demo has come to its end, and how it went: against the simulator's own account."""

from dataclasses import asdict, dataclass
from typing import Any

from console.output import as_json
from console.render import clock, plan_text
from console.story import Story, serving_after
from shared.messages.outcome import Status

CALM_CYCLES = 3
"""Insights in a row in which all is well, before a demo counts as settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEnd:
    """What a user group truly has at the end."""

    name: str
    latency_ms: float | None
    budget_ms: float
    within: bool
    outside_seconds: float
    """Simulated seconds out of its budget, in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One decision to act, and what became of it."""

    decision: str
    at: str
    plan: str
    status: str
    serving_seconds: float | None
    """From the decision until all its moves served."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How a demo went."""

    scenario: str
    groups: tuple[GroupEnd, ...]
    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    """Workloads that had fewer ready replicas than wanted on living clusters."""

    @property
    def is_good(self) -> bool:
        """Tell whether every group is within its budget and no replica was ever missing."""
        return (
            all(group.within for group in self.groups)
            and not self.missing
            and all(change.status != Status.FAILED for change in self.changes)
        )

    def to_json(self) -> str:
        """Return it as one JSON object."""
        return as_json(good=self.is_good, **asdict(self))

    def to_text(self) -> str:
        """Return it as lines."""
        lines = [f"scenario {self.scenario}: {'good' if self.is_good else 'NOT GOOD'}"]
        for group in self.groups:
            latency = "none" if group.latency_ms is None else f"{group.latency_ms:.1f} ms"
            word = "within" if group.within else "OUT OF"
            lines.append(
                f"  {group.name}: {latency}, {word} its budget of {group.budget_ms:g} ms; "
                f"{group.outside_seconds:.0f} s outside in all"
            )
        for change in self.changes:
            after = change.serving_seconds
            serving = "" if after is None else f", serving after {after:.1f} s"
            lines.append(f"  {change.at} {change.plan}: {change.status}{serving}")
        if not self.changes:
            lines.append("  nothing was changed")
        lines.append(f"  replicas missing: {', '.join(self.missing) or 'never'}")
        return "\n".join(lines)


def is_settled(story: Story, truth: dict[str, Any]) -> bool:
    """Tell whether all has happened that will, and the loop has dealt with it."""
    return (
        truth["events_left"] == 0
        and all(group["within"] for group in truth["groups"].values())
        and story.met_cycles >= CALM_CYCLES
        and not story.under_way
        and (not truth["events"] or bool(story.acts))
    )


def summary_of(story: Story, truth: dict[str, Any]) -> Summary:
    """Return how it went."""
    groups = tuple(
        GroupEnd(
            name=name,
            latency_ms=group["latency_ms"],
            budget_ms=group["budget_ms"],
            within=group["within"],
            outside_seconds=group["outside_seconds"],
        )
        for name, group in sorted(truth["groups"].items())
    )
    return Summary(
        scenario=truth["scenario"],
        groups=groups,
        changes=tuple(_changes(story)),
        missing=tuple(sorted(n for n, w in truth["workloads"].items() if w["below"])),
    )


def _changes(story: Story) -> list[Change]:
    changes = []
    for decision in story.acts:
        outcome = story.outcome_of(decision.id)
        after = serving_after(decision, outcome) if outcome else None
        changes.append(
            Change(
                decision=decision.id,
                at=clock(decision.at),
                plan=plan_text(decision.plan),
                status=outcome.status if outcome else "not answered",
                serving_seconds=after.total_seconds() if after else None,
            )
        )
    return changes
