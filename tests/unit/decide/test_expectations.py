"""What a plan promises each user group, split by hop."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision
from shared.messages.insight import Hop, Insight
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    a_fleet,
    a_group,
    a_placement,
    an_application,
    an_insight,
)
from tests.unit.decide.demo import demo_fleet, demo_insight, the_arena
from tests.unit.decide.worlds import insights


def coast() -> Decision:
    """Return the decision after the southern users went to the coast: two moves."""
    north, south = the_arena().users
    arena = the_arena(users=(north, replace(south, site="venue-coast")))
    policy = FleetPolicy(persistence_needed=1)
    (decision,), _ = decide(
        demo_insight(demo_fleet(applications=(arena,)), policy=policy), Memory()
    )
    return decision


def told(hops: tuple[Hop, ...]) -> list[tuple[str, str, float]]:
    return [(hop.kind, hop.name, hop.latency_ms) for hop in hops]


def test_the_hops_tell_the_way_before_and_after() -> None:
    south = next(e for e in coast().expectations if e.group == "south")
    assert told(south.hops_before) == [
        ("access", "venue-coast>home", 5.0),
        ("processing", "ingest", 0.4),
        ("processing", "track", 1.2),
        ("link", "home>metro", 1.0),
        ("processing", "render", 3.4),
        ("link", "metro>home", 1.0),
        ("processing", "encode", 1.0),
        ("access", "home>venue-coast", 5.0),
    ]
    assert told(south.hops_after) == [
        ("access", "venue-coast>metro", 2.5),
        ("processing", "ingest", 0.4),
        ("link", "metro>home", 1.0),
        ("processing", "track", 1.2),
        ("link", "home>metro", 1.0),
        ("processing", "render", 3.4),
        ("processing", "encode", 1.0),
        ("access", "metro>venue-coast", 2.5),
    ]


@given(insights())
@settings(max_examples=60, deadline=None)
def test_the_hops_add_up_to_the_latency_of_the_group(insight: Insight) -> None:
    decisions, _ = decide(insight, Memory())
    for expected in (e for d in decisions for e in d.expectations):
        for total, hops in (
            (expected.before_ms, expected.hops_before),
            (expected.after_ms, expected.hops_after),
        ):
            assert (total is None) == (not hops)
            assert total is None or sum(h.latency_ms for h in hops) == pytest.approx(total)


def test_a_way_that_cannot_be_told_has_no_hops() -> None:
    """The first ingest stands nowhere; one hop of the coast's way is not measured."""
    unknown = a_group("coast", ("ingest", "render"), site="nowhere")
    known = a_group("visitors", ("ingest", "render"))
    fleet = a_fleet(
        applications=(an_application(users=(known, unknown)),),
        placements=(a_placement("render", "metro"),),
    )
    policy = FleetPolicy(persistence_needed=1)
    (decision,), _ = decide(an_insight(fleet, policy=policy), Memory())
    visitors, coast = decision.expectations
    assert (visitors.before_ms, visitors.hops_before) == (None, ())
    assert sum(h.latency_ms for h in visitors.hops_after) == visitors.after_ms
    assert (coast.after_ms, coast.hops_after) == (None, ())
