"""A plan on an instance file: the scores before and after, and who goes where."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.decide.core.instance import read_instance
from services.decide.core.placing.arrays import NOWHERE as NO_NODE
from services.decide.core.placing.arrays import Arrays, Ints, Score
from services.decide.core.placing.exact.solving import Exact
from services.decide.core.whatif.change import Change
from services.decide.core.whatif.on_instance import changed

NOWHERE = "nowhere"
MOST_ROWS = 40

Placement = dict[str, list[str | None]]
"""The node of every replica, by component. None: nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Replicas of a component that change their node."""

    component: str
    source: str
    target: str
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancePlan:
    """What the search makes of an instance file."""

    before: Score
    after: Score
    shifts: tuple[Shift, ...]
    problems: tuple[str, ...]
    """Components that can stand nowhere, a sentence each."""
    unchanged: Score | None
    """What it would come to without the changes. None: there are none."""
    proof: Exact | None = None
    """How far from the best it can be. None: not asked."""


def plan_on(
    document: Any,
    changes: Sequence[Change],
    *,
    search: Callable[[Arrays], Ints],
    score: Callable[[Arrays, Ints], Score],
    prove: Callable[[Arrays, Ints], Exact] | None = None,
) -> InstancePlan:
    """Plan on the document of an instance file, with changes.

    `search` returns the node of every unit, `score` judges them, `prove` looks for better ones and
    for a bound. InstanceError, ChangeError.
    """
    as_is = read_instance(document)
    then = read_instance(changed(document, changes)) if changes else as_is
    found = search(then.arrays)
    proof = prove(then.arrays, found) if prove else None
    if proof is not None and proof.nodes is not None:
        found = proof.nodes
    standing = np.where(then.arrays.unit_stands, then.arrays.unit_home, NO_NODE).astype(np.int32)
    return InstancePlan(
        before=score(then.arrays, standing),
        after=score(then.arrays, found),
        shifts=shifts_between(then.placement(standing), then.placement(found)),
        problems=then.problems,
        unchanged=score(as_is.arrays, search(as_is.arrays)) if changes else None,
        proof=proof,
    )


def shifts_between(before: Placement, after: Placement) -> tuple[Shift, ...]:
    """Return the replicas that change their node, by component. Which replica it is is all one."""
    shifts: list[Shift] = []
    for component in sorted(after):
        were, are = (Counter(_names(p.get(component, []))) for p in (before, after))
        left, come = sorted((were - are).elements()), sorted((are - were).elements())
        left += [NOWHERE] * (len(come) - len(left))
        come += [NOWHERE] * (len(left) - len(come))
        pairs = Counter(zip(left, come, strict=True))
        shifts += (
            Shift(component=component, source=source, target=target, replicas=replicas)
            for (source, target), replicas in pairs.items()
        )
    return tuple(shifts)


def _names(nodes: Sequence[str | None]) -> list[str]:
    return [NOWHERE if node is None else node for node in nodes]


def instance_view(plan: InstancePlan) -> RenderableType:
    """Show a plan to people: all scores, and the first of its moves."""
    scores = Table("", "unplaced", "violations", "USD", box=None, padding=(0, 2))
    rows = [("now", plan.before), ("planned", plan.after)]
    if plan.unchanged is not None:
        rows.append(("planned without the changes", plan.unchanged))
    for what, score in rows:
        scores.add_row(what, str(score.unplaced), f"{score.violations:g}", f"{score.usd:.2f}")
    moves = Table("component", "replicas", "from", "to", box=None, padding=(0, 2))
    for shift in plan.shifts[:MOST_ROWS]:
        moves.add_row(shift.component, str(shift.replicas), shift.source, shift.target)
    more = len(plan.shifts) - MOST_ROWS
    parts: list[RenderableType] = [scores, Text(), moves if plan.shifts else Text("nothing moves")]
    if more > 0:
        parts.append(Text(f"and {more} more: --json prints them all", style="dim"))
    if plan.proof is not None:
        parts += (Text(), Text(_proof_words(plan.proof)))
    parts += (Text(sentence, style="yellow") for sentence in plan.problems)
    return Group(*parts)


def _proof_words(proof: Exact) -> str:
    bound = proof.bound
    least = f"unplaced {bound.unplaced}, violations {bound.violations:g}, USD {bound.usd:.2f}"
    if proof.is_optimal:
        return f"proven: nothing better exists ({least})"
    if math.isinf(proof.gap):
        return "not proven: too large for the exact model, or too little time"
    return f"proven: at most {proof.gap:.2%} above the best, which is at least {least}"


def instance_parts(plan: InstancePlan) -> dict[str, Any]:
    """Return what `--json` prints."""
    unchanged = plan.unchanged
    return {
        "before": plan.before._asdict(),
        "after": plan.after._asdict(),
        "without_changes": None if unchanged is None else unchanged._asdict(),
        "moves": [
            {"component": s.component, "replicas": s.replicas, "from": s.source, "to": s.target}
            for s in plan.shifts
        ],
        "proof": None
        if plan.proof is None
        else {
            "bound": plan.proof.bound._asdict(),
            "gap_ratio": plan.proof.gap if math.isfinite(plan.proof.gap) else None,
            "is_optimal": plan.proof.is_optimal,
        },
        "problems": list(plan.problems),
    }
