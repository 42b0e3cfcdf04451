"""The operations of the API server on its objects, for requests and for controllers alike."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from shared.runtime.clock import Clock
from simulator.kubernetes import crds, defaults, managed, validation
from simulator.kubernetes.deleting import Deletion, going, is_finished
from simulator.kubernetes.fields import UndeclaredError
from simulator.kubernetes.managed import APPLY, UPDATE, Manager
from simulator.kubernetes.objects import Object, clone, dig, is_going
from simulator.kubernetes.preparing import (
    confined,
    generated,
    next_generation,
    rescaled,
    scale_of,
    stamped,
    stripped,
    without_nulls,
)
from simulator.kubernetes.refusals import (
    must_have_version,
    must_not_have_version,
    namespace_terminating,
    other_uid,
    undeclared,
)
from simulator.kubernetes.resources import CRDS, NAMESPACES, PODS, Registry, Resource
from simulator.kubernetes.status import already_exists, bad_request, internal, modified, not_found
from simulator.kubernetes.store import HISTORY_EVENTS, Store
from simulator.kubernetes.times import written
from simulator.kubernetes.webhooks import Review, Webhook

FIRST_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

Admission = Callable[[Object], Object]
"""Returns a new pod as it is let in, or refuses it with a StatusError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Which object."""

    resource: Resource
    name: str
    namespace: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Where it is stored."""
        return self.namespace, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, through which subresource, and whether it counts."""

    manager: str
    subresource: str = ""
    dry_run: bool = False


class Api:
    """Creates, changes and deletes objects by the rules of Kubernetes.

    Every operation is done when it returns: nothing else happens meanwhile. StatusError: refused.
    """

    def __init__(self, clock: Clock, *, history: int = HISTORY_EVENTS) -> None:
        self.store = Store(history)
        self.registry = Registry()
        self.admission: list[Admission] = [defaults.tolerate_lost_nodes]
        self.webhooks: list[Webhook] = []
        self.clock = clock
        for name in FIRST_NAMESPACES:
            namespace = {"metadata": {"name": name}}
            self.create(NAMESPACES, "", namespace, Writer(manager="kube-apiserver"))

    def now(self) -> str:
        """Return the present instant as objects write it."""
        return written(self.clock())

    def get(self, ref: Ref) -> Object:
        """Return an object."""
        found = self.store.get(ref.resource.key, ref.key)
        if found is None:
            raise not_found(ref.resource, ref.name)
        return found

    def scale(self, ref: Ref) -> Object:
        """Return the `Scale` of an object that has a size."""
        obj, paths = self.get(ref), ref.resource.scale
        if paths and dig(obj, *paths.replicas) is None:
            field = ".".join(paths.replicas)
            raise internal(f'the spec replicas field ".{field}" does not exist')
        return scale_of(ref.resource, obj)

    def create(self, resource: Resource, namespace: str, body: Object, by: Writer) -> Object:
        """Create an object."""
        if dig(body, "metadata", "resourceVersion"):
            raise must_not_have_version()
        new = clone(body)
        metadata = new["metadata"] = new.get("metadata") or {}
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = generated(metadata["generateName"])
        ref = Ref(resource=resource, name=metadata.get("name", ""), namespace=namespace)
        new = self._born(ref, new)
        if self.store.get(resource.key, ref.key):
            raise already_exists(resource, ref.name)
        new = managed.traced(None, new, resource.shape, _manager(resource, UPDATE, by), self.now())
        return self._settled(ref, None, new, by)

    def replace(self, ref: Ref, body: Object, by: Writer) -> Object:
        """Put an object in place of the one that is there."""
        live = self.get(ref)
        if by.subresource == "scale":
            body = rescaled(ref.resource, live, body)
        elif ref.resource.is_custom and not dig(body, "metadata", "resourceVersion"):
            raise must_have_version(ref.resource, ref.name)
        return self._change(ref, live, body, by)

    def patch(self, ref: Ref, change: Callable[[Object], Object], by: Writer) -> Object:
        """Change an object, or its `Scale`, as it is now."""
        live = self.get(ref)
        if by.subresource == "scale":
            scale = change(scale_of(ref.resource, live))
            return self._change(ref, live, rescaled(ref.resource, live, scale), by)
        return self._change(ref, live, change(live), by)

    def apply(self, ref: Ref, body: Object, by: Writer, *, force: bool = False) -> Object:
        """Apply a configuration, and create the object if it is not there."""
        if dig(body, "metadata", "managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        live = self.store.get(ref.resource.key, ref.key)
        if live is None and by.subresource:
            raise not_found(ref.resource, ref.name)
        applied = self._applied(ref, live, body, by, force=force)
        if live is None:
            new = self._born(ref, clone(applied.obj))
        else:
            _check_version(ref, live, dig(body, "metadata", "resourceVersion"))
            new = self._reborn(ref, live, clone(applied.obj), by)
        return self._settled(ref, live, managed.with_shares(new, applied.shares), by)

    def delete(self, ref: Ref, how: Deletion, *, dry_run: bool = False) -> Object:
        """Delete an object, or begin to: pods, namespaces and finalizers take their time.

        Return it as it is then, or as it was last. Objects it owns are the controllers' business.
        """
        live = self.get(ref)
        uid = live["metadata"]["uid"]
        if how.uid is not None and how.uid != uid:
            raise other_uid(ref.resource, ref.name, how.uid, uid)
        _check_version(ref, live, how.version)
        new = going(ref.resource, live, how, self.clock())
        return self._settled(ref, live, new, Writer(manager="", dry_run=dry_run))

    def _applied(
        self, ref: Ref, live: Object | None, body: Object, by: Writer, *, force: bool
    ) -> managed.Applied:
        blank = {"metadata": {"name": ref.name}}
        named = f"{dig(body, 'metadata', 'namespace') or ''}/{ref.name}"
        config = stripped(ref.resource, without_nulls(body), by.subresource)
        who = _manager(ref.resource, APPLY, by)
        try:
            return managed.apply(
                live or blank, config, ref.resource.shape, who, at=self.now(), force=force
            )
        except UndeclaredError as error:
            raise undeclared(ref.resource, named, str(error)) from error

    def _change(self, ref: Ref, live: Object, new: Object, by: Writer) -> Object:
        _check_version(ref, live, dig(new, "metadata", "resourceVersion"))
        new = self._reborn(ref, live, clone(new), by)
        who = _manager(ref.resource, UPDATE, by)
        new = managed.traced(live, new, ref.resource.shape, who, self.now())
        return self._settled(ref, live, new, by)

    def _born(self, ref: Ref, new: Object) -> Object:
        """Return a new object as it is let in."""
        self._check_namespace(ref)
        new = stamped(ref.resource, new, ref.namespace, uid=str(uuid4()), at=self.now())
        new = self._completed(ref.resource, new)
        if ref.resource == PODS:
            for admit in self.admission:
                new = admit(new)
        return self._reviewed(Review(resource=ref.resource, old=None, new=new))

    def _reborn(self, ref: Ref, live: Object, new: Object, by: Writer) -> Object:
        """Return a changed object as it is let in."""
        new = confined(ref.resource, live, new, by.subresource)
        new = self._completed(ref.resource, new)
        part = by.subresource
        new = self._reviewed(Review(resource=ref.resource, old=live, new=new, subresource=part))
        if ref.resource.has_generation and by.subresource != "status":
            new["metadata"]["generation"] = next_generation(ref.resource, live, new)
        return new

    def _reviewed(self, review: Review) -> Object:
        """Return an object as it is stored, or refuse it: by the webhooks and by its schema."""
        webhooks = () if review.subresource == "status" else tuple(self.webhooks)
        for webhook in webhooks:
            review = replace(review, new=webhook.default(review))
        validation.check(review.resource, review.old, review.new)
        for webhook in webhooks:
            webhook.check(review)
        return review.new

    def _completed(self, resource: Resource, new: Object) -> Object:
        if resource.schema:
            resource.schema.prune(new)
            resource.schema.fill(new)
        elif resource == CRDS:
            crds.check(new)
            return crds.established(new, self.now())
        else:
            defaults.fill(resource.kind, new)
        return new

    def _settled(self, ref: Ref, live: Object | None, new: Object, by: Writer) -> Object:
        """Store what has changed, or remove what is finished."""
        if new == live or by.dry_run:
            return new
        if live is not None and is_finished(new):
            return self._removed(ref)
        if ref.resource == CRDS:
            self.registry.serve(*crds.resources_of(new))
        return self.store.put(ref.resource.key, new)

    def _removed(self, ref: Ref) -> Object:
        if ref.resource == CRDS:
            spec = self.get(ref)["spec"]
            kind = spec["group"], spec["names"]["plural"]
            for obj in self.store.all(kind):
                metadata = obj["metadata"]
                self.store.remove(kind, (metadata.get("namespace", ""), metadata["name"]))
            self.registry.withdraw(*kind)
        return self.store.remove(ref.resource.key, ref.key)

    def _check_namespace(self, ref: Ref) -> None:
        if not ref.resource.namespaced:
            return
        namespace = self.get(Ref(resource=NAMESPACES, name=ref.namespace))
        if is_going(namespace):
            raise namespace_terminating(ref.resource, ref.name, ref.namespace)


def _manager(resource: Resource, operation: str, by: Writer) -> Manager:
    return Manager(
        name=by.manager,
        operation=operation,
        api_version=resource.api_version,
        subresource=by.subresource,
    )


def _check_version(ref: Ref, live: Object, version: str | None) -> None:
    if version and version != live["metadata"]["resourceVersion"]:
        raise modified(ref.resource, ref.name)
