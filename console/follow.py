"""Join a fleet's bus as a spectator: the story so far, and the story as it goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from console.story import Story, told
from shared.bus.jetstream import JetStreamBus, connect
from shared.bus.watching import watching
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome
from shared.messages.subjects import Message
from shared.runtime.clock import now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings

TYPES: tuple[type[Message], ...] = (Insight, Control, Decision, Outcome)
PATIENCE_SECONDS = 5.0
LOOK_BACK = timedelta(hours=24)


@asynccontextmanager
async def joined(
    settings: CommonSettings, *, patience_seconds: float = PATIENCE_SECONDS
) -> AsyncIterator[JetStreamBus]:
    """Give the bus, connected for as long as the block runs.

    LookupError, with a sentence: no server answers. A person does not want to wait for ever.
    """
    async with AsyncExitStack() as stack:
        connecting = connect(settings, name="console", readiness=Readiness(), makes_streams=False)
        try:
            async with asyncio.timeout(patience_seconds):
                bus = await stack.enter_async_context(connecting)
        except TimeoutError as error:
            servers = ", ".join(settings.nats_url)
            raise LookupError(
                f"no crossloop found at {servers}: no NATS server answers there, or no loop "
                "has run on it; CROSSLOOP_NATS_URL says where to look"
            ) from error
        yield bus


async def story_so_far(bus: JetStreamBus, look_back: timedelta = LOOK_BACK) -> Story:
    """Return what the streams hold: the newest state, and the decisions and outcomes since."""
    story = Story()
    since = now() - look_back
    for outcome in await bus.replay(of=Outcome, since=since):
        story = told(story, outcome)
    for decision in await bus.replay(of=Decision, since=since):
        story = told(story, decision)
    newest: tuple[Message | None, ...] = (
        await bus.newest(of=Insight),
        await bus.newest(of=Control),
    )
    for message in newest:
        if message is not None:
            story = told(story, message)
    return story


async def stories(bus: JetStreamBus) -> AsyncIterator[tuple[Story, Message | None]]:
    """Yield the story so far, then the story after each message, with that message."""
    async with watching(bus, of=TYPES) as seen:
        story = await story_so_far(bus)
        yield story, None
        while True:
            message = await seen.get()
            story = told(story, message)
            yield story, message
