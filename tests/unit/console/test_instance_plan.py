"""A plan on an instance file, for people and programs."""

from typing import Any

import numpy as np
from rich.console import Console

from console.instance_plan import (
    MOST_ROWS,
    InstancePlan,
    Shift,
    instance_parts,
    instance_view,
    plan_on,
    shifts_between,
)
from services.decide.core.placing.arrays import Arrays, Ints, Score
from services.decide.core.whatif.change import lost, parse


def node(name: str, cluster: str) -> dict[str, Any]:
    return {
        "id": name,
        "cluster": cluster,
        "cpu_m": 4000,
        "mem_mi": 8000,
        "gpu": 0,
        "ready": True,
        "idle_w": 0,
        "core_w": 0,
        "gpu_w": 0,
    }


def an_instance() -> dict[str, Any]:
    """Return two clusters with a node each, and a component of two replicas on the first."""
    prices = {"usd_core_h": 1.0, "usd_gib_h": 0.0, "usd_gpu_h": 0.0, "usd_kwh": 0.0}
    return {
        "format": "decide-instance/1",
        "objective": {"horizon_h": 1.0, "intra_cluster_move_factor": 0.2},
        "clusters": [{"id": c, "intra_latency_ms": 0.1, **prices} for c in ("c0", "c1")],
        "nodes": [node("n0", "c0"), node("n1", "c1")],
        "links": {"rows": [[0, 1, 2.0, 1000, 0.0, 0.01, 1]]},
        "access_points": [{"id": "ap", "latency_ms": [[0, 1.0], [1, 1.0]]}],
        "components": [
            {
                "id": "s.a",
                "service": "s",
                "cpu_m": 1000,
                "mem_mi": 100,
                "gpu": 0,
                "replicas": 2,
                "proc_ms": 1.0,
                "state_mb": 0,
                "migration_usd": 0.1,
                "max_per_node": 2,
                "movable": True,
                "allow_regions": None,
                "allow_providers": None,
                "pin_clusters": None,
            }
        ],
        "edges": [],
        "flows": [],
        "current": {"s.a": ["n0", "n0"]},
    }


def to_the_last_node(arrays: Arrays) -> Ints:
    return np.full(len(arrays.unit_home), len(arrays.node_cluster) - 1, np.int32)


def nowhere(_: Arrays, nodes: Ints) -> Score:
    return Score(int((nodes < 0).sum()), 0.0, float(nodes.sum()))


def test_a_plan_is_made_on_the_changed_instance_and_compared_with_the_one_as_it_is() -> None:
    plan = plan_on(an_instance(), [], search=to_the_last_node, score=nowhere)
    assert (plan.before, plan.after, plan.unchanged) == (Score(0, 0, 0), Score(0, 0, 2), None)
    assert plan.shifts == (a_shift("s.a", "n0", "n1", 2),)

    plan = plan_on(
        an_instance(),
        [lost("c0"), parse("app:s.a.replicas=3")],
        search=to_the_last_node,
        score=nowhere,
    )
    assert plan.before.unplaced == 3
    assert plan.shifts == (a_shift("s.a", "nowhere", "n1", 3),)
    assert plan.unchanged == Score(0, 0.0, 2.0)


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
