"""Both buses behind one face, so that one suite of tests runs over each."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import nats

from shared.bus.jetstream import JetStreamBus, connect
from shared.bus.memory import MemoryBus
from shared.bus.port import Bus
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings
from tests.support.builders import FLEET
from tests.support.nats import NatsServer, nats_server

BACK_OFF = (0.05, 0.05, 0.05, 0.05)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What stands in a stream."""

    subject: str
    body: bytes
    headers: Mapping[str, str]


class Post(Protocol):
    """A bus, and the back door to what it stores."""

    @property
    def bus(self) -> Bus:
        """The bus under test."""
        ...

    async def throw_in(self, subject: str, body: bytes) -> None:
        """Store bytes as somebody without the codec could."""
        ...

    async def letters(self, pattern: str) -> list[Letter]:
        """Return what is stored on subjects that begin so, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryPost:
    """The bus in memory."""

    bus: MemoryBus

    async def throw_in(self, subject: str, body: bytes) -> None:
        """Store bytes as somebody without the codec could."""
        await self.bus.store(subject, body, {})

    async def letters(self, pattern: str) -> list[Letter]:
        """Return what is stored on subjects that begin so, oldest first."""
        stored = (*self.bus.stored, *self.bus.dead)
        return [
            Letter(subject=x.subject, body=x.body, headers=x.headers)
            for x in stored
            if x.subject.startswith(pattern)
        ]


@dataclass(frozen=True, slots=True)
class JetStreamPost:
    """The bus on a real server."""

    bus: JetStreamBus
    server: NatsServer

    async def throw_in(self, subject: str, body: bytes) -> None:
        """Store bytes as somebody without the codec could."""
        client = await nats.connect(self.server.url)
        await client.jetstream().publish(subject, body)
        await client.close()

    async def letters(self, pattern: str) -> list[Letter]:
        """Return what is stored on subjects that begin so, oldest first."""
        client = await nats.connect(self.server.url)
        stream_of = client.jetstream()
        stream = await stream_of.find_stream_name_by_subject(f"{pattern}.>")
        state = (await stream_of.stream_info(stream)).state
        found = []
        for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
            raw = await stream_of.get_msg(stream, sequence)
            if str(raw.subject).startswith(pattern):
                letter = Letter(
                    subject=str(raw.subject), body=raw.data or b"", headers=raw.headers or {}
                )
                found.append(letter)
        await client.close()
        return found


def memory_post() -> MemoryPost:
    """Return a bus in memory with a short back-off."""
    return MemoryPost(MemoryBus(fleet=FLEET, back_off=BACK_OFF))


@asynccontextmanager
async def jetstream_post(folder: Path) -> AsyncIterator[JetStreamPost]:
    """Run a server and give a bus on it, with a short back-off."""
    with nats_server(folder) as server:
        async with jetstream_bus(server) as bus:
            yield JetStreamPost(bus, server)


@asynccontextmanager
async def jetstream_bus(
    server: NatsServer, readiness: Readiness | None = None
) -> AsyncIterator[JetStreamBus]:
    """Give a bus on a server that runs already, with short waits."""
    settings = CommonSettings(nats_url=(server.url,), fleet=FLEET)
    async with connect(settings, name="test", readiness=readiness or Readiness()) as bus:
        yield replace(bus, back_off=BACK_OFF, ack_wait=0.5)
