"""What would have happened to applications that are only watched, in numbers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import typer

from console.shadow.account import Account, told
from console.shadow.command import chosen, insights_since, look_back, reports_since
from console.shadow.report import Report, shadow
from console.shadow.view import report_view
from console.shadow.wants import Want
from services.orient.core.quality import assess_quality
from shared.bus.memory import MemoryBus
from shared.messages.decision import Decision, Effect, Expectation, Reason, Term, Verdict
from shared.messages.insight import Insight
from shared.model.application import Autonomy, WorkloadRef
from shared.model.fleet import ClusterState
from shared.model.names import ClusterName, ComponentName, FleetName, GroupName
from shared.model.plan import Action, GrowCluster, OffloadNamespace, Plan, Scale
from shared.runtime.clock import now
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_fleet,
    a_placement,
    an_application,
    an_insight,
    both_ways,
    cycle_at,
    later,
)
from tests.support.objects_act import a_decision, a_move
from tests.unit.console.test_render import text_of

HOME = a_move(replicas=1)
"""Render from metro to home: then no link is crossed, and the visitors get 2 + 1 + 1 + 2 ms."""
CLOUD = a_move(target="cloud", replicas=1)
INGEST = replace(a_move("home", "metro", replicas=1), component=ComponentName("ingest"))
PROMISE = Expectation(group=GroupName("visitors"), budget_ms=15.0, before_ms=26.0, after_ms=6.0)


def a_wish(*actions: Action, seconds: float = 0.0, **changes: Any) -> Decision:
    """Return a decision to act on the watched arena, by default to move render home."""
    decision = a_decision(*(actions or (HOME,)), at=later(seconds))
    wish = replace(
        decision,
        autonomy=Autonomy.SHADOW,
        deadline_at=later(seconds + 120),
        expectations=(PROMISE,),
    )
    return replace(wish, **changes)


def a_hold(seconds: float, **changes: Any) -> Decision:
    return a_wish(
        seconds=seconds, verdict=Verdict.HOLD, reason=Reason.ALL_WELL, plan=Plan(), **changes
    )


def a_cycle(seconds: float, link_ms: float | None, **fleet: Any) -> Insight:
    """Return the insight of a cycle: the visitors get 6 ms and the link there."""
    arena = an_application(autonomy=Autonomy.SHADOW)
    links = both_ways("home", "metro", 1.0)
    links = tuple(replace(link, latency_ms=link_ms) for link in links)
    standing = replace(a_fleet(links=links, applications=(arena,)), at=later(seconds), **fleet)
    insight = an_insight(standing)
    qualities, _ = assess_quality(standing, insight.policy, ())
    return replace(insight, qualities=qualities)


def the_report(decisions: list[Decision], insights: list[Insight]) -> Report:
    (report,) = shadow(decisions, insights)
    return report


def wants_after(decisions: list[Decision], *insights: Insight) -> tuple[Want, ...]:
    account = told(Account(), decisions, insights)
    return told(account, decisions, ()).wants


def test_a_link_that_stays_bad_would_have_been_left() -> None:
    cycles = [a_cycle(s, 20.0) for s in range(0, 600, 60)]
    report = the_report([a_wish()], cycles)
    (share,) = report.groups
    # 2 of 10 cycles before the deadline of the decision, and 8 in which render stood at home
    assert (share.did_ratio, share.would_ratio, share.cycles) == (0.0, 0.8, 10)
    (want,) = report.wants
    (promise,) = want.promises
    assert (promise.before_ms, promise.promised_ms) == (26.0, 6.0)
    assert (promise.would_ms, promise.did_ms, promise.cycles) == (6.0, 26.0, 8)
    assert want.actions == ("move render from metro to home",)
    assert (report.changes, report.began_at, report.ended_at) == (1, NOW, later(540))


def test_a_promise_is_worked_out_anew_in_each_cycle() -> None:
    """Ingest follows render to metro: what comes of it depends on the access there, then."""
    slow = [replace(c, site=replace(c.site, access=())) for c in a_fleet().clusters]
    cycles = [a_cycle(120, 20.0), a_cycle(135, 20.0, clusters=tuple(slow))]
    report = the_report([a_wish(INGEST)], cycles)
    (promise,) = report.wants[0].promises
    assert (promise.promised_ms, promise.would_ms, promise.cycles) == (6.0, 6.0, 1)
    (share,) = report.groups
    assert (share.did_unknown, share.would_unknown) == (1, 1)


def test_a_move_that_would_have_harmed_counts_against_it() -> None:
    """The link is well; the plan would have sent render over one that is not."""
    clusters = (*a_fleet().clusters, replace_name(a_fleet().clusters[1], "cloud"))
    links = (
        *both_ways("home", "metro"),
        *both_ways("home", "cloud", 5.0),
        *both_ways("metro", "cloud", 30.0),
    )
    cycles = [a_cycle(s, 1.0, clusters=clusters, links=links) for s in (120, 135)]
    report = the_report([a_wish(CLOUD, INGEST)], cycles)
    (share,) = report.groups
    assert (share.did_ratio, share.would_ratio) == (1.0, 0.0)
    assert report.wants[0].promises[0].would_ms == 36.0


def replace_name(cluster: Any, name: str) -> Any:
    return replace(cluster, site=replace(cluster.site, name=ClusterName(name)))


def test_what_is_wanted_again_and_again_is_one_want() -> None:
    wishes = [a_wish(seconds=s) for s in (0, 300, 600)]
    (want,) = wants_after([*wishes, a_hold(450)])
    assert (want.decisions, want.changes, want.at, want.begins_at) == (3, 1, NOW, later(120))
    assert want.ends_at is None


def test_what_is_decided_while_a_plan_would_be_in_flight_is_no_new_want() -> None:
    (want,) = wants_after([a_wish(), a_wish(INGEST, seconds=119)])
    assert (want.decisions, want.changes) == (2, 1)
    assert len(wants_after([a_wish(), a_wish(INGEST, seconds=120)])) == 2


def test_another_plan_for_what_would_be_well_already_is_no_new_want() -> None:
    """Render would stand at home and the visitors get 6 ms: nobody would have moved ingest."""
    (want,) = wants_after([a_wish(), a_wish(INGEST, seconds=300)], a_cycle(300, 20.0))
    assert (want.decisions, want.changes, want.ends_at) == (2, 1, None)


def test_another_plan_for_what_would_be_ill_still_is_a_want() -> None:
    none_there = [replace(c, site=replace(c.site, access=())) for c in a_fleet().clusters]
    cycle = a_cycle(300, 20.0, clusters=tuple(none_there))
    assert len(wants_after([a_wish(), a_wish(INGEST, seconds=300)], cycle)) == 2


@pytest.mark.parametrize(
    ("before", "reason", "wants"),
    [
        (Reason.QUALITY_RESTORED, Reason.QUALITY_RESTORED, 1),
        (Reason.QUALITY_RESTORED, Reason.MONEY_SAVED, 2),
        (Reason.QUALITY_RESTORED, Reason.CLUSTER_LOST, 2),
        (Reason.MONEY_SAVED, Reason.MONEY_SAVED, 1),
        (Reason.MONEY_SAVED, Reason.QUALITY_RESTORED, 1),
    ],
)
def test_money_and_lost_clusters_are_other_matters_than_quality(
    before: Reason, reason: Reason, wants: int
) -> None:
    wishes = [a_wish(reason=before), a_wish(INGEST, seconds=300, reason=reason)]
    assert len(wants_after(wishes, a_cycle(300, 20.0))) == wants


def test_an_account_told_in_pieces_is_the_same_as_told_at_once() -> None:
    cycles = [a_cycle(s, 20.0) for s in range(0, 600, 60)]
    wishes = [a_wish(), a_wish(INGEST, seconds=300), a_wish(CLOUD, seconds=840)]
    account = Account()
    for i in range(9):  # the pieces share a cycle, as slices of time may
        account = told(account, wishes, cycles[i : i + 2])
    assert told(account, wishes, ()) == told(told(Account(), wishes, cycles), wishes, ())
    assert (len(account.seen), [w.decisions for w in account.wants]) == (10, [2])


def test_stretching_a_namespace_is_no_want_of_its_own() -> None:
    stretch = OffloadNamespace(application=ARENA, clusters=(ClusterName("home"),))
    (want,) = wants_after([a_wish(stretch, HOME), a_wish(seconds=300)])
    assert (want.decisions, want.changes) == (2, 1)


def test_another_plan_takes_the_place_of_the_one_before() -> None:
    first, second = wants_after([a_wish(), a_wish(CLOUD, INGEST, seconds=300)])
    assert (first.ends_at, second.begins_at) == (later(420), later(420))
    assert second.changes == 2  # render goes on to the cloud, ingest to metro
    assert first.holds_at(later(120))
    assert first.holds_at(later(419))
    assert not first.holds_at(later(420))
    assert not first.holds_at(later(119))


def test_going_back_and_forth_is_counted_each_time() -> None:
    report = the_report(
        [a_wish(), a_wish(CLOUD, seconds=300), a_wish(seconds=600)], [a_cycle(900, 1.0)]
    )
    assert (report.changes, [want.changes for want in report.wants]) == (3, [1, 1, 1])


def test_scaling_and_growth_are_changes_too() -> None:
    scale = Scale(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        replicas_before=1,
        replicas=3,
    )
    grow = GrowCluster(
        cluster=ClusterName("metro"),
        namespace="clusters",
        machine_deployment="metro-md-0",
        nodes_before=1,
        nodes=2,
        expected_minutes=5.0,
    )
    again = replace(scale, replicas=2)
    (first, second) = wants_after([a_wish(scale, grow), a_wish(again, grow, seconds=300)])
    assert (first.changes, second.changes) == (2, 1)


def test_only_what_is_only_watched_is_reported() -> None:
    assert shadow([a_wish(autonomy=Autonomy.AUTO)], []) == ()
    acting = a_cycle(120, 20.0, applications=(an_application(),))
    assert shadow([], [acting]) == ()
    assert [r.autonomy for r in shadow([], [a_cycle(0, 1.0)])] == [Autonomy.SHADOW]


def test_a_want_ends_when_the_loop_may_act_itself() -> None:
    handed_over = a_hold(300, autonomy=Autonomy.AUTO)
    also_later = a_hold(450, autonomy=Autonomy.AUTO)
    (first, second) = wants_after([a_wish(), handed_over, also_later, a_wish(seconds=600)])
    assert (first.ends_at, first.decisions, second.changes) == (later(300), 1, 1)


def test_a_want_that_never_came_into_effect_changes_nothing() -> None:
    report = the_report([a_wish(effects=money())], [a_cycle(0, 20.0), a_cycle(60, 20.0)])
    (want,) = report.wants
    assert (want.saved_usd, want.promises[0].cycles, want.ended_at) == (0.0, 0, later(120))
    assert want.promises[0].would_ms is None
    assert report.groups[0].did_ratio == report.groups[0].would_ratio == 0.0


def test_a_want_without_recorded_cycles_is_told_as_far_as_it_is_known() -> None:
    report = the_report([a_wish()], [])
    assert (report.autonomy, report.began_at, report.groups, report.changes) == (None, None, (), 1)


def money() -> tuple[Effect, ...]:
    """Return what a move changes: 0.20 USD an hour are saved, the move costs 0.01."""
    terms = (
        Term(name="money:migration:xr/arena/render", before=0.0, after=0.01),
        Term(name="money:resources:home", before=0.1, after=0.3),
        Term(name="money:resources:metro", before=0.5, after=0.1),
        Term(name="quality:group:visitors", before=1.5, after=0.0),
    )
    return (Effect(action=HOME, terms=terms),)


def test_money_is_saved_for_as_long_as_it_is_wanted_and_a_move_is_paid_once() -> None:
    cycles = [a_cycle(s, 1.0) for s in (0, 120, 120 + 1800)]
    report = the_report([a_wish(effects=money())], cycles)
    assert report.saved_usd == pytest.approx(0.2 / 2 - 0.01)
    longer = [replace(c, policy=replace(c.policy, horizon=timedelta(hours=2))) for c in cycles]
    assert the_report([a_wish(effects=money())], longer).saved_usd == pytest.approx(0.2 / 4 - 0.01)


def test_a_copy_on_a_cluster_that_is_gone_would_serve_nobody() -> None:
    home, metro = a_fleet().clusters
    gone = replace(home, state=ClusterState.UNREACHABLE)
    (share,) = the_report([a_wish()], [a_cycle(120, 1.0, clusters=(gone, metro))]).groups
    # ingest stands there too, and is said to be ready still: what is measured is not corrected
    assert (share.did_unknown, share.would_unknown) == (0, 1)


def test_other_applications_do_not_count() -> None:
    other = an_application("xr/other", autonomy=Autonomy.ADVISE)
    cycle = a_cycle(120, 20.0)
    fleet = replace(
        cycle.fleet,
        applications=(*cycle.fleet.applications, other),
        placements=(*cycle.fleet.placements, a_placement("ingest", "home", application="xr/other")),
    )
    arena, others = shadow([a_wish()], [replace(cycle, fleet=fleet)])
    assert (arena.groups[0].would_ratio, others.groups[0].would_ratio) == (1.0, None)
    assert (others.autonomy, others.changes, others.groups[0].did_unknown) == ("advise", 0, 1)


def test_the_report_reads_as_a_table() -> None:
    report = the_report(
        [a_wish(effects=money()), a_wish(seconds=300)],
        [a_cycle(s, 20.0) for s in range(0, 600, 60)],
    )
    shown = text_of(report_view(report))
    for part in (
        "xr/arena · shadow",
        "2026-11-24 07:00:00 to 2026-11-24 07:09:00: 1 change, 0.01 USD saved",
        "0.0%",
        "80.0%",
        "+80.0 points",
        "did 0, would 0",
        "move render from metro to home (quality restored, decided 2 times, until 07:09:00",
        "promised 6.0 ms  would have been 6.0 ms  was 26.0 ms  of 15 ms, 8 cycles",
    ):
        assert part in shown


def test_a_report_without_wants_or_cycles_says_so() -> None:
    shown = text_of(report_view(the_report([], [a_cycle(0, None)])))
    assert "nothing would have been changed" in shown
    assert "not known" in shown
    shown = text_of(report_view(the_report([a_wish(effects=money())], [])))
    assert "not watched in a recorded cycle" in shown
    assert "no cycle recorded: 1 change, 0.00 USD saved" in shown


async def test_the_bus_is_read_slice_by_slice_each_cycle_once() -> None:
    bus = MemoryBus(fleet=FleetName(FLEET))
    began = now()
    for seconds in (0, 60, 120, 180):
        await bus.publish(a_cycle(seconds, 20.0))
    await bus.publish(a_wish())
    (report,) = await reports_since(bus, began - timedelta(minutes=25))
    assert report.groups[0].cycles == 4
    assert report.groups[0].would_ratio == 0.5
    read = [insights async for insights in insights_since(bus, began)]
    assert [[i.cycle for i in insights] for insights in read] == [
        [cycle_at(later(seconds)) for seconds in (0, 60, 120, 180)]
    ]


def test_one_application_can_be_asked_for() -> None:
    reports = shadow([a_wish()], [])
    assert chosen(reports, "") == chosen(reports, "xr/arena") == chosen(reports, "xr_arena")
    with pytest.raises(LookupError, match="xr/none was neither in shadow nor in advise"):
        chosen(reports, "xr/none")


@pytest.mark.parametrize("text", ["", "24", "0h", "h", "-1h", "1d", "1.5h", "1h ", "99999m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no time to look back: write 90m or 24h"):
        look_back(text)


def test_a_time_to_look_back_is_at_most_what_is_kept() -> None:
    assert look_back("90m") == timedelta(minutes=90)
    assert look_back("24h") == timedelta(days=1)
    with pytest.raises(typer.BadParameter, match="insights are kept for 24h"):
        look_back("25h")
