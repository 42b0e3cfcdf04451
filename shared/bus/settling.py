"""How a message that was delivered is settled: the one place where failure meets the bus."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol

from shared.bus import telemetry
from shared.bus.codec import decode
from shared.bus.port import M
from shared.errors import PermanentError, TransientError
from shared.messages.subjects import ROUTES, Message

BACK_OFF_SECONDS = (1.0, 5.0, 15.0, 30.0)
"""How long a message waits after each failed delivery. After one more it is dead."""

ERROR = "Crossloop-Error"
CONSUMER = "Crossloop-Consumer"
DELIVERIES = "Crossloop-Deliveries"


class Envelope(Protocol):
    """One stored message in the hands of a consumer."""

    @property
    def subject(self) -> str:
        """Where it was published."""
        ...

    @property
    def deliveries(self) -> int:
        """How often it was delivered, this time included."""
        ...

    def held(self) -> AbstractAsyncContextManager[None]:
        """Keep it from being delivered again while the block runs."""
        ...

    async def accept(self) -> None:
        """Settle it as handled."""
        ...

    async def retry(self, after_seconds: float) -> None:
        """Have it delivered again."""
        ...

    async def bury(self, reason: str) -> None:
        """Store it on the dead subject, and then settle it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered(Generic[M]):
    """A decoded message and the envelope it came in. It is a `Delivery` of the port."""

    message: M
    envelope: Envelope
    consumer: str
    back_off: tuple[float, ...] = BACK_OFF_SECONDS

    @asynccontextmanager
    async def settling(self) -> AsyncIterator[M]:
        """Give the message and settle it by how the block ends."""
        try:
            async with self.envelope.held():
                yield self.message
        except TransientError as error:
            await self._fail(str(error))
        except PermanentError as error:
            await _bury(self.envelope, self.consumer, str(error))
        else:
            await self.envelope.accept()
            telemetry.message_accepted(ROUTES[type(self.message)].kind, self.consumer)

    async def _fail(self, reason: str) -> None:
        attempt = self.envelope.deliveries
        if attempt > len(self.back_off):
            await _bury(self.envelope, self.consumer, f"failed {attempt} times, last: {reason}")
            return
        after = self.back_off[attempt - 1]
        await self.envelope.retry(after)
        telemetry.message_retried(
            self.envelope.subject, self.consumer, after_seconds=after, reason=reason
        )


async def open_envelope(
    envelope: Envelope,
    body: bytes,
    headers: Mapping[str, str] | None,
    *,
    consumer: str,
    back_off: tuple[float, ...],
) -> Delivered[Any] | None:
    """Return the delivery, or bury what nobody can handle and return None.

    That is what cannot be decoded, and what was delivered too often without an end: it may well
    be what stops the process.
    """
    try:
        message = _readable(envelope, body, headers, most=len(back_off) + 1)
    except PermanentError as error:
        await _bury(envelope, consumer, str(error))
        return None
    return Delivered(message=message, envelope=envelope, consumer=consumer, back_off=back_off)


def _readable(
    envelope: Envelope, body: bytes, headers: Mapping[str, str] | None, *, most: int
) -> Message:
    if envelope.deliveries > most:
        raise PermanentError(f"still unsettled after {envelope.deliveries - 1} deliveries")
    return decode(body, headers, subject=envelope.subject)


async def _bury(envelope: Envelope, consumer: str, reason: str) -> None:
    await envelope.bury(reason)
    telemetry.message_buried(envelope.subject, consumer, reason)


def dead_headers(
    headers: Mapping[str, str] | None, *, reason: str, consumer: str, deliveries: int
) -> dict[str, str]:
    """Return the headers of a dead letter: the original ones, and what became of it."""
    return {
        **(headers or {}),
        ERROR: " ".join(reason.split()),
        CONSUMER: consumer,
        DELIVERIES: str(deliveries),
    }
