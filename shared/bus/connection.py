"""One connection to the NATS servers that never gives up, and says once when it is lost."""

import asyncio
import re
from contextlib import suppress

from nats.aio.client import Client
from nats.errors import ConnectionClosedError, Error, StaleConnectionError

from shared.bus import telemetry
from shared.runtime.probes import Readiness

_RETRY_SECONDS = 0.5
_PING_SECONDS = 5
_FLUSH_SECONDS = 2
_PENDING_BYTES = 32 * 1024 * 1024
"""More than any message: a smaller buffer is flushed inside publish, which eats a cancellation."""
_CHECK = "bus"
_DENIED = re.compile(r'permissions violation for publish to "([^"]+)"', re.IGNORECASE)


class Connection:
    """The connection, whether it is up, and what the servers forbid."""

    def __init__(self, readiness: Readiness) -> None:
        self.client = Client()
        self._readiness = readiness
        self._up = asyncio.Event()
        self._told_lost = False
        self._last_complaint = ""
        self._denied: set[str] = set()
        readiness.report(_CHECK, "not connected yet")

    async def open(self, servers: tuple[str, ...], name: str) -> None:
        """Connect, however long it takes."""
        await self.client.connect(
            list(servers),
            name=name,
            error_cb=self._on_error,
            disconnected_cb=self._on_lost,
            reconnected_cb=self._on_found,
            closed_cb=self._on_closed,
            max_reconnect_attempts=-1,
            reconnect_time_wait=_RETRY_SECONDS,  # type: ignore[arg-type] # it only sleeps
            ping_interval=_PING_SECONDS,
            pending_size=_PENDING_BYTES,
        )
        await self._on_found()

    async def up(self) -> None:
        """Wait until it is up. ConnectionClosedError: it never will be again.

        Raises a cancellation that was lost: wait_for of Python 3.11, which the client is built on,
        drops one that comes together with an answer.
        """
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError
        await self._up.wait()
        if self.client.is_closed:
            raise ConnectionClosedError

    @property
    def is_up(self) -> bool:
        """Tell whether the servers can be reached."""
        return self.client.is_connected

    def was_denied(self, subject: str) -> bool:
        """Tell, once, whether the servers refused to take a message on that subject."""
        denied = subject in self._denied
        self._denied.discard(subject)
        return denied

    async def close(self) -> None:
        """Send what waits, and close.

        Not by the client's drain: it waits for messages that a pull took from its queue long ago.
        """
        if self.client.is_connected:
            with suppress(Error):
                await self.client.flush(timeout=_FLUSH_SECONDS)
        await self.client.close()

    async def _on_found(self) -> None:
        self._told_lost = False
        self._up.set()
        self._readiness.report(_CHECK)
        telemetry.bus_found()

    async def _on_lost(self) -> None:
        if not self.client.is_closed:
            self._lose("connection lost")

    async def _on_closed(self) -> None:
        """Wake who waits: after this, nothing works any more."""
        self._readiness.report(_CHECK, "connection closed")
        self._up.set()

    async def _on_error(self, error: Exception) -> None:
        """Take what the client reports. While it is down, each attempt fails: told once."""
        if isinstance(error, StaleConnectionError):
            return  # the loss itself, which `_on_lost` is told next
        reason = str(error) or type(error).__name__
        if not self._up.is_set():
            self._lose(reason)
            return
        denied = _DENIED.search(reason)
        if denied:
            self._denied.add(denied[1])
        if reason != self._last_complaint:
            self._last_complaint = reason
            telemetry.bus_complained(reason)

    def _lose(self, reason: str) -> None:
        self._up.clear()
        self._readiness.report(_CHECK, reason)
        if not self._told_lost:
            self._told_lost = True
            telemetry.bus_lost(reason)
