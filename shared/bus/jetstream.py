"""The bus on NATS JetStream."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import AckPolicy, ConsumerConfig

from shared.bus import telemetry
from shared.bus.codec import MESSAGE_ID, decode, encode
from shared.bus.connection import Connection
from shared.bus.port import Delivery, M
from shared.bus.settling import BACK_OFF_SECONDS, dead_headers, open_envelope
from shared.bus.store import PAUSE_SECONDS, REQUEST_SECONDS, Place, Pull, Store
from shared.bus.streams import RECORD, STATE
from shared.errors import PermanentError
from shared.messages.subjects import DEAD_PREFIX, ROUTES, Message, subject_filter, subject_of
from shared.model.names import FleetName
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings

FETCH_SECONDS = 2.0
"""How long one request for a message lasts: after a restart of the server, it is blind for that."""
ACK_WAIT_SECONDS = 10.0
"""A message whose service died is delivered again after this."""
ACK_ATTEMPTS = 2
REFUSED_SECONDS = 0.02
"""Pause after a request that ended without a message: some are refused at once."""


@asynccontextmanager
async def connect(
    settings: CommonSettings, *, name: str, readiness: Readiness, makes_streams: bool = True
) -> AsyncIterator["JetStreamBus"]:
    """Give the bus of the settings' fleet, connected and with its streams, and close it after.

    Waits, for ever if need be, until the servers answer; the check `bus` of `readiness` says so.
    `makes_streams`: make those that are missing, and set them as wanted; else wait for them too.
    """
    connection = Connection(readiness)
    try:
        await connection.open(settings.nats_url, name)
        replicas = settings.nats_replicas if makes_streams else None
        store = Store(connection, replicas=replicas)
        await store.prepare()
        yield JetStreamBus(fleet=FleetName(settings.fleet), connection=connection, store=store)
    finally:
        await connection.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class JetStreamBus:
    """A `Bus` of one fleet over one connection."""

    fleet: FleetName
    connection: Connection
    store: Store
    back_off: tuple[float, ...] = BACK_OFF_SECONDS
    ack_wait: float = ACK_WAIT_SECONDS

    @property
    def connected(self) -> bool:
        """Tell whether the servers can be reached now."""
        return self.connection.is_up

    async def publish(self, message: Message) -> None:
        """Store the message, once however often it is published."""
        body, headers = encode(message)
        await self.store.put(subject_of(message), body, headers)
        telemetry.message_published(ROUTES[type(message)].kind)

    async def deliveries(self, *, of: type[M], consumer: str) -> AsyncIterator[Delivery[M]]:
        """Yield messages of one type, for ever, one at a time, from a durable consumer."""
        route = ROUTES[of]
        config = ConsumerConfig(
            durable_name=f"{consumer}_{route.kind}_{self.fleet}",
            filter_subject=subject_filter(of, self.fleet),
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait,
            max_deliver=-1,  # counted here: the server would leave the message without a word
            max_ack_pending=1,  # in order, also while one waits to be delivered again
        )
        place = Place()
        pull = await self.store.bind(route.stream, config, place)
        while True:
            try:
                raw = await self._next(pull)
            except Error as error:
                if isinstance(error, ConnectionClosedError):
                    raise
                await asyncio.sleep(PAUSE_SECONDS)
                pull = await self._rebound(pull, route.stream, config, place)
                telemetry.consumer_rebound(route.kind, consumer, str(error))
                continue
            envelope = _Envelope(bus=self, raw=raw, consumer=consumer, place=place)
            delivery = await open_envelope(
                envelope, raw.data, raw.headers, consumer=consumer, back_off=self.back_off
            )
            if delivery is not None:
                yield delivery

    async def replay(
        self, *, of: type[M], since: datetime, until: datetime | None = None
    ) -> tuple[M, ...]:
        """Return what is stored of a type from `since` to `until`, oldest first; of state, 24 h."""
        stream = RECORD if ROUTES[of].stream == STATE else ROUTES[of].stream
        subject = subject_filter(of, self.fleet)
        letters = await self.store.all_between(stream, subject, since, until)
        messages = (_read(of, on, body, headers) for on, body, headers in letters)
        return tuple(message for message in messages if message is not None)

    async def newest(self, *, of: type[M], tail: str = "") -> M | None:
        """Return the newest message on a subject, or None: there is none, or it is not valid."""
        subject = subject_filter(of, self.fleet, tail or ">")
        raw = await self.store.newest(ROUTES[of].stream, subject)
        if raw is None:
            return None
        return _read(of, str(raw.subject), raw.data or b"", raw.headers)

    async def _next(self, pull: Pull) -> Msg:
        """Wait for the next message. Error: the consumer or its stream is gone."""
        while True:
            await self.connection.up()
            try:
                return (await pull.fetch(1, timeout=FETCH_SECONDS))[0]
            except NatsTimeoutError:
                await asyncio.sleep(REFUSED_SECONDS)

    async def _rebound(self, pull: Pull, stream: str, config: ConsumerConfig, place: Place) -> Pull:
        if self.connected:
            await pull.unsubscribe()
        return await self.store.bind(stream, config, place)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    """A message as JetStream delivered it."""

    bus: JetStreamBus
    raw: Msg
    consumer: str
    place: Place

    @property
    def subject(self) -> str:
        return self.raw.subject

    @property
    def deliveries(self) -> int:
        return int(self.raw.metadata.num_delivered or 1)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        beat = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.wait({beat})

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.bus.ack_wait / 3)
            if self.bus.connected:
                await self.raw.in_progress()

    async def accept(self) -> None:
        """Settle it, and wait until the server knows; if it never answers, it delivers again."""
        for _ in range(ACK_ATTEMPTS):
            await self.bus.connection.up()
            try:
                await self.raw.ack_sync(timeout=REQUEST_SECONDS)
            except NatsTimeoutError:
                continue
            except NoRespondersError:
                pass  # the consumer is gone; the next one starts after this message
            self.place.next_sequence = self.raw.metadata.sequence.stream + 1
            return
        telemetry.message_unconfirmed(self.subject, self.consumer)

    async def retry(self, after_seconds: float) -> None:
        await self.raw.nak(delay=after_seconds)

    async def bury(self, reason: str) -> None:
        headers = dead_headers(
            self.raw.headers, reason=reason, consumer=self.consumer, deliveries=self.deliveries
        )
        known = self.raw.metadata
        stored_at = known.timestamp.isoformat()
        headers[MESSAGE_ID] = f"dead:{self.consumer}:{known.sequence.stream}:{stored_at}"
        subject = f"{DEAD_PREFIX}.{self.subject}"
        try:
            await self.bus.store.put(subject, self.raw.data, headers)
        except PermanentError:
            await self.bus.store.put(subject, b"", headers)  # too large with the headers added
        await self.accept()


def _read(of: type[M], subject: str, body: bytes, headers: Mapping[str, str] | None) -> M | None:
    """Return the message, or tell that it cannot be read."""
    try:
        message = decode(body, headers, subject=subject)
    except PermanentError as error:
        telemetry.message_skipped(subject, str(error))
        return None
    return message if isinstance(message, of) else None
