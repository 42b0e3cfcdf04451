"""The shell of Orient: receive an observation, judge it, publish the insight."""

from dataclasses import replace
from datetime import timedelta

from services.orient import telemetry
from services.orient.core.memory import Memory
from services.orient.core.orient import orient, remember
from services.orient.keeping import Keeper
from shared.bus.port import Bus
from shared.messages.insight import Insight
from shared.messages.observation import Observation
from shared.runtime import logs
from shared.runtime.clock import monotonic

CLOCK_SET_BACK = timedelta(hours=1)
"""What is older than this before the newest cycle is no late message: a clock was wrong."""


async def run(bus: Bus, keeper: Keeper | None = None) -> None:
    """Turn every observation into an insight, for ever; keep the memory over a restart.

    An observation is learnt once: delivered again, its insight is published again. One that is
    older than the newest, or whose insight is not known any more, is left out.
    """
    last = await bus.newest(of=Insight)
    memory = remember(last, keeper.restore() if keeper else None)
    try:
        async for delivery in bus.deliveries(of=Observation, consumer="orient"):
            async with delivery.settling() as observation:
                with logs.bound(cycle=observation.cycle):
                    started = monotonic()
                    known = {w.incident.id for w in memory.watched if w.is_open}
                    insight, memory = _judged(observation, last, memory)
                    if insight is not None:
                        is_new, last = insight is not last, insight
                        await bus.publish(insight)
                        if is_new:
                            seconds = monotonic() - started
                            telemetry.insight_reached(insight, known=known, seconds=seconds)
                            telemetry.readings_counted(memory.tally, series=len(memory.rows.of))
            if keeper:
                keeper.keep(memory)
    finally:
        if keeper:
            await keeper.close(memory)


def _judged(
    observation: Observation, last: Insight | None, memory: Memory
) -> tuple[Insight | None, Memory]:
    """Return the insight to publish, if any, and the memory after it."""
    if last is not None and observation.cycle == last.cycle:
        return last, memory
    newest = memory.learnt_at
    if newest is not None and observation.at <= newest:
        if newest - observation.at < CLOCK_SET_BACK:
            telemetry.observation_skipped(newest=newest)
            return None, memory
        telemetry.clock_set_back(newest=newest)
        memory = remember(last and replace(last, at=observation.at))
    return orient(observation, memory)
