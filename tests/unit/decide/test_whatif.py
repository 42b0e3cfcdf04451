"""Changes as people write them, made to an insight; each wrong one ends in one sentence."""

from dataclasses import replace
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.decide.core.whatif.change import UNITS, Change, ChangeError, lost, parse
from services.decide.core.whatif.on_insight import changed
from shared.messages.insight import Insight
from shared.model.fleet import Cluster, ClusterState, Node
from shared.model.resources import Resources
from tests.support.builders import (
    ARENA,
    a_cluster,
    a_component,
    a_fleet,
    a_link,
    a_site,
    an_application,
    an_insight,
    both_ways,
)


def with_change(*texts: str, fleet: Insight | None = None) -> Insight:
    """Return home and metro with changes."""
    return changed(fleet or an_insight(), [parse(text) for text in texts])


def latencies(insight: Insight) -> dict[str, float | None]:
    return {f"{x.source}>{x.target}": x.latency_ms for x in insight.fleet.links}


# ------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("value", "now", "became"),
    [
        ("12ms", 1.0, 12.0),
        ("12", 1.0, 12.0),
        ("+3ms", 1.0, 4.0),
        ("-0.5ms", 2.0, 1.5),
        ("+10%", 20.0, 22.0),
        ("-50%", 20.0, 10.0),
        ("0.012s", 1.0, 12.0),
        ("+500us", 1.0, 1.5),
        ("1e1 MS", 1.0, 10.0),
        (".5ms", None, 0.5),
    ],
)
def test_a_sign_makes_a_value_relative_and_percent_a_share(
    value: str, now: float | None, became: float
) -> None:
    assert parse(f"link:a-b.latency={value}").number(now) == pytest.approx(became)


def test_loss_may_be_set_in_percent_and_gbps_are_a_thousand_mbps() -> None:
    assert parse("link:a-b.loss=1%").number(0.5) == pytest.approx(0.01)
    assert parse("link:a-b.loss=+10%").number(0.5) == pytest.approx(0.55)
    assert parse("link:a-b.capacity=2Gbps").number(None) == 2000.0


@given(now=st.floats(0, 1e6), by=st.floats(0, 1e6))
def test_more_and_then_as_much_less_is_what_it_was(now: float, by: float) -> None:
    more = parse(f"link:a-b.latency=+{by!r}ms").number(now)
    assert isclose(parse(f"link:a-b.latency=-{by!r}ms").number(more), now, abs_tol=1e-6)


@given(st.text(max_size=40))
def test_any_text_is_a_change_or_one_sentence(text: str) -> None:
    told = ""
    try:
        change = parse(text)
    except ChangeError as error:
        told = str(error)
    else:
        assert change.field in UNITS[change.kind]
    assert not told or text.strip() in told or repr(text) in told


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("latency", "'latency' is no change: write one as link:a-b.latency=+3ms"),
        ("lnk:a-b.latency=3ms", "kind 'lnk' can be changed; did you mean 'link'? kinds: app,"),
        ("link:a-b.latncy=3ms", "a link has no field 'latncy' to change; did you mean 'latency'?"),
        ("link:latency=3ms", "a link has no field 'latency' to change"),
        ("link:home-metro.latency=soon", "latency=soon: that is not a number, as 12 or +3"),
        ("link:home-metro.latency=nan", "that is not a number"),
        ("link:home-metro.latency=", "that is not a number"),
        ("link:home-metro.latency=3 furlongs", "the unit 'furlongs' is not known here (units: ms"),
        ("link:home-metro.latency=10%", "a share needs a sign, as +10%"),
        ("link:home-metro.latency=-3ms", "1 becomes -2, and it must be a number from 0 on"),
        ("link:home-metro.latency=1e999", "that is inf, and it must be a number from 0 on"),
        ("link:home-metro.loss=1.5", "that is 1.5, and it must be between 0 and 1"),
        ("link:home-metro.up=perhaps", "possible: false, true"),
        ("link:home.latency=3ms", "a link is written a-b (both directions) or a>b"),
        ("link:hme-metro.latency=3ms", "no cluster 'hme'; did you mean 'home'? there is: home, me"),
        ("link:home>metr.latency=3ms", "there is no cluster 'metr'; did you mean 'metro'?"),
        ("link:x-y.latency=3ms", "there is no cluster 'x'; there is: home, metro"),
        ("link:home-home.latency=3ms", "there is no such link; home has links to metro"),
        ("cluster:hom.cores=+8", "there is no cluster 'hom'; did you mean 'home'?"),
        ("cluster:home.cores=-17", "16 becomes -1, and it must be a number from 0 on"),
        ("cluster:home.cores=3GiB", "the unit 'GiB' is not known here (units: cores)"),
        ("cluster:home.state=gone", "possible: cordoned, not_peered, ready, unreachable"),
        (
            "site:home.price.crore=+10%",
            "no field 'price.crore' to change; did you mean 'price.core'",
        ),
        ("site:nowhere.price.core=1", "there is no cluster 'nowhere'; there is: home, metro"),
        ("users:xr/arena/visitor.site=home", "'visitor'; did you mean 'visitors'?"),
        ("users:xr/arena/visitors.site=moon", "possible: home, metro, venue"),
        ("users:visitors.budget=12ms", "there is no application ''; there is: xr/arena"),
        ("app:xr/arena.rendr.replicas=3", "'rendr'; did you mean 'render'?"),
        ("app:xr/none.render.replicas=3", "there is no application 'xr/none'"),
        ("app:xr/arena.render.replicas=1.5", "1.5 is not a whole number"),
        ("app:xr/arena.render.replicas=3x", "the unit 'x' is not known here (units: none)"),
    ],
)
def test_what_cannot_be_made_is_said_with_object_field_value_and_what_exists(
    text: str, sentence: str
) -> None:
    with pytest.raises(ChangeError) as caught:
        with_change(text)
    told = str(caught.value)
    assert sentence in told
    assert text in told
    assert "\n" not in told


# ------------------------------------------------------------------------------- links


def test_a_dash_is_both_directions_and_an_arrow_one() -> None:
    assert latencies(with_change("link:home-metro.latency=+3ms")) == {
        "home>metro": 4.0,
        "metro>home": 4.0,
    }
    assert latencies(with_change("link:metro>home.latency=7ms")) == {
        "home>metro": 1.0,
        "metro>home": 7.0,
    }


def test_changes_are_made_one_after_the_other() -> None:
    insight = with_change("link:home-metro.latency=8ms", "link:home-metro.latency=+50%")
    assert set(latencies(insight).values()) == {12.0}


def test_the_dash_that_leaves_two_clusters_is_the_one_between_them() -> None:
    fleet = a_fleet(
        clusters=(a_cluster("edge"), a_cluster("edge-north"), a_cluster("home")),
        links=both_ways("edge-north", "home"),
    )
    insight = with_change("link:edge-north-home.jitter=2ms", fleet=an_insight(fleet))
    assert {x.jitter_ms for x in insight.fleet.links} == {2.0}


def test_a_name_of_two_readings_is_asked_for_with_an_arrow() -> None:
    names = ("a", "b-c", "a-b", "c")
    fleet = an_insight(a_fleet(clusters=tuple(map(a_cluster, names)), links=(a_link("a", "b-c"),)))
    with pytest.raises(ChangeError, match="can be read in two ways: write a>b"):
        with_change("link:a-b-c.latency=3ms", fleet=fleet)
    assert latencies(with_change("link:a>b-c.latency=3ms", fleet=fleet)) == {"a>b-c": 3.0}


def test_a_link_that_exists_in_one_direction_is_changed_in_that() -> None:
    fleet = an_insight(a_fleet(links=(a_link("home", "metro"),)))
    assert latencies(with_change("link:metro-home.latency=9ms", fleet=fleet)) == {"home>metro": 9.0}
    with pytest.raises(ChangeError, match="no such link; metro has links to nobody"):
        with_change("link:metro>home.latency=9ms", fleet=fleet)


def test_what_was_not_measured_can_be_set_but_not_added_to() -> None:
    fleet = an_insight(a_fleet(links=both_ways("home", "metro", capacity_mbps=None)))
    (there, _) = with_change("link:home-metro.capacity=1Gbps", fleet=fleet).fleet.links
    assert there.capacity_mbps == 1000.0
    with pytest.raises(ChangeError, match="its value is not known, so that it can only be set"):
        with_change("link:home-metro.capacity=+10%", fleet=fleet)


def test_a_link_goes_down_and_loses() -> None:
    (there, back) = with_change("link:home>metro.up=false", "link:home-metro.loss=2%").fleet.links
    assert (there.up, back.up) == (False, True)
    assert there.loss_ratio == back.loss_ratio == 0.02


# ---------------------------------------------------------------------------- clusters


def cores(insight: Insight, name: str = "home") -> list[float]:
    (cluster,) = (c for c in insight.fleet.clusters if c.name == name)
    return [n.allocatable.cpu_cores for n in cluster.nodes]


def test_more_cores_are_a_node_with_memory_in_proportion() -> None:
    insight = with_change("cluster:home.cores=+8")
    assert cores(insight) == [16.0, 8.0]
    (cluster, _) = insight.fleet.clusters
    assert cluster.nodes[1].allocatable.memory_bytes == 32e9
    assert cluster.nodes[1].headroom.cpu_cores == 8.0


def test_a_cluster_without_nodes_gets_one() -> None:
    empty = Cluster(site=a_site("home"), state=ClusterState.READY)
    insight = with_change("cluster:home.cores=4", fleet=an_insight(a_fleet(clusters=(empty,))))
    assert cores(insight) == [4.0]
    assert insight.fleet.clusters[0].nodes[0].allocatable.memory_bytes == 4 * 4 * 2**30


def test_fewer_cores_are_taken_from_the_emptiest_node_that_is_ready() -> None:
    def node(name: str, requested: float, *, ready: bool = True) -> Node:
        return Node(
            name=name,
            allocatable=Resources(cpu_cores=8.0),
            requested=Resources(cpu_cores=requested),
            ready=ready,
        )

    nodes = (node("a", 6.0), node("b", 1.0), node("c", 0.0, ready=False))
    cluster = replace(a_cluster("home"), nodes=nodes)
    insight = with_change("cluster:home.cores=-10", fleet=an_insight(a_fleet(clusters=(cluster,))))
    assert cores(insight) == [6.0, 0.0, 8.0]


def test_the_ceiling_of_a_site_moves_with_its_cores() -> None:
    fleet = a_fleet(clusters=(a_cluster("home", max_cores=10.0),))
    more = with_change("cluster:home.cores=+50%", fleet=an_insight(fleet))
    less = with_change("cluster:home.cores=-12", fleet=an_insight(fleet))
    assert more.fleet.clusters[0].site.max_cores == 18.0
    assert less.fleet.clusters[0].site.max_cores == 0.0


def test_a_cluster_is_lost_by_its_state_or_as_without_it() -> None:
    (home, metro) = changed(an_insight(), [lost("metro")]).fleet.clusters
    assert home.state is ClusterState.READY
    assert metro.state is ClusterState.UNREACHABLE
    assert metro.reason == "what if metro were unreachable"
    back = with_change("cluster:metro.state=ready", fleet=changed(an_insight(), [lost("metro")]))
    assert back == an_insight()
    with pytest.raises(ChangeError, match="without mars: there is no cluster 'mars'"):
        changed(an_insight(), [lost("mars")])


def test_a_price_changes_by_its_share() -> None:
    insight = with_change("site:home.price.core=+10%", "site:metro.price.egress=0.02")
    (home, metro) = (c.site.prices for c in insight.fleet.clusters)
    assert home.core_hour == pytest.approx(0.055)
    assert (metro.core_hour, metro.gb_egress) == (0.05, 0.02)


# ------------------------------------------------------------------------ applications


def test_users_move_and_get_another_budget() -> None:
    insight = with_change("users:xr/arena/visitors.site=metro", "users:xr/arena/visitors.budget=+5")
    (group,) = insight.fleet.applications[0].users
    assert (group.site, group.budget_ms) == ("metro", 20.0)


def test_the_bounds_of_a_component_widen_to_what_is_asked_for() -> None:
    parts = (a_component("ingest", min_replicas=2, replicas=2), a_component("render"))
    fleet = an_insight(a_fleet(applications=(an_application(components=parts),)))
    insight = with_change(
        "app:xr/arena.ingest.replicas=1", "app:xr/arena.render.replicas=+5", fleet=fleet
    )
    ingest, render = insight.fleet.applications[0].components
    assert (ingest.min_replicas, ingest.replicas, ingest.max_replicas) == (1, 1, 4)
    assert (render.min_replicas, render.replicas, render.max_replicas) == (1, 6, 6)


def test_other_applications_stay_as_they_are() -> None:
    both = (an_application(), an_application("xr/other"))
    fleet = an_insight(a_fleet(applications=both))
    insight = with_change("app:xr/arena.render.replicas=2", fleet=fleet)
    assert insight.fleet.application(ARENA) != both[0]
    assert insight.fleet.applications[1] == both[1]


@given(st.sampled_from(["+0", "+0%", "-0ms"]))
def test_a_change_of_nothing_changes_nothing(value: str) -> None:
    change = Change(text="", kind="link", name="home-metro", field="latency", value=value)
    assert changed(an_insight(), [change]) == an_insight()
