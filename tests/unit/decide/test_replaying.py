"""What Decide remembered is put together again, for every past that it can have had."""

from dataclasses import replace

from services.decide.core.decide import decide
from services.decide.core.memory import KEEP, Memory, remember
from services.decide.core.replaying import again, decisions_since, insights_since, record_of
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason
from shared.messages.insight import Insight
from shared.model.fleet import ClusterState
from shared.model.names import ApplicationName
from shared.model.plan import describe
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    FLEET,
    NOW,
    a_cluster,
    a_fleet,
    a_placement,
    an_application,
    an_insight,
    both_ways,
    cycle_at,
    later,
)

SECOND = ApplicationName("xr/second")


def insight_at(seconds: float, *, bad: bool) -> Insight:
    """Return two applications that want edge where metro is far; there is room for one."""
    placements = tuple(
        a_placement(component, cluster, application=application)
        for application in ("xr/arena", SECOND)
        for component, cluster in (("ingest", "home"), ("render", "metro"))
    )
    fleet = a_fleet(
        at=later(seconds),
        clusters=(
            a_cluster("home", cores=8.0, requested=6.0),
            a_cluster("metro", requested=16.0),
            a_cluster("edge", cores=2.0),
        ),
        links=(
            *both_ways("home", "metro", 12.0 if bad else 1.0),
            *both_ways("edge", "home", 2.0),
            *both_ways("edge", "metro", 12.0),
        ),
        applications=(an_application(), an_application(SECOND)),
        placements=placements,
    )
    return an_insight(fleet)


def ran(memory: Memory, *insights: Insight, control: Control | None = None) -> list[Decision]:
    told: list[Decision] = []
    for insight in insights:
        decisions, memory = decide(insight, memory, control=control)
        told += decisions
    return told


def test_a_decide_that_began_anew_in_the_midst_of_a_cycle_is_understood() -> None:
    insights = [insight_at(s, bad=bad) for s, bad in ((0, True), (15, False), (30, True))]
    *before, first, _ = ran(Memory(), *insights)
    *_, second = ran(remember([*before, first]), insights[-1])
    record = record_of(second, insights, [*before, first, second])
    ways = [(way.assumed, way.decision == second) for way in again(record)]
    assert first.reason is Reason.QUALITY_RESTORED
    assert second.reason is Reason.NOT_PERSISTENT
    assert [assumed for assumed, same in ways if same] == [
        f"Decide began anew in the midst of {cycle_at(later(30))}"
    ]


def test_insights_after_the_decision_and_decisions_that_are_gone_do_not_matter() -> None:
    insights = [insight_at(s, bad=False) for s in (0, 15, 30)]
    decision = ran(Memory(), *insights[:2])[2]
    record = record_of(decision, insights[::-1], [])
    assert record.insights == tuple(insights[:2])
    assert next(again(record)).decision == decision


def test_an_application_that_is_not_there_has_no_decision() -> None:
    insight = insight_at(0, bad=False)
    decision = replace(ran(Memory(), insight)[0], application=ApplicationName("xr/ghost"))
    ways = list(again(record_of(decision, [insight], [decision])))
    assert {way.decision for way in ways} == {None}


def test_a_pause_counts_from_its_decision_to_the_next_one() -> None:
    pause = Control(fleet=FLEET, paused=True, by="ada", reason="match", at=NOW)
    insights = [insight_at(s, bad=True) for s in (0, 15, 30)]
    paused = ran(Memory(), *insights[:2], control=pause)
    record = record_of(paused[3], insights, paused[:2])
    assert paused[3].reason is Reason.PAUSED
    assert next(again(record)).decision == paused[3]
    freed = ran(remember(paused), insights[2])
    record = record_of(freed[0], insights, [*paused, *freed])
    assert freed[0].reason is Reason.NOT_PERSISTENT
    assert any(way.decision == freed[0] for way in again(record))


def test_a_cooldown_or_twice_the_patience_and_what_is_kept_before_it_are_asked_for() -> None:
    insight = replace(insight_at(0, bad=False), policy=FleetPolicy(persistence_of=12))
    assert insights_since(insight) == later(-15 * 12 * 2 * 2)
    assert decisions_since(insight) == later(-15 * 12 * 2 * 2) - KEEP
    assert insights_since(replace(insight, policy=FleetPolicy())) == later(-300)


def test_a_decide_that_forgot_a_lost_cluster_when_it_began_anew_is_understood() -> None:
    insights = [insight_at(s, bad=s >= 150) for s in range(0, 180, 15)]
    down = replace(insights[0].fleet.clusters[2], state=ClusterState.UNREACHABLE)
    lost = replace(insights[0].fleet, clusters=(*insights[0].fleet.clusters[:2], down))
    insights[0] = replace(insights[0], fleet=lost)
    *before, act, _ = ran(Memory(), *insights[1:])
    record = record_of(act, insights, before)
    ways = [(way.assumed, way.decision == act) for way in again(record)]
    assert describe(act.plan.actions[-1]) == "move render from metro to edge"
    assert next(assumed for assumed, same in ways if same) == (
        f"Decide began anew with {insights[1].cycle}"
    )
