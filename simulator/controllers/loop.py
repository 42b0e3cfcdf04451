"""The loop of every controller: changes name keys, and each key is reconciled with what is."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, controller_of, name_of, namespace_of
from simulator.kubernetes.resources import Resource
from simulator.kubernetes.store import ForgottenError, Key, Kind


@dataclass(frozen=True, slots=True)
class Time:
    """Simulated time: it runs `speed` times as fast as the loop's."""

    speed: float

    def seconds(self) -> float:
        """Return simulated seconds that only ever grow."""
        return asyncio.get_running_loop().time() * self.speed


class Controller(Protocol):
    """Brings the cluster closer to what its objects want, one key at a time."""

    kinds: Sequence[Kind]
    """Whose changes it looks at; empty: all."""

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return what is to be reconciled because of a change of an object."""

    def reconcile(self, key: Key) -> float | None:
        """Do what is to be done; return after how many simulated seconds to look again."""


def keys_of_owner(owner: Resource, kind: Kind, obj: Object) -> Iterable[Key]:
    """Return the key of an owner itself, or of the one that controls the object."""
    if kind == owner.key:
        yield namespace_of(obj), name_of(obj)
    elif (controller := controller_of(obj)) and controller["kind"] == owner.kind:
        yield namespace_of(obj), controller["name"]


async def run(controller: Controller, api: Api, time: Time) -> None:
    """Reconcile all there is, then whatever changes or is due, for ever."""
    version, waiting = api.store.version, set(_all_keys(controller, api))
    due: dict[Key, float] = {}
    while True:
        for key in sorted(waiting):
            due.pop(key, None)
            again = controller.reconcile(key)
            if again is not None:
                due[key] = time.seconds() + again
        await _changes(api, version, min(due.values(), default=None), time)
        waiting = {key for key, at in due.items() if at <= time.seconds()}
        waiting |= _changed_keys(controller, api, version)
        version = api.store.version


def _all_keys(controller: Controller, api: Api) -> Iterable[Key]:
    for kind in controller.kinds or api.store.kinds:
        for obj in api.store.all(kind):
            yield from controller.keys(kind, obj)


def _changed_keys(controller: Controller, api: Api, version: int) -> set[Key]:
    try:
        changes = api.store.since(version)
    except ForgottenError:
        return set(_all_keys(controller, api))
    return {
        key
        for change in changes
        if not controller.kinds or change.kind in controller.kinds
        for key in controller.keys(change.kind, change.last)
    }


async def _changes(api: Api, version: int, until: float | None, time: Time) -> None:
    left = None if until is None else max(0.0, until - time.seconds()) / time.speed
    try:
        async with asyncio.timeout(left):
            await api.store.changed(version)
    except TimeoutError:
        return
