"""Orders by people: what is refused, what is asked, and how Act carries them out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from console.evacuating import evacuation
from console.main import app
from console.ordering import Desk, confirm, progress, summary
from console.orders import Order, decision_of, deletion, informed, provider, unpeering
from services.act.core.objects import NODE, SITE, Ref, dig
from services.act.service import Pace, run
from shared.bus.memory import MemoryBus
from shared.messages.control import Control
from shared.messages.decision import Reason
from shared.messages.insight import Insight
from shared.messages.outcome import ActionResult, Outcome, Status
from shared.model.application import Autonomy
from shared.model.fleet import ClusterState
from shared.model.names import ClusterName
from shared.model.plan import DeleteCluster, Evacuate, Unpeer, describe
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    ARENA,
    FLEET,
    NOW,
    a_component,
    a_group,
    a_placement,
    an_application,
    later,
)
from tests.support.fakes_act import FakeAlertSink, FakeClusterApi, a_ground, a_world
from tests.support.objects_act import a_move, an_insight_of
from tests.unit.decide.demo import demo_fleet, demo_insight, the_arena

METRO = ClusterName("metro")


def with_state(name: str, state: ClusterState, **changes: Any) -> Insight:
    """Return the demo fleet with one cluster in another state."""
    fleet = demo_fleet(**changes)
    clusters = tuple(replace(c, state=state) if c.name == name else c for c in fleet.clusters)
    return demo_insight(replace(fleet, clusters=clusters))


# ------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("insight", "control", "sentence"),
    [
        (None, None, "no insight is on the bus: the loop has not seen the fleet yet"),
        (
            demo_insight(),
            Control(fleet=FLEET, paused=True, by="bob", reason="", at=NOW),
            "the loop is paused by bob: `crossloop resume` first",
        ),
        (
            demo_insight(policy=FleetPolicy(approvers=("bob", "eve"))),
            None,
            "ann may not order it: the approvers are bob, eve",
        ),
    ],
)
def test_what_cannot_be_ordered_now_is_refused_with_a_sentence(
    insight: Insight | None, control: Control | None, sentence: str
) -> None:
    with pytest.raises(LookupError) as refused:
        informed(insight, control, by="ann")

    assert refused.value.args == (sentence,)


def test_an_approver_may_order_and_so_may_anybody_where_none_is_listed() -> None:
    listed = demo_insight(policy=FleetPolicy(approvers=("ann",)))
    released = Control(fleet=FLEET, paused=False, by="bob", reason="", at=NOW)

    assert informed(listed, None, by="ann") is listed
    assert informed(demo_insight(), released, by="anybody") == demo_insight()


def test_a_name_that_is_no_site_or_is_home_is_refused() -> None:
    with pytest.raises(LookupError, match="no Site 'metra'; there is: cloud, edge-north, "):
        provider(demo_insight(), "metra")
    with pytest.raises(LookupError, match="home is the management cluster"):
        provider(demo_insight(), "home")


@pytest.mark.parametrize(
    ("insight", "sentence"),
    [
        (with_state("cloud", ClusterState.NOT_PEERED), "nothing to do: cloud is not peered"),
        (with_state("cloud", ClusterState.CORDONED), "nothing to do: cloud is cordoned, and"),
    ],
)
def test_where_an_evacuation_would_do_nothing_it_is_refused(
    insight: Insight, sentence: str
) -> None:
    with pytest.raises(LookupError, match=sentence):
        evacuation(insight, "cloud")


def test_what_still_runs_on_a_cluster_has_to_leave_before_it_is_unpeered_or_deleted() -> None:
    sentence = "xr/arena still stand on metro: `crossloop evacuate metro` first"
    with pytest.raises(LookupError, match=sentence):
        unpeering(demo_insight(), "home", "metro")
    with pytest.raises(LookupError, match=sentence):
        deletion(demo_insight(), "metro")


def test_a_peering_that_is_none_is_not_ended() -> None:
    with pytest.raises(LookupError, match="'mars' is no cluster that could use cloud"):
        unpeering(demo_insight(), "mars", "cloud")
    with pytest.raises(LookupError, match="'cloud' is no cluster that could use cloud"):
        unpeering(demo_insight(), "cloud", "cloud")
    with pytest.raises(LookupError, match="nothing to do: home is not peered with cloud"):
        unpeering(with_state("cloud", ClusterState.NOT_PEERED), "home", "cloud")


# --------------------------------------------------------------------------------- orders


def test_unpeering_and_deleting_are_ordered_as_they_are_said() -> None:
    cloud = ClusterName("cloud")
    unpeer = unpeering(demo_insight(), "home", "cloud")
    between = unpeering(demo_insight(), "edge-north", "metro")
    delete = deletion(demo_insight(), "cloud")

    assert unpeer.action == Unpeer(consumer=ClusterName("home"), provider=cloud)
    assert between.action == Unpeer(consumer=ClusterName("edge-north"), provider=METRO)
    assert delete.action == DeleteCluster(site=cloud)
    assert delete.preview == (
        "Cluster API deletes cloud with all its machines: what is on them is lost",
    )


def test_an_order_becomes_a_decision_of_an_instant_that_waits_for_its_person() -> None:
    at = later(0.123456)
    order = deletion(demo_insight(), "cloud")

    decision = decision_of(order, demo_insight(), by="ann", reason="the lease ends", at=at)
    silent = decision_of(order, demo_insight(), by="ann", reason="", at=at)

    assert decision.id == "20261124T070000123Z__capacity"
    assert (decision.autonomy, decision.reason) == (Autonomy.APPROVE, Reason.ORDERED)
    assert decision.detail == "ann asked to delete cloud: the lease ends"
    assert silent.detail == "ann asked to delete cloud"
    assert decision.plan.actions == (order.action,)
    assert decision.deadline_at == at + demo_insight().policy.approval_lifetime


def test_everything_on_a_cluster_goes_where_decide_would_put_it_were_the_cluster_lost() -> None:
    order = evacuation(demo_insight(), "metro")

    assert isinstance(order.action, Evacuate)
    (move,) = order.action.moves
    assert (move.component, move.source, move.replicas) == ("render", "metro", 2)
    assert move.target != "metro"
    assert order.preview == (
        "nothing new may come onto metro, and all that stands there leaves.",
        f"xr/arena: {describe(move)}",
    )
    assert order.doubts == ()


def test_an_empty_cluster_is_only_cordoned() -> None:
    order = evacuation(demo_insight(), "cloud")

    assert order.action == Evacuate(cluster=ClusterName("cloud"))


def test_what_weighs_most_for_its_users_leaves_first() -> None:
    big = a_small("xr/zoo", weight=9.0)
    small = a_small("xr/bar", weight=1.0)
    insight = demo_insight(
        demo_fleet(
            applications=(small, big),
            placements=tuple(
                a_placement("one", "metro", 1, application=a.name) for a in (small, big)
            ),
        )
    )

    order = evacuation(insight, "metro")

    assert isinstance(order.action, Evacuate)
    assert [move.application for move in order.action.moves] == ["xr/zoo", "xr/bar"]


def test_a_lost_cluster_says_so() -> None:
    order = evacuation(with_state("metro", ClusterState.UNREACHABLE), "metro")

    assert order.preview[0].endswith("It is unreachable now.")


def test_what_finds_no_place_or_stays_by_its_autonomy_is_a_doubt() -> None:
    arena = the_arena(autonomy=Autonomy.ADVISE)
    advised = evacuation(demo_insight(demo_fleet(applications=(arena,))), "metro")
    pinned = the_arena(
        components=tuple(replace(c, movable=c.name != "render") for c in the_arena().components)
    )
    placeless = evacuation(demo_insight(demo_fleet(applications=(pinned,))), "metro")

    assert advised.doubts == ("xr/arena stays there: its autonomy is advise",)
    assert isinstance(placeless.action, Evacuate)
    assert placeless.action.moves == ()
    (doubt,) = placeless.doubts
    assert doubt.startswith("xr/arena: render finds no place")


def a_small(name: str, *, weight: float) -> Any:
    """Return an application of one component."""
    return an_application(
        name,
        components=(a_component("one"),),
        flows=(),
        users=(a_group("all", ("one",), site="venue-north", weight=weight),),
    )


# ------------------------------------------------------------------------------- dialogue


def answering(text: str, order: Order) -> tuple[int, str]:
    """Return the exit code of the questions, and what was asked."""
    asking = typer.Typer()
    asking.command()(lambda: confirm(order))
    result = CliRunner().invoke(asking, input=text)
    return result.exit_code, result.output


def test_a_person_is_asked_once_and_once_more_where_something_speaks_against_it() -> None:
    clear = Order(action=DeleteCluster(site=METRO))
    doubtful = replace(clear, doubts=("render finds no place",))

    assert answering("y\n", clear)[0] == 0
    assert answering("n\n", clear)[0] == 1
    assert answering("y\ny\n", doubtful)[0] == 0
    code, asked = answering("y\nn\n", doubtful)
    assert code == 1
    assert "delete metro? [y/N]" in asked
    assert "although not everything is well? [y/N]" in asked


def test_how_it_goes_on_and_how_it_ended_is_told_in_lines() -> None:
    action = Evacuate(cluster=METRO, moves=(a_move(),))
    warning = "xr/arena: left where it is: its autonomy is advise"
    running = ActionResult(action=action, status=Status.RUNNING)
    whole = an_outcome(Status.RUNNING, running)
    part = an_outcome(
        Status.RUNNING, ActionResult(action=a_move(), status=Status.RUNNING), application=ARENA
    )
    failed = replace(running, status=Status.FAILED, message="3 pods", warnings=(warning,))

    assert progress(whole) == "evacuate metro is running"
    assert progress(part) == "xr/arena: move render from metro to home is running"
    assert progress(an_outcome(Status.REFUSED, message="no")) == "nothing is refused: no"
    assert summary(an_outcome(Status.FAILED, failed)) == (
        f"evacuate metro: failed: 3 pods\n  {warning}"
    )
    assert summary(an_outcome(Status.SUCCEEDED, replace(running, status=Status.SUCCEEDED))) == (
        "evacuate metro: succeeded"
    )
    assert summary(an_outcome(Status.REFUSED, message="no")) == "refused: no"


def an_outcome(status: Status, *results: ActionResult, **changes: Any) -> Outcome:
    """Return where an order stands."""
    order = decision_of(
        Order(action=DeleteCluster(site=METRO)), demo_insight(), by="ann", reason="", at=NOW
    )
    outcome = Outcome(
        decision=order.id,
        cycle=order.cycle,
        fleet=FLEET,
        application=order.application,
        at=NOW,
        status=status,
        actions=results,
    )
    return replace(outcome, **changes)


@pytest.mark.parametrize("command", ["evacuate", "unpeer", "delete-cluster"])
def test_each_order_is_a_command_with_a_name_a_reason_and_a_yes(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})

    assert result.exit_code == 0
    for option in ("--by", "--reason", "--yes", "--json"):
        assert option in result.output


# ---------------------------------------------------------------------------- carried out


class World:
    """A running Act over a cluster in memory, and a bus with the newest insight on it."""

    def __init__(self) -> None:
        self.api: FakeClusterApi = a_world()
        self.bus = MemoryBus(fleet=FLEET, back_off=(0.01,) * 4)
        for name in ("home", "metro", "edge-north"):
            self.api.put(Ref(kind=SITE, name=name), {"metadata": {"name": name}})

    async def see(self) -> None:
        """Publish what the loop would see now."""
        standing = {self.api.cluster_of(pod) for pod in self.api.pods()}
        stands_on = standing.pop() if len(standing) == 1 else "nowhere"
        insight = an_insight_of(at=self.api.at, stands_on=stands_on, interval_seconds=2.0)
        await self.bus.publish(insight)

    @asynccontextmanager
    async def act(self) -> AsyncIterator[None]:
        """Let Act and the cluster run while the block does."""
        pace = Pace(step_seconds=0.005, alert_seconds=60)
        sink = FakeAlertSink()
        act = run(self.bus, self.api, sink, ground=a_ground(), now=self.api.now, pace=pace)
        tasks = [asyncio.create_task(act), asyncio.create_task(self._go_on())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _go_on(self) -> None:
        while True:
            await self.see()
            self.api.tick()
            await asyncio.sleep(0.02)


async def test_an_order_is_approved_by_its_person_and_followed_to_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = World()
    await world.see()
    order = Order(action=Evacuate(cluster=METRO, moves=(a_move(),)))
    desk = Desk(bus=world.bus, by="ann", reason="a new rack", now=world.api.now, poll_seconds=0.02)
    async with world.act():
        decision, outcome = await desk.carry_out(lambda _: order, asked=False)

    assert outcome.decision == decision.id
    assert (outcome.status, outcome.by) == (Status.SUCCEEDED, "ann")
    assert dig(world.api.objects[Ref(kind=NODE, name="metro")], "spec", "unschedulable") is True
    assert [world.api.cluster_of(pod) for pod in world.api.pods()] == ["home"] * 3
    told = capsys.readouterr().err
    assert "xr/arena: move render from metro to home is succeeded" in told
    assert "evacuate metro is waiting: it waits for a person" in told


async def test_an_act_that_does_not_take_an_order_up_is_told_and_nothing_happens() -> None:
    world = World()
    await world.see()
    desk = Desk(bus=world.bus, by="ann", poll_seconds=0.01, patience_seconds=0.05)
    order = Order(action=DeleteCluster(site=METRO))

    with pytest.raises(LookupError, match=r"Act does not take up .*`crossloop approve 2"):
        await desk.carry_out(lambda _: order, asked=False)


def test_an_order_that_is_not_confirmed_is_not_published() -> None:
    world, asking = World(), typer.Typer()
    order = Order(action=DeleteCluster(site=METRO))

    @asking.command()
    def ask() -> None:
        desk = Desk(bus=world.bus, by="ann")
        asyncio.run(world.see())
        asyncio.run(desk.carry_out(lambda _: order, asked=True))

    assert CliRunner().invoke(asking, input="n\n").exit_code == 1
    assert len(world.bus.stored) == 1
