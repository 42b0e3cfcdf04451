"""One incident per cause, opened and closed with patience."""

from dataclasses import replace

from services.orient.core.incidents.causes import find_causes
from services.orient.core.incidents.graph import graph_of
from services.orient.core.incidents.life import follow_incidents
from services.orient.core.incidents.suspects import Evidences
from services.orient.core.incidents.watched import Watched
from services.orient.core.quality import assess_quality
from services.orient.core.unseen import Unseen
from shared.messages.incident import Anomaly, Incident, IncidentState, Severity, SubjectKind
from shared.messages.inventory import Inventory
from shared.messages.readings import Signal
from shared.model.fleet import ClusterState, Fleet
from shared.model.policy import FleetPolicy
from tests.support.builders import NOW, a_cluster, a_fleet, both_ways, later


def bad(cluster: str, peer: str, signal: Signal = Signal.LINK_RTT_MS) -> Anomaly:
    return Anomaly(
        signal=signal, cluster=cluster, subject=peer, value=30.0, expected=2.0, score=50.0
    )


def turn(
    watched: tuple[Watched, ...], *anomalies: Anomaly, fleet: Fleet | None = None, cycle: int = 0
) -> tuple[tuple[Incident, ...], tuple[Watched, ...]]:
    fleet = replace(fleet or a_fleet(), at=later(15 * cycle))
    return follow_incidents(seen_in(fleet, *anomalies), watched)


def seen_in(fleet: Fleet, *anomalies: Anomaly) -> Evidences:
    qualities, _ = assess_quality(fleet, FleetPolicy(), ())
    graph = graph_of(fleet, Inventory())
    return Evidences(fleet=fleet, graph=graph, anomalies=anomalies, qualities=qualities)


def test_both_ends_of_a_bad_link_are_one_incident() -> None:
    both = (bad("home", "metro"), bad("metro", "home"), bad("home", "metro", Signal.LINK_JITTER_MS))
    (incident,), _ = turn((), *both)
    assert (incident.kind, incident.subject) == (SubjectKind.LINK, "home>metro")
    assert incident.opened_at == NOW
    assert incident.affected == ("xr/arena",)
    assert incident.severity is Severity.WARNING
    assert incident.message == "the link between home and metro is not normal: jitter, latency"


def test_a_group_that_is_out_of_its_budget_for_one_cycle_is_no_incident() -> None:
    far = a_fleet(links=both_ways("home", "metro", 20.0))
    told, watched = turn((), fleet=far)
    assert told == ()
    assert turn(watched, cycle=1) == ((), ())


def test_an_incident_keeps_its_id_and_ends_after_three_good_cycles() -> None:
    watched: tuple[Watched, ...] = ()
    told: tuple[Incident, ...] = ()
    for cycle in range(3):
        told, watched = turn(watched, bad("home", "metro"), cycle=cycle)
    opened = told[0].id
    states = []
    for cycle in range(3, 7):
        told, watched = turn(watched, cycle=cycle)
        states.append([(i.id == opened, i.state) for i in told])
    easing, closed = [(True, IncidentState.EASING)], [(True, IncidentState.CLOSED)]
    assert states[0] == [(True, IncidentState.OPEN)] or states[0] == easing
    assert states[1:] == [easing, closed, []]


def test_a_link_that_breaks_a_budget_is_critical() -> None:
    slow = a_fleet(links=both_ways("home", "metro", 20.0))
    _, watched = turn((), bad("home", "metro"), fleet=slow)
    (incident,), _ = turn(watched, bad("home", "metro"), fleet=slow, cycle=1)
    assert incident.severity is Severity.CRITICAL
    assert incident.kind is SubjectKind.LINK


def test_an_incident_that_was_critical_stays_so_after_its_users_are_helped() -> None:
    slow, helped = a_fleet(links=both_ways("home", "metro", 20.0)), a_fleet()
    _, watched = turn((), bad("home", "metro"), fleet=slow)
    _, watched = turn(watched, bad("home", "metro"), fleet=slow, cycle=1)
    (incident,), _ = turn(watched, bad("home", "metro"), fleet=helped, cycle=2)
    assert incident.severity is Severity.CRITICAL, "another severity were another alert"


def test_most_links_of_a_cluster_bad_at_once_are_one_cause() -> None:
    names = ["a", "b", "c", "d"]
    pairs = [(x, y) for i, x in enumerate(names) for y in names[i + 1 :]]
    fleet = a_fleet(
        clusters=tuple(a_cluster(n) for n in names),
        links=tuple(link for x, y in pairs for link in both_ways(x, y)),
        applications=(),
        placements=(),
    )
    (cause,) = find_causes(seen_in(fleet, *(bad("a", peer) for peer in ("b", "c", "d"))))
    assert cause.entity == (SubjectKind.GATEWAY, "a")
    assert [s.subject for s in cause.suspects] == ["a", "a>b", "a>c", "a>d"]


def test_a_lost_cluster_is_told_at_once_and_explains_its_links_and_nodes() -> None:
    fleet = a_fleet()
    lost = replace(fleet.clusters[1], state=ClusterState.UNREACHABLE, reason="metro is gone")
    fleet = replace(fleet, clusters=(fleet.clusters[0], lost))
    node = bad("metro", "m-1", Signal.NODE_READY)
    (incident,), _ = turn((), bad("home", "metro", Signal.LINK_UP), node, fleet=fleet)
    assert (incident.kind, incident.subject) == (SubjectKind.CLUSTER, "metro")
    assert incident.severity is Severity.CRITICAL
    assert incident.affected == ("xr/arena",)


def test_a_group_out_of_budget_with_no_other_cause_is_an_incident_of_its_own() -> None:
    far = a_fleet(links=both_ways("home", "metro", 20.0))
    _, watched = turn((), fleet=far)
    (incident,), _ = turn(watched, fleet=far, cycle=1)
    assert (incident.kind, incident.subject) == (SubjectKind.GROUP, "xr/arena/visitors")
    assert "attach at venue" in incident.message


def test_a_node_that_is_not_ready_is_an_incident() -> None:
    (cause,) = find_causes(seen_in(a_fleet(), bad("metro", "m-1", Signal.NODE_READY)))
    assert cause.entity == (SubjectKind.NODE, "metro/m-1")
    assert cause.message == "node m-1 of metro is not Ready"


def test_a_group_that_cannot_be_measured_any_more_is_not_within_its_budget() -> None:
    far = a_fleet(links=both_ways("home", "metro", 20.0))
    _, watched = turn((), fleet=far)
    (opened,), watched = turn(watched, fleet=far, cycle=1)
    unread = Unseen(applications=frozenset(["xr/arena"]))
    for cycle in range(2, 8):
        fleet = replace(a_fleet(applications=(), placements=()), at=later(15 * cycle))
        graph = graph_of(fleet, Inventory())
        told, watched = follow_incidents(Evidences(fleet=fleet, graph=graph), watched, unread)
        assert [i.id for i in told] == [opened.id]
