"""One decision per cycle for the fleet itself: grow, shrink, create, peer, or wait."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from services.decide.core.capacity.choosing import choose
from services.decide.core.capacity.weighing import Question
from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from services.decide.core.promises import Promises
from shared.messages.decision import Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import Status
from shared.messages.readings import Signal
from shared.model.application import Autonomy, Constraints
from shared.model.fleet import Cluster, ClusterState, Fleet
from shared.model.names import CAPACITY, ApplicationName, ClusterName
from shared.model.plan import GrowCluster, Peer, describe
from shared.model.resources import Resources
from shared.model.site import Access, Peering, Prices, Template
from tests.support.builders import (
    a_cluster,
    a_component,
    a_flow,
    a_group,
    a_placement,
    both_ways,
    later,
)
from tests.unit.decide.capacities import (
    SURGE,
    a_forecast,
    a_metro,
    a_small_fleet,
    an_outcome,
    capacity,
    demand,
    grew,
    growth,
    idle,
    plan_of,
    render,
    seen,
    the_arena,
    used,
)
from tests.unit.decide.worlds import insights

COAST = ClusterName("coast")


def only(cluster: str) -> dict[str, Any]:
    """Return what keeps a component to one cluster."""
    return {"constraints": Constraints(allowed_clusters=(ClusterName(cluster),))}


def short_fleet(**changes: Any) -> Fleet:
    """Return a fleet in which a replica finds no room."""
    arena = the_arena(2, components=(render(2, min_replicas=3),))
    return a_small_fleet(applications=(arena,), **changes)


# ------------------------------------------------------------------------------ wait


def test_a_fleet_whose_sites_allow_nothing_has_nothing_to_decide() -> None:
    decisions, _ = decide(seen(a_small_fleet(metro=a_metro(growth=None)), SURGE), Memory())
    assert CAPACITY not in {decision.application for decision in decisions}


def test_where_nothing_is_wrong_nor_will_be_it_waits() -> None:
    decision = capacity(seen(a_small_fleet(), demand(lambda _: 7.0), used(lambda _: 7.9)))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.ALL_WELL)
    assert decision.detail == "no cluster will be short of room"
    assert decision.autonomy is Autonomy.ADVISE


@settings(max_examples=40, deadline=None)
@given(insights())
def test_it_waits_in_any_fleet_in_which_nothing_is_stuck_and_nothing_is_forecast(
    insight: Insight,
) -> None:
    clusters = tuple(
        replace(c, site=replace(c.site, growth=growth())) for c in insight.fleet.clusters
    )
    insight = replace(insight, fleet=replace(insight.fleet, clusters=clusters))
    decisions, _ = decide(insight, Memory())
    *others, about_fleet = decisions
    assert about_fleet.application == CAPACITY
    if all(d.reason is not Reason.NO_BETTER for d in others):
        assert about_fleet.verdict is Verdict.HOLD
        assert about_fleet.reason is Reason.ALL_WELL


# ------------------------------------------------------------------------------ grow


def test_a_cluster_grows_where_a_replica_finds_no_room() -> None:
    decision = capacity(seen(short_fleet()))
    assert (decision.verdict, decision.reason) == (Verdict.ACT, Reason.REPLICAS_PLACED)
    assert plan_of(decision) == ["grow metro from 1 to 2 nodes"]
    (action,) = decision.plan.actions
    assert isinstance(action, GrowCluster)
    assert (action.namespace, action.machine_deployment) == ("capi", "md")
    assert decision.detail == (
        "within 30 min 1 replicas of xr/arena/render find no room: "
        "grow metro from 1 to 2 nodes, which takes 30 min"
    )
    assert decision.score_before is not None
    assert decision.score_after is not None
    assert (decision.score_before.unplaced, decision.score_after.unplaced) == (1, 0)


def test_the_terms_add_up_to_the_difference_of_the_scores() -> None:
    decision = capacity(seen(short_fleet()))
    assert decision.score_before is not None
    assert decision.score_after is not None
    (effect,) = decision.effects
    for level in ("hard", "unplaced", "quality", "money"):
        change = sum(t.after - t.before for t in effect.terms if t.name.startswith(level))
        difference = getattr(decision.score_after, level) - getattr(decision.score_before, level)
        assert change == pytest.approx(difference, abs=1e-6)


def test_the_smallest_growth_that_suffices_is_taken() -> None:
    decision = capacity(seen(a_small_fleet(), demand(lambda _: 17.0)))
    assert plan_of(decision) == ["grow metro from 1 to 3 nodes"]
    most = capacity(seen(a_small_fleet(), demand(lambda _: 60.0)))
    assert plan_of(most) == ["grow metro from 1 to 4 nodes"]


def test_a_new_node_is_as_large_as_the_largest_or_as_declared() -> None:
    large = growth(node=Resources(cpu_cores=16.0, memory_bytes=64e9))
    decision = capacity(seen(a_small_fleet(metro=a_metro(growth=large)), demand(lambda _: 17.0)))
    assert plan_of(decision) == ["grow metro from 1 to 2 nodes"]
    small = growth(node=Resources(cpu_cores=2.0, memory_bytes=64e9))
    decision = capacity(seen(a_small_fleet(metro=a_metro(growth=small)), SURGE))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.NO_BETTER)


def test_the_cheaper_of_two_clusters_grows_and_the_other_is_told() -> None:
    cheap = replace(a_metro(), site=replace(a_metro().site, name=ClusterName("coast")))
    cheap = replace(cheap, site=replace(cheap.site, prices=Prices(core_hour=0.01)))
    arena = the_arena(0, components=(render(1, min_replicas=1, is_elastic=False),))
    fleet = a_small_fleet(cheap, applications=(arena,), placements=())
    decision = capacity(seen(fleet))
    assert plan_of(decision) == ["grow coast from 1 to 2 nodes"]
    assert [describe(r.candidate) for r in decision.rejections] == ["grow metro from 1 to 2 nodes"]
    assert decision.rejections[0].reason is Reason.WORSE
    same = replace(cheap, site=replace(cheap.site, prices=a_metro().site.prices))
    tie = capacity(seen(a_small_fleet(same, applications=(arena,), placements=())))
    assert plan_of(tie) == ["grow coast from 1 to 2 nodes"]


def test_a_cluster_grows_to_bring_a_group_into_its_budget() -> None:
    """Render is 20 ms from its users, and the cluster near them is full."""
    far = a_cluster("far", requested=4.0, access=(Access(user_site="venue", latency_ms=10.0),))
    arena = the_arena(1, components=(render(1, is_elastic=False),))
    placements = (a_placement("render", "far"),)
    fleet = a_small_fleet(far, applications=(arena,), placements=placements)
    decision = capacity(seen(fleet))
    assert (decision.reason, plan_of(decision)) == (
        Reason.QUALITY_RESTORED,
        ["grow metro from 1 to 2 nodes"],
    )
    assert "group xr/arena/visitors is out of its limits" in decision.detail


def test_a_cluster_grows_for_what_has_to_leave_another_before_its_lease_ends() -> None:
    edge = a_cluster("edge", requested=4.0, lease_ends_at=later(1200.0))
    arena = the_arena(1, components=(render(1, is_elastic=False),))
    placements = (a_placement("render", "edge"),)
    fleet = a_small_fleet(edge, applications=(arena,), placements=placements)
    decision = capacity(seen(fleet))
    assert (decision.reason, plan_of(decision)) == (
        Reason.LEASE_ENDS,
        ["grow metro from 1 to 2 nodes"],
    )
    assert "1 replicas of xr/arena/render cannot leave before the lease ends" in decision.detail


def test_a_component_that_stands_where_it_must_not_gets_room_elsewhere() -> None:
    edge = a_cluster("edge", requested=4.0)
    barred = Constraints(forbidden_clusters=(ClusterName("edge"),))
    arena = the_arena(1, components=(render(1, is_elastic=False, constraints=barred),))
    placements = (a_placement("render", "edge"),)
    fleet = a_small_fleet(edge, applications=(arena,), placements=placements)
    assert capacity(seen(fleet)).reason is Reason.RULE_KEPT


def test_a_cluster_that_has_room_or_may_not_be_used_does_not_grow() -> None:
    barred = Constraints(forbidden_clusters=(ClusterName("edge"),))
    arena = the_arena(2, components=(render(2, min_replicas=3, constraints=barred),))
    wish = Peering(consumer=ClusterName("metro"), latency_ms=1.0)
    edge = a_cluster("edge", growth=growth(1.0), peerings=(wish,))
    decision = capacity(seen(a_small_fleet(edge, applications=(arena,))))
    assert plan_of(decision) == ["grow metro from 1 to 2 nodes"]
    assert decision.rejections == ()


def test_a_demand_for_which_there_is_room_makes_nothing_grow() -> None:
    fleet = a_small_fleet(metro=a_metro(2))
    assert capacity(seen(fleet, SURGE)).reason is Reason.ALL_WELL


def test_who_finds_room_is_not_why_a_cluster_grows() -> None:
    """One node of two is free: the heavier one is well with it, and the other one is not."""
    apps = tuple(
        the_arena(
            1,
            components=(render(1, min_replicas=2 + n),),
            name=ApplicationName(f"xr/a{n}"),
            users=(a_group("visitors", ("render",), weight=2.0 - n),),
        )
        for n in range(2)
    )
    fleet = a_small_fleet(
        metro=a_metro(2, requested=8.0),
        applications=apps,
        placements=tuple(a_placement("render", "metro", 1, application=a.name) for a in apps),
    )
    surge = (a_forecast(Signal.POD_USED_CORES, "", f"{a.name}/render", lambda _: 7.0) for a in apps)
    decision = capacity(seen(fleet, *surge))
    assert plan_of(decision) == ["grow metro from 2 to 3 nodes"]
    assert "1 replicas of xr/a1/render find no room" in decision.detail


def test_applications_do_not_count_on_the_same_room() -> None:
    """One node takes two replicas of four cores: three that have to grow need two nodes."""
    apps = tuple(
        replace(
            the_arena(1, components=(render(1, min_replicas=2),)), name=ApplicationName(f"xr/a{n}")
        )
        for n in range(3)
    )
    fleet = a_small_fleet(
        metro=a_metro(2, requested=12.0),
        applications=apps,
        placements=tuple(a_placement("render", "metro", 1, application=a.name) for a in apps),
    )
    full = replace(
        fleet,
        clusters=(a_metro(2, requested=16.0),),
    )
    assert plan_of(capacity(seen(full))) == ["grow metro from 2 to 4 nodes"]


def test_a_cluster_grows_before_its_own_use_passes_what_its_nodes_offer() -> None:
    decision = capacity(seen(a_small_fleet(), used(lambda _: 9.0)))
    assert (decision.reason, plan_of(decision)) == (
        Reason.DEMAND,
        ["grow metro from 1 to 2 nodes"],
    )
    assert "metro node_used_cores passes what its nodes offer" in decision.detail


# ------------------------------------------------------- exactly ahead of its minutes


def test_growth_begins_as_late_as_it_may_to_be_ready_for_the_surge() -> None:
    """Use rises from 6 cores by one each 15 minutes and passes 8 after 30; a node takes 20."""
    fleet = a_small_fleet(metro=a_metro(growth=growth(20.0)))
    memory, begun = Memory(), []
    for minute in range(30):
        now = 60.0 * minute
        insight = seen(fleet, demand(lambda s: 6.0 + s / 900.0, now=now), seconds=now)
        decisions, memory = decide(insight, memory)
        about_fleet = decisions[-1]
        if about_fleet.verdict is Verdict.ACT:
            begun.append(minute)
            assert about_fleet.reason is Reason.DEMAND
            break
        assert about_fleet.reason is Reason.ALL_WELL
    assert begun == [11]


def test_what_can_wait_is_told() -> None:
    """The surge is there in an hour, and a template that takes two does not help."""
    edge = an_uncreated_edge(minutes_needed=120.0)
    fleet = a_small_fleet(edge, metro=a_metro(growth=growth(20.0)))
    surge = demand(lambda s: 11.0 if s >= 3600.0 else 7.0)
    decision = capacity(seen(fleet, surge))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.TOO_EARLY)
    assert decision.detail.endswith(
        "grow metro from 1 to 2 nodes takes 20 min and would be ready before it is needed"
    )
    assert decision.rejections[0].reason is Reason.TOO_EARLY


@pytest.mark.parametrize("slow_nodes", [2, 3])
def test_a_slow_way_is_not_begun_while_one_as_good_can_wait(slow_nodes: int) -> None:
    insight = seen(a_small_fleet(), demand(lambda s: 11.0 if s >= 3600.0 else 7.0))
    question = Question(
        insight=insight, applications=insight.fleet.applications, promised=Promises()
    )
    fast, slow = grew(expected_minutes=15.0), grew(nodes=slow_nodes, expected_minutes=120.0)
    assert choose(question, (((slow,),),)).due
    both = choose(question, (((fast,),), ((slow,),)))
    assert (both.due, [p.then.rung for p in both.early]) == ((), [(fast,)])


def test_what_is_due_for_one_does_not_wait_for_what_is_early_for_another() -> None:
    """One is stuck on metro now; coast will be short in an hour, by more, and grows in 20."""
    coast = replace(a_metro(growth=growth(20.0)), site=replace(a_metro().site, name=COAST))
    edge = an_uncreated_edge(minutes_needed=120.0, access=())
    stuck = the_arena(1, components=(render(1, min_replicas=2, is_elastic=False, **only("metro")),))
    surging = replace(
        the_arena(2, components=(render(2, **only("coast")),)), name=ApplicationName("xr/surf")
    )
    fleet = a_small_fleet(
        coast,
        edge,
        metro=a_metro(requested=8.0, growth=growth(20.0)),
        applications=(stuck, surging),
        placements=(
            a_placement("render", "metro", 1),
            a_placement("render", "coast", 2, application=surging.name),
        ),
    )
    surge = a_forecast(
        Signal.POD_USED_CORES,
        "",
        "xr/surf/render",
        lambda s: 23.0 if s > 3600.0 else 7.0,
    )
    decision = capacity(seen(fleet, surge))
    assert plan_of(decision) == ["grow metro from 1 to 2 nodes"]
    assert decision.reason is Reason.REPLICAS_PLACED


# ---------------------------------------------------------------------- create, peer


def an_uncreated_edge(minutes_needed: float = 40.0, **site: Any) -> Cluster:
    template = Template(
        name="small-edge",
        nodes=1,
        node=Resources(cpu_cores=16.0, memory_bytes=64e9),
        expected_minutes=minutes_needed,
    )
    peerings = (Peering(consumer=ClusterName("metro"), latency_ms=1.0),)
    declared: dict[str, Any] = {"template": template, "peerings": peerings}
    edge = a_cluster("edge", **(declared | site))
    return replace(edge, state=ClusterState.NOT_PEERED, nodes=())


def test_a_consumer_that_is_no_cluster_is_left_out() -> None:
    unknown = Peering(consumer=ClusterName("mars"), latency_ms=1.0)
    edge = an_uncreated_edge(peerings=(unknown,))
    assert plan_of(capacity(seen(stuck_fleet(edge)))) == ["create edge from small-edge"]
    itself = Peering(consumer=ClusterName("edge"), latency_ms=1.0)
    site = replace(edge.site, template=None, peerings=(itself, unknown))
    there = replace(a_cluster("edge", requested=16.0), site=site)
    assert capacity(seen(stuck_fleet(there))).reason is Reason.NO_BETTER


def stuck_fleet(*others: Cluster, **changes: Any) -> Fleet:
    """Return a fleet in which one replica stands nowhere and metro is full for good."""
    arena = the_arena(1, components=(render(1, is_elastic=False),))
    usual: dict[str, Any] = {
        "metro": a_metro(growth=None),
        "applications": (arena,),
        "placements": (),
    }
    return a_small_fleet(*others, **(usual | changes))


def test_a_cluster_is_created_from_a_template_and_joined_where_none_has_room() -> None:
    silent = tuple(
        Coverage(cluster=ClusterName("edge"), signal=signal, state=CoverageState.ABSENT)
        for signal in Signal
    )
    decision = capacity(seen(stuck_fleet(an_uncreated_edge()), coverage=silent))
    assert (decision.verdict, decision.reason) == (Verdict.ACT, Reason.REPLICAS_PLACED)
    assert plan_of(decision) == ["create edge from small-edge", "peer metro with edge"]
    assert "which takes 42 min" in decision.detail


def test_two_clusters_are_peered_where_a_link_is_all_that_is_missing() -> None:
    home = a_cluster("home", cores=2.0, requested=2.0, home=True)
    arena = the_arena(
        1,
        components=(a_component("ingest", movable=False), render(1, is_elastic=False)),
        flows=(a_flow("ingest", "render"),),
    )
    edge = a_cluster("edge", peerings=(Peering(consumer=ClusterName("home"), latency_ms=1.0),))
    fleet = a_small_fleet(
        home, edge, metro=a_metro(growth=None), applications=(arena,),
        placements=(a_placement("ingest", "home"),),
    )  # fmt: skip
    decision = capacity(seen(fleet))
    assert plan_of(decision) == ["peer home with edge"]
    linked = replace(fleet, links=both_ways("edge", "home"))
    decisions, _ = decide(seen(linked), Memory())
    assert decisions[0].verdict is Verdict.ACT
    assert decisions[-1].reason is Reason.ALL_WELL


def test_a_peering_that_was_turned_down_is_not_proposed_again() -> None:
    home = a_cluster("home", cores=2.0, requested=2.0, home=True)
    edge = a_cluster("edge", peerings=(Peering(consumer=ClusterName("home"), latency_ms=1.0),))
    fleet = stuck_fleet(home, replace(edge, state=ClusterState.NOT_PEERED))
    no = an_outcome(
        Peer(consumer=ClusterName("home"), provider=ClusterName("edge")), Status.REJECTED
    )
    other = replace(no, application=ApplicationName("xr/other"))
    assert capacity(seen(fleet, outcomes=(no, other))).reason is Reason.RECENTLY_REFUSED
    assert capacity(seen(fleet, outcomes=(other,))).verdict is Verdict.ACT


def test_a_cluster_that_nobody_uses_is_peered_with_home() -> None:
    home = a_cluster("home", cores=2.0, requested=2.0, home=True)
    edge = a_cluster("edge", peerings=(Peering(consumer=ClusterName("home"), latency_ms=1.0),))
    edge = replace(edge, state=ClusterState.NOT_PEERED)
    assert plan_of(capacity(seen(stuck_fleet(home, edge)))) == ["peer home with edge"]


# ---------------------------------------------------------------------------- shrink


def test_a_node_that_nobody_will_need_goes() -> None:
    decision = capacity(seen(idle(), used(lambda _: 8.0)))
    assert (decision.verdict, decision.reason) == (Verdict.ACT, Reason.MONEY_SAVED)
    assert plan_of(decision) == ["shrink metro from 3 to 2 nodes"]
    assert decision.detail == (
        "0.40 USD are saved: shrink metro from 3 to 2 nodes, which takes 30 min"
    )


@pytest.mark.parametrize(
    ("fleet", "cores"),
    [
        (idle(1), 1.0),
        (idle(growth=growth(min_nodes=3)), 8.0),
        (idle(prices=Prices()), 8.0),
        (a_small_fleet(metro=a_metro(3, requested=20.0)), 8.0),
        (idle(), 11.3),
    ],
    ids=["the last", "the fewest", "free of charge", "in use", "no margin"],
)
def test_a_node_stays(fleet: Fleet, cores: float) -> None:
    decision = capacity(seen(fleet, used(lambda _: cores)))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.ALL_WELL)


def test_a_node_stays_where_demand_will_need_it_or_nothing_is_forecast() -> None:
    assert capacity(seen(idle())).reason is Reason.ALL_WELL
    later_on = demand(lambda s: 23.0 if s > 3600.0 else 7.0)
    assert capacity(seen(idle(), used(lambda _: 8.0), later_on)).reason is Reason.ALL_WELL
