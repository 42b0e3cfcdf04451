"""Plan on what a file holds: an insight by the whole of Decide, an instance by its search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from console.planfile import read
from console.whatif import what_if
from services.decide.core.instance import InstanceError, read_instance
from services.decide.core.whatif import on_insight, on_instance
from services.decide.core.whatif.change import Change, ChangeError, existing, lost, parse
from services.decide.core.whatif.foresee import Foreseen, foresee
from shared.messages.insight import Insight

__all__ = ["ChangeError", "InstanceError", "Planned", "planned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An answer for people, and the same for programs."""

    view: RenderableType
    parts: dict[str, Any]


def planned(file: str, changes: Iterable[str], without: Iterable[str], application: str) -> Planned:
    """Return what would be decided on what a file holds.

    LookupError, ChangeError or InstanceError, with a sentence: the file or a change is wrong.
    """
    given = read(file)
    wanted = (*map(parse, changes), *map(lost, without))
    if isinstance(given, Insight):
        return _on_insight(given, wanted, application)
    return _on_instance(given, wanted, application)


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


def _on_instance(document: dict[str, Any], changes: Sequence[Change], application: str) -> Planned:
    if application:
        raise LookupError("--application is for insights: an instance file is planned as a whole")
    read_instance(document)
    read_instance(on_instance.changed(document, changes))
    raise LookupError("the file and the changes are valid, but instances are not planned yet")


def _only(foreseen: tuple[Foreseen, ...], wanted: str) -> tuple[Foreseen, ...]:
    shown = tuple(f for f in foreseen if wanted in ("", f.decision.application))
    if wanted and not shown:
        known = [f.decision.application for f in foreseen]
        hint = existing(wanted, known, "there is")
        raise LookupError(f"there is no application {wanted!r}; {hint}")
    return shown
