"""One incident per cause, opened and closed with patience."""

from dataclasses import replace

from services.orient.core.causes import find_causes
from services.orient.core.incidents import follow_incidents
from services.orient.core.memory import Watched
from services.orient.core.quality import assess_quality
from services.orient.core.unseen import Unseen
from shared.messages.insight import Anomaly, Incident, IncidentState, Severity, SubjectKind
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
    qualities, _ = assess_quality(fleet, FleetPolicy(), ())
    return follow_incidents(fleet, anomalies, qualities, watched)


def test_both_ends_of_a_bad_link_are_one_incident_after_two_cycles() -> None:
    both = (bad("home", "metro"), bad("metro", "home"), bad("home", "metro", Signal.LINK_JITTER_MS))
    told, watched = turn((), *both)
    assert told == ()
    (incident,), _ = turn(watched, *both, cycle=1)
    assert (incident.kind, incident.subject) == (SubjectKind.LINK, "home>metro")
    assert incident.opened_at == NOW
    assert incident.affected == ("xr/arena",)
    assert incident.severity is Severity.WARNING
    assert incident.message == "the link between home and metro is not normal: jitter, latency"


def test_one_bad_cycle_is_no_incident() -> None:
    _, watched = turn((), bad("home", "metro"))
    told, watched = turn(watched, cycle=1)
    assert (told, watched) == ((), ())


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
    still_open, closed = [(True, IncidentState.OPEN)], [(True, IncidentState.CLOSED)]
    assert states == [still_open, still_open, closed, []]


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
    (cause,) = find_causes(fleet, tuple(bad("a", peer) for peer in ("b", "c", "d")), ())
    assert (cause.kind, cause.subject) == (SubjectKind.CLUSTER, "a")


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
    (cause,) = find_causes(a_fleet(), (bad("metro", "m-1", Signal.NODE_READY),), ())
    assert (cause.kind, cause.subject) == (SubjectKind.NODE, "metro/m-1")


def test_a_group_that_cannot_be_measured_any_more_is_not_within_its_budget() -> None:
    far = a_fleet(links=both_ways("home", "metro", 20.0))
    _, watched = turn((), fleet=far)
    (opened,), watched = turn(watched, fleet=far, cycle=1)
    unread = Unseen(applications=frozenset(["xr/arena"]))
    for cycle in range(2, 8):
        fleet = replace(a_fleet(applications=(), placements=()), at=later(15 * cycle))
        told, watched = follow_incidents(fleet, (), (), watched, unread)
        assert told == (opened,)
