"""A plan on an instance file, for people and programs."""

from rich.console import Console

from console.instance_plan import (
    MOST_ROWS,
    InstancePlan,
    Shift,
    instance_parts,
    instance_view,
    shifts_between,
)
from services.decide.core.placing.arrays import Score


def a_shift(component: str, source: str, target: str, replicas: int = 1) -> Shift:
    return Shift(component=component, source=source, target=target, replicas=replicas)


def test_which_replica_stands_where_is_all_one() -> None:
    assert shifts_between({"a": ["n1", "n2"]}, {"a": ["n2", "n1"]}) == ()
    assert shifts_between({"a": ["n1", "n2"]}, {"a": ["n2", "n3"]}) == (a_shift("a", "n1", "n3"),)


def test_replicas_on_the_same_way_are_one_row_and_nowhere_is_a_place() -> None:
    shifts = shifts_between(
        {"b": ["n1", "n1", None], "a": []}, {"a": ["n4"], "b": ["n2", "n2", "n3"]}
    )
    assert shifts == (
        a_shift("a", "nowhere", "n4"),
        a_shift("b", "n1", "n2", 2),
        a_shift("b", "nowhere", "n3"),
    )


def test_replicas_that_are_no_longer_wanted_go_nowhere() -> None:
    assert shifts_between({"a": ["n1", "n2"]}, {"a": ["n2"]}) == (a_shift("a", "n1", "nowhere"),)


def a_plan(moves: int, unchanged: Score | None = None) -> InstancePlan:
    return InstancePlan(
        before=Score(3, 2.5, 10.0),
        after=Score(0, 0.0, 12.345),
        shifts=tuple(a_shift(f"c{n}", "n1", "n2") for n in range(moves)),
        problems=("c9 may stand nowhere",),
        unchanged=unchanged,
    )


def shown(plan: InstancePlan) -> str:
    screen = Console(width=120)
    with screen.capture() as captured:
        screen.print(instance_view(plan))
    return captured.get()


def test_people_see_the_scores_and_the_first_moves() -> None:
    text = shown(a_plan(MOST_ROWS + 2, unchanged=Score(1, 0.0, 11.0)))
    rows = [line.split() for line in text.splitlines()]
    assert ["now", "3", "2.5", "10.00"] in rows
    assert ["planned", "0", "0", "12.35"] in rows or ["planned", "0", "0", "12.34"] in rows
    assert ["planned", "without", "the", "changes", "1", "0", "11.00"] in rows
    assert ["c39", "1", "n1", "n2"] in rows
    assert "and 2 more: --json prints them all" in text
    assert "c9 may stand nowhere" in text
    assert "nothing moves" in shown(a_plan(0))


def test_programs_get_all_moves() -> None:
    parts = instance_parts(a_plan(MOST_ROWS + 2))
    assert len(parts["moves"]) == MOST_ROWS + 2
    assert parts["moves"][0] == {"component": "c0", "replicas": 1, "from": "n1", "to": "n2"}
    assert parts["before"] == {"unplaced": 3, "violations": 2.5, "usd": 10.0}
    assert parts["without_changes"] is None
    assert instance_parts(a_plan(0, unchanged=Score(1, 0.0, 11.0)))["without_changes"]["usd"] == 11
