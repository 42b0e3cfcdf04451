"""When all goes wrong at once: no service is lost, and nothing moves that ought to stay.

The whole loop in one process on virtual time: see `bench/deciding/closed.py`.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from bench.deciding.closed import STARTED_AT, Loop, arenas
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.outcome import Status
from shared.model.site import Prices
from simulator.events import ClusterEvent, LinkEvent, MetricsEvent
from simulator.fleet import ClusterSpec
from simulator.scenario import load
from simulator.world import Outage

COOLDOWN_SECONDS = 300.0
COMPONENTS = ("ingest", "track", "render", "encode", "sync")


# ------------------------------------------------------------------------ what happens


def degrade(loop: Loop) -> None:
    """Make render at metro too far from home: 24 ms of 15."""
    loop.inject(LinkEvent(at=0, kind="link", between=("home", "metro"), add_milliseconds=6.0))


def mend(loop: Loop) -> None:
    loop.inject(LinkEvent(at=0, kind="link", between=("home", "metro")))


def kill(loop: Loop, cluster: str) -> None:
    loop.inject(ClusterEvent(at=0, kind="cluster-dies", cluster=cluster))


def revive(loop: Loop, cluster: str) -> None:
    loop.inject(ClusterEvent(at=0, kind="cluster-returns", cluster=cluster))


def resized(copies: int = 1, **cores: tuple[int, float]) -> Loop:
    """Return arenas on a fleet some of whose clusters have other nodes: how many of what size."""
    fleet = load("calm", copies=copies).fleet
    clusters = dict(fleet.clusters)
    for name, (nodes, each) in cores.items():
        key = name.replace("_", "-")
        changes = {"nodes": nodes, "cores_per_node": each}
        clusters[key] = ClusterSpec.model_validate(clusters[key].model_copy(update=changes))
    return arenas(copies, fleet=fleet.model_copy(update={"clusters": clusters}))


# ------------------------------------------------------------------------- what is seen


def moves(loop: Loop) -> list[tuple[str, str, str]]:
    return [(m.component, m.source, m.target) for _, m in loop.hands.moves]


def reasons(decisions: Iterable[Decision]) -> set[Reason]:
    return {d.reason for d in decisions}


def lost(loop: Loop) -> dict[str, float]:
    """Return the workloads of which at some time no copy served, with the seconds of it."""
    spells = {
        name: sum(
            spell.get("to", loop.world.seconds) - spell["from"]
            for spell in workload["below"]
            if spell["min_ready"] == 0
        )
        for name, workload in loop.record.state()["workloads"].items()
    }
    return {name: seconds for name, seconds in spells.items() if seconds}


def all_within(loop: Loop) -> bool:
    return all(group["within"] for group in loop.record.state()["groups"].values())


def assert_safe(loop: Loop) -> None:
    """Hold for every run: room for all copies at all times, and rest after each move."""
    assert loop.homeless == [], "a copy found no node: both copies have to fit"
    newest: dict[tuple[str, str], float] = {}
    for seconds, move in loop.hands.moves:
        key = (move.application, move.component)
        assert seconds - newest.get(key, -1e9) >= COOLDOWN_SECONDS, f"{key} moved again too soon"
        newest[key] = seconds


# ---------------------------------------------------------------------------- scenarios


def test_with_no_feasible_target_nothing_moves_and_all_is_well_once_the_link_is() -> None:
    loop = resized(home=(1, 16.0), metro=(1, 16.0), edge_north=(1, 1.5), edge_south=(1, 1.5)).run(2)
    degrade(loop)
    seen = len(loop.decisions)
    loop.run(10)
    assert moves(loop) == []
    assert reasons(loop.decisions[seen + 2 :]) == {Reason.NO_BETTER}
    mend(loop)
    loop.run(2)
    assert loop.decisions[-1].reason is Reason.ALL_WELL
    assert lost(loop) == {}
    assert_safe(loop)


def test_with_no_room_for_what_stood_on_a_dead_cluster_it_waits_for_its_return() -> None:
    loop = resized(home=(1, 16.0), edge_north=(1, 6.0), edge_south=(1, 6.0), cloud=(1, 6.0)).run(2)
    kill(loop, "metro")
    loop.run(5)
    assert moves(loop) == []
    assert loop.decisions[-1].reason is Reason.NO_BETTER
    revive(loop, "metro")
    loop.run(5)
    assert moves(loop) == []
    assert all_within(loop)
    assert set(lost(loop)) == {"xr/render"}
    assert_safe(loop)


def test_a_target_that_never_gets_ready_is_left_and_the_old_copies_serve_on() -> None:
    loop = arenas().run(2)
    loop.kubernetes.stuck.add("home")
    degrade(loop)
    loop.run(20)
    first, *_ = loop.hands.outcomes()
    assert first.status is Status.REVERTED
    tried = [s for s, m in loop.hands.moves if m.target == "home"]
    assert all(b - a >= COOLDOWN_SECONDS for a, b in pairwise(tried))
    assert lost(loop) == {}
    assert_safe(loop)


def test_fifteen_applications_that_lose_their_home_at_once_find_room_without_a_herd() -> None:
    loop = resized(15, home=(22, 16.0)).run(1)
    kill(loop, "metro")
    loop.run(4)
    assert len(moves(loop)) == 15, "each moves once"
    assert len({target for _, _, target in moves(loop)}) > 1, "no cluster has room for all"
    state = loop.record.state()
    assert all(sum(p["render"].values()) == 2 for p in state["placement"].values())
    assert all_within(loop)
    assert max(lost(loop).values()) <= 60.0
    assert_safe(loop)


def test_an_application_that_loses_all_it_has_is_back_within_its_budgets_in_five_minutes() -> None:
    loop = arenas(at=dict.fromkeys(COMPONENTS, "metro")).run(1)
    kill(loop, "metro")
    loop.run(5)
    assert all_within(loop)
    assert set(lost(loop)) == {f"xr/{name}" for name in COMPONENTS}
    assert_safe(loop)


def test_an_application_that_loses_all_it_has_runs_again_in_five_minutes() -> None:
    loop = arenas(at=dict.fromkeys(COMPONENTS, "metro")).run(1)
    kill(loop, "metro")
    loop.run(5)
    (placement,) = loop.record.state()["placement"].values()
    assert all(sum(spread.values()) == 2 for spread in placement.values())
    assert_safe(loop)


def test_a_cluster_that_flaps_is_left_once_and_not_used_again_before_it_has_settled() -> None:
    loop = drawn_to_metro(arenas()).run(1)
    for _ in range(10):
        kill(loop, "metro")
        loop.run(0.5)
        revive(loop, "metro")
        loop.run(0.5)
    last = loop.world.seconds
    assert moves(loop) == [("render", "metro", "home")]
    loop.run(4.5)
    assert moves(loop) == [("render", "metro", "home")]
    loop.run(3)
    assert moves(loop) == [("render", "metro", "home"), ("render", "home", "metro")]
    assert loop.hands.moves[-1][0] >= last + COOLDOWN_SECONDS
    assert lost(loop) == {"xr/render": 30.0}, "the loss that nobody could foresee"
    assert all_within(loop)
    assert_safe(loop)


def test_a_cluster_that_flaps_slowly_is_not_used_again_either() -> None:
    loop = drawn_to_metro(arenas()).run(1)
    for _ in range(8):
        kill(loop, "metro")
        loop.run(0.5)
        revive(loop, "metro")
        loop.run(2)
    assert moves(loop) == [("render", "metro", "home")]
    assert_safe(loop)


def drawn_to_metro(loop: Loop) -> Loop:
    """Have render, which alone may move, save most where it stands: at metro."""
    applications = tuple(
        replace(
            a,
            components=tuple(replace(c, movable=c.name == "render") for c in a.components),
        )
        for a in loop.inventory.applications
    )
    loop.inventory = replace(loop.inventory, applications=applications)
    sites = tuple(
        replace(s, prices=replace(s.prices, core_hour=0.01)) if s.name == "metro" else s
        for s in loop.inventory.sites
    )
    loop.inventory = replace(loop.inventory, sites=sites)
    return loop


def test_a_cluster_whose_data_stand_still_is_neither_left_nor_used() -> None:
    loop = arenas().run(2)
    loop.sight.freeze("metro")
    loop.run(1)
    degrade(loop)
    seen = len(loop.decisions)
    loop.run(10)
    assert moves(loop) == []
    assert Reason.NOT_FRESH in reasons(loop.decisions[seen:])
    loop.sight.stale.clear()
    loop.run(3)
    assert moves(loop) == [("render", "metro", "home")]
    assert all_within(loop)
    assert lost(loop) == {}
    assert_safe(loop)


def test_a_target_whose_data_stand_still_is_not_chosen() -> None:
    loop = arenas().run(2)
    loop.sight.freeze("home")
    loop.run(1)
    degrade(loop)
    loop.run(10)
    assert moves(loop) == []
    assert loop.decisions[-1].reason is Reason.NOT_FRESH
    assert_safe(loop)


def test_while_thanos_is_silent_nothing_is_done_though_much_goes_wrong() -> None:
    loop = arenas().run(2)
    loop.sight.is_silent = True
    degrade(loop)
    loop.run(5)
    kill(loop, "edge-north")
    loop.run(5)
    assert moves(loop) == []
    loop.sight.is_silent = False
    loop.run(3)
    assert moves(loop) == [("render", "metro", "home")]
    assert all_within(loop)
    assert lost(loop) == {}
    assert_safe(loop)


def test_a_cluster_that_thanos_sees_and_the_api_does_not_loses_no_service_and_gets_none() -> None:
    loop = drawn_to_metro(arenas()).run(2)
    loop.kubernetes.cut_off["metro"] = Outage(lost_at=loop.world.seconds)
    loop.run(7)
    assert moves(loop) == [("render", "metro", "home")], "before its pods are given up"
    assert lost(loop) == {}
    loop.kubernetes.cut_off["metro"].returned_at = loop.world.seconds
    loop.run(4)
    assert len(moves(loop)) == 1, "nothing goes back before it has settled"
    assert lost(loop) == {}
    assert all_within(loop)
    assert_safe(loop)


def test_a_cluster_that_the_api_sees_and_thanos_does_not_is_neither_left_nor_used() -> None:
    loop = arenas().run(2)
    loop.inject(MetricsEvent(at=0, kind="metrics-lost", cluster="metro"))
    degrade(loop)
    loop.run(10)
    assert moves(loop) == []
    assert loop.decisions[-1].reason is Reason.NOT_FRESH
    assert lost(loop) == {}
    loop.inject(MetricsEvent(at=0, kind="metrics-found", cluster="metro"))
    loop.run(3)
    assert moves(loop) == [("render", "metro", "home")]
    assert_safe(loop)


def test_prices_that_change_by_one_percent_move_nothing() -> None:
    loop = arenas(at={}).run(1)
    before = loop.inventory.sites
    for turn in range(48):
        sites = tuple(
            replace(s, prices=_scaled(s.prices, 1.0 + 0.01 * ((turn + i) % 3 - 1)))
            for i, s in enumerate(before)
        )
        loop.inventory = replace(loop.inventory, sites=sites)
        loop.turn()
    assert moves(loop) == []
    assert {d.verdict for d in loop.decisions} == {Verdict.HOLD}
    assert_safe(loop)


def _scaled(prices: Prices, factor: float) -> Prices:
    return Prices(
        core_hour=prices.core_hour * factor,
        gib_hour=prices.gib_hour * factor,
        gb_egress=prices.gb_egress * factor,
        kwh=prices.kwh * factor,
    )


def with_leases(loop: Loop, ends_at: datetime, *clusters: str) -> Loop:
    sites = tuple(
        replace(s, lease_ends_at=ends_at) if s.name in clusters else s for s in loop.inventory.sites
    )
    loop.inventory = replace(loop.inventory, sites=sites)
    return loop


def test_two_leases_that_end_together_send_nothing_to_each_other() -> None:
    ends_at = STARTED_AT + timedelta(minutes=30)
    loop = with_leases(arenas(), ends_at, "metro", "edge-south").run(1)
    degrade(loop)
    loop.run(8)
    assert moves(loop)
    assert {target for _, _, target in moves(loop)} <= {"home", "edge-north", "cloud"}
    assert lost(loop) == {}
    assert_safe(loop)


def test_what_stands_on_two_clusters_whose_leases_end_together_leaves_both_in_time() -> None:
    ends_at = STARTED_AT + timedelta(minutes=12)
    loop = with_leases(arenas(), ends_at, "metro", "edge-south").run(12)
    kill(loop, "metro")
    kill(loop, "edge-south")
    loop.run(3)
    assert moves(loop) == [("render", "metro", "home")]
    assert lost(loop) == {}
    assert all_within(loop)
    assert_safe(loop)
