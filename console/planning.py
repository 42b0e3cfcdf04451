"""Plan on what a file holds: an insight by the whole of Decide, an instance by its search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from console.instance_plan import instance_parts, instance_view, plan_on
from console.planfile import read
from console.whatif import what_if
from services.decide.compiler import ready
from services.decide.core.instance_checks import InstanceError
from services.decide.core.placing.arrays import Arrays, Ints
from services.decide.core.placing.engine import start
from services.decide.core.placing.exact.solving import Exact, solve
from services.decide.core.placing.score import score
from services.decide.core.whatif import on_insight
from services.decide.core.whatif.change import Change, ChangeError, existing, lost, parse
from services.decide.core.whatif.foresee import Foreseen, foresee
from shared.messages.insight import Insight

ITERATIONS_PER_UNIT = 1000
"""On an instance; about a second at 1,000 replicas."""

__all__ = ["ChangeError", "InstanceError", "Planned", "planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An answer for people, and the same for programs."""

    view: RenderableType
    parts: dict[str, Any]


def planned(
    file: str,
    changes: Iterable[str],
    without: Iterable[str],
    *,
    application: str = "",
    certify: float = 0.0,
) -> Planned:
    """Return what would be decided on what a file holds.

    `certify`: seconds for the exact model of an instance.
    LookupError, ChangeError or InstanceError, with a sentence: the file or a change is wrong.
    """
    given = read(file)
    wanted = (*map(parse, changes), *map(lost, without))
    if isinstance(given, Insight):
        if certify > 0.0:
            raise LookupError("--certify is for instance files")
        return _on_insight(given, wanted, application)
    return _on_instance(given, wanted, application, certify)


def _on_insight(insight: Insight, changes: Sequence[Change], application: str) -> Planned:
    then = on_insight.changed(insight, changes)
    after = _only(foresee(then), application)
    before = {one.decision.application: one for one in foresee(insight)} if changes else {}
    compared = [before[f.decision.application] for f in after if f.decision.application in before]
    return Planned(
        view=what_if(then, after, before),
        parts={
            "changes": [change.text for change in changes],
            "decisions": tuple(one.decision for one in after),
            "held_by": tuple(hold for one in after for hold in one.held_by),
            "without_changes": tuple(one.decision for one in compared),
        },
    )


def _on_instance(
    document: dict[str, Any], changes: Sequence[Change], application: str, certify: float
) -> Planned:
    if application:
        raise LookupError("--application is for insights: an instance file is planned as a whole")
    kernels = ready()

    def search(arrays: Arrays) -> Ints:
        engine = start(arrays, kernels)
        engine.run(ITERATIONS_PER_UNIT * len(arrays.unit_component))
        return engine.nodes

    def proven(arrays: Arrays, nodes: Ints) -> Exact:
        return solve(arrays, seconds=certify, start=nodes)

    plan = plan_on(
        document, changes, search=search, score=score, prove=proven if certify > 0 else None
    )
    return Planned(view=instance_view(plan), parts=instance_parts(plan))


def _only(foreseen: tuple[Foreseen, ...], wanted: str) -> tuple[Foreseen, ...]:
    shown = tuple(f for f in foreseen if wanted in ("", f.decision.application))
    if wanted and not shown:
        known = [f.decision.application for f in foreseen]
        hint = existing(wanted, known, "there is")
        raise LookupError(f"there is no application {wanted!r}; {hint}")
    return shown
