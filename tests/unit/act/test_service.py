"""Act as a whole, over the bus in memory and a cluster in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from services.act.adapters.dry_run import DryRunClusterApi
from services.act.board import Board
from services.act.core.objects import APPLICATION, DEPLOYMENT, SITE, Kind, Ref
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.ports import ClusterApi
from services.act.service import Pace, run
from shared.bus.memory import MemoryBus
from shared.errors import PermanentError
from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.inventory import Freshness, KindFreshness, Problem
from shared.messages.outcome import Outcome, Status
from shared.messages.subjects import Message
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName
from shared.model.plan import Peer, Plan
from shared.runtime.following import Absent, Listed, News
from tests.support.builders import FLEET, NOW, later
from tests.support.fakes_act import FakeAlertSink, a_ground, a_world
from tests.support.objects_act import a_decision, an_incident, an_insight_of

ARENA_REF = Ref(kind=APPLICATION, namespace="xr", name="arena")
METRO_REF = Ref(kind=SITE, name="metro")
PACE = Pace(step_seconds=0.001, alert_seconds=0.05)


class World:
    """A running Act, and everything around it."""

    def __init__(self, **pace: Any) -> None:
        self.api = a_world()
        self.bus = MemoryBus(fleet=FLEET, back_off=(0.01, 0.01, 0.01, 0.01))
        self.sink = FakeAlertSink()
        self.pace = replace(PACE, **pace)

    @asynccontextmanager
    async def act(self, api: ClusterApi | None = None) -> AsyncIterator[None]:
        """Run Act while the block lasts; it ends as if it had been killed."""
        now = self.api.now
        work = run(self.bus, api or self.api, self.sink, ground=a_ground(), now=now, pace=self.pace)
        task = asyncio.create_task(work)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled(), task.exception()

    async def tell(self, *messages: Message) -> None:
        """Publish, with an insight before."""
        await self.see()
        for message in messages:
            await self.bus.publish(message)

    async def see(self) -> None:
        """Publish what the loop would see now."""
        staying = {self.api.cluster_of(pod) for pod in self.api.pods()}
        stands_on = staying.pop() if len(staying) == 1 else "nowhere"
        await self.bus.publish(
            an_insight_of(at=self.api.at, stands_on=stands_on, interval_seconds=2.0)
        )

    async def outcomes(self) -> list[Outcome]:
        """Return all outcomes published."""
        return list(await self.bus.replay(of=Outcome, since=later(-86400 * 400)))

    async def until(self, status: Status) -> Outcome:
        """Let the cluster go on until an outcome has that status."""
        return await self.wait(lambda o: next((x for x in o if x.status is status), None))

    async def wait(self, found: Callable[[list[Outcome]], Outcome | None]) -> Outcome:
        """Let the cluster go on until an outcome is found."""
        for _ in range(300):
            if (outcome := found(await self.outcomes())) is not None:
                return outcome
            self.api.tick()
            await self.see()
            await asyncio.sleep(0.003)
        raise AssertionError(await self.outcomes())


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("never")


def an_approval(decision: Decision, by: str = "ann", *, approved: bool = True) -> Approval:
    """Return a person's answer."""
    return Approval(
        decision=decision.id, fleet=FLEET, approved=approved, by=by, reason="fine", at=NOW
    )


async def test_a_decision_is_carried_out_and_its_outcomes_are_published() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.SUCCEEDED)

    statuses = list(dict.fromkeys(o.status for o in await world.outcomes()))
    assert statuses == [Status.PENDING, Status.RUNNING, Status.SUCCEEDED]
    assert len(world.api.written(DEPLOYMENT)) == 1
    assert world.bus.dead == []


async def test_the_application_tells_the_quality_and_the_decision_in_its_status() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.SUCCEEDED)
        await asyncio.sleep(0)

    status = world.api.objects[ARENA_REF]["status"]
    assert status["lastDecision"]["id"] == a_decision().id
    assert status["plan"]["phase"] == "succeeded"
    assert {c["type"] for c in status["conditions"]} == {"QualityMet", "Settled", "Degraded"}


async def test_a_decision_that_needs_approval_is_done_after_a_yes() -> None:
    world = World()
    decision = a_decision(autonomy=Autonomy.APPROVE)
    async with world.act():
        await world.tell(decision)
        await world.until(Status.WAITING)
        assert world.api.written(DEPLOYMENT) == ()
        await world.bus.publish(an_approval(decision))
        outcome = await world.until(Status.SUCCEEDED)

    assert outcome.by == "ann"


async def test_an_answer_nobody_waits_for_is_told_and_dropped() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.PENDING)
        await world.bus.publish(an_approval(a_decision()))
        await eventually(lambda: bool(world.bus.dead))

    assert "does not wait" in world.bus.dead[0].headers["Crossloop-Error"]


async def test_advice_is_told_by_outcome_and_alert_and_nothing_is_written() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision(autonomy=Autonomy.ADVISE))
        await world.until(Status.ADVISED)
        await asyncio.sleep(0.06)

    labels = [dict(alert.labels)["alertname"] for post in world.sink.posts for alert in post]
    assert "MoveAdvised" in labels
    assert world.api.written(DEPLOYMENT) == ()


@pytest.mark.parametrize(
    ("autonomy", "status"),
    [
        (Autonomy.ADVISE, Status.ADVISED),
        (Autonomy.AUTO, Status.ADVISED),
        (Autonomy.APPROVE, Status.WAITING),
    ],
)
async def test_clusters_are_changed_as_far_as_the_policy_allows_or_a_person_says(
    autonomy: Autonomy, status: Status
) -> None:
    world, peering = World(), Peer(consumer=ClusterName("home"), provider=ClusterName("metro"))
    world.api.put(METRO_REF, {"metadata": {"name": "metro"}, "spec": {}})
    decision = replace(a_decision(autonomy=autonomy), application=CAPACITY)
    decision = replace(decision, plan=Plan(actions=(peering,)), effects=(), expectations=())
    async with world.act():
        await world.tell(decision)
        outcome = await world.until(status)
        await eventually(lambda: any(world.sink.posts))
    (alert,) = world.sink.posts[-1]
    assert "peer home with metro" in alert.summary
    assert [result.action for result in outcome.actions] == [peering]
    assert world.api.written(DEPLOYMENT) == ()


async def test_an_application_that_is_now_in_shadow_is_left_alone() -> None:
    world = World()
    world.api.objects[ARENA_REF]["spec"]["autonomy"] = "shadow"
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.ADVISED)

    assert world.api.written(DEPLOYMENT) == ()


async def test_a_hold_shows_in_the_status_only() -> None:
    world = World()
    hold = a_decision(verdict=Verdict.HOLD, reason=Reason.ALL_WELL, plan=Plan())
    async with world.act():
        await world.tell(hold)
        await eventually(lambda: "lastDecision" in world.api.objects[ARENA_REF]["status"])

    assert world.api.objects[ARENA_REF]["status"]["lastDecision"]["reason"] == "all_well"
    assert await world.outcomes() == []


async def test_a_decision_for_an_application_that_is_gone_is_refused() -> None:
    world = World()
    del world.api.objects[ARENA_REF]
    async with world.act():
        await world.tell(a_decision())
        outcome = await world.until(Status.REFUSED)

    assert outcome.message == "there is no such Application"


async def test_a_pause_stops_new_steps_and_leaves_the_move_in_its_safe_half() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.RUNNING)
        pause = Control(fleet=FLEET, paused=True, by="ann", reason="demo", at=NOW)
        await world.bus.publish(pause)
        await asyncio.sleep(0.1)
        calls, writes = world.api.calls, len(world.api.writes)
        await asyncio.sleep(0.02)

        assert world.api.calls - calls <= len(world.api.writes) - writes
        await world.bus.publish(replace(pause, paused=False, at=later(1)))
        await world.until(Status.SUCCEEDED)

    assert world.api.least_ready == 3


async def test_an_act_that_starts_again_goes_on_and_publishes_what_its_ledgers_say() -> None:
    world = World()
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.RUNNING)
    world.bus.stored[:] = [s for s in world.bus.stored if ".outcome." not in s.subject]
    world.bus._ids.clear()
    async with world.act():
        await world.until(Status.SUCCEEDED)

    assert len(world.api.written(DEPLOYMENT)) == 1
    assert (await world.outcomes())[0].status is Status.RUNNING


async def test_a_decision_waits_while_the_api_server_does_not_answer() -> None:
    world = World(again_seconds=0.001)
    world.api.silences = 20
    async with world.act():
        await world.tell(a_decision())
        await world.until(Status.SUCCEEDED)

    assert world.bus.dead == []


async def test_a_dry_run_walks_the_plan_and_writes_nothing() -> None:
    world = World(dry_run=True)
    async with world.act(DryRunClusterApi(world.api)):
        await world.tell(a_decision())
        outcome = await world.until(Status.ADVISED)

    assert outcome.dry_run
    assert outcome.actions[0].message == "would move render to home"
    assert world.api.writes == []


async def test_incidents_are_posted_each_interval_and_ended_when_they_are_over() -> None:
    world = World()
    async with world.act():
        await world.bus.publish(an_insight_of(at=NOW, incidents=(an_incident(),)))
        await asyncio.sleep(0.12)
        await world.bus.publish(an_insight_of(at=later(15)))
        await asyncio.sleep(0.03)

    firing = [post for post in world.sink.posts if post and post[0].ends_at > NOW]
    ended = [post for post in world.sink.posts if post and post[0].ends_at <= NOW]
    assert len(firing) >= 2
    assert len(ended) == 1
    assert {post[0].labels for post in firing + ended} == {firing[0][0].labels}


def a_blind_insight(**changes: Any) -> Insight:
    """Return what Orient says while Observe cannot ask the API server."""
    kinds = (KindFreshness(kind="Site", state=Freshness.ABSENT, reason="cannot be reached"),)
    insight = an_insight_of(kinds=kinds, **changes)
    empty = replace(insight.fleet, clusters=(), applications=(), placements=())
    return replace(insight, fleet=empty, qualities=())


async def test_an_insight_that_saw_nothing_resolves_no_alert_and_empties_no_status() -> None:
    world, incidents = World(), (an_incident(),)
    async with world.act():
        await world.bus.publish(an_insight_of(at=NOW, incidents=incidents))
        await eventually(lambda: bool(world.api.written(APPLICATION, "status")))
        before = world.api.objects[ARENA_REF]["status"]
        await world.bus.publish(a_blind_insight(at=later(15), incidents=incidents))
        seen = len(world.sink.posts)
        await eventually(lambda: len(world.sink.posts) > seen + 3)

    assert world.api.objects[ARENA_REF]["status"] == before
    assert all(alert.ends_at > NOW for batch in world.sink.posts for alert in batch)


class UnreachableApi(DryRunClusterApi):
    """A cluster that was never listed."""

    async def follow(self, kind: Kind) -> AsyncIterator[News]:
        yield Absent(reason=f"{kind.plural}: cannot be reached")
        await asyncio.Event().wait()


async def test_incidents_are_told_while_the_api_server_is_down() -> None:
    world = World()
    async with world.act(UnreachableApi(world.api)):
        await world.bus.publish(a_blind_insight(at=NOW, incidents=(an_incident(),)))
        await eventually(lambda: any(world.sink.posts))


async def test_nobody_approves_while_it_cannot_be_told_who_may() -> None:
    world, board = World(), Board(fleet=FLEET)
    unreadable = Problem(kind="FleetPolicy", name="default", field="spec", message="is wrong")
    board.hear(Listed(objects=(world.api.objects[ARENA_REF],)))
    board.learn(an_insight_of(at=NOW, problems=(unreadable,)))
    board.hear_of_sites(Listed(objects=()))
    intake = Intake(
        api=world.api, board=board, outbox=Outbox(board), now=world.api.now, ground=a_ground()
    )

    with pytest.raises(PermanentError, match="who may answer is not known"):
        await intake.take_answer(an_approval(a_decision()))
