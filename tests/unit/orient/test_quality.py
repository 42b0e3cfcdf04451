"""What each user group gets."""

from dataclasses import replace

import pytest

from services.orient.core.memory import Verdicts
from services.orient.core.quality import assess_quality
from shared.messages.insight import HopKind, Quality
from shared.model.fleet import Fleet
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    NOW,
    a_cluster,
    a_fleet,
    a_group,
    a_placement,
    an_application,
    both_ways,
    later,
)


def quality_of(fleet: Fleet, verdicts: tuple[Verdicts, ...] = ()) -> Quality:
    (quality,), _ = assess_quality(fleet, FleetPolicy(), verdicts)
    return quality


def test_the_hops_are_told_in_order_and_add_up() -> None:
    quality = quality_of(a_fleet())
    assert [(h.kind, h.name, h.latency_ms) for h in quality.hops] == [
        (HopKind.ACCESS, "venue>home", 2.0),
        (HopKind.PROCESSING, "ingest", 1.0),
        (HopKind.LINK, "home>metro", 1.0),
        (HopKind.PROCESSING, "render", 1.0),
        (HopKind.ACCESS, "metro>venue", 2.0),
    ]
    assert quality.latency_ms == sum(h.latency_ms for h in quality.hops) == 7.0
    assert quality.guard_band_ms == 1.5


def test_components_on_the_way_back_count_too() -> None:
    group = a_group("visitors", ("ingest", "render"), back=("ingest",))
    quality = quality_of(a_fleet(applications=(an_application(users=(group,)),)))
    assert quality.latency_ms == 9.0
    assert quality.hops[-1].name == "home>venue"


def test_the_group_gets_the_worst_combination_of_ready_replicas() -> None:
    spread = (
        a_placement("ingest", "home"),
        a_placement("render", "home"),
        a_placement("render", "metro"),
    )
    assert quality_of(a_fleet(placements=spread)).latency_ms == 7.0
    unready = (*spread[:2], replace(spread[2], ready_replicas=0))
    assert quality_of(a_fleet(placements=unready)).latency_ms == 6.0


def test_without_a_ready_replica_there_is_no_latency_but_a_reason() -> None:
    quality = quality_of(a_fleet(placements=(a_placement("ingest", "home"),)))
    assert quality.latency_ms is None
    assert quality.is_met is None
    assert quality.reason == "render has no ready replica"


def test_a_link_that_was_not_measured_is_named() -> None:
    quality = quality_of(a_fleet(links=both_ways("home", "metro", None)))  # type: ignore[arg-type]
    assert quality.reason == "the latency from home to metro is not measured"


def test_an_unknown_user_site_is_named() -> None:
    group = a_group("visitors", ("ingest",), site="moon")
    quality = quality_of(a_fleet(applications=(an_application(users=(group,)),)))
    assert quality.reason == "no access latency is known between moon and home"


def test_users_at_a_cluster_reach_others_over_its_links() -> None:
    group = a_group("visitors", ("render",), site="home")
    quality = quality_of(a_fleet(applications=(an_application(users=(group,)),)))
    assert quality.latency_ms == 3.0


def test_loss_jitter_and_room_of_the_links_are_put_together() -> None:
    clusters = (a_cluster("home", home=True), a_cluster("metro"), a_cluster("cloud"))
    links = (
        *both_ways("home", "metro", loss_ratio=0.1, jitter_ms=3.0),
        *both_ways("metro", "cloud", loss_ratio=0.2, jitter_ms=4.0, used_mbps=9_000.0),
    )
    group = a_group("visitors", ("ingest", "render", "encode"))
    application = an_application(users=(group,))
    encode = replace(application.components[0], name="encode")
    application = replace(application, components=(*application.components, encode))
    placements = (
        a_placement("ingest", "home"),
        a_placement("render", "metro"),
        a_placement("encode", "cloud"),
    )
    quality = quality_of(
        a_fleet(clusters=clusters, links=links, applications=(application,), placements=placements)
    )
    assert quality.loss_ratio == pytest.approx(1 - 0.9 * 0.8)
    assert quality.jitter_ms == pytest.approx(5.0)
    assert quality.headroom_mbps == 1_000.0


def test_the_share_within_budget_covers_the_last_hour_only() -> None:
    old = (later(-3601), False)
    recent = ((later(-30), False), (later(-15), True))
    past = (Verdicts(key=("xr/arena", "visitors"), history=(old, *recent)),)
    quality = quality_of(a_fleet(), past)
    assert quality.within_ratio == pytest.approx(2 / 3)
    _, verdicts = assess_quality(a_fleet(), FleetPolicy(), past)
    assert [at for at, _ in verdicts[0].history] == [later(-30), later(-15), NOW]


def test_the_same_instant_counts_once() -> None:
    _, verdicts = assess_quality(a_fleet(), FleetPolicy(), ())
    _, again = assess_quality(a_fleet(), FleetPolicy(), verdicts)
    assert again == verdicts


def test_what_is_promised_to_a_group_decides_its_error_budget() -> None:
    group = a_group("visitors", ("ingest", "render"), target_ratio=0.5)
    fleet = a_fleet(applications=(an_application(users=(group,)),))
    history = ((later(-30), False), (later(-15), True), (later(-10), True))
    quality = quality_of(fleet, (Verdicts(key=("xr/arena", "visitors"), history=history),))
    assert quality.target_ratio == 0.5
    assert quality.error_budget_left == pytest.approx(0.5)
