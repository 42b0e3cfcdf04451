"""Plays the infrastructure providers: the network and the endpoint of a Cluster."""

from collections.abc import Iterable, Sequence

from simulator.controllers.cluster_api.kinds import (
    CLUSTERS,
    DEV_CLUSTERS,
    cluster_of,
    is_paused,
    is_provisioned,
    key_of,
)
from simulator.controllers.cluster_api.timing import (
    INFRASTRUCTURE_DESTROY_SECONDS,
    INFRASTRUCTURE_SECONDS,
    RETRY_SECONDS,
    paced,
)
from simulator.controllers.cluster_api.writing import (
    Timers,
    Told,
    conditions,
    hold,
    release,
    set_fields,
    severe_conditions,
    tell_paused,
    write_status,
)
from simulator.controllers.loop import Time
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, controller_of, dig, is_going, name_of, namespace_of
from simulator.kubernetes.store import Key, Kind

PORT = 6443


class InfrastructureClusters:
    """The controller of one provider's clusters, in memory or on OpenStack."""

    def __init__(self, api: Api, time: Time, kind: Kind) -> None:
        self.kinds: Sequence[Kind] = (kind, CLUSTERS)
        self._api = api
        self._kind = kind
        self._timers = Timers(time)

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the object itself, or the one a Cluster refers to."""
        if kind == self._kind:
            yield key_of(obj)
        elif ref := obj["spec"].get("infrastructureRef"):
            yield namespace_of(obj), ref["name"]

    def reconcile(self, key: Key) -> float | None:
        """Make the network of a Cluster, or take it down."""
        found = self._api.store.get(self._kind, key)
        if found is None:
            return None
        if is_going(found):
            return self._end(found)
        owner, cluster = controller_of(found), cluster_of(self._api, found)
        if not owner or cluster is None:
            return None
        if is_paused(cluster, found):
            tell_paused(self._api, found)
            return None
        return self._begin(found)

    def _begin(self, found: Object) -> float | None:
        if self._kind == DEV_CLUSTERS and not found["metadata"].get("annotations"):
            # the real provider panics here, again and again
            self._tell(found, provisioned=False)
            return RETRY_SECONDS
        found = hold(self._api, found, self._finalizer)
        seconds = paced(INFRASTRUCTURE_SECONDS, *key_of(found))
        left = 0.0 if is_provisioned(found) else self._timers.left(found, "begin", seconds)
        if left > 0:
            self._tell(found, provisioned=False)
            return left
        if not dig(found, "spec", "controlPlaneEndpoint", "host"):
            endpoint = {"host": host_of(found), "port": PORT}
            found = set_fields(self._api, found, controlPlaneEndpoint=endpoint)
        self._tell(found, provisioned=True)
        return None

    def _tell(self, found: Object, *, provisioned: bool) -> None:
        status, at = {**(found.get("status") or {})}, self._api.now()
        if self._kind == DEV_CLUSTERS:
            told = [Told("Paused", False, "NotPaused")]
            status["conditions"] = conditions(found, told, at)
        else:
            told = [Told("Ready", provisioned, "NetworkReconciling")]
            status["conditions"] = severe_conditions(found, told, at)
            status["ready"] = provisioned
        if provisioned:
            status["initialization"] = {"provisioned": True}
        write_status(self._api, found, status)

    def _end(self, found: Object) -> float | None:
        seconds = paced(INFRASTRUCTURE_DESTROY_SECONDS, *key_of(found))
        left = self._timers.left(found, "end", seconds)
        if left <= 0:
            release(self._api, found, self._finalizer)
        return left or None

    @property
    def _finalizer(self) -> str:
        group, plural = self._kind
        return f"{plural.removesuffix('s')}.{group}"


def host_of(infrastructure: Object) -> str:
    """Return where the API server of a Cluster is said to be: nowhere (RFC 6761)."""
    return f"{name_of(infrastructure)}.{namespace_of(infrastructure)}.invalid"
