"""Plays the garbage collector and the namespace controller: nothing outlives what it belongs to."""

from collections.abc import Iterable, Sequence

from simulator.controllers.writing import MANAGER, ref_of
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import Object, is_going, name_of, namespace_of, uid_of
from simulator.kubernetes.resources import NAMESPACES, Resource
from simulator.kubernetes.store import Key, Kind


class Garbage:
    """The garbage collector: deletes objects whose owners are all gone, in the background."""

    kinds: Sequence[Kind] = ()

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, _: Kind, obj: Object) -> Iterable[Key]:
        """Return, by uid, what a gone object owned, and what belongs to nothing from the start."""
        if not self._is_there(obj):
            for _resource, dependent in _everything(self._api):
                if uid_of(obj) in _owners(dependent):
                    yield "", uid_of(dependent)
        elif self._is_orphan(obj):
            yield "", uid_of(obj)

    def reconcile(self, key: Key) -> None:
        """Delete an object that belongs to nothing any more."""
        for resource, obj in _everything(self._api):
            if uid_of(obj) == key[1] and not is_going(obj) and self._is_orphan(obj):
                self._api.delete(ref_of(resource, obj), Deletion())
                return

    def _is_there(self, obj: Object) -> bool:
        resource = self._api.registry.of_kind(obj["apiVersion"], obj["kind"])
        if resource is None:
            return False
        found = self._api.store.get(resource.key, (namespace_of(obj), name_of(obj)))
        return found is not None and uid_of(found) == uid_of(obj)

    def _is_orphan(self, obj: Object) -> bool:
        owners = obj["metadata"].get("ownerReferences") or ()
        return bool(owners) and not any(self._owner_is_there(obj, owner) for owner in owners)

    def _owner_is_there(self, obj: Object, owner: Object) -> bool:
        resource = self._api.registry.of_kind(owner["apiVersion"], owner["kind"])
        if resource is None:
            return False
        namespace = namespace_of(obj) if resource.namespaced else ""
        found = self._api.store.get(resource.key, (namespace, owner["name"]))
        return found is not None and uid_of(found) == owner["uid"]


class Namespaces:
    """The namespace controller: empties a namespace that is to go, and lets it go."""

    kinds: Sequence[Kind] = ()

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the namespace itself, or the one an object was in."""
        name = name_of(obj) if kind == NAMESPACES.key else namespace_of(obj)
        if name:
            yield "", name

    def reconcile(self, key: Key) -> None:
        """Delete what is in a namespace that is to go; when it is empty, let go of it."""
        namespace = self._api.store.get(NAMESPACES.key, key)
        if namespace is None or not is_going(namespace):
            return
        left = [(r, obj) for r, obj in _everything(self._api) if namespace_of(obj) == key[1]]
        for resource, obj in left:
            if not is_going(obj):
                self._api.delete(ref_of(resource, obj), Deletion())
        if not any(namespace_of(obj) == key[1] for _, obj in _everything(self._api)):
            self._api.patch(ref_of(NAMESPACES, namespace), _released, Writer(manager=MANAGER))


def _released(namespace: Object) -> Object:
    return {**namespace, "spec": {**namespace["spec"], "finalizers": []}}


def _owners(obj: Object) -> set[str]:
    return {owner["uid"] for owner in obj["metadata"].get("ownerReferences") or ()}


def _everything(api: Api) -> list[tuple[Resource, Object]]:
    """Return every object, each once, with its resource."""
    resources = {resource.key: resource for resource in api.registry}
    return [(r, obj) for key, r in resources.items() for obj in api.store.all(key)]
