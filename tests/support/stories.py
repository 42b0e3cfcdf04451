"""Run the whole loop on the simulator, and follow it until something holds."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.follow import joined, stories
from console.stack import Stack, simulated_stack
from console.story import Story
from shared.bus.jetstream import JetStreamBus
from shared.messages.subjects import Message
from shared.runtime.settings import CommonSettings

SPEED = 15.0


@dataclass(slots=True)
class Loop:
    """A running loop, the bus it speaks on, and the story up to now."""

    stack: Stack
    bus: JetStreamBus
    turns: AsyncIterator[tuple[Story, Message | None]]
    story: Story = field(default_factory=Story)
    told: list[Message] = field(default_factory=list)
    """Every message seen, in order."""

    async def until(
        self, condition: Callable[[Story], bool], *, what: str, seconds: float = 60.0
    ) -> Story:
        """Follow the story until the condition holds; AssertionError with the logs if not."""
        try:
            async with asyncio.timeout(seconds):
                while not condition(self.story):
                    await self.step()
        except TimeoutError:
            words = "\n".join(
                f"--- {c.name}\n{c.last_words(15)}" for c in self.stack.children.values()
            )
            raise AssertionError(f"not within {seconds} s: {what}\n{words}") from None
        return self.story

    async def step(self) -> None:
        """Take one message."""
        self.story, message = await anext(self.turns)
        if message is not None:
            self.told.append(message)

    async def truth(self) -> dict[str, Any]:
        """Return the simulator's own account."""
        return await asyncio.to_thread(self.stack.ground_truth)


@asynccontextmanager
async def running_loop(
    directory: Path, scenario: str, *, speed: float = SPEED, copies: int = 1
) -> AsyncIterator[Loop]:
    """Start everything, and give the loop as its scenario begins; stop everything at the end."""
    with simulated_stack(directory, scenario=scenario, speed=speed, copies=copies) as stack:
        settings = CommonSettings(nats_url=(stack.nats_url,))
        async with joined(settings) as bus:
            loop = Loop(stack=stack, bus=bus, turns=stories(bus))
            await loop.until(lambda s: s.met_cycles > 0, what="all is well at first")
            stack.start_world()
            yield loop


def all_within(truth: dict[str, Any]) -> bool:
    """Tell whether every user group truly is within its budget."""
    return all(group["within"] for group in truth["groups"].values())


def missing_replicas(truth: dict[str, Any]) -> dict[str, Any]:
    """Return the spells in which a workload had fewer ready replicas than wanted."""
    return {name: w["below"] for name, w in truth["workloads"].items() if w["below"]}
