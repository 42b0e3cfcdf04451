"""Look on as messages are published, without taking part: for consoles."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from nats.aio.msg import Msg

from shared.bus.codec import decode
from shared.bus.jetstream import JetStreamBus
from shared.errors import PermanentError
from shared.messages.subjects import Message, subject_filter


@asynccontextmanager
async def watching(
    bus: JetStreamBus, *, of: Sequence[type[Message]]
) -> AsyncIterator[asyncio.Queue[Message]]:
    """Fill a queue with messages of these types as they are published. Nothing is settled.

    What is published while the connection is down is not seen. What cannot be decoded is left to
    the services, which put it on the dead subject.
    """
    seen: asyncio.Queue[Message] = asyncio.Queue()

    async def take(raw: Msg) -> None:
        try:
            seen.put_nowait(decode(raw.data, raw.headers, subject=raw.subject))
        except PermanentError:
            return

    client = bus.connection.client
    subscriptions = [
        await client.subscribe(subject_filter(each, bus.fleet), cb=take) for each in of
    ]
    try:
        yield seen
    finally:
        if bus.connected:
            for subscription in subscriptions:
                await subscription.unsubscribe()
