"""How long clusters really take to grow is learnt from what Act measured."""

from dataclasses import replace

from services.decide.core.capacity.choosing import ladders_of
from services.decide.core.capacity.experience import as_measured
from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.names import CAPACITY, ClusterName, decision_id
from shared.model.plan import (
    Action,
    CapacityAction,
    CreateCluster,
    DeleteCluster,
    GrowCluster,
    Peer,
)
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_cluster,
    a_fleet,
    an_insight,
    cycle_at,
    later,
)
from tests.unit.decide.capacities import growth

METRO, EDGE = ClusterName("metro"), ClusterName("edge")


def a_growth(cluster: ClusterName = METRO) -> GrowCluster:
    return GrowCluster(
        cluster=cluster,
        namespace="capi",
        machine_deployment="md",
        nodes_before=2,
        nodes=3,
        expected_minutes=5.0,
    )


def took(action: Action, minutes: float, at: float, status: Status = Status.SUCCEEDED) -> Outcome:
    """Return an outcome of an action that began at that second and took so many minutes."""
    begun = later(at)
    result = ActionResult(
        action=action, status=status, started_at=begun, serving_at=later(60 * minutes, begun)
    )
    cycle = cycle_at(begun)
    return Outcome(
        decision=decision_id(cycle, CAPACITY),
        cycle=cycle,
        fleet=FLEET,
        application=CAPACITY,
        at=later(60 * minutes, begun),
        status=status,
        actions=(result,),
    )


def minutes(action: CapacityAction) -> float:
    assert not isinstance(action, Peer)
    return action.expected_minutes


def knowing(*outcomes: Outcome) -> Insight:
    return replace(an_insight(), outcomes=outcomes)


def test_without_experience_the_declared_time_holds() -> None:
    assert minutes(as_measured(a_growth(), knowing())) == 5.0


def test_the_longest_of_the_last_three_times_counts() -> None:
    past = [took(a_growth(), minutes, at=3600.0 * n) for n, minutes in enumerate((30, 4, 7, 6))]
    assert minutes(as_measured(a_growth(), knowing(*reversed(past)))) == 7.0


def test_what_failed_or_was_elsewhere_teaches_nothing() -> None:
    past = (
        took(a_growth(EDGE), 9.0, 0.0),
        took(a_growth(), 9.0, 0.0, Status.REVERTED),
        took(DeleteCluster(site=METRO), 9.0, 0.0),
        replace(took(a_growth(), 9.0, 0.0), application=ARENA),
    )
    assert minutes(as_measured(a_growth(), knowing(*past))) == 5.0


def test_a_cluster_that_was_made_tells_how_long_the_next_one_takes() -> None:
    create = CreateCluster(site=EDGE, template="kubeadm", expected_minutes=30.0)
    learnt = as_measured(create, knowing(took(create, 12.0, 0.0), took(a_growth(EDGE), 3.0, 9.0)))
    assert minutes(learnt) == 12.0


def test_a_peering_has_no_time_of_its_own() -> None:
    peer = Peer(consumer=EDGE, provider=METRO)
    assert as_measured(peer, knowing(took(a_growth(), 8.0, 0.0))) is peer


def test_the_ways_to_more_room_take_as_long_as_was_measured() -> None:
    cluster = a_cluster("metro")
    grows = replace(cluster, site=replace(cluster.site, growth=growth(minutes=5.0)))
    insight = replace(an_insight(fleet=a_fleet(clusters=(grows,))), outcomes=())
    insight = replace(insight, outcomes=(took(a_growth(), 11.0, 0.0),), at=later(7200, NOW))
    (ladder,) = ladders_of(insight)
    assert {minutes(action) for rung in ladder for action in rung} == {11.0}
