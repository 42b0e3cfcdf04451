import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog.testing
from structlog.typing import EventDict

from services.observe.service import Rhythm, World, _ticks, run
from shared.bus.memory import MemoryBus
from shared.messages.inventory import Freshness
from shared.messages.observation import CoverageState, Observation
from shared.messages.outcome import Outcome, Status
from shared.model.names import decision_id
from shared.runtime import clock
from shared.runtime.probes import Readiness
from tests.support.builders import ARENA, FLEET, NOW, cycle_at
from tests.support.fakes_observe import (
    FakeInventory,
    FakeMetrics,
    raw_application,
    some_objects,
    some_values,
)

RHYTHM = Rhythm(interval=timedelta(milliseconds=20), max_age=timedelta(seconds=45))


class Running:
    def __init__(self) -> None:
        self.bus = MemoryBus(fleet=FLEET)
        self.metrics = FakeMetrics(values=some_values("home", "metro"))
        self.inventory = FakeInventory(objects=some_objects("metro"))
        self.readiness = Readiness()

    async def run(self) -> None:
        world = World(metrics=self.metrics, inventory=self.inventory)
        await run(self.bus, world, RHYTHM, self.readiness)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    async def next(self) -> Observation:
        """Wait until two cycles that begin from now on are published."""
        begun, seen = clock.now(), 0
        async for delivery in self.bus.deliveries(of=Observation, consumer="test"):
            async with delivery.settling() as observation:
                seen += observation.at > begun
            if seen == 2:
                return observation
        raise AssertionError


def an_outcome(status: Status = Status.SUCCEEDED) -> Outcome:
    cycle = cycle_at(NOW)
    return Outcome(
        decision=decision_id(cycle, ARENA),
        cycle=cycle,
        fleet=FLEET,
        application=ARENA,
        at=clock.now(),
        status=status,
    )


async def test_each_interval_an_observation_is_published() -> None:
    running = Running()
    assert not running.readiness.problems
    async with running.started():
        first = await running.next()
        second = await running.next()
    assert second.cycle > first.cycle
    assert first.interval_seconds == 0.02
    assert {c.state for c in second.coverage} == {CoverageState.FRESH}
    assert [a.name for a in second.inventory.applications] == [ARENA]
    assert len(second.readings) > 0
    assert running.readiness.is_ready


async def test_outcomes_are_carried_whether_they_came_before_or_while_it_runs() -> None:
    running = Running()
    early = an_outcome(Status.RUNNING)
    await running.bus.publish(early)
    async with running.started():
        assert (await running.next()).outcomes == (early,)
        late = an_outcome(Status.SUCCEEDED)
        await running.bus.publish(late)
        assert (await running.next()).outcomes == (late,)
        assert (await running.next()).outcomes == (late,)
    async with running.started():
        assert (await running.next()).outcomes == (late,)


async def test_a_lost_source_is_told_once_and_so_is_its_return() -> None:
    running = Running()
    with structlog.testing.capture_logs() as told:
        async with running.started():
            await running.next()
            running.metrics.failure = "thanos:9090 cannot be reached"
            blind = await running.next()
            assert not running.readiness.is_ready
            assert running.readiness.problems["metrics"] == "thanos:9090 cannot be reached"
            await running.next()
            running.metrics.failure = ""
            await running.next()
            assert running.readiness.is_ready
    assert {c.state for c in blind.coverage} == {CoverageState.ABSENT}
    events = [entry["event"] for entry in told]
    assert events.count("metrics_lost") == events.count("metrics_found") == 1
    covered = [entry for entry in told if entry["event"].startswith("clusters")]
    assert [(c["event"], c["clusters"]) for c in covered] == [
        ("clusters_not_covered", ["home", "metro"]),
        ("clusters_covered", ["home", "metro"]),
    ]


async def test_without_the_api_server_it_is_not_ready_and_says_so_in_the_kinds() -> None:
    running = Running()
    with structlog.testing.capture_logs() as told:
        async with running.started():
            await running.next()
            running.inventory.state = Freshness.LATE
            late = await running.next()
            assert running.readiness.problems["kubernetes"] == "told to"
            running.inventory.state = Freshness.FRESH
            await running.next()
            assert running.readiness.is_ready
    assert {k.state for k in late.inventory.kinds} == {Freshness.LATE}
    assert [a.name for a in late.inventory.applications] == [ARENA]
    kinds = [entry for entry in told if entry["event"].startswith("kinds")]
    assert [(k["event"], len(k["kinds"])) for k in kinds] == [("kinds_lost", 9), ("kinds_found", 9)]


@pytest.mark.parametrize(
    ("kind", "state", "is_ready"),
    [
        ("Site", Freshness.ABSENT, False),
        ("Pod", Freshness.LATE, False),
        ("ForeignCluster", Freshness.LATE, False),
        ("ForeignCluster", Freshness.ABSENT, True),  # need not be installed
    ],
)
async def test_one_list_that_ought_to_be_there_is_enough_not_to_be_ready(
    kind: str, state: Freshness, is_ready: bool
) -> None:
    running = Running()
    running.inventory.states = {kind: state}
    async with running.started():
        await running.next()
        assert running.readiness.is_ready is is_ready


async def test_it_begins_without_kinds_that_cannot_be_listed() -> None:
    running = Running()
    running.inventory.is_synced = False
    with structlog.testing.capture_logs() as told:
        async with running.started():
            observation = await running.next()
    assert {k.state for k in observation.inventory.kinds} == {Freshness.ABSENT}
    assert "inventory_delayed" in [entry["event"] for entry in told]
    assert not running.readiness.is_ready


async def test_a_problem_is_told_once_and_when_it_is_gone() -> None:
    running = Running()
    good = running.inventory.objects["Application"]
    with structlog.testing.capture_logs() as told:
        async with running.started():
            await running.next()
            running.inventory.objects["Application"] = [raw_application(autonomy="wild")]
            await running.next()
            await running.next()
            running.inventory.objects["Application"] = good
            await running.next()
    found = [entry for entry in told if entry["event"].startswith("problem")]
    assert [(f["event"], f["name"], f["field"]) for f in found] == [
        ("problem_found", "xr/arena", "spec.autonomy"),
        ("problem_gone", "xr/arena", "spec.autonomy"),
    ]


async def test_what_was_missed_is_left_out() -> None:
    loop = asyncio.get_running_loop()
    interval, began, seen = 0.05, loop.time(), list[float]()
    told: list[EventDict]
    with structlog.testing.capture_logs() as told:
        async for _ in _ticks(timedelta(seconds=interval)):
            seen.append((loop.time() - began) / interval)
            if len(seen) == 1:
                await asyncio.sleep(2.5 * interval)
            if len(seen) == 3:
                break
    assert seen[0] == pytest.approx(0, abs=0.5)
    assert seen[1] == pytest.approx(3, abs=0.5)
    assert seen[2] == pytest.approx(4, abs=0.5)
    assert [entry["event"] for entry in told] == ["cycles_missed"]
