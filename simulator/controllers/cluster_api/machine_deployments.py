"""Plays the MachineDeployment and MachineSet controllers: as many Machines as are wanted."""

from collections.abc import Iterable, Sequence

from simulator.controllers.cluster_api.kinds import (
    CLUSTERS,
    CONTROL_PLANES,
    DEPLOYMENT_LABEL,
    MACHINE_DEPLOYMENTS,
    MACHINES,
    SET_LABEL,
    cluster_name_of,
    cluster_of,
    is_paused,
    key_of,
    referenced,
)
from simulator.controllers.cluster_api.machine_deployment_status import tell_deployment
from simulator.controllers.cluster_api.machine_objects import (
    Names,
    count,
    delete_machine,
    dispensable,
    make_machine,
)
from simulator.controllers.cluster_api.machine_sets import MachineSets
from simulator.controllers.cluster_api.writing import Told, adopt, release, tell, tell_paused
from simulator.controllers.rollout import Limits, Size, limits_of, rolled
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import (
    Object,
    condition_of,
    dig,
    is_going,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.kubernetes.store import Key, Kind

FINALIZER = "cluster.x-k8s.io/machinedeployment"


class MachineDeployments:
    """The controller of MachineDeployments, and of the MachineSets behind them."""

    kinds: Sequence[Kind] = (MACHINE_DEPLOYMENTS, MACHINES, CLUSTERS, *CONTROL_PLANES)

    def __init__(self, api: Api) -> None:
        self._api = api
        self._names = Names()
        self._sets = MachineSets(api)

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the deployment itself, that of a Machine, or all of a Cluster."""
        namespace = namespace_of(obj)
        if kind == MACHINE_DEPLOYMENTS:
            yield key_of(obj)
        elif kind == MACHINES:
            if name := labels_of(obj).get(DEPLOYMENT_LABEL):
                yield namespace, name
        else:
            cluster = name_of(obj) if kind == CLUSTERS else cluster_name_of(obj)
            for each in self._api.store.all(MACHINE_DEPLOYMENTS, namespace):
                if cluster_name_of(each) == cluster:
                    yield key_of(each)

    def reconcile(self, key: Key) -> None:
        """Take the next step towards the wanted Machines, and tell how many there are."""
        found = self._api.store.get(MACHINE_DEPLOYMENTS, key)
        if found is None:
            return
        cluster = cluster_of(self._api, found)
        if is_going(found):
            self._end(found)
        elif cluster is None or is_going(cluster):
            return
        elif is_paused(cluster, found):
            tell_paused(self._api, found)
        else:
            self._grow(found, cluster)

    def _grow(self, found: Object, cluster: Object) -> None:
        found = adopt(self._api, found, cluster, finalizer=FINALIZER)
        missing = self._missing_templates(found, cluster)
        if not missing and self._is_stable(cluster):
            self._step(found)
        tell_deployment(self._api, found, self._machines(found), _limits(found), missing=missing)

    def _missing_templates(self, found: Object, cluster: Object) -> list[str]:
        """Return the kinds of the templates that are not there; adopt those that are."""
        spec, missing = found["spec"]["template"]["spec"], []
        for ref in (dig(spec, "bootstrap", "configRef"), spec["infrastructureRef"]):
            if not ref:
                continue
            template = referenced(self._api, ref, namespace_of(found)).obj
            if template:
                adopt(self._api, template, cluster)
            else:
                missing.append(ref["kind"])
        return missing

    def _is_stable(self, cluster: Object) -> bool:
        """Tell whether the control plane has got as far as a Machine (`ControlPlaneIsStable`)."""
        ref = cluster["spec"].get("controlPlaneRef")
        found = referenced(self._api, ref, namespace_of(cluster)).obj
        return bool(dig(found, "status", "replicas")) or ref is None

    def _step(self, found: Object) -> None:
        """Resize the MachineSets by one step of the rollout, and follow with Machines."""
        new = self._sets.current(found)
        old = [each for each in self._sets.all(found) if name_of(each) != name_of(new)]
        limits = _limits(found)
        sizes = rolled(self._size(new), [self._size(each) for each in old], limits)
        for each, size in zip([new, *old], sizes, strict=True):
            self._sets.resize(each, size.wanted)
            self._follow(found, each, size.wanted)
        for machine in self._machines(found):
            self._tell_up_to_date(machine, is_new=labels_of(machine)[SET_LABEL] == name_of(new))
        self._sets.tell(found, self._machines(found))

    def _size(self, machine_set: Object) -> Size:
        machines = self._of_set(machine_set)
        available = count(machines, "Available")
        wanted = int(machine_set["spec"]["replicas"])
        return Size(name=name_of(machine_set), wanted=wanted, available=available)

    def _follow(self, found: Object, machine_set: Object, wanted: int) -> None:
        machines = self._of_set(machine_set)
        for _ in range(wanted - len(machines)):
            self._make(found, machine_set)
        order = dig(found, "spec", "deletion", "order") or "Newest"
        for machine in dispensable(machines, order)[: max(0, len(machines) - wanted)]:
            delete_machine(self._api, machine)

    def _make(self, found: Object, machine_set: Object) -> None:
        template = machine_set["spec"]["template"]
        namespace = namespace_of(found)
        name = self._names.next(self._api, name_of(machine_set), namespace)
        labels = {**labels_of(template), SET_LABEL: name_of(machine_set)}
        labels[DEPLOYMENT_LABEL] = name_of(found)
        make_machine(self._api, name, machine_set, labels, template["spec"])

    def _tell_up_to_date(self, machine: Object, *, is_new: bool) -> None:
        """Say of a Machine whether it is as the template says now."""
        if condition_of(machine, "UpToDate").get("status") == str(not is_new):
            reason = "UpToDate" if is_new else "NotUpToDate"
            tell(self._api, machine, [Told("UpToDate", is_new, reason)])

    def _of_set(self, machine_set: Object) -> list[Object]:
        """Return the Machines of a MachineSet that are to stay."""
        return [
            machine
            for machine in self._api.store.all(MACHINES, namespace_of(machine_set))
            if labels_of(machine).get(SET_LABEL) == name_of(machine_set) and not is_going(machine)
        ]

    def _machines(self, found: Object) -> list[Object]:
        """Return the Machines of a deployment, those that are going too."""
        return [
            machine
            for machine in self._api.store.all(MACHINES, namespace_of(found))
            if labels_of(machine).get(DEPLOYMENT_LABEL) == name_of(found)
        ]

    def _end(self, found: Object) -> None:
        machines = self._machines(found)
        for machine in machines:
            delete_machine(self._api, machine)
        if machines:
            tell_deployment(self._api, found, machines, _limits(found), missing=[])
        else:
            release(self._api, found, FINALIZER)


def _limits(found: Object) -> Limits:
    """Return what a rollout must keep to; by default one more, and none less."""
    rolling = dig(found, "spec", "rollout", "strategy", "rollingUpdate") or {}
    replicas = int(found["spec"].get("replicas", 1))
    return limits_of(replicas, rolling.get("maxSurge", 1), rolling.get("maxUnavailable", 0))
