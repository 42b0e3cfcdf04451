"""JetStream as the bus needs it: streams that are there, and requests that end well or for good."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from nats.errors import (
    BadHeaderError,
    BadSubjectError,
    ConnectionClosedError,
    Error,
    MaxPayloadError,
)
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    RawStreamMsg,
    StorageType,
    StreamConfig,
    StreamSource,
)
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from shared.bus import telemetry
from shared.bus.connection import Connection
from shared.bus.streams import DUPLICATE_WINDOW, STREAMS, Stream
from shared.errors import PermanentError
from shared.runtime.clock import now

T = TypeVar("T")
Pull = JetStreamContext.PullSubscription

REQUEST_SECONDS = 2.0
PAUSE_SECONDS = 0.5
HEADER_OVERHEAD_BYTES = 16
"""Of the protocol, per message and per header; more than it takes."""
_NO_MESSAGE = 10037
_NAME_IN_USE = 10058
_TEMPORARY = (408, 429)


@dataclass(slots=True)
class Place:
    """How far a consumer came in its stream, so that a new one goes on from there."""

    next_sequence: int = 0
    """0: not known."""


class Store:
    """Requests to JetStream. Each waits through outages, and makes streams that are missing."""

    def __init__(self, connection: Connection, *, replicas: int | None) -> None:
        """Keep that many copies of each stream. None: streams are somebody else's to make."""
        self._connection = connection
        self._replicas = replicas
        self._js = connection.client.jetstream(timeout=REQUEST_SECONDS)

    async def prepare(self) -> None:
        """Make the streams that are missing, and bring up to date those that differ."""
        await self._patiently("the streams", self._make_streams)

    async def put(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Store a message, once per message id. PermanentError: it is refused for good."""
        overhead = HEADER_OVERHEAD_BYTES + sum(
            len(name) + len(text.encode()) + HEADER_OVERHEAD_BYTES for name, text in headers.items()
        )

        async def publish() -> None:
            most = self._connection.client.max_payload
            if len(body) + overhead > most:
                raise PermanentError(f"{len(body)} bytes on {subject}; the server takes {most}")
            await self._js.publish(subject, body, headers=headers)

        await self._patiently(subject, publish)

    async def newest(self, stream: str, subject: str) -> RawStreamMsg | None:
        """Return the newest message on a subject or pattern, or None."""

        async def get() -> RawStreamMsg | None:
            try:
                return await self._js.get_last_msg(stream, subject)
            except NotFoundError as error:
                if error.err_code == _NO_MESSAGE:
                    return None
                raise

        return await self._patiently(subject, get)

    async def all_between(
        self, stream: str, subject: str, since: datetime, until: datetime | None
    ) -> tuple[tuple[str, bytes, dict[str, str] | None], ...]:
        """Return subject, body and headers of what was stored in a time, oldest first."""
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=since,
            filter_subject=subject,
            inactive_threshold=30.0,
            mem_storage=True,
            num_replicas=1,
        )

        async def read() -> tuple[tuple[str, bytes, dict[str, str] | None], ...]:
            info = await self._js.add_consumer(stream, config)
            pull = await self._js.pull_subscribe_bind(consumer=info.name, stream=stream)
            found: list[tuple[str, bytes, dict[str, str] | None]] = []
            left = info.num_pending or 0
            while left > 0:
                for raw in await pull.fetch(min(left, 20), timeout=REQUEST_SECONDS):
                    is_past = until is not None and raw.metadata.timestamp > until
                    left = 0 if is_past else raw.metadata.num_pending
                    if is_past:
                        break
                    found.append((raw.subject, raw.data, raw.headers))
            await pull.unsubscribe()
            await self._js.delete_consumer(stream, info.name)
            return tuple(found)

        return await self._patiently(subject, read)

    async def bind(self, stream: str, config: ConsumerConfig, place: Place) -> Pull:
        """Make the durable consumer where it is missing, and return its subscription.

        A new one starts where the old one was, as far as `place` knows.
        """

        async def bind() -> Pull:
            await self._js.add_consumer(stream, await self._placed(stream, config, place))
            return await self._js.pull_subscribe_bind(durable=config.durable_name, stream=stream)

        return await self._patiently(f"consumer {config.durable_name}", bind)

    async def _placed(self, stream: str, config: ConsumerConfig, place: Place) -> ConsumerConfig:
        """Say where it starts: where it stands already, which cannot be changed, or the place."""
        try:
            known = (await self._js.consumer_info(stream, str(config.durable_name))).config
        except NotFoundError:
            if not place.next_sequence:
                return config
            return replace(
                config,
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=place.next_sequence,
            )
        return replace(
            config, deliver_policy=known.deliver_policy, opt_start_seq=known.opt_start_seq
        )

    async def _patiently(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """Repeat a request until it is answered. PermanentError: it is refused for good."""
        told = False
        while True:
            await self._connection.up()
            try:
                answer = await request()
            except Error as error:
                self._raise_if_final(what, error)
                reason = _worded(error)
                missing = isinstance(error, NoStreamResponseError | NotFoundError)
            else:
                if told:
                    telemetry.request_answered(what)
                return answer
            if not told:
                told = True
                telemetry.request_delayed(what, reason)
            await asyncio.sleep(PAUSE_SECONDS)
            if missing and self._replicas is not None:
                await self.prepare()

    def _raise_if_final(self, what: str, error: Error) -> None:
        """Raise what no repetition helps against."""
        if isinstance(error, ConnectionClosedError):
            raise error
        if self._connection.was_denied(what) or _is_final(error):
            raise PermanentError(f"refused by the bus: {_worded(error)}") from error

    async def _make_streams(self) -> None:
        changed = [stream.name for stream in STREAMS if await self._make(stream, self._replicas)]
        if changed:
            telemetry.streams_changed(tuple(changed))

    async def _make(self, stream: Stream, replicas: int | None) -> bool:
        """Tell whether something had to be done. NotFoundError: it is missing, not ours to make."""
        if replicas is None:
            await self._js.stream_info(stream.name)
            return False
        wanted = _config_of(stream, replicas)
        try:
            known = (await self._js.stream_info(stream.name)).config
        except NotFoundError:
            if await self._add(wanted):
                return True
            known = (await self._js.stream_info(stream.name)).config
        if _essence(known) == _essence(wanted):
            return False
        await self._js.update_stream(wanted)
        return True

    async def _add(self, wanted: StreamConfig) -> bool:
        """Tell whether it was made here, or by another service in the same moment."""
        try:
            await self._js.add_stream(replace(wanted, first_seq=_first_sequence()))
        except APIError as error:
            if error.err_code != _NAME_IN_USE:
                raise
            return False
        return True


def _config_of(stream: Stream, replicas: int) -> StreamConfig:
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects) or None,
        sources=[StreamSource(name=stream.source)] if stream.source else None,
        max_msgs_per_subject=1 if stream.newest_only else -1,
        max_age=stream.max_age.total_seconds(),
        max_bytes=stream.max_bytes,
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        allow_direct=True,
    )


def _first_sequence() -> int:
    """Return where a new stream begins to count: beyond all that one of its name ever gave out.

    Who follows a stream by number (the record, a durable place) would else wait for the new one to
    reach the old one's numbers. Milliseconds since 1970 grow faster than messages come.
    """
    return int(now().timestamp() * 1000)


def _essence(config: StreamConfig) -> tuple[object, ...]:
    """Return what must be as we want it; the rest is the operator's and the server's."""
    return (
        sorted(config.subjects or ()),
        [source.name for source in config.sources or ()],
        config.max_msgs_per_subject,
        config.max_age,
        config.max_bytes,
        config.num_replicas,
        config.duplicate_window,
    )


def _worded(error: Error) -> str:
    return str(error) or type(error).__name__


def _is_final(error: Error) -> bool:
    """Tell whether repeating the request is of no use."""
    if isinstance(error, MaxPayloadError | BadHeaderError | BadSubjectError):
        return True
    return (
        isinstance(error, APIError)
        and not isinstance(error, NotFoundError)
        and error.code is not None
        and 400 <= error.code < 500  # noqa: PLR2004 - the client's fault, in HTTP's words
        and error.code not in _TEMPORARY
    )
