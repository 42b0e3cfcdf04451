"""Plays the Cluster controller: it ties the parts together, sums them up, and takes them down."""

from collections.abc import Iterable, Sequence

from simulator.controllers.cluster_api.cluster_status import Parts, tell_cluster, tell_deletion
from simulator.controllers.cluster_api.kinds import (
    CLUSTERS,
    CONTROL_PLANES,
    INFRASTRUCTURES,
    MACHINE_DEPLOYMENTS,
    MACHINES,
    Found,
    belonging,
    cluster_name_of,
    is_paused,
    is_provisioned,
    key_of,
    referenced,
    resource_of,
)
from simulator.controllers.cluster_api.timing import RETRY_SECONDS
from simulator.controllers.cluster_api.writing import (
    adopt,
    hold,
    listed,
    release,
    set_fields,
    tell,
    tell_paused,
)
from simulator.controllers.writing import ref_of
from simulator.kubernetes.api import Api
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import Object, dig, is_going, name_of, namespace_of
from simulator.kubernetes.store import Key, Kind

FINALIZER = "cluster.cluster.x-k8s.io"


class Clusters:
    """The controller of Clusters."""

    kinds: Sequence[Kind] = (
        CLUSTERS,
        MACHINE_DEPLOYMENTS,
        MACHINES,
        *CONTROL_PLANES,
        *INFRASTRUCTURES,
    )

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the Cluster itself, that of a Machine or deployment, or who refers to a part."""
        namespace = namespace_of(obj)
        if kind == CLUSTERS:
            yield key_of(obj)
        elif kind in (MACHINES, MACHINE_DEPLOYMENTS):
            yield namespace, cluster_name_of(obj)
        else:
            for cluster in self._api.store.all(CLUSTERS, namespace):
                refs = (cluster["spec"].get(r) for r in ("controlPlaneRef", "infrastructureRef"))
                if any(ref and ref["name"] == name_of(obj) for ref in refs):
                    yield key_of(cluster)

    def reconcile(self, key: Key) -> float | None:
        """Bring a Cluster on, and write how far it is."""
        found = self._api.store.get(CLUSTERS, key)
        if found is None:
            return None
        if is_paused(found, found):
            tell_paused(self._api, found)
            return None
        if is_going(found):
            self._end(found)
            return None
        if not found.get("status"):
            found = tell(self._api, found, (), phase="Pending")
        return self._grow(hold(self._api, found, FINALIZER))

    def _grow(self, found: Object) -> float | None:
        parts = self._parts(found)
        for part in (parts.infrastructure.obj, parts.control_plane.obj):
            if part:
                adopt(self._api, part, found, controls=True)
        endpoint = dig(parts.infrastructure.obj, "spec", "controlPlaneEndpoint")
        if is_provisioned(parts.infrastructure.obj) and endpoint:
            found = set_fields(self._api, found, controlPlaneEndpoint=endpoint)
        tell_cluster(self._api, found, parts)
        hangs = not (parts.infrastructure.is_known and parts.control_plane.is_known)
        return RETRY_SECONDS if hangs else None

    def _parts(self, found: Object) -> Parts:
        return Parts(
            infrastructure=self._found(found, "infrastructureRef"),
            control_plane=self._found(found, "controlPlaneRef"),
            deployments=belonging(self._api, MACHINE_DEPLOYMENTS, key_of(found)),
            machines=belonging(self._api, MACHINES, key_of(found)),
        )

    def _found(self, found: Object, ref: str) -> Found:
        return referenced(self._api, found["spec"].get(ref), namespace_of(found))

    def _end(self, found: Object) -> None:
        """Delete workers, then the control plane, then the infrastructure, then let go."""
        parts = self._parts(found)
        workers = [*parts.deployments, *parts.workers]
        control_plane, infrastructure = parts.control_plane.obj, parts.infrastructure.obj
        if workers:
            left = [
                listed("MachineDeployments", parts.deployments),
                listed("Worker Machines", parts.workers),
            ]
            self._take_down(found, "WaitingForWorkersDeletion", workers, left)
        elif control_plane:
            left = [listed(control_plane["kind"], [control_plane])]
            self._take_down(found, "WaitingForControlPlaneDeletion", [control_plane], left)
        elif infrastructure:
            left = [listed(infrastructure["kind"], [infrastructure])]
            self._take_down(found, "WaitingForInfrastructureDeletion", [infrastructure], left)
        else:
            release(self._api, found, FINALIZER)

    def _take_down(
        self, found: Object, reason: str, doomed: Sequence[Object], left: Sequence[str]
    ) -> None:
        tell_deletion(self._api, found, reason, "\n".join(filter(None, left)))
        for obj in doomed:
            if not is_going(obj):
                self._api.delete(ref_of(resource_of(self._api, obj), obj), Deletion())
