"""Things in order, best first, each worked out only when it may be the next."""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")
Key = tuple[Any, ...]


class BestFirst(Sequence[T], Generic[T]):
    """A sorted sequence of things for which lower bounds are known before they are.

    `bounds`: ascending, each no greater than the key of its thing. `make` returns the key and the
    thing of a bound by its index; no two keys are equal. Working out stops as soon as the next
    bound is greater than the smallest key known: what is left cannot come before it.
    """

    __slots__ = ("_bounds", "_made", "_make", "_next", "_waiting")

    def __init__(self, bounds: Sequence[Key], make: Callable[[int], tuple[Key, T]]) -> None:
        self._bounds, self._make = bounds, make
        self._next = 0
        self._waiting: list[tuple[Key, T]] = []
        self._made: list[T] = []

    def __len__(self) -> int:
        return len(self._bounds)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        wanted = range(len(self))[index]
        last = wanted if isinstance(wanted, int) else max(wanted, default=-1)
        while len(self._made) <= last:
            self._made.append(self._following())
        return self._made[index] if isinstance(index, slice) else self._made[last]

    def _following(self) -> T:
        while self._next < len(self._bounds) and not self._is_sure():
            heappush(self._waiting, self._make(self._next))
            self._next += 1
        return heappop(self._waiting)[1]

    def _is_sure(self) -> bool:
        return bool(self._waiting) and self._waiting[0][0] < self._bounds[self._next]
