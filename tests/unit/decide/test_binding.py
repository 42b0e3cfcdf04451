"""What limits a placement the most, in a sentence."""

from dataclasses import replace
from typing import Any

import pytest

from services.decide.core.turning.binding import binding_of
from shared.model.fleet import Fleet
from tests.support.builders import a_cluster, a_fleet, a_flow, an_application, both_ways
from tests.unit.decide.demo import demo_fleet, demo_links, the_arena
from tests.unit.decide.framed import a_problem, judged, moved


def binding(fleet: Fleet) -> str:
    problem = a_problem(fleet)
    return binding_of(problem, judged(problem))


def the_flow(mbps: float = 100.0, **changes: Any) -> Fleet:
    flow = a_flow("ingest", "render", mbps, **changes)
    return a_fleet(applications=(an_application(flows=(flow,), users=()),))


def site(**changes: Any) -> Fleet:
    fleet = the_flow(1_000.0)
    home, _ = fleet.clusters
    return replace(fleet, clusters=(home, a_cluster("metro", requested=2.0, **changes)))


@pytest.mark.parametrize(
    ("fleet", "words"),
    [
        (demo_fleet(), "north: 12.4 of 13.5 ms (budget 15 less the guard band)"),
        (
            demo_fleet(links=demo_links(home_metro={"latency_ms": 2.0})),
            "north: 14.4 of 15 ms, in the guard band",
        ),
        (
            demo_fleet(links=demo_links(home_metro={"latency_ms": 7.0})),
            "north: 24.4 of 13.5 ms (budget 15 less the guard band)",
        ),
        (the_flow(max_latency_ms=1.25), "flow ingest>render: 1.0 of 1.25 ms over home>metro"),
        (the_flow(4_000.0), "link home>metro: 4000 of 10000 Mbit/s"),
        (site(gateway_mbps=2_000.0), "gateway of metro: 1100 of 2000 Mbit/s"),
        (site(max_cores=4.0), "metro: 2 of 4 cores"),
        (site(max_cores=0.0), "metro: 2 of 0 cores"),
    ],
)
def test_the_nearest_limit_binds(fleet: Fleet, words: str) -> None:
    assert binding(fleet) == words


def test_nothing_binds_where_nothing_is_limited() -> None:
    fleet = the_flow()
    unlimited = replace(fleet, links=both_ways("home", "metro", capacity_mbps=None))
    assert binding(unlimited) == ""


def test_what_cannot_be_told_does_not_bind() -> None:
    (north, _) = the_arena().users
    arena = the_arena(users=(replace(north, site="nowhere"),), flows=())
    assert binding(demo_fleet(applications=(arena,))) == ""


def test_it_is_that_of_the_placement_decided_on() -> None:
    problem = a_problem(demo_fleet())
    after = moved(problem, "render", "home")
    assert binding_of(problem, after) == "north: 10.4 of 13.5 ms (budget 15 less the guard band)"
