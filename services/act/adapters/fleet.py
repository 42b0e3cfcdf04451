"""ClusterApi over the whole fleet: the management cluster, and those that Sites name a way into."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from services.act.adapters.ways import (
    Way,
    has_answered,
    is_unauthorized,
    open_way,
    ref_of,
    told_of,
)
from services.act.core.objects import Kind, Object, Query, Ref, Write, dig, version_of
from services.act.core.site import kubeconfig_of
from services.act.ports import ClusterApi, UnreachableError
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName
from shared.runtime.following import News

T = TypeVar("T")
CHECK_SECONDS = 30.0
"""How long a Secret is taken for unchanged."""
IDLE_SECONDS = 300.0
"""After which a way that nobody used is closed."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 15.0
"""How long a cluster that cannot be reached is left alone; twice as long each time."""

Sites = Callable[[], Mapping[ClusterName, Object]]


@asynccontextmanager
async def connect(management: ClusterApi, *, sites: Sites) -> AsyncIterator["FleetCluster"]:
    """Give all clusters of the fleet. Ways into others are opened when they are needed."""
    fleet = FleetCluster(management, sites=sites)
    try:
        yield fleet
    finally:
        await fleet.close()


@dataclass(slots=True)
class _Door:
    """What is known of the way into one Site's cluster."""

    way: Way | None = None
    silent_until: float = 0.0
    why_silent: str = ""
    pause_seconds: float = FIRST_PAUSE_SECONDS
    """How long it is left alone when it does not answer the next time."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def close(self) -> None:
        """Use the way no more."""
        way, self.way = self.way, None
        if way is not None:
            await way.retire()


class FleetCluster:
    """Calls go to the management cluster, or to the one whose Site the address names.

    Another cluster's failures are its own: TransientError when it does not answer, PermanentError
    when there is no way into it, or the way leads to another cluster.
    """

    def __init__(
        self, management: ClusterApi, *, sites: Sites, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._management = management
        self._sites = sites
        self._clock = clock
        self._doors: dict[ClusterName, _Door] = {}

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None where there is none."""
        return await self._call(ref.cluster, lambda cluster: cluster.get(ref))

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return all objects that are asked for; none if their kind is not installed."""
        return await self._call(query.cluster, lambda cluster: cluster.list(query))

    async def write(self, write: Write) -> Object:
        """Carry out one write, and return the object as it stands after it."""
        return await self._call(write.ref.cluster, lambda cluster: cluster.write(write))

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield all objects of a kind in the management cluster, then every change, for ever."""
        return self._management.follow(kind)

    async def close(self) -> None:
        """Close all ways."""
        for door in self._doors.values():
            await door.close()

    async def _call(self, name: ClusterName, call: Callable[[ClusterApi], Awaitable[T]]) -> T:
        """Make a call where it belongs; once more where a Secret was renewed meanwhile."""
        if not name or dig(self._sites().get(name), "spec", "home") is True:
            return await call(self._management)
        await self._close_unused()
        door = self._doors.setdefault(name, _Door())
        try:
            return await self._try(name, door, call)
        except _RenewedError:
            return await self._try(name, door, call)

    async def _try(
        self, name: ClusterName, door: _Door, call: Callable[[ClusterApi], Awaitable[T]]
    ) -> T:
        """Make a call on another cluster, and say of its failure which cluster it is about."""
        way = await self._entered(name, door)
        try:
            answer = await call(way.cluster)
        except UnreachableError as error:
            raise self._silenced(name, door, error) from error
        except PermanentError as error:
            if not is_unauthorized(error):
                raise
            if await self._is_renewed(door, way):
                raise _RenewedError from error
            told = told_of(name, way.secret)
            raise PermanentError(f"{told} is not accepted any more: {error}") from error
        else:
            door.pause_seconds = FIRST_PAUSE_SECONDS
            return answer
        finally:
            await way.leave()

    async def _entered(self, name: ClusterName, door: _Door) -> Way:
        """Return a way into a cluster, opened where there is none, and count its use."""
        async with door.lock:
            if self._clock() < door.silent_until:
                raise TransientError(door.why_silent)
            if door.way is not None and not await self._still_leads(name, door.way):
                await door.close()
            way = door.way = door.way or await self._opened(name, door)
            way.used_at = self._clock()
            way.users += 1
            return way

    async def _opened(self, name: ClusterName, door: _Door) -> Way:
        named = kubeconfig_of(self._sites().get(name, {}))
        if named is None:
            raise PermanentError(
                f"there is no way into {name}: its Site names no spec.kubeconfigSecret"
            )
        secret = await self._management.get(ref_of(named))
        try:
            way = await open_way(name, named, secret)
        except UnreachableError as error:
            raise self._silenced(name, door, error) from error
        way.checked_at = self._clock()
        return way

    async def _still_leads(self, name: ClusterName, way: Way) -> bool:
        """Tell whether a way is still the one that the Site names."""
        if kubeconfig_of(self._sites().get(name, {})) != way.secret:
            return False
        if self._clock() < way.checked_at + CHECK_SECONDS:
            return True
        way.checked_at = self._clock()
        return version_of(await self._management.get(ref_of(way.secret))) == way.version

    async def _is_renewed(self, door: _Door, way: Way) -> bool:
        """Tell whether the Secret of a way is another one now; then the way is not used again."""
        async with door.lock:
            if door.way is not way:
                return True
            if version_of(await self._management.get(ref_of(way.secret))) == way.version:
                return False
            await door.close()
            return True

    def _silenced(self, name: ClusterName, door: _Door, error: UnreachableError) -> TransientError:
        """Leave a cluster alone that cannot be reached: asking it takes everybody's time."""
        reason = f"{name} does not answer: {error}"
        pause = error.retry_after_seconds or 0.0
        if not has_answered(error):
            pause = max(pause, door.pause_seconds)
            door.pause_seconds = min(2 * door.pause_seconds, LONGEST_PAUSE_SECONDS)
        door.silent_until, door.why_silent = self._clock() + pause, reason
        return TransientError(reason, retry_after_seconds=error.retry_after_seconds)

    async def _close_unused(self) -> None:
        """Close the ways of Sites that are gone, and those that nobody used for long."""
        sites, long_ago = self._sites(), self._clock() - IDLE_SECONDS
        for name, door in list(self._doors.items()):
            way = door.way
            if way and not way.users and (name not in sites or way.used_at < long_ago):
                await door.close()


class _RenewedError(Exception):
    """The Secret of a way was renewed: the same call may work with the new one."""
