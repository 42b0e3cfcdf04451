"""Decide's shell, on a bus in one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from services.decide.service import run
from shared.bus.memory import MemoryBus
from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.policy import FleetPolicy
from tests.support.builders import FLEET, NOW, later
from tests.unit.decide.demo import demo_fleet, demo_insight, demo_links


def a_bus() -> MemoryBus:
    return MemoryBus(fleet=FLEET, now=lambda: NOW)


@asynccontextmanager
async def deciding(bus: MemoryBus) -> AsyncIterator[None]:
    task = asyncio.create_task(run(bus, now=lambda: NOW))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the bus in one process has nothing to wait on
            await asyncio.sleep(0)


async def decisions_on(bus: MemoryBus) -> list[Decision]:
    return list(await bus.replay(of=Decision, since=NOW))


async def handled(bus: MemoryBus, *insights: Insight) -> list[Decision]:
    """Publish insights one by one, each once the one before is settled."""
    for insight in insights:
        await bus.publish(insight)
        consumer = next(c for (_, of), c in bus._consumers.items() if of == "Insight")
        await until(
            lambda: consumer.letter is None and consumer.next_sequence > _newest(bus, "insight")  # noqa: B023
        )
    return await decisions_on(bus)


def _newest(bus: MemoryBus, kind: str) -> int:
    return max(letter.sequence for letter in bus.stored if f".{kind}." in letter.subject)


def insight(seconds: float, *, bad: bool) -> Insight:
    links = demo_links(home_metro={"latency_ms": 7.0} if bad else {})
    policy = FleetPolicy(persistence_needed=1)
    return demo_insight(demo_fleet(links=links), seconds=seconds, policy=policy)


async def test_a_hold_is_published_once_while_its_reason_lasts() -> None:
    bus = a_bus()
    async with deciding(bus):
        await asyncio.sleep(0)
        told = await handled(bus, insight(0, bad=False), insight(15, bad=False))
        assert [d.reason for d in told] == [Reason.ALL_WELL]
        told = await handled(bus, insight(30, bad=True))
        assert [d.verdict for d in told] == [Verdict.HOLD, Verdict.ACT]


async def test_after_a_restart_it_does_not_act_twice() -> None:
    bus = a_bus()
    async with deciding(bus):
        await asyncio.sleep(0)
        await handled(bus, insight(0, bad=True))
    async with deciding(bus):
        await asyncio.sleep(0)
        told = await handled(bus, insight(15, bad=True))
    assert [d.reason for d in told] == [Reason.QUALITY_RESTORED, Reason.IN_FLIGHT]


async def test_the_newest_control_pauses_and_resumes() -> None:
    bus = a_bus()
    async with deciding(bus):
        await asyncio.sleep(0)
        for seconds, paused in ((0, True), (15, False)):
            await bus.publish(
                Control(fleet=FLEET, paused=paused, by="ada", reason="", at=later(seconds))
            )
            told = await handled(bus, insight(seconds, bad=True))
    assert [d.reason for d in told] == [Reason.PAUSED, Reason.QUALITY_RESTORED]
