"""Every term of the score, by numbers worked out by hand."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.decide.core.standing import UNKNOWN, violation
from shared.messages.insight import Insight
from shared.messages.observation import Coverage, CoverageState
from shared.messages.readings import Signal
from shared.model.application import Constraints
from shared.model.fleet import ClusterState, Fleet
from shared.model.names import ClusterName
from shared.model.policy import FleetPolicy, Missing, MissingRule, Weights
from shared.model.resources import Resources
from shared.model.site import Prices
from tests.support.builders import (
    a_cluster,
    a_component,
    a_fleet,
    a_flow,
    a_group,
    a_placement,
    an_application,
    an_insight,
    both_ways,
)
from tests.unit.decide.framed import a_problem, judged, moved

GROUP = "quality:group:xr/arena/visitors"
FLOW = "quality:flow:xr/arena/ingest>render"


def with_group(fleet: Fleet, **changes: object) -> Fleet:
    group = a_group("visitors", ("ingest", "render"), **changes)
    return replace(fleet, applications=(an_application(users=(group,)),))


def with_flow(mbps: float = 100.0, *, fleet: Fleet | None = None, **changes: object) -> Fleet:
    application = an_application(flows=(a_flow("ingest", "render", mbps, **changes),))
    return replace(fleet or a_fleet(), applications=(application,))


def a_slow_replica_at_the_edge() -> Fleet:
    """Return a fleet with ingest at home, and render at metro and, 5 ms from home, at edge."""
    return a_fleet(
        clusters=(a_cluster("home"), a_cluster("metro"), a_cluster("edge")),
        links=both_ways("home", "metro") + both_ways("home", "edge", 5.0),
        placements=(
            a_placement("ingest", "home"),
            a_placement("render", "edge"),
            a_placement("render", "metro"),
        ),
    )


def terms(fleet: Fleet | Insight) -> dict[str, float]:
    return dict(judged(a_problem(fleet)).terms)


# ------------------------------------------------------------------------ user groups


def test_a_latency_is_access_processing_links_and_access() -> None:
    # 2 to home, 1 ingest, 1 link, 1 render, 2 from metro
    assert judged(a_problem(a_fleet())).standing.latencies_ms == (7.0,)


def test_the_way_back_counts() -> None:
    fleet = with_group(a_fleet(), back=("ingest",))
    # as above, and 1 link back, 1 ingest again
    assert judged(a_problem(fleet)).standing.latencies_ms == (9.0,)


def test_a_group_is_promised_its_slowest_replicas() -> None:
    fleet = a_slow_replica_at_the_edge()
    assert judged(a_problem(fleet)).standing.latencies_ms == (11.0,)


def test_within_budget_costs_nothing_even_inside_the_guard_band() -> None:
    assert GROUP not in terms(with_group(a_fleet(), budget_ms=7.2))


def test_out_of_budget_costs_the_weight_and_the_excess_over_the_guarded_budget() -> None:
    fleet = with_group(a_fleet(), budget_ms=5.0, weight=3.0)
    # guarded 4.5; (7 - 4.5) / 5 = 0.5
    assert terms(fleet)[GROUP] == pytest.approx(3.0 * 1.5)


def test_an_excess_counts_once_at_most() -> None:
    assert terms(with_group(a_fleet(), budget_ms=2.0))[GROUP] == 2.0


def test_a_group_within_budget_may_keep_its_latency_but_not_get_worse() -> None:
    problem = a_problem(with_group(a_fleet(), budget_ms=7.2))
    assert judged(problem).standing.yardstick.limits_ms == (7.0,)
    fleet = with_group(a_fleet(), budget_ms=20.0)
    assert judged(a_problem(fleet)).standing.yardstick.limits_ms == (18.0,)


def test_a_hop_that_is_not_measured_is_a_full_violation() -> None:
    fleet = a_fleet(links=both_ways("home", "metro", latency_ms=None))
    found = judged(a_problem(fleet))
    assert (found.standing.latencies_ms, found.terms[GROUP]) == ((UNKNOWN,), 2.0)


def test_a_hop_that_is_not_measured_is_a_good_one_where_the_policy_says_so() -> None:
    fleet = a_fleet(links=both_ways("home", "metro", latency_ms=None))
    rule = MissingRule(signal=Signal.LINK_RTT_MS, meaning=Missing.IGNORE)
    insight = an_insight(fleet, policy=FleetPolicy(missing=(rule,)))
    assert judged(a_problem(insight)).standing.latencies_ms == (6.0,)


def test_a_late_latency_is_not_believed_unless_the_other_end_has_a_fresh_one() -> None:
    def late(*clusters: str) -> tuple[Coverage, ...]:
        return tuple(
            Coverage(cluster=ClusterName(c), signal=Signal.LINK_RTT_MS, state=CoverageState.LATE)
            for c in clusters
        )

    one, both = (an_insight(coverage=late(*c)) for c in (("home",), ("home", "metro")))
    assert judged(a_problem(one)).standing.latencies_ms == (7.0,)
    assert judged(a_problem(both)).standing.latencies_ms == (UNKNOWN,)


def test_a_group_with_a_component_that_stands_nowhere_is_not_counted() -> None:
    found = judged(a_problem(a_fleet(placements=(a_placement("ingest", "home"),))))
    assert found.standing.latencies_ms == (None,)
    assert found.terms["unplaced:xr/arena/render"] == 1
    assert GROUP not in found.terms


# ----------------------------------------------------------------- flows and bandwidth


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_latency_ms": 1.0}, 0.0),
        ({"max_latency_ms": 0.8}, 1.25),
        ({"max_jitter_ms": 0.08}, 1.25),
        ({"max_loss_ratio": 0.0}, 0.0),
        ({"max_latency_ms": 0.8, "max_jitter_ms": 0.05}, 2.0),
    ],
)
def test_a_flow_counts_its_worst_broken_limit(limits: dict[str, float], expected: float) -> None:
    assert terms(with_flow(**limits)).get(FLOW, 0.0) == pytest.approx(expected)


def test_a_limit_of_a_flow_holds_for_every_pair_of_replicas() -> None:
    fleet = a_slow_replica_at_the_edge()
    assert terms(with_flow(max_latency_ms=4.0, fleet=fleet))[FLOW] == pytest.approx(1.25)


def test_a_flow_inside_one_cluster_breaks_nothing() -> None:
    fleet = a_fleet(placements=(a_placement("ingest", "home"), a_placement("render", "home")))
    found = terms(with_flow(50_000.0, fleet=fleet, max_latency_ms=0.1))
    assert not [name for name in found if name.startswith("quality:")]


def test_a_flow_over_a_link_that_is_down_is_a_full_violation() -> None:
    fleet = a_fleet(links=both_ways("home", "metro", up=False))
    assert terms(with_flow(fleet=fleet))[FLOW] == 2.0


def test_what_others_send_leaves_less_of_a_link() -> None:
    # 10 000 Mbit/s; measured 4100, of which 100 are ours; with 7000: 11 000 of 10 000
    fleet = with_flow(100.0, fleet=a_fleet(links=both_ways("home", "metro", used_mbps=4_100.0)))
    problem = a_problem(fleet)
    assert "quality:link:home>metro" not in judged(problem).terms
    heavy = with_flow(7_000.0, fleet=a_fleet(links=both_ways("home", "metro", used_mbps=11_000.0)))
    assert terms(heavy)["quality:link:home>metro"] == pytest.approx(1.1)


def test_a_flow_is_spread_evenly_over_pairs_of_replicas() -> None:
    placements = (
        a_placement("ingest", "home"),
        a_placement("render", "home"),
        a_placement("render", "metro", 3),
    )
    fleet = with_flow(16_000.0, fleet=a_fleet(placements=placements))
    # three of four pairs cross: 12 000 of 10 000
    assert terms(fleet)["quality:link:home>metro"] == pytest.approx(1.2)


def test_a_link_whose_capacity_is_not_measured_is_a_full_violation() -> None:
    fleet = a_fleet(links=both_ways("home", "metro", capacity_mbps=None))
    assert terms(fleet)["quality:link:home>metro"] == 2.0


def test_a_gateway_carries_all_that_enters_and_leaves() -> None:
    clusters = (a_cluster("home", home=True), a_cluster("metro", gateway_mbps=2_000.0))
    links = both_ways("home", "metro", used_mbps=1_000.0)
    # measured 1000 each way, 900 of them ours one way: 1100 of others and 900 of ours
    fleet = with_flow(900.0, fleet=a_fleet(clusters=clusters, links=links))
    assert "quality:gateway:metro" not in terms(fleet)
    # ours are 1000 + 1500 more than what is measured: 1000 of others and 2500
    fleet = with_flow(2_500.0, fleet=a_fleet(clusters=clusters, links=links))
    assert terms(fleet)["quality:gateway:metro"] == pytest.approx(1.0 + 1_500.0 / 2_000.0)


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [(None, None, 0.0), (None, 1.0, 2.0), (1.0, 1.0, 0.0), (0.1, 0.0, 2.0), (1.5, 1.0, 1.5)],
)
def test_a_violation_grows_with_its_excess(
    value: float | None, limit: float | None, expected: float
) -> None:
    assert violation(value, limit) == pytest.approx(expected)


# ---------------------------------------------------------------- rules and replicas


def test_new_copies_without_a_node_break_a_rule() -> None:
    fleet = a_fleet(clusters=(a_cluster("home", cores=3.0, requested=2.0), a_cluster("metro")))
    assert moved(a_problem(fleet), "render", "home").terms["hard:capacity:home"] == 1


def test_replicas_where_they_must_not_stand_break_a_rule() -> None:
    render = a_component("render", constraints=Constraints(forbidden_clusters=("metro",)))
    application = an_application(components=(a_component("ingest"), render))
    assert terms(a_fleet(applications=(application,)))["hard:placement:xr/arena/render"] == 1


def test_more_replicas_than_the_range_allows_break_a_rule() -> None:
    render = a_component("render", replicas=5, max_replicas=4)
    application = an_application(components=(a_component("ingest"), render))
    assert terms(a_fleet(applications=(application,)))["hard:replicas:xr/arena/render"] == 1


def test_what_stands_on_a_lost_cluster_counts_as_unplaced() -> None:
    metro = replace(a_cluster("metro"), state=ClusterState.UNREACHABLE)
    fleet = a_fleet(clusters=(a_cluster("home"), metro))
    assert judged(a_problem(fleet)).score.unplaced == 1


def test_what_stands_on_a_cordoned_cluster_counts_as_placed() -> None:
    metro = replace(a_cluster("metro"), state=ClusterState.CORDONED)
    assert judged(a_problem(a_fleet(clusters=(a_cluster("home"), metro)))).score.unplaced == 0


# ------------------------------------------------------------------------------ money


def test_resources_are_cores_memory_and_gpus_for_the_horizon() -> None:
    prices = Prices(core_hour=0.1, gib_hour=0.01, gpu_hour=2.0)
    request = Resources(cpu_cores=2.0, memory_bytes=4 * 2**30, gpus=1.0)
    application = an_application(
        components=(a_component("ingest"), a_component("render", requests=request))
    )
    fleet = a_fleet(
        clusters=(a_cluster("home"), a_cluster("metro", prices=prices)),
        applications=(application,),
        placements=(a_placement("ingest", "home"), a_placement("render", "metro", 3)),
    )
    policy = FleetPolicy(horizon=timedelta(hours=2), weights=Weights(cost=0.5))
    # 3 x (0.2 + 0.04 + 2) x 2 h x 0.5
    found = terms(an_insight(fleet, policy=policy))
    assert found["money:resources:metro"] == pytest.approx(6.72)


def test_energy_is_watts_per_core_at_the_price_of_a_kwh() -> None:
    metro = a_cluster("metro", watts_per_core=10.0, prices=Prices(kwh=0.3))
    # 2 cores x 10 W x 1 h x 0.3 USD/kWh
    found = terms(a_fleet(clusters=(a_cluster("home"), metro)))
    assert found["money:energy:metro"] == pytest.approx(0.006)


def test_traffic_is_paid_by_the_site_it_leaves() -> None:
    home = a_cluster("home", prices=Prices(gb_egress=0.02))
    # 1000 Mbit/s are 450 GB/h
    fleet = with_flow(1_000.0, fleet=a_fleet(clusters=(home, a_cluster("metro"))))
    found = terms(fleet)
    assert found["money:traffic:home"] == pytest.approx(9.0)
    assert "money:traffic:metro" not in found


def test_migration_is_paid_per_replica_and_for_its_state() -> None:
    render = a_component("render", replicas=2, state_mib=1_000.0)
    fleet = a_fleet(
        applications=(an_application(components=(a_component("ingest"), render)),),
        placements=(a_placement("ingest", "home"), a_placement("render", "metro", 2)),
    )
    found = moved(a_problem(fleet), "render", "home")
    assert found.terms["money:migration:xr/arena/render"] == pytest.approx(2 * (0.01 + 0.01))


def test_leaving_a_lost_cluster_costs_no_migration() -> None:
    metro = replace(a_cluster("metro"), state=ClusterState.UNREACHABLE)
    problem = a_problem(a_fleet(clusters=(a_cluster("home"), metro)))
    assert "money:migration:xr/arena/render" not in moved(problem, "render", "home").terms


def test_scoring_a_change_is_scoring_what_it_leads_to() -> None:
    problem = a_problem(a_fleet())
    step = moved(problem, "render", "home")
    ending = a_fleet(placements=(a_placement("ingest", "home"), a_placement("render", "home")))
    afresh = judged(a_problem(ending))
    assert step.standing.latencies_ms == afresh.standing.latencies_ms
    without_migration = {n: v for n, v in step.terms.items() if "migration" not in n}
    assert without_migration == pytest.approx(dict(afresh.terms))
