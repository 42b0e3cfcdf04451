"""What cannot be used is told by name, and all the rest is planned."""

from dataclasses import replace

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.inventory import Problem
from shared.model.application import Application, Constraints
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Move
from shared.model.policy import FleetPolicy
from tests.unit.decide.demo import (
    demo_fleet,
    demo_insight,
    demo_links,
    start_placements,
    the_arena,
    with_cluster,
)

OTHER = ApplicationName("xr/other")
DEGRADED = demo_links(home_metro={"latency_ms": 7.0})


def of(insight: Insight) -> dict[ApplicationName, Decision]:
    at_once = replace(insight, policy=FleetPolicy(persistence_needed=1))
    return {d.application: d for d in decide(at_once, Memory())[0]}


def with_another(bad: Application) -> Insight:
    """Return the arena on a bad link, and another application beside it."""
    placements = tuple(
        p
        for a in (ApplicationName("xr/arena"), OTHER)
        for p in (replace(p, application=a) for p in start_placements())
    )
    fleet = demo_fleet(links=DEGRADED, applications=(the_arena(), bad), placements=placements)
    return demo_insight(fleet)


def targets(decision: Decision) -> set[str]:
    return {a.target for a in decision.plan.actions if isinstance(a, Move)}


def test_an_application_that_cannot_be_read_is_told_with_its_field_and_the_other_is_planned() -> (
    None
):
    problem = Problem(
        kind="Application",
        name=OTHER,
        field="spec.components[0].placement",
        message="leaves no Site for ingest: clusters allow home; clusters forbid home",
    )
    decisions = of(demo_insight(demo_fleet(links=DEGRADED), problems=(problem,)))
    told = decisions[OTHER]
    assert (told.verdict, told.reason) == (Verdict.HOLD, Reason.INVALID)
    assert told.detail == f"{problem.field}: {problem.message}"
    assert targets(decisions[ApplicationName("xr/arena")]) == {"home"}


def test_ends_of_a_flow_that_are_pinned_where_no_link_is_are_told_and_the_other_is_planned() -> (
    None
):
    def pinned(name: str) -> Constraints:
        places = {"render": ("metro",), "encode": ("edge-north",)}.get(name, ())
        return Constraints(allowed_clusters=tuple(ClusterName(place) for place in places))

    arena = the_arena()
    bad = replace(
        arena,
        name=OTHER,
        components=tuple(replace(c, constraints=pinned(c.name)) for c in arena.components),
    )
    insight = with_another(bad)
    ends = {"metro", "edge-north"}
    links = tuple(x for x in insight.fleet.links if {x.source, x.target} != ends)
    decisions = of(replace(insight, fleet=replace(insight.fleet, links=links)))
    assert targets(decisions[ApplicationName("xr/arena")]) == {"home"}
    held = decisions[OTHER]
    assert held.verdict is Verdict.HOLD
    (told,) = [r for r in held.rejections if r.reason is Reason.NO_LINK]
    assert told.detail == "the link metro>edge-north does not exist"


def test_a_cluster_without_nodes_is_named_and_the_plan_goes_elsewhere() -> None:
    fleet = with_cluster(demo_fleet(links=DEGRADED), "home", nodes=())
    decision = of(demo_insight(fleet))[ApplicationName("xr/arena")]
    assert decision.verdict is Verdict.ACT
    assert "home" not in targets(decision)
    told = next(r for r in decision.rejections if r.reason is Reason.NO_CAPACITY)
    assert told.detail == "2 of 2 x 8 cores, 1.9 GiB find no node on home"
