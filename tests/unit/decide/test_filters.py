"""Why a candidate is no candidate at all."""

from dataclasses import replace
from typing import Any

import pytest

from services.decide.core.filters import ruled_out
from services.decide.core.problem import Candidate, Objection
from services.decide.core.standing import start
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.observation import Coverage, CoverageState
from shared.messages.readings import Signal
from shared.model.application import Constraints
from shared.model.fleet import Cluster, ClusterState, Fleet
from shared.model.names import ClusterName
from shared.model.policy import FleetPolicy, Missing, MissingRule
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
    later,
)
from tests.unit.decide.framed import a_move, a_problem

EDGE = ClusterName("edge")
MESH = both_ways("home", "metro") + both_ways("edge", "home") + both_ways("edge", "metro")


def three_clusters(edge: Cluster | None = None, **changes: Any) -> Fleet:
    """Return the fleet with an edge that could take render."""
    clusters = (edge or a_cluster("edge"), a_cluster("home"), a_cluster("metro"))
    return replace(a_fleet(clusters=clusters, links=MESH), **changes)


def objection(fleet: Fleet | Insight, component: str = "render") -> Objection | None:
    """Return what speaks against moving a component to the edge."""
    problem = a_problem(fleet)
    return ruled_out(problem, start(problem), a_move(problem, component, "edge"))


def reason(fleet: Fleet | Insight, component: str = "render") -> Reason | None:
    found = objection(fleet, component)
    return found.reason if found else None


def with_render(**changes: Any) -> Fleet:
    components = (a_component("ingest"), a_component("render", **changes))
    return three_clusters(applications=(an_application(components=components),))


def silent(cluster: str, *signals: Signal) -> tuple[Coverage, ...]:
    return tuple(
        Coverage(cluster=ClusterName(cluster), signal=signal, state=CoverageState.PARTIAL)
        for signal in signals
    )


def test_a_good_cluster_is_not_ruled_out() -> None:
    assert reason(three_clusters()) is None


def test_what_must_not_move_is_ruled_out() -> None:
    assert reason(with_render(movable=False)) is Reason.NOT_MOVABLE


@pytest.mark.parametrize(
    ("constraints", "detail"),
    [
        (Constraints(forbidden_regions=("here",)), "region here is forbidden"),
        (Constraints(allowed_regions=("there",)), "region here is not allowed"),
        (Constraints(allowed_owners=("them",)), "owner us is not allowed"),
        (Constraints(allowed_clusters=("metro",)), "cluster edge is not allowed"),
        (
            Constraints(allowed_clusters=("edge",), forbidden_clusters=("edge",)),
            "cluster edge is forbidden",
        ),
    ],
)
def test_regions_owners_and_clusters_are_kept_to(constraints: Constraints, detail: str) -> None:
    found = objection(with_render(constraints=constraints))
    assert found == Objection(reason=Reason.NOT_ALLOWED, detail=detail)


@pytest.mark.parametrize(
    "state", [ClusterState.CORDONED, ClusterState.UNREACHABLE, ClusterState.NOT_PEERED]
)
def test_a_cluster_that_is_not_ready_takes_nothing_new(state: ClusterState) -> None:
    edge = replace(a_cluster("edge"), state=state)
    assert reason(three_clusters(edge)) is Reason.CLUSTER_NOT_READY


def test_a_cluster_that_has_to_be_left_within_the_horizon_is_ruled_out() -> None:
    """It is left half an hour before its lease ends."""
    assert reason(three_clusters(a_cluster("edge", lease_ends_at=later(5400)))) is Reason.LEASE_ENDS
    assert reason(three_clusters(a_cluster("edge", lease_ends_at=later(5401)))) is None


@pytest.mark.parametrize(
    "signal", [Signal.NODE_READY, Signal.NODE_ALLOCATABLE_CORES, Signal.NODE_REQUESTED_BYTES]
)
def test_room_that_cannot_be_believed_is_no_room(signal: Signal) -> None:
    found = objection(an_insight(three_clusters(), coverage=silent("edge", signal)))
    assert found == Objection(reason=Reason.NOT_FRESH, detail=f"{signal} of edge is partial")


def test_what_is_ignored_by_policy_rules_nothing_out() -> None:
    rule = MissingRule(signal=Signal.NODE_READY, meaning=Missing.IGNORE)
    insight = an_insight(
        three_clusters(),
        coverage=silent("edge", Signal.NODE_READY),
        policy=FleetPolicy(missing=(rule,)),
    )
    assert reason(insight) is None


def test_a_link_without_a_measurement_that_matters_cannot_be_used() -> None:
    links = both_ways("home", "metro") + both_ways("edge", "home", jitter_ms=None)
    without = three_clusters(links=links)
    assert reason(without) is None  # nothing asks for jitter
    flow = a_flow("ingest", "render", max_jitter_ms=1.0)
    found = objection(replace(without, applications=(an_application(flows=(flow,)),)))
    assert found is not None
    assert found.reason is Reason.NOT_FRESH
    assert found.detail == "link_jitter_ms of home>edge is not measured"


@pytest.mark.parametrize(
    ("missing", "limits"),
    [
        ({"latency_ms": None}, {}),
        ({"loss_ratio": None}, {"max_loss_ratio": 0.1}),
        ({"capacity_mbps": None}, {}),
        ({"used_mbps": None}, {}),
    ],
)
def test_each_measurement_matters_to_what_needs_it(
    missing: dict[str, None], limits: dict[str, float]
) -> None:
    links = both_ways("home", "metro") + both_ways("edge", "home", **missing)
    application = an_application(flows=(a_flow("ingest", "render", **limits),))
    assert reason(three_clusters(links=links, applications=(application,))) is Reason.NOT_FRESH


def test_a_link_that_does_not_exist_or_is_down_cannot_be_used() -> None:
    assert reason(three_clusters(links=both_ways("home", "metro"))) is Reason.NO_LINK
    down = both_ways("home", "metro") + both_ways("edge", "home", up=False)
    assert reason(three_clusters(links=down)) is Reason.NO_LINK


def test_a_link_of_which_nothing_came_is_not_fresh_rather_than_missing() -> None:
    insight = an_insight(
        three_clusters(links=both_ways("home", "metro")),
        coverage=silent("home", Signal.LINK_RTT_MS),
    )
    assert reason(insight) is Reason.NOT_FRESH


def test_links_to_a_lost_neighbour_do_not_matter() -> None:
    home = replace(a_cluster("home"), state=ClusterState.UNREACHABLE)
    fleet = three_clusters(links=both_ways("edge", "metro"))
    fleet = replace(fleet, clusters=(a_cluster("edge"), home, a_cluster("metro")))
    assert reason(fleet) is None


def test_the_ends_of_a_path_need_a_known_way_from_the_users() -> None:
    fleet = three_clusters(a_cluster("edge", access=()))
    found = objection(fleet, "ingest")
    assert found is not None
    assert found.reason is Reason.NO_LINK
    assert found.detail == "no access latency between venue and edge is known"


def test_users_at_a_cluster_reach_it_over_its_links() -> None:
    group = a_group("visitors", ("ingest", "render"), site="metro")
    fleet = three_clusters(
        a_cluster("edge", access=()), applications=(an_application(users=(group,)),)
    )
    assert reason(fleet, "ingest") is None


def test_a_user_site_that_nobody_knows_rules_nothing_out() -> None:
    group = a_group("visitors", ("ingest", "render"), site="nowhere")
    fleet = three_clusters(applications=(an_application(users=(group,)),))
    assert reason(fleet, "ingest") is None


def test_a_copy_has_to_fit_on_one_node() -> None:
    found = objection(three_clusters(a_cluster("edge", cores=1.5)))
    assert found is not None
    assert found.reason is Reason.NO_CAPACITY
    assert found.detail == "1 of 1 x 2 cores, 1.9 GiB find no node on edge"


def test_a_node_that_is_not_ready_holds_nothing() -> None:
    edge = a_cluster("edge")
    edge = replace(edge, nodes=tuple(replace(node, ready=False) for node in edge.nodes))
    assert reason(three_clusters(edge)) is Reason.NO_CAPACITY


def test_the_ceiling_of_a_site_counts_what_stands_there() -> None:
    edge = a_cluster("edge", max_cores=5.0)
    assert reason(three_clusters(edge)) is None
    placements = (
        a_placement("ingest", "edge", 2),
        a_placement("render", "metro"),
    )
    assert reason(three_clusters(edge, placements=placements)) is Reason.NO_CAPACITY


def test_scaling_needs_room_for_the_new_copies_only() -> None:
    render = a_component("render", replicas=1, min_replicas=3)
    for cores, expected in ((6.0, None), (5.0, Reason.NO_CAPACITY)):
        fleet = three_clusters(
            applications=(an_application(components=(a_component("ingest"), render)),)
        )
        metro = a_cluster("metro", cores=cores, requested=2.0)
        fleet = replace(fleet, clusters=(a_cluster("edge"), a_cluster("home"), metro))
        problem = a_problem(fleet)
        scale = Candidate(component=1, cluster=ClusterName("metro"), replicas=3, is_scale=True)
        found = ruled_out(problem, start(problem), scale)
        assert (found.reason if found else None) is expected
