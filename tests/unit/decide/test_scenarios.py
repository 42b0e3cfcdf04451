"""The scenarios of the demo, on hand-built insights."""

from dataclasses import replace

import pytest

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.fleet import ClusterState, Fleet
from shared.model.plan import Move
from tests.unit.decide.demo import (
    demo_fleet,
    demo_insight,
    demo_links,
    silent,
    the_arena,
    with_cluster,
)


def turns(*insights: Insight) -> list[Decision]:
    """Return the decision about the arena in each cycle."""
    memory, decisions = Memory(), []
    for insight in insights:
        (decision,), memory = decide(insight, memory)
        decisions.append(decision)
    return decisions


def three_cycles(fleet: Fleet, **changes: object) -> list[Decision]:
    return turns(*(demo_insight(fleet, seconds=s, **changes) for s in (0, 15, 30)))


def moves(decision: Decision) -> set[tuple[str, str, str]]:
    return {(a.component, a.source, a.target) for a in decision.plan.actions if isinstance(a, Move)}


def test_while_all_is_well_nothing_moves() -> None:
    decisions = three_cycles(demo_fleet())
    assert [(d.verdict, d.reason) for d in decisions] == [(Verdict.HOLD, Reason.ALL_WELL)] * 3
    assert decisions[0].detail == "north 12.4 of 15 ms, south 12.4 of 15 ms"


def test_when_the_link_to_metro_degrades_render_alone_comes_home_in_the_second_cycle() -> None:
    fleet = demo_fleet(links=demo_links(home_metro={"latency_ms": 7.0, "jitter_ms": 1.5}))
    first, second, third = three_cycles(fleet)
    assert first.reason is Reason.NOT_PERSISTENT
    assert (second.verdict, second.reason) == (Verdict.ACT, Reason.QUALITY_RESTORED)
    assert moves(second) == {("render", "metro", "home")}
    assert len(second.plan.actions) == 1
    assert {e.group: (e.before_ms, e.after_ms) for e in second.expectations} == {
        "north": (24.4, 10.4),
        "south": (24.4, 10.4),
    }
    assert third.reason is Reason.IN_FLIGHT


def test_when_users_move_to_the_coast_both_groups_come_within_the_guard_band() -> None:
    north, south = the_arena().users
    arena = the_arena(users=(north, replace(south, site="venue-coast")))
    _, second, _ = three_cycles(demo_fleet(applications=(arena,)))
    assert second.reason is Reason.QUALITY_RESTORED
    assert {target for _, _, target in moves(second)} == {"metro"}
    after = {e.group: e.after_ms for e in second.expectations}
    before = {e.group: e.before_ms for e in second.expectations}
    assert before == {"north": pytest.approx(12.4), "south": pytest.approx(18.0)}
    assert all(ms is not None and ms <= 13.5 for ms in after.values())


def test_when_metro_is_lost_render_leaves_it_though_metro_says_nothing() -> None:
    links = demo_links(home_metro={"latency_ms": None, "up": False, "capacity_mbps": None})
    fleet = with_cluster(demo_fleet(links=links), "metro", state=ClusterState.UNREACHABLE, nodes=())
    first, second, _ = three_cycles(fleet, coverage=silent("metro"))
    assert first.reason is Reason.NOT_PERSISTENT
    assert (second.verdict, second.reason) == (Verdict.ACT, Reason.CLUSTER_LOST)
    assert moves(second) == {("render", "metro", "home")}
    assert (second.score_before.unplaced, second.score_after.unplaced) == (2, 0)


def test_while_metro_is_silent_in_thanos_the_loop_holds_even_if_a_link_degrades() -> None:
    links = demo_links(home_metro={"latency_ms": 7.0})
    decisions = three_cycles(demo_fleet(links=links), coverage=silent("metro"))
    assert [(d.verdict, d.reason) for d in decisions] == [(Verdict.HOLD, Reason.NOT_FRESH)] * 3
    assert decisions[0].detail == "node_ready of metro is absent"


def test_silence_of_a_cluster_that_is_not_used_does_not_keep_a_group_out_of_its_budget() -> None:
    links = demo_links(home_metro={"latency_ms": 7.0})
    _, second, _ = three_cycles(demo_fleet(links=links), coverage=silent("edge-north"))
    assert moves(second) == {("render", "metro", "home")}
