"""One decision per application and cycle."""

from dataclasses import replace
from typing import Any

import pytest

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.inventory import Freshness, KindFreshness, Problem
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.application import Application, Autonomy, Constraints, Limits, MaintenanceWindow
from shared.model.fleet import ClusterState, Fleet
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Move, OffloadNamespace, Scale, describe
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_cluster,
    a_component,
    a_fleet,
    a_placement,
    an_application,
    an_insight,
    both_ways,
    cycle_at,
    later,
)
from tests.unit.decide.demo import (
    demo_fleet,
    demo_insight,
    demo_links,
    start_placements,
    the_arena,
    with_cluster,
)

AT_ONCE = FleetPolicy(persistence_needed=1)
DEGRADED = demo_links(home_metro={"latency_ms": 7.0})


def degraded(**changes: Any) -> Fleet:
    """Return the demo fleet with a bad link, its arena changed."""
    return demo_fleet(links=DEGRADED, applications=(the_arena(**changes),))


def decided(insight: Insight, memory: Memory | None = None, **more: Any) -> Decision:
    (decision,), _ = decide(insight, memory or Memory(), **more)
    return decision


def at_once(fleet: Fleet, **changes: Any) -> Decision:
    return decided(demo_insight(fleet, **({"policy": AT_ONCE} | changes)))


# -------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("autonomy", "seconds"),
    [
        (Autonomy.SHADOW, 120),
        (Autonomy.ADVISE, 120),
        (Autonomy.APPROVE, 900),
        (Autonomy.AUTO, 120),
    ],
)
def test_a_decision_lives_longer_where_it_waits_for_a_person(
    autonomy: Autonomy, seconds: float
) -> None:
    decision = at_once(degraded(autonomy=autonomy))
    assert decision.verdict is Verdict.ACT
    assert (decision.autonomy, decision.deadline_at) == (autonomy, later(seconds))


def test_a_paused_fleet_holds() -> None:
    control = Control(fleet=FLEET, paused=True, by="ada", reason="", at=NOW)
    decision = decided(demo_insight(degraded(), policy=AT_ONCE), control=control)
    assert (decision.reason, decision.detail) == (Reason.PAUSED, "paused by ada")


def test_a_late_inventory_holds() -> None:
    kinds = (KindFreshness(kind="Pod", state=Freshness.LATE, reason="watch broken"),)
    decision = at_once(degraded(), kinds=kinds)
    assert decision.reason is Reason.NOT_FRESH
    assert decision.detail == "the list of Pod objects is late: watch broken"


def test_outside_the_window_it_holds_and_says_what_it_turned_down() -> None:
    window = MaintenanceWindow(days=(0,), start_minute=0, end_minute=60)
    decision = at_once(degraded(limits=Limits(windows=(window,))))
    assert decision.reason is Reason.OUTSIDE_WINDOW
    first, *others = decision.rejections
    assert (describe(first.candidate), first.reason) == (
        "move render from metro to home",
        Reason.OUTSIDE_WINDOW,
    )
    assert first.candidate not in [other.candidate for other in others]


def test_half_a_plan_that_helps_nobody_waits_for_the_moves_it_needs() -> None:
    north, south = the_arena().users
    users = (north, replace(south, site="venue-coast"))

    def with_moves(count: int) -> Decision:
        arena = the_arena(users=users, limits=Limits(moves_per_hour=count))
        return at_once(demo_fleet(applications=(arena,)))

    assert len(with_moves(2).plan.actions) == 2
    held = with_moves(1)
    assert held.reason is Reason.MOVE_BUDGET
    assert held.detail == "2 more moves beside 0 within an hour, 1 are allowed"


def render_and_sync_at_metro(arena: Application, **metro: Any) -> Fleet:
    placements = tuple(
        replace(p, cluster=ClusterName("metro")) if p.component in ("render", "sync") else p
        for p in start_placements()
    )
    fleet = demo_fleet(applications=(arena,), placements=placements)
    return with_cluster(fleet, "metro", **metro)


def test_half_a_plan_that_helps_is_begun() -> None:
    arena = the_arena(limits=Limits(moves_per_hour=1))
    elsewhere = Constraints(forbidden_clusters=(ClusterName("metro"),))
    parts = tuple(replace(c, constraints=elsewhere) for c in arena.components)
    decision = at_once(render_and_sync_at_metro(replace(arena, components=parts)))
    assert decision.reason is Reason.RULE_KEPT
    assert len(decision.plan.actions) == 1
    assert (decision.score_before.hard, decision.score_after.hard) == (4, 2)


def test_no_budget_of_moves_holds_back_what_stands_nowhere() -> None:
    arena = the_arena(limits=Limits(moves_per_hour=0))
    fleet = render_and_sync_at_metro(arena, state=ClusterState.UNREACHABLE)
    decision = at_once(fleet)
    assert decision.reason is Reason.CLUSTER_LOST
    assert (decision.score_before.unplaced, decision.score_after.unplaced) == (4, 0)


def test_without_an_allowed_move_it_says_what_is_wrong_and_what_was_turned_down() -> None:
    pinned = tuple(replace(c, movable=False) for c in the_arena().components)
    decision = at_once(degraded(components=pinned))
    assert decision.reason is Reason.NO_BETTER
    assert decision.detail.startswith("north gets 24.4 of 15 ms; south gets 24.4 of 15 ms")
    best, *_ = decision.rejections
    assert best.reason is Reason.NOT_MOVABLE
    assert isinstance(best.candidate, Move)
    assert (best.candidate.component, best.candidate.target) == ("render", "home")


def test_a_room_that_lacks_is_named_where_it_would_have_helped() -> None:
    fleet = degraded()
    full = tuple(
        replace(node, requested=node.allocatable)
        for node in next(c.nodes for c in fleet.clusters if c.name == "home")
    )
    decision = at_once(with_cluster(fleet, "home", nodes=full))
    assert decision.rejections[0].reason is Reason.NO_CAPACITY
    assert decision.rejections[0].score is not None
    assert decision.rejections[0].score.hard == 2


def test_what_was_turned_down_is_not_proposed_again_and_the_hold_says_so() -> None:
    first = at_once(degraded())
    rejected = Outcome(
        decision=first.id,
        cycle=first.cycle,
        fleet=FLEET,
        application=ARENA,
        at=later(20),
        status=Status.REJECTED,
        by="ada",
        actions=(ActionResult(action=first.plan.actions[0], status=Status.REJECTED),),
    )
    only_render = tuple(
        c if c.name == "render" else replace(c, movable=False) for c in the_arena().components
    )
    fleet = degraded(components=only_render)
    insight = demo_insight(fleet, seconds=30, policy=AT_ONCE, outcomes=(rejected,))
    decision = decided(insight)
    assert decision.reason is Reason.RECENTLY_REFUSED
    assert "it was rejected by ada at 07:00:20" in decision.detail


# --------------------------------------------------------------------------- reasons


def test_replicas_that_found_no_node_are_placed_elsewhere() -> None:
    placements = tuple(
        replace(p, replicas=1) if p.component == "render" else p for p in start_placements()
    )
    decision = at_once(demo_fleet(placements=placements))
    assert decision.reason is Reason.REPLICAS_PLACED
    (move,) = decision.plan.actions
    assert isinstance(move, Move)
    assert (move.component, move.source, move.target, move.replicas) == (
        "render",
        "metro",
        "home",
        2,
    )


def test_replicas_that_stand_nowhere_are_said_to_come_from_the_lost_cluster() -> None:
    placements = tuple(p for p in start_placements() if p.component != "render")
    fleet = with_cluster(demo_fleet(placements=placements), "metro", state=ClusterState.UNREACHABLE)
    (move,) = at_once(fleet).plan.actions
    assert isinstance(move, Move)
    assert (move.source, move.target) == ("metro", "home")


def test_a_component_leaves_a_cluster_that_became_forbidden() -> None:
    components = tuple(
        replace(c, constraints=Constraints(forbidden_clusters=("metro",)))
        if c.name == "render"
        else c
        for c in the_arena().components
    )
    decision = at_once(demo_fleet(applications=(the_arena(components=components),)))
    assert decision.reason is Reason.RULE_KEPT
    assert {a.target for a in decision.plan.actions if isinstance(a, Move)} == {"home"}


def test_replicas_below_the_range_are_added_where_they_stand() -> None:
    render = a_component("render", replicas=1, min_replicas=2)
    application = an_application(components=(a_component("ingest"), render))
    decision = decided(an_insight(a_fleet(applications=(application,)), policy=AT_ONCE))
    (scale,) = decision.plan.actions
    assert isinstance(scale, Scale)
    assert (scale.component, scale.replicas_before, scale.replicas) == ("render", 1, 2)
    assert decision.reason is Reason.REPLICAS_PLACED


def test_replicas_above_the_range_are_taken_away() -> None:
    render = a_component("render", replicas=6, max_replicas=4)
    fleet = a_fleet(
        applications=(an_application(components=(a_component("ingest"), render)),),
        placements=(a_placement("ingest", "home"), a_placement("render", "metro", 6)),
    )
    decision = decided(an_insight(fleet, policy=AT_ONCE))
    (scale,) = decision.plan.actions
    assert isinstance(scale, Scale)
    assert (scale.replicas_before, scale.replicas) == (6, 4)
    assert decision.reason is Reason.RULE_KEPT


def a_cheaper_place(core_hour: float) -> Insight:
    clusters = tuple(
        replace(c, site=replace(c.site, prices=replace(c.site.prices, core_hour=price)))
        for c, price in ((a_cluster("home", home=True), core_hour), (a_cluster("metro"), 1.0))
    )
    return an_insight(a_fleet(clusters=clusters), policy=AT_ONCE)


def test_money_alone_moves_a_component_only_by_more_than_the_margin() -> None:
    # ingest at home and render at metro, 2 cores each: (2 + 2 x home price) USD an hour
    acts, holds = decided(a_cheaper_place(0.9)), decided(a_cheaper_place(0.901))
    assert (acts.reason, holds.reason) == (Reason.ALL_WELL, Reason.ALL_WELL)
    acts = decided(a_cheaper_place(0.89))
    assert acts.reason is Reason.MONEY_SAVED
    assert acts.detail.startswith("0.21 USD of 3.78 saved: move render from metro to home")
    assert holds.rejections[0].reason is Reason.TOO_SMALL


# ------------------------------------------------------------- namespaces and promises


def test_nothing_is_saved_while_it_cannot_be_told_what_the_users_get() -> None:
    insight = a_cheaper_place(core_hour=0.01)
    assert decided(insight).reason is Reason.MONEY_SAVED
    arena = an_application(components=(a_component("ingest", replicas=0), a_component("render")))
    without = tuple(p for p in insight.fleet.placements if p.component != "ingest")
    fleet = replace(insight.fleet, applications=(arena,), placements=without)
    decision = decided(replace(insight, fleet=fleet))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_BETTER)


def test_the_namespace_is_stretched_first_where_it_is_not_yet() -> None:
    north, south = the_arena().users
    arena = the_arena(users=(north, replace(south, site="venue-coast")))
    decision = at_once(demo_fleet(applications=(arena,)), stretched=())
    first, *moves = decision.plan.actions
    assert first == OffloadNamespace(application=ARENA, clusters=("metro",))
    assert all(isinstance(move, Move) for move in moves)
    assert decision.effects[0].action == first


def test_home_needs_no_stretching() -> None:
    decision = at_once(degraded(), stretched=())
    assert [type(action) for action in decision.plan.actions] == [Move]


def two_arenas() -> Fleet:
    """Return two applications whose renders both want to come home, where one has room."""
    names = (ApplicationName("xr/a"), ApplicationName("xr/b"))
    return demo_fleet(
        links=tuple(replace(x, capacity_mbps=1e6) for x in DEGRADED),
        applications=tuple(the_arena(name=name) for name in names),
        placements=tuple(
            replace(p, application=name) for name in names for p in start_placements()
        ),
    )


def targets_of_render(decisions: tuple[Decision, ...]) -> list[str | None]:
    return [
        next(
            (a.target for a in d.plan.actions if isinstance(a, Move) and a.component == "render"),
            None,
        )
        for d in decisions
    ]


def test_room_is_promised_once_in_a_cycle_and_until_the_move_is_proven() -> None:
    insight = demo_insight(two_arenas(), policy=AT_ONCE)
    decisions, memory = decide(insight, Memory())
    assert targets_of_render(decisions) == ["home", None]
    promised = [r for r in decisions[1].rejections if r.reason is Reason.PROMISED]
    assert promised[0].detail == (
        "2 x 8 cores, 1.9 GiB would fit on home, but the room is promised"
    )
    later_on = demo_insight(two_arenas(), seconds=15, policy=AT_ONCE)
    second, _ = decide(later_on, memory)
    assert [d.reason for d in second] == [Reason.IN_FLIGHT, Reason.IN_FLIGHT]


def test_the_worst_off_find_the_room_first() -> None:
    fleet = two_arenas()
    a, b = fleet.applications
    heavier = replace(b, users=tuple(replace(g, weight=5.0) for g in b.users))
    decisions, _ = decide(
        demo_insight(replace(fleet, applications=(a, heavier)), policy=AT_ONCE), Memory()
    )
    assert [d.application for d in decisions] == ["xr/b", "xr/a"]
    assert targets_of_render(decisions) == ["home", None]


# ------------------------------------------------------------------------- repetition


def test_the_same_input_gives_the_same_decision() -> None:
    insight = demo_insight(degraded())
    assert decide(insight, Memory()) == decide(insight, Memory())


def test_a_cycle_that_was_decided_for_is_not_decided_again() -> None:
    insight = demo_insight(degraded(), policy=AT_ONCE)
    _, memory = decide(insight, Memory())
    assert decide(insight, memory)[0] == ()


def test_the_order_of_the_clusters_does_not_matter() -> None:
    fleet = demo_fleet(links=DEGRADED)
    reversed_fleet = replace(fleet, clusters=fleet.clusters[::-1], links=fleet.links[::-1])
    one, other = at_once(fleet), at_once(reversed_fleet)
    assert one.plan == other.plan


def test_an_application_that_cannot_be_read_is_held_with_its_problem() -> None:
    problems = (
        Problem(kind="Site", name="metro", field="spec.tier", message="unknown"),
        Problem(kind="Application", name="xr/odd", field="spec.flows[0].to", message="no such"),
        Problem(kind="Application", name="xr/odd", field="spec.users", message="none"),
    )
    decisions, memory = decide(demo_insight(problems=problems), Memory())
    arena, odd = decisions
    assert (arena.reason, odd.reason) == (Reason.ALL_WELL, Reason.INVALID)
    assert (odd.application, odd.detail) == ("xr/odd", "spec.flows[0].to: no such")
    assert len(decide(demo_insight(problems=problems), memory)[0]) == 0


def test_nothing_is_said_against_an_application_while_the_api_server_is_down() -> None:
    kinds = (KindFreshness(kind="Deployment", state=Freshness.ABSENT, reason="unreachable"),)
    problem = Problem(kind="Application", name="xr/other", field="spec", message="no Deployment")
    insight = demo_insight(demo_fleet(applications=()), kinds=kinds, problems=(problem,))
    decision = decided(insight)
    assert (decision.application, decision.reason) == ("xr/other", Reason.NOT_FRESH)


def test_an_application_without_users_or_components_is_well() -> None:
    empty = an_application("xr/empty", components=(), flows=(), users=())
    decision = decided(an_insight(a_fleet(applications=(empty,), placements=())))
    assert (decision.reason, decision.detail) == (Reason.ALL_WELL, "no user group is declared")


def test_a_fleet_of_one_cluster_has_nowhere_to_go() -> None:
    fleet = a_fleet(
        clusters=(a_cluster("home", home=True),),
        links=(),
        placements=(a_placement("ingest", "home"), a_placement("render", "home")),
    )
    assert decided(an_insight(fleet)).reason is Reason.ALL_WELL


def test_the_id_is_that_of_the_cycle_and_the_application() -> None:
    decision = decided(demo_insight(seconds=15))
    assert decision.id == f"{cycle_at(later(15))}_xr_arena"


def test_links_that_are_missing_keep_two_clusters_apart() -> None:
    fleet = a_fleet(
        clusters=(a_cluster("edge"), a_cluster("home", home=True), a_cluster("metro")),
        links=both_ways("home", "metro", 10.0),
    )
    decision = decided(an_insight(fleet, policy=AT_ONCE))
    assert decision.verdict is Verdict.ACT
    assert {a.target for a in decision.plan.actions if isinstance(a, Move)} <= {"home", "metro"}
