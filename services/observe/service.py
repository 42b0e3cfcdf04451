"""The shell of Observe: each interval gather what is the case, and publish it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from services.observe import telemetry
from services.observe.core.answers import Answers
from services.observe.core.inventory import read_inventory
from services.observe.core.memory import OUTCOMES_KEPT_FOR, Memory, remember_outcomes
from services.observe.core.observe import Cycle, observe, questions_of
from services.observe.ports import InventorySource, MetricsSource
from shared.bus.port import Bus
from shared.messages.inventory import ALWAYS_THERE, Freshness, KindFreshness
from shared.messages.observation import Observation
from shared.messages.outcome import Outcome
from shared.runtime import clock, logs
from shared.runtime.probes import Readiness

FIRST_LISTS_WITHIN = timedelta(seconds=10)
"""The loop begins after the first lists of all kinds, or after so long without some of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where the facts come from."""

    metrics: MetricsSource
    inventory: InventorySource


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to look, and how old data may be."""

    interval: timedelta
    max_age: timedelta


async def run(
    bus: Bus,
    world: World,
    rhythm: Rhythm,
    readiness: Readiness,
    *,
    now: clock.Clock = clock.now,
) -> None:
    """Publish an observation each interval, for ever."""
    readiness.report("observation", "none is published yet")
    inbox: list[Outcome] = []
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_receive_outcomes(bus, inbox))
        tasks.create_task(_observe_always(bus, world, rhythm, readiness, inbox, now))


async def _receive_outcomes(bus: Bus, inbox: list[Outcome]) -> None:
    """Put outcomes where the next cycle finds them. Settled at once: a restart replays them."""
    async for delivery in bus.deliveries(of=Outcome, consumer="observe"):
        async with delivery.settling() as outcome:
            inbox.append(outcome)


async def _observe_always(
    bus: Bus,
    world: World,
    rhythm: Rhythm,
    readiness: Readiness,
    inbox: list[Outcome],
    now: clock.Clock,
) -> None:
    begun = now()
    past = await bus.replay(of=Outcome, since=begun - OUTCOMES_KEPT_FOR)
    memory = Memory(outcomes=remember_outcomes((), past, at=begun))
    if not await world.inventory.synced(within=FIRST_LISTS_WITHIN):
        telemetry.inventory_delayed(FIRST_LISTS_WITHIN.total_seconds())
    before: Observation | None = None
    async for _ in _ticks(rhythm.interval):
        cycle = Cycle(fleet=bus.fleet, at=now(), interval=rhythm.interval, max_age=rhythm.max_age)
        with logs.bound(cycle=cycle.id):
            started = clock.monotonic()
            inventory = read_inventory(world.inventory.lists(), bus.fleet)
            questions = questions_of(inventory, max_age=cycle.max_age)
            answers = await world.metrics.ask(questions, at=cycle.at, within=cycle.interval)
            outcomes = tuple(inbox)
            observation, next_memory = observe(answers, inventory, outcomes, memory, cycle=cycle)
            await bus.publish(observation)
            del inbox[: len(outcomes)]
            seconds = clock.monotonic() - started
            telemetry.observation_published(observation, before, seconds=seconds)
            _report(readiness, answers, observation)
            memory, before = next_memory, observation


def _report(readiness: Readiness, answers: Answers, observation: Observation) -> None:
    """Tell whether the sources can be reached, when that changes."""
    was_lost = bool(readiness.problems.get("metrics"))
    if answers.unreachable and not was_lost:
        telemetry.metrics_lost(answers.unreachable)
    if was_lost and not answers.unreachable:
        telemetry.metrics_found()
    readiness.report("observation")
    readiness.report("metrics", answers.unreachable)
    kinds = observation.inventory.kinds
    readiness.report("kubernetes", next((k.reason for k in kinds if _is_lost(k)), ""))


def _is_lost(kind: KindFreshness) -> bool:
    """Tell whether a list ought to be up to date and is not; Liqo's kinds need not be installed."""
    is_missing = kind.state is Freshness.ABSENT and kind.kind in ALWAYS_THERE
    return is_missing or kind.state is Freshness.LATE


async def _ticks(interval: timedelta) -> AsyncIterator[None]:
    """Yield at once and then each interval. What was missed is left out, not made up for."""
    loop, seconds = asyncio.get_running_loop(), interval.total_seconds()
    due = loop.time()
    while True:
        yield
        missed = int((loop.time() - due) / seconds)
        if missed:
            telemetry.cycles_missed(missed)
        due += (missed + 1) * seconds
        await asyncio.sleep(due - loop.time())
