"""The shell of Orient: receive an observation, judge it, publish the insight."""

from services.orient import telemetry
from services.orient.core.orient import orient, remember
from shared.bus.port import Bus
from shared.messages.insight import Insight
from shared.messages.observation import Observation
from shared.runtime import logs
from shared.runtime.clock import monotonic


async def run(bus: Bus) -> None:
    """Turn every observation into an insight, for ever."""
    memory = remember(await bus.newest(of=Insight))
    async for delivery in bus.deliveries(of=Observation, consumer="orient"):
        async with delivery.settling() as observation:
            with logs.bound(cycle=observation.cycle):
                started = monotonic()
                insight, next_memory = orient(observation, memory)
                await bus.publish(insight)
                known = {w.incident.id for w in memory.watched if w.is_open}
                seconds = monotonic() - started
                telemetry.insight_reached(insight, known=known, seconds=seconds)
                memory = next_memory
