"""Machines as their owners make them, choose among them, and count them."""

from collections.abc import Sequence

from simulator.controllers.cluster_api.kinds import (
    BOOTSTRAP,
    CLUSTER_LABEL,
    DELETE_FIRST,
    DEPLOYMENT_LABEL,
    INFRASTRUCTURE,
    MACHINE_DEPLOYMENTS,
    MACHINES,
    NO_ROOM,
    cluster_name_of,
    is_of_control_plane,
    newest,
    referenced,
)
from simulator.controllers.cluster_api.writing import MANAGER
from simulator.controllers.writing import owned_by, ref_of
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    dig,
    is_going,
    is_true,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.kubernetes.preparing import hashed

FINALIZER = "machine.cluster.x-k8s.io"
SUFFIX_LETTERS = 5


class Names:
    """Names of Machines that look generated, and are the same in every run."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def next(self, api: Api, prefix: str, namespace: str) -> str:
        """Return a name that no Machine of this prefix has or had."""
        while True:
            number = self._given[prefix] = self._given.get(prefix, 0) + 1
            name = f"{prefix}-{hashed({prefix: number})[-SUFFIX_LETTERS:]}"
            if not api.store.get(MACHINES, (namespace, name)):
                return name


def make_machine(api: Api, name: str, owner: Object, labels: dict[str, str], spec: Object) -> None:
    """Create a Machine that its owner controls."""
    body = {
        "metadata": {
            "name": name,
            "labels": {**labels, CLUSTER_LABEL: spec["clusterName"]},
            "finalizers": [FINALIZER],
            "ownerReferences": [owned_by(owner)],
        },
        "spec": {
            **spec,
            "bootstrap": _bootstrap(spec["bootstrap"], name),
            "infrastructureRef": _made_of(INFRASTRUCTURE, spec["infrastructureRef"], name),
        },
    }
    api.create(newest(api, MACHINES), namespace_of(owner), body, Writer(manager=MANAGER))


def delete_machine(api: Api, machine: Object) -> None:
    """Begin to delete a Machine, if that is not under way."""
    if not is_going(machine):
        api.delete(ref_of(newest(api, MACHINES), machine), Deletion())


def dispensable(machines: Sequence[Object], order: str = "Newest") -> list[Object]:
    """Return Machines in the order in which they are let go.

    First those that are marked, then those without a healthy node, then the newest or the oldest;
    `Random` is played as `Newest`. Ties are broken by name.
    """
    by_age = sorted(machines, key=name_of)
    by_age.sort(key=lambda m: str(m["metadata"]["creationTimestamp"]), reverse=order != "Oldest")
    return sorted(by_age, key=lambda m: (DELETE_FIRST not in annotations_of(m), is_healthy(m)))


def is_healthy(machine: Object) -> bool:
    """Tell whether a Machine has a node that works."""
    return bool(dig(machine, "status", "nodeRef")) and is_true(machine, "NodeHealthy")


def count(machines: Sequence[Object], condition: str) -> int:
    """Return of how many Machines a condition is True."""
    return sum(is_true(machine, condition) for machine in machines)


def versions_of(machines: Sequence[Object]) -> list[Object] | None:
    """Return how many Machines are of which version; None if there are none."""
    known = [m["spec"]["version"] for m in machines if "version" in m["spec"]]
    return [{"version": v, "replicas": known.count(v)} for v in sorted(set(known))] or None


def counters(machines: Sequence[Object], wanted: int) -> Object:
    """Return how many Machines there are and are to be, as the status of a Cluster says it."""
    result = {
        "desiredReplicas": wanted,
        "replicas": len(machines),
        "readyReplicas": count(machines, "Ready"),
        "availableReplicas": count(machines, "Available"),
        "upToDateReplicas": count(machines, "UpToDate"),
    }
    versions = versions_of(machines)
    return {**result, "versions": versions} if versions else result


def template_ref_of(owner: Object) -> Object | None:
    """Return the reference to the infrastructure template of a control plane or deployment."""
    for path in (
        ("template", "spec", "infrastructureRef"),
        ("machineTemplate", "spec", "infrastructureRef"),
        ("machineTemplate", "infrastructureRef"),
    ):
        if ref := dig(owner, "spec", *path):
            return {**ref}
    return None


def has_room(api: Api, machine: Object, cluster: Object) -> bool:
    """Tell whether the provider can make a Machine: nothing it was made from says otherwise."""
    namespace = namespace_of(machine)
    if is_of_control_plane(machine):
        owner = referenced(api, cluster["spec"].get("controlPlaneRef"), namespace).obj
    else:
        name = labels_of(machine).get(DEPLOYMENT_LABEL, "")
        owner = api.store.get(MACHINE_DEPLOYMENTS, (namespace, name))
    if owner is None:
        return True
    template = referenced(api, template_ref_of(owner), namespace).obj
    return not any(annotations_of(o).get(NO_ROOM) == "true" for o in (owner, template) if o)


def is_last_of_control_plane(machine: Object, others: Sequence[Object]) -> bool:
    """Tell whether no other Machine of the control plane would stay."""
    return is_of_control_plane(machine) and not any(
        is_of_control_plane(m) and not is_going(m)
        for m in others
        if cluster_name_of(m) == cluster_name_of(machine)
    )


def _bootstrap(template: Object, name: str) -> Object:
    """Return where a Machine's bootstrap data comes from; a Secret that is named stays as it is."""
    ref = template.get("configRef")
    return {"configRef": _made_of(BOOTSTRAP, ref, name)} if ref else {**template}


def _made_of(group: str, template: Object, name: str) -> Object:
    kind = template["kind"].removesuffix("Template")
    return {"apiGroup": group, "kind": kind, "name": name}
