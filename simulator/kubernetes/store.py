"""All objects of the server, one growing version, and a ring of the last events."""

import asyncio
from collections import deque
from dataclasses import dataclass

from simulator.kubernetes.objects import Object, name_of, namespace_of

HISTORY_EVENTS = 5000

Kind = tuple[str, str]
"""Group and plural."""
Key = tuple[str, str]
"""Namespace (empty for objects of the cluster) and name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One object's step from `before` to `after`; None: it was not there, or is no longer."""

    version: int
    kind: Kind
    before: Object | None
    after: Object | None
    last: Object
    """As it is now, or as it was deleted, with this change's version."""

    @property
    def key(self) -> Key:
        """Return which object it is about."""
        return namespace_of(self.last), name_of(self.last)


class ForgottenError(Exception):
    """The version asked for is older than the oldest change that is remembered."""


class Store:
    """Keeps objects. What is stored is never changed in place.

    Each write makes one version and one change, so that versions count changes without gaps.
    """

    def __init__(self, history: int = HISTORY_EVENTS) -> None:
        self._objects: dict[Kind, dict[Key, Object]] = {}
        self._changes: deque[Change] = deque(maxlen=history)
        self._changed = asyncio.Event()
        self.version = 1

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All kinds of which objects were ever stored."""
        return tuple(self._objects)

    def get(self, kind: Kind, key: Key) -> Object | None:
        """Return an object, if it is there."""
        return self._objects.get(kind, {}).get(key)

    def all(self, kind: Kind, namespace: str = "") -> tuple[Object, ...]:
        """Return the objects of a kind, of one namespace or of all, by namespace and name."""
        found = self._objects.get(kind, {})
        return tuple(found[key] for key in sorted(found) if namespace in ("", key[0]))

    def all_at(self, kind: Kind, namespace: str, version: int) -> tuple[Object, ...]:
        """Return the objects as they were at a version. ForgottenError: it is too old."""
        found = dict(self._objects.get(kind, {}))
        for change in reversed(self.since(version)):
            if change.kind != kind:
                continue
            if change.before is None:
                found.pop(change.key)
            else:
                found[change.key] = change.before
        return tuple(found[key] for key in sorted(found) if namespace in ("", key[0]))

    def put(self, kind: Kind, obj: Object) -> Object:
        """Store an object, and return it with the version it got."""
        key = namespace_of(obj), name_of(obj)
        before = self.get(kind, key)
        stored = self._stamped(obj)
        self._objects.setdefault(kind, {})[key] = stored
        self._remember(kind, before, stored, stored)
        return stored

    def remove(self, kind: Kind, key: Key) -> Object:
        """Forget an object, and return how it was, with the version of its end."""
        before = self._objects[kind].pop(key)
        last = self._stamped(before)
        self._remember(kind, before, None, last)
        return last

    def since(self, version: int) -> tuple[Change, ...]:
        """Return the changes after a version. ForgottenError: some are no longer remembered."""
        missing = self.version - version
        if missing > len(self._changes):
            raise ForgottenError
        return tuple(self._changes[-index] for index in range(missing, 0, -1))

    async def changed(self, version: int) -> None:
        """Wait until there are changes after a version."""
        while self.version <= version:
            await self._changed.wait()

    def _stamped(self, obj: Object) -> Object:
        self.version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _remember(
        self, kind: Kind, before: Object | None, after: Object | None, last: Object
    ) -> None:
        self._changes.append(Change(self.version, kind, before, after, last))
        # wakes all who wait now; who comes later waits for the next
        self._changed.set()
        self._changed.clear()
