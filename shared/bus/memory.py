"""The bus in one process: the same promises as JetStream's, for tests and whole loops in one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from shared.bus.codec import MESSAGE_ID, decode, encode
from shared.bus.port import Delivery, M
from shared.bus.settling import BACK_OFF_SECONDS, dead_headers, open_envelope
from shared.messages.subjects import DEAD_PREFIX, ROUTES, Message, subject_filter, subject_of
from shared.model.names import FleetName
from shared.runtime import clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One message in the store."""

    sequence: int
    at: datetime
    subject: str
    body: bytes
    headers: dict[str, str]


@dataclass(slots=True)
class _Consumer:
    """How far a durable consumer is."""

    next_sequence: int = 0
    letter: Stored | None = None
    """In hand, or waiting to be delivered again."""
    deliveries: int = 0
    due: float = 0.0


@dataclass(slots=True, kw_only=True)
class MemoryBus:
    """A `Bus` whose store is a list. Share one among all services of a loop."""

    fleet: FleetName
    back_off: tuple[float, ...] = BACK_OFF_SECONDS
    now: clock.Clock = clock.now
    stored: list[Stored] = field(default_factory=list)
    """Everything ever published, oldest first."""
    dead: list[Stored] = field(default_factory=list)
    """What went to the dead subject, oldest first."""
    _ids: set[str] = field(default_factory=set)
    _consumers: dict[tuple[str, str], _Consumer] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def publish(self, message: Message) -> None:
        """Store the message, once however often it is published."""
        body, headers = encode(message)
        if headers[MESSAGE_ID] not in self._ids:
            self._ids.add(headers[MESSAGE_ID])
            await self.store(subject_of(message), body, headers)

    async def store(self, subject: str, body: bytes, headers: dict[str, str]) -> None:
        """Store any bytes on any subject, as somebody without the codec could."""
        async with self._changed:
            self.stored.append(self._letter(len(self.stored), subject, body, headers))
            self._changed.notify_all()

    async def deliveries(self, *, of: type[M], consumer: str) -> AsyncIterator[Delivery[M]]:
        """Yield messages of one type, for ever, one at a time."""
        state = self._consumers.setdefault((consumer, of.__name__), _Consumer())
        while True:
            letter = await self._next(of, state)
            state.deliveries += 1
            envelope = _Envelope(bus=self, state=state, letter=letter, consumer=consumer)
            delivery = await open_envelope(
                envelope,
                letter.body,
                letter.headers,
                consumer=consumer,
                back_off=self.back_off,
            )
            if delivery is not None:
                yield delivery

    async def replay(
        self, *, of: type[M], since: datetime, until: datetime | None = None
    ) -> tuple[M, ...]:
        """Return all messages of a type from `since` to `until`, oldest first."""
        letters = self._on(subject_filter(of, self.fleet))
        end = until or datetime.max.replace(tzinfo=UTC)
        return tuple(_message(of, letter) for letter in letters if since <= letter.at <= end)

    async def newest(self, *, of: type[M], tail: str = "") -> M | None:
        """Return the newest message on a subject, or None."""
        found = self._on(subject_filter(of, self.fleet, tail or ">"))
        return _message(of, found[-1]) if found else None

    async def _next(self, of: type[M], state: _Consumer) -> Stored:
        loop = asyncio.get_running_loop()
        async with self._changed:
            while True:
                self._take(of, state)
                wait = state.due - loop.time()
                if state.letter is not None and wait <= 0:
                    return state.letter
                await self._wait(None if state.letter is None else wait)

    async def _wait(self, seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            pass

    def _take(self, of: type[M], state: _Consumer) -> None:
        """Put the next letter into the consumer's hand, unless it holds one that still counts."""
        newest_only = ROUTES[of].newest_only
        waiting = [
            letter
            for letter in self._on(subject_filter(of, self.fleet))
            if letter.sequence >= state.next_sequence
        ]
        if not waiting or (state.letter is not None and not newest_only):
            return
        state.letter = waiting[-1] if newest_only else waiting[0]
        state.next_sequence = state.letter.sequence + 1
        state.deliveries = 0
        state.due = 0.0

    def _on(self, pattern: str) -> list[Stored]:
        prefix, wildcard, _ = pattern.partition(">")
        if wildcard:
            return [letter for letter in self.stored if letter.subject.startswith(prefix)]
        return [letter for letter in self.stored if letter.subject == pattern]

    def _letter(self, sequence: int, subject: str, body: bytes, headers: dict[str, str]) -> Stored:
        return Stored(sequence=sequence, at=self.now(), subject=subject, body=body, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Envelope:
    bus: MemoryBus
    state: _Consumer
    letter: Stored
    consumer: str

    @property
    def subject(self) -> str:
        return self.letter.subject

    @property
    def deliveries(self) -> int:
        return self.state.deliveries

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        yield

    async def accept(self) -> None:
        if self.state.letter is self.letter:
            self.state.letter = None

    async def retry(self, after_seconds: float) -> None:
        self.state.due = asyncio.get_running_loop().time() + after_seconds

    async def bury(self, reason: str) -> None:
        headers = dead_headers(
            self.letter.headers, reason=reason, consumer=self.consumer, deliveries=self.deliveries
        )
        subject = f"{DEAD_PREFIX}.{self.letter.subject}"
        self.bus.dead.append(
            self.bus._letter(len(self.bus.dead), subject, self.letter.body, headers)  # noqa: SLF001
        )
        await self.accept()


def _message(_: type[M], letter: Stored) -> M:
    return cast("M", decode(letter.body, letter.headers, subject=letter.subject))
