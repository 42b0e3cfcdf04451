"""The shell of Decide: receive an insight, decide for every application, publish what is news."""

from collections.abc import Callable
from types import SimpleNamespace

from services.decide import telemetry
from services.decide.core.decide import decide
from services.decide.core.memory import KEEP, is_news, remember
from services.decide.core.placing.kernels.compiled import interpreted
from shared.bus.port import Bus
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.runtime import logs
from shared.runtime.clock import Clock, monotonic


async def run(
    bus: Bus, *, now: Clock, kernels: Callable[[], SimpleNamespace] = interpreted
) -> None:
    """Turn every insight into decisions, for ever. Begins with what the bus remembers.

    `kernels`: what to search with, asked for in each turn.
    """
    memory = remember(await bus.replay(of=Decision, since=now() - KEEP))
    async for delivery in bus.deliveries(of=Insight, consumer="decide"):
        async with delivery.settling() as insight:
            with logs.bound(cycle=insight.cycle):
                control = await bus.newest(of=Control)
                started = monotonic()
                decisions, next_memory = decide(insight, memory, control=control, kernels=kernels())
                seconds = monotonic() - started
                for decision in decisions:
                    if is_news(decision, memory):
                        await bus.publish(decision)
                        telemetry.decision_made(decision)
                telemetry.turn_ended(decisions, seconds=seconds)
                memory = next_memory
