"""Room and bandwidth promised to decisions that cannot be seen yet."""

from dataclasses import replace

from services.decide.core.memory import Memory
from services.decide.core.promises import Promise, promises
from shared.messages.outcome import ActionResult, Status
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import Move, OffloadNamespace, Plan, Scale
from tests.support.builders import (
    ARENA,
    a_cluster,
    a_component,
    a_fleet,
    an_application,
    an_insight,
    both_ways,
    later,
)
from tests.unit.decide.framed import a_problem, moved
from tests.unit.decide.test_guards import RENDER_HOME, a_decision, an_outcome

REQUEST = a_component("render").requests


def ingest_moves(target: str) -> Move:
    """Return the move of ingest away from home."""
    ingest = a_component("ingest")
    return replace(
        RENDER_HOME,
        component=ingest.name,
        workload=ingest.workload,
        source=ClusterName("home"),
        target=ClusterName(target),
    )


def test_a_decision_without_outcome_is_promised_its_room() -> None:
    found = promises(Memory(decisions=(a_decision(),)), an_insight())
    assert found.rooms == (Promise(cluster=ClusterName("home"), request=REQUEST, replicas=1),)


def test_a_move_that_is_proven_is_promised_nothing_while_the_next_one_is() -> None:
    second = ingest_moves("metro")
    decision = a_decision(plan=Plan(actions=(RENDER_HOME, second)))
    done = ActionResult(action=RENDER_HOME, status=Status.SUCCEEDED)
    running = ActionResult(action=second, status=Status.RUNNING)
    insight = an_insight(outcomes=(an_outcome(Status.RUNNING, actions=(done, running)),))
    found = promises(Memory(decisions=(decision,)), insight)
    assert [(p.cluster, p.replicas) for p in found.rooms] == [("metro", 1)]


def test_a_decision_that_ended_or_whose_application_is_gone_is_promised_nothing() -> None:
    memory = Memory(decisions=(a_decision(),))
    ended = an_insight(outcomes=(an_outcome(Status.SUCCEEDED),))
    gone = an_insight(a_fleet(applications=()))
    assert promises(memory, ended).rooms == promises(memory, gone).rooms == ()


def test_a_promise_on_what_is_gone_is_no_promise() -> None:
    memory = Memory(decisions=(a_decision(),))
    without_render = an_application(components=(a_component("ingest"),), flows=(), users=())
    assert promises(memory, an_insight(a_fleet(applications=(without_render,)))).rooms == ()
    fleet = a_fleet(clusters=(a_cluster("metro"),))
    assert a_problem(an_insight(fleet), memory).clusters["metro"].headroom.nodes[0].cpu_cores == 16


def test_scaling_is_promised_what_it_adds_and_stretching_nothing() -> None:
    scale = Scale(
        application=ARENA,
        component=RENDER_HOME.component,
        workload=RENDER_HOME.workload,
        replicas_before=1,
        replicas=3,
    )
    stretch = OffloadNamespace(application=ARENA, clusters=(ClusterName("metro"),))
    memory = Memory(decisions=(a_decision(plan=Plan(actions=(stretch, scale))),))
    found = promises(memory, an_insight())
    assert [(p.cluster, p.replicas) for p in found.rooms] == [("metro", 2)]
    nowhere = promises(memory, an_insight(a_fleet(placements=())))
    assert nowhere.rooms == ()


def test_traffic_of_a_pending_move_is_added_where_it_will_be_and_taken_off_nowhere() -> None:
    away = ingest_moves("edge")
    memory = Memory(decisions=(a_decision(plan=Plan(actions=(away,))),))
    assert promises(memory, an_insight()).mbps == {("edge", "metro"): 100.0}


def test_promised_traffic_leaves_less_of_a_link_to_others() -> None:
    """Another application's flow of 100 Mbit/s will come over the link of 10 000."""
    other = ApplicationName("xr/other")
    fleet = a_fleet(
        applications=(
            an_application(),
            an_application(other, components=an_application().components),
        ),
        links=both_ways("home", "metro", capacity_mbps=150.0, used_mbps=100.0),
    )
    fleet = replace(
        fleet,
        placements=(
            *fleet.placements,
            *(replace(p, application=other, cluster="home") for p in fleet.placements),
        ),
    )
    move = replace(RENDER_HOME, application=other, source="home", target="metro")
    memory = Memory(
        decisions=(a_decision(application=other, at=later(-1), plan=Plan(actions=(move,))),)
    )
    name = "quality:link:home>metro"
    assert name not in moved(a_problem(fleet), "ingest", "home").terms
    promised = moved(a_problem(an_insight(fleet), memory), "ingest", "home")
    assert promised.terms[name] == 1.0 + 50.0 / 150.0
