"""Plays the control plane providers, kubeadm and k3s: Secrets, then one Machine after the other."""

from collections.abc import Iterable, Sequence

from simulator.controllers.cluster_api.control_plane_status import k_threes_status, kubeadm_status
from simulator.controllers.cluster_api.kinds import (
    BOOTSTRAP,
    CLUSTERS,
    CONTROL_PLANE_LABEL,
    CONTROL_PLANE_NAME,
    KUBEADM,
    MACHINES,
    cluster_of,
    is_initialized,
    is_paused,
    is_provisioned,
    key_of,
    referenced,
)
from simulator.controllers.cluster_api.machine_objects import (
    Names,
    count,
    delete_machine,
    dispensable,
    make_machine,
    template_ref_of,
)
from simulator.controllers.cluster_api.secrets import make_secrets
from simulator.controllers.cluster_api.timing import INITIALIZE_SECONDS, paced
from simulator.controllers.cluster_api.writing import (
    Timers,
    adopt,
    hold,
    release,
    tell_paused,
    write_status,
)
from simulator.controllers.loop import Time
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import (
    Object,
    controller_of,
    dig,
    is_going,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.kubernetes.store import Key, Kind

BOOTSTRAPPERS = {
    "KubeadmControlPlane": "KubeadmConfig",
    "KThreesControlPlane": "KThreesConfig",
}


class ControlPlanes:
    """The controller of the control planes of one provider."""

    def __init__(self, api: Api, time: Time, kind: Kind) -> None:
        self.kinds: Sequence[Kind] = (kind, CLUSTERS, MACHINES)
        self._api = api
        self._kind = kind
        self._names = Names()
        self._timers = Timers(time)

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the control plane itself, or that of a Machine or a Cluster."""
        if kind == self._kind:
            yield key_of(obj)
        elif kind == MACHINES and CONTROL_PLANE_NAME in labels_of(obj):
            yield namespace_of(obj), labels_of(obj)[CONTROL_PLANE_NAME]
        elif name := dig(obj, "spec", "controlPlaneRef", "name"):
            yield namespace_of(obj), name

    def reconcile(self, key: Key) -> float | None:
        """Bring a control plane closer to what it wants; return after how long to look again."""
        found = self._api.store.get(self._kind, key)
        if found is None:
            return None
        cluster = cluster_of(self._api, found)
        if cluster is None or not controller_of(found):
            if is_going(found):
                self._end(found)
            return None
        if is_paused(cluster, found):
            tell_paused(self._api, found)
            return None
        if is_going(found):
            self._end(found)
            return None
        return self._grow(hold(self._api, found, self._finalizer), cluster)

    def _grow(self, found: Object, cluster: Object) -> float | None:
        self._adopt_template(found, cluster)
        infrastructure = self._infrastructure(cluster)
        if infrastructure is None:
            self._tell(found, initialized=False)
            return None
        make_secrets(self._api, cluster, found, infrastructure)
        self._resize(found, cluster)
        left = self._left(found)
        self._tell(found, initialized=left == 0)
        return left or None

    def _infrastructure(self, cluster: Object) -> Object | None:
        """Return the infrastructure of a Cluster, once it stands and its endpoint is known."""
        ref = cluster["spec"].get("infrastructureRef")
        found = referenced(self._api, ref, namespace_of(cluster)).obj
        has_endpoint = dig(cluster, "spec", "controlPlaneEndpoint", "host")
        return found if is_provisioned(found) and has_endpoint else None

    def _adopt_template(self, found: Object, cluster: Object) -> None:
        template = referenced(self._api, template_ref_of(found), namespace_of(found)).obj
        if template:
            adopt(self._api, template, cluster)

    def _machines(self, found: Object) -> list[Object]:
        return [
            machine
            for machine in self._api.store.all(MACHINES, namespace_of(found))
            if labels_of(machine).get(CONTROL_PLANE_NAME) == name_of(found)
        ]

    def _resize(self, found: Object, cluster: Object) -> None:
        """Make or delete one Machine, if all others are well."""
        machines = self._machines(found)
        wanted = int(found["spec"].get("replicas", 1))
        if any(map(is_going, machines)) or count(machines, "Ready") < min(len(machines), wanted):
            return
        if len(machines) < wanted:
            self._make(found, cluster)
        elif len(machines) > wanted:
            delete_machine(self._api, dispensable(machines, "Oldest")[0])

    def _make(self, found: Object, cluster: Object) -> None:
        ref = template_ref_of(found)
        if ref is None or referenced(self._api, ref, namespace_of(found)).obj is None:
            return
        bootstrapper = {"apiGroup": BOOTSTRAP, "kind": BOOTSTRAPPERS[found["kind"]], "name": ""}
        spec = {
            "clusterName": name_of(cluster),
            "version": found["spec"]["version"],
            "bootstrap": {"configRef": bootstrapper},
            "infrastructureRef": ref,
        }
        if deletion := dig(found, "spec", "machineTemplate", "spec", "deletion"):
            spec["deletion"] = deletion
        labels = {CONTROL_PLANE_LABEL: "", CONTROL_PLANE_NAME: name_of(found)}
        name = self._names.next(self._api, name_of(found), namespace_of(found))
        make_machine(self._api, name, found, labels, spec)

    def _left(self, found: Object) -> float | None:
        """Return the seconds until the API server answers; None: that is up to its Machine."""
        if is_initialized(found):
            return 0.0
        machines = self._machines(found)
        stands = ("status", "initialization", "infrastructureProvisioned")
        if not any(dig(machine, *stands) for machine in machines):
            return None
        return self._timers.left(found, "answer", paced(INITIALIZE_SECONDS, *key_of(found)))

    def _tell(self, found: Object, *, initialized: bool) -> None:
        machines, at = self._machines(found), self._api.now()
        status_of = kubeadm_status if self._kind == KUBEADM else k_threes_status
        status = status_of(found, machines, initialized=initialized, at=at)
        write_status(self._api, found, status)

    def _end(self, found: Object) -> None:
        machines = self._machines(found)
        for machine in machines:
            delete_machine(self._api, machine)
        if machines:
            self._tell(found, initialized=is_initialized(found))
        else:
            release(self._api, found, self._finalizer)

    @property
    def _finalizer(self) -> str:
        group, plural = self._kind
        return f"{plural.removesuffix('s')}.{group}"
