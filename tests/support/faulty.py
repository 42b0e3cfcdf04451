"""A way to an API server on which one call goes wrong: killed, refused, cut off or stale."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from services.act.adapters.kubernetes import KubernetesCluster
from services.act.core.objects import Kind, Object, Query, Read, Ref, Write
from services.act.ports import ClusterApi
from shared.errors import PermanentError, TransientError
from shared.runtime.following import News
from shared.runtime.kubernetes import ApiError, UnansweredError
from tests.support.fakes_act import KilledError

T = TypeVar("T")
RETRY_AFTER_SECONDS = 3.0


class Fault(StrEnum):
    """What happens to one call."""

    KILLED_BEFORE = "killed before it was sent"
    KILLED_AFTER = "killed after it took effect"
    CONFLICT = "409"
    GONE = "410"
    INVALID = "422"
    BUSY = "429"
    FAILED = "500"
    UNAVAILABLE = "503"
    TIMED_OUT = "timed out after it took effect"
    RESET_BEFORE = "reset before it took effect"
    RESET_AFTER = "reset after it took effect"
    STALE = "answered as it was before"


KILLS = (Fault.KILLED_BEFORE, Fault.KILLED_AFTER)
FAULTS = tuple(fault for fault in Fault if fault not in KILLS)
APART = (
    Fault.CONFLICT,
    Fault.INVALID,
    Fault.BUSY,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.STALE,
)
"""The faults that Act can tell apart: 410 is a refusal as 422, and 500, 503 as no answer at all."""
_TAKES_EFFECT = (Fault.KILLED_AFTER, Fault.TIMED_OUT, Fault.RESET_AFTER)


@dataclass(slots=True)
class FaultyApi:
    """A `ClusterApi` around another one. Call number `at` suffers the fault; the first is 1."""

    inner: ClusterApi
    fault: Fault | None = None
    at: int = 0
    calls: int = 0
    met: str = ""
    """The call that suffered it, for whoever reads the failure of a test."""
    told: list[tuple[str, bool]] = field(default_factory=list)
    """Each call, and whether it was a write."""
    _answers: dict[Read, Any] = field(default_factory=dict)
    _earlier: dict[Read, Any] = field(default_factory=dict)
    """What was answered before the answer last given, where that was another one."""

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        return await self._read(ref, lambda api: api.get(ref))

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match."""
        return await self._read(query, lambda api: api.list(query))

    async def write(self, write: Write) -> Object:
        """Carry out the write, or not, and tell or not."""
        return await self._call(lambda api: api.write(write), write.purpose, is_write=True)

    def telling(self, fault: Fault) -> tuple[int, ...]:
        """Return the calls worth a fault: all writes; of the reads, each once, but none for kills.

        Act keeps nothing of what it read: killed at a read, it is as if killed after the write
        before. Nor does a read that is repeated tell anything else than the first time.
        """
        known: set[str] = set()
        found = []
        for number, (told, is_write) in enumerate(self.told, 1):
            if is_write or (told not in known and fault not in KILLS):
                found.append(number)
            known.add(told)
        return tuple(found)

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Follow, without faults."""
        return self.inner.follow(kind)

    async def _read(self, read: Read, call: Callable[[ClusterApi], Awaitable[T]]) -> T:
        answer = await self._call(call, f"read {read}")
        known = self._answers.get(read, answer)
        if known != answer:
            self._earlier[read] = known
        self._answers[read] = answer
        if self.fault is Fault.STALE and self.calls == self.at:
            stale: T = self._earlier.get(read, answer)
            return stale
        return answer

    async def _call(
        self, call: Callable[[ClusterApi], Awaitable[T]], told: str, *, is_write: bool = False
    ) -> T:
        self.calls += 1
        self.told.append((told, is_write))
        if self.fault in (None, Fault.STALE) or self.calls != self.at:
            return await call(self.inner)
        fault, self.met = self.fault, told
        if fault in _TAKES_EFFECT:
            await call(self.inner)
        if fault in KILLS:
            raise KilledError(f"{told}: {fault}")
        return await call(KubernetesCluster(_Failing(_error_of(fault))))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Failing:
    """Stands for a `KubernetesApi` every call of which fails: the adapter says what that means."""

    error: Exception

    async def get(self, *_: Any, **__: Any) -> Any:
        raise self.error

    list = apply = merge_patch = delete = get


def _error_of(fault: Fault) -> PermanentError | TransientError:
    """Return what the client tells of such an answer."""
    match fault:
        case Fault.CONFLICT:
            return ApiError(409, "Conflict", "the object has been modified")
        case Fault.GONE:
            return ApiError(410, "Expired", "the provided continue parameter is too old")
        case Fault.INVALID:
            return ApiError(422, "Invalid", "an admission webhook is out of its mind")
        case Fault.BUSY:
            return TransientError("429 too many", retry_after_seconds=RETRY_AFTER_SECONDS)
        case Fault.FAILED | Fault.UNAVAILABLE:
            return TransientError(f"{fault} the server is unwell")
        case _:
            return UnansweredError("the call", ConnectionResetError(fault.value))
