"""How a patch changes an object: RFC 7396, and as much of server-side apply as Act relies on."""

import pickle
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

T = TypeVar("T")
Json = dict[str, Any]


def merge(target: Json, patch: Mapping[str, Any]) -> None:
    """Merge as RFC 7396 says: null takes away, lists are replaced."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value


def remove(target: Json, owned: Mapping[str, Any]) -> None:
    """Take away what an applier set before: what it applies next comes back."""
    for path in _leaves(owned):
        place: Any = target
        for key in path[:-1]:
            place = place.get(key, {})
        place.pop(path[-1], None)


def _leaves(value: Mapping[str, Any], *path: str) -> Iterator[tuple[str, ...]]:
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield from _leaves(inner, *path, key)
        else:
            yield (*path, key)


def copied(obj: T) -> T:
    """Return a deep copy, several times faster than `copy.deepcopy` makes it."""
    copy: T = pickle.loads(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))
    return copy
