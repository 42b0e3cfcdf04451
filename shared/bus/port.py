"""What a service may ask of the bus."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol, TypeVar

from shared.messages.subjects import Message
from shared.model.names import FleetName

M = TypeVar("M", bound=Message)
M_co = TypeVar("M_co", bound=Message, covariant=True)


class Delivery(Protocol[M_co]):
    """One message, to be settled."""

    @property
    def message(self) -> M_co:
        """The message, decoded and checked."""
        ...

    def settling(self) -> AbstractAsyncContextManager[M_co]:
        """Give the message and settle it by how the block ends.

        A clean end acknowledges; TransientError asks for redelivery with back-off, and after five
        deliveries goes to the dead subject; PermanentError goes there at once. Both are told and
        swallowed here. Anything else, cancellation too, leaves it unsettled and is raised.
        """
        ...


class Bus(Protocol):
    """Publish and receive the messages of one fleet."""

    @property
    def fleet(self) -> FleetName:
        """The fleet whose messages these are."""
        ...

    async def publish(self, message: Message) -> None:
        """Store the message in its stream, once however often it is published.

        Waits, for ever if need be, until the server has it: a lost connection is no error here.
        PermanentError: the server refuses it for good (too large, no permission).
        """
        ...

    def deliveries(self, *, of: type[M], consumer: str) -> AsyncIterator[Delivery[M]]:
        """Yield messages of one type, for ever, one at a time, from a durable consumer.

        State comes newest only, work in order. What cannot be decoded goes to the dead subject
        and is not seen here. `consumer` names the service: `decide`.
        """
        ...

    async def replay(
        self, *, of: type[M], since: datetime, until: datetime | None = None
    ) -> tuple[M, ...]:
        """Return what the stream holds of a type from `since` to `until`, oldest first."""
        ...

    async def newest(self, *, of: type[M], tail: str = "") -> M | None:
        """Return the newest message on a subject, or None. `tail`: an application token."""
        ...
