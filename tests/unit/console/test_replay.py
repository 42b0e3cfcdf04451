"""A past decision is made once more from what the bus recorded, and is the same to the byte."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from console.output import plain
from console.planfile import read
from console.replay import Replayed, as_parts, replay_view, replayed, save
from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from services.decide.service import run
from shared.bus.memory import MemoryBus
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason
from shared.messages.insight import Insight
from shared.model.names import ApplicationName
from shared.model.plan import Plan
from tests.support.builders import FLEET, NOW, cycle_at, later
from tests.unit.decide.demo import demo_fleet, demo_insight, demo_links, start_placements, the_arena

INTERVAL = 15.0


class World:
    """A bus with a clock, and a Decide on it that can be killed."""

    def __init__(self) -> None:
        self.at = NOW
        self.bus = MemoryBus(fleet=FLEET, now=lambda: self.at)
        self.decide: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start Decide anew; it forgets what was not on the bus."""
        await self.end()
        self.decide = asyncio.create_task(run(self.bus, now=lambda: self.at))
        await asyncio.sleep(0)

    async def end(self) -> None:
        if self.decide is not None:
            self.decide.cancel()
            await asyncio.wait({self.decide})

    async def tell(self, insight: Insight) -> None:
        """Let an insight come; Decide has no time for it before the next."""
        self.at = insight.at
        await self.bus.publish(insight)

    async def cycle(self, insight: Insight) -> None:
        """Let an insight come, and Decide settle it."""
        await self.tell(insight)
        number = len(self.bus.stored) - 1
        consumer = next(c for (_, of), c in self.bus._consumers.items() if of == "Insight")
        async with asyncio.timeout(5):
            while consumer.letter is not None or consumer.next_sequence <= number:  # noqa: ASYNC110 - as in test_service
                await asyncio.sleep(0)

    async def pause(self, *, paused: bool) -> None:
        control = Control(fleet=FLEET, paused=paused, by="ada", reason="match", at=self.at)
        await self.bus.publish(control)

    async def decisions(self) -> Sequence[Decision]:
        return await self.bus.replay(of=Decision, since=NOW - timedelta(days=1))


@asynccontextmanager
async def a_world() -> AsyncIterator[World]:
    world = World()
    await world.begin()
    try:
        yield world
    finally:
        await world.end()


SECOND = ApplicationName("xr/second")


def an_insight_of(number: int, *, bad: bool) -> Insight:
    """Return an insight with two applications that want the same room when it is bad."""
    second = the_arena(name=SECOND)
    placements = start_placements()
    others = tuple(replace(p, application=SECOND) for p in placements)
    fleet = demo_fleet(
        links=demo_links(home_metro={"latency_ms": 7.0} if bad else {}),
        applications=(the_arena(), second),
        placements=(*placements, *others),
    )
    return demo_insight(fleet, seconds=number * INTERVAL)


async def after(*steps: str) -> list[Replayed]:
    """Let things happen, one per interval, and make every decision again."""
    async with a_world() as world:
        for number, step in enumerate(steps):
            match step:
                case "restart":
                    await world.begin()
                case "pause" | "resume":
                    await world.pause(paused=step == "pause")
                case "missed":
                    await world.tell(an_insight_of(number, bad=True))
                case _:
                    await world.cycle(an_insight_of(number, bad=step == "bad"))
        return [await replayed(world.bus, d.id) for d in await world.decisions()]


STEPS = st.lists(
    st.sampled_from(["good", "bad", "bad", "bad", "restart", "pause", "resume"]),
    min_size=4,
    max_size=12,
)


@settings(max_examples=5, deadline=None)
@given(steps=STEPS)
def test_whatever_happened_every_decision_comes_out_the_same(steps: list[str]) -> None:
    for again in asyncio.run(after(*steps)):
        assert again.is_identical, again


def told(again: Replayed) -> tuple[str, str]:
    assert again.is_identical, again.differences
    return again.decision.reason, again.assumed


async def test_what_decide_had_not_seen_is_found_out_and_said() -> None:
    begun_anew = await after("bad", "good", "restart", "bad")
    too_late = await after("good", "missed", "bad")
    zero, fifteen = cycle_at(NOW), cycle_at(later(INTERVAL))
    assert [told(again) for again in begun_anew[::2]] == [
        (Reason.NOT_PERSISTENT, ""),
        (Reason.ALL_WELL, ""),
        (Reason.NOT_PERSISTENT, f"Decide had seen nothing from {zero} to {zero}"),
    ]
    assert [told(again) for again in too_late[::2]] == [
        (Reason.ALL_WELL, ""),
        (Reason.NOT_PERSISTENT, f"Decide had seen nothing from {fifteen} to {fifteen}"),
    ]


async def test_a_pause_is_told_by_the_decision_itself() -> None:
    again = await after("bad", "pause", "bad")
    assert [told(a) for a in again[::2]] == [(Reason.NOT_PERSISTENT, ""), (Reason.PAUSED, "")]
    assert again[-1].decision.detail == "paused by ada: match"


async def a_bus_with(decision: Decision, *insights: Insight) -> MemoryBus:
    bus = MemoryBus(fleet=FLEET, now=lambda: decision.at)
    for insight in insights:
        await bus.publish(insight)
    await bus.publish(decision)
    return bus


def a_hold() -> tuple[Insight, Decision]:
    insight = an_insight_of(0, bad=False)
    decisions, _ = decide(insight, Memory())
    return insight, decisions[0]


async def test_a_decision_that_was_made_otherwise_is_told_field_by_field() -> None:
    insight, decision = a_hold()
    assert decision.score_before is not None
    other = replace(
        decision, detail="who knows", score_before=replace(decision.score_before, hard=7)
    )
    again = await replayed(await a_bus_with(other, insight), decision.id)
    assert not again.is_identical
    assert again.differences == (
        ("detail", "who knows", decision.detail),
        ("score_before.hard", 7, 0),
    )
    assert as_parts(again)["differences"][1] == {
        "field": "score_before.hard",
        "published": 7,
        "made_again": 0,
    }
    assert "not identical" in shown(again)
    assert "score_before.hard" in shown(again)


async def test_a_decision_for_what_the_insight_does_not_hold_differs_as_a_whole() -> None:
    insight, decision = a_hold()
    nobody = replace(insight, fleet=replace(insight.fleet, applications=()))
    again = await replayed(await a_bus_with(decision, nobody), decision.id)
    assert [where for where, _, _ in again.differences] == ["decision"]
    assert "nothing" in shown(again)


async def test_a_plan_that_differs_is_told_to_the_action() -> None:
    *_, act = [a.decision for a in await after("bad", "bad")]
    insights = [an_insight_of(number, bad=True) for number in range(2)]
    shorter = replace(act, plan=Plan(actions=act.plan.actions[:1]))
    again = await replayed(await a_bus_with(shorter, *insights), act.id)
    assert ("plan.actions.1", None, plain(act)["plan"]["actions"][1]) in again.differences


async def test_an_insight_that_is_gone_is_said_in_a_sentence() -> None:
    _, decision = a_hold()
    with pytest.raises(LookupError, match="does not hold the insight of 20261124T070000000Z"):
        await replayed(await a_bus_with(decision), decision.id)


async def test_the_insight_can_be_saved_to_plan_on(tmp_path: Path) -> None:
    insight, decision = a_hold()
    again = await replayed(await a_bus_with(decision, insight), decision.id)
    save(again.insight, tmp_path / "insight.json")
    assert read(str(tmp_path / "insight.json")) == insight
    with pytest.raises(LookupError, match="cannot be written: Is a directory"):
        save(again.insight, tmp_path)


async def test_people_are_told_that_it_is_identical_and_what_was_taken_of_decide() -> None:
    *_, again = await after("good", "missed", "bad")
    assert f"identical: {again.decision.id}, {again.size} bytes" in shown(again)
    assert "as if Decide had seen nothing from" in shown(again)
    assert as_parts(again)["identical"] is True


def shown(again: Replayed) -> str:
    screen = Console(width=200)
    with screen.capture() as captured:
        screen.print(replay_view(again))
    return captured.get()
