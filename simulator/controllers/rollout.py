"""How a Deployment rolls out: pure functions over the sizes of its ReplicaSets."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """One ReplicaSet: what it is told to have, and what is available of it."""

    name: str
    wanted: int
    available: int = 0

    def to(self, wanted: int) -> "Size":
        """Return it told otherwise."""
        return replace(self, wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a rolling update must keep to."""

    replicas: int
    surge: int
    unavailable: int

    @property
    def most(self) -> int:
        """Pods there may be at most."""
        return self.replicas + self.surge

    @property
    def least(self) -> int:
        """Pods that must be available."""
        return self.replicas - self.unavailable


def limits_of(replicas: int, surge: int | str, unavailable: int | str) -> Limits:
    """Return the limits; shares are of `replicas`, surge rounded up, unavailable down."""
    if isinstance(surge, str):
        surge = math.ceil(_share(surge, replicas))
    if isinstance(unavailable, str):
        unavailable = math.floor(_share(unavailable, replicas))
    if surge == unavailable == 0:
        # else nothing could ever move
        unavailable = 1
    return Limits(replicas=replicas, surge=surge, unavailable=min(unavailable, replicas))


def rolled(new: Size, old: Sequence[Size], limits: Limits) -> tuple[Size, ...]:
    """Return the ReplicaSets as the next step of a rolling update wants them.

    `old` from the oldest on. The new one grows as far as the surge allows; the old ones shrink as
    far as enough stay available, those that are not available first.
    """
    total = new.wanted + sum(size.wanted for size in old)
    grown = new.to(_grown(new, total, limits))
    if grown != new:
        return (grown, *old)
    spare = total - limits.least - (new.wanted - new.available)
    if spare <= 0:
        return (new, *old)
    healthy, cleaned = _without_unhealthy(old, spare)
    available = new.available + sum(size.available for size in old)
    return (new, *_shrunk(healthy, min(available - limits.least, spare - cleaned)))


def recreated(new: Size, old: Sequence[Size], replicas: int, *, left: int) -> tuple[Size, ...]:
    """Return the ReplicaSets with all old ones gone first. `left`: pods of theirs still there."""
    gone = tuple(size.to(0) for size in old)
    return (new.to(0 if left else replicas), *gone)


def scaled(sizes: Sequence[Size], limits: Limits, *, most_before: int) -> tuple[Size, ...]:
    """Return ReplicaSets after the Deployment's size changed, in proportion.

    `most_before`: pods there might be at most before. The largest gets what rounding leaves over.
    """
    active = sorted((s for s in sizes if s.wanted), key=lambda s: (-s.wanted, s.name))
    if len(active) == 1:
        return tuple(s.to(limits.replicas) if s.wanted else s for s in sizes)
    left = limits.most - sum(size.wanted for size in active) if limits.replicas else 0
    result = {size.name: size for size in sizes}
    for size in active:
        share = round(size.wanted * limits.most / most_before) - size.wanted
        step = min(max(share, 0), left) if left > 0 else max(min(share, 0), left)
        left -= step
        result[size.name] = size.to(size.wanted + step if limits.replicas else 0)
    if active:
        largest = result[active[0].name]
        result[largest.name] = largest.to(max(0, largest.wanted + left))
    return tuple(result[size.name] for size in sizes)


def _share(value: str, of: int) -> float:
    return int(value.removesuffix("%")) * of / 100


def _grown(new: Size, total: int, limits: Limits) -> int:
    if new.wanted > limits.replicas:
        return limits.replicas
    return new.wanted + max(0, min(limits.most - total, limits.replicas - new.wanted))


def _without_unhealthy(old: Sequence[Size], spare: int) -> tuple[list[Size], int]:
    cleaned, result = 0, []
    for size in old:
        less = min(spare - cleaned, max(0, size.wanted - size.available))
        cleaned += less
        result.append(size.to(size.wanted - less))
    return result, cleaned


def _shrunk(old: Sequence[Size], spare: int) -> list[Size]:
    result = []
    for size in old:
        less = min(max(0, spare), size.wanted)
        spare -= less
        result.append(size.to(size.wanted - less))
    return result
