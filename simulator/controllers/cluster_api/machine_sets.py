"""The MachineSets behind a MachineDeployment: one for each template it had."""

from collections.abc import Sequence

from simulator.controllers.cluster_api.kinds import (
    DEPLOYMENT_LABEL,
    MACHINE_SETS,
    SET_LABEL,
    newest,
)
from simulator.controllers.cluster_api.machine_objects import count
from simulator.controllers.cluster_api.writing import MANAGER, set_fields, write_status
from simulator.controllers.writing import owned_by
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import (
    Object,
    clone,
    controller_of,
    is_going,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.preparing import hashed
from simulator.kubernetes.selectors import as_text

HASH_LABEL = "machine-template-hash"
IN_PLACE = ("deletion", "minReadySeconds", "readinessGates", "taints")
"""Fields of a template that are changed on the Machines that are there, without new ones."""


class MachineSets:
    """Makes and resizes MachineSets; their Machines are the deployment controller's."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def all(self, deployment: Object) -> list[Object]:
        """Return the MachineSets of a deployment, by name."""
        return [
            each
            for each in self._api.store.all(MACHINE_SETS, namespace_of(deployment))
            if (controller_of(each) or {}).get("uid") == uid_of(deployment) and not is_going(each)
        ]

    def current(self, deployment: Object) -> Object:
        """Return the MachineSet of the deployment's template; create it if there is none."""
        name = f"{name_of(deployment)}-{hash_of(deployment)}"
        for each in self.all(deployment):
            if name_of(each) == name:
                return each
        resource, by = newest(self._api, MACHINE_SETS), Writer(manager=MANAGER)
        body = _machine_set(deployment, name)
        return self._api.create(resource, namespace_of(deployment), body, by)

    def resize(self, machine_set: Object, replicas: int) -> None:
        """Write how many Machines there are to be."""
        if machine_set["spec"]["replicas"] != replicas:
            set_fields(self._api, machine_set, replicas=replicas)

    def tell(self, deployment: Object, machines: Sequence[Object]) -> None:
        """Write how many Machines each MachineSet has."""
        for each in self.all(deployment):
            own = [m for m in machines if labels_of(m).get(SET_LABEL) == name_of(each)]
            status = {
                "observedGeneration": each["metadata"]["generation"],
                "replicas": len(own),
                "readyReplicas": count(own, "Ready"),
                "availableReplicas": count(own, "Available"),
                "upToDateReplicas": count(own, "UpToDate"),
                "selector": as_text(each["spec"]["selector"]),
            }
            write_status(self._api, each, status)


def hash_of(deployment: Object) -> str:
    """Return what names a template in the MachineSet and the Machines made from it."""
    spec = deployment["spec"]["template"]["spec"]
    return hashed({name: value for name, value in spec.items() if name not in IN_PLACE})


def _machine_set(deployment: Object, name: str) -> Object:
    template = clone(deployment["spec"]["template"])
    own = {HASH_LABEL: hash_of(deployment), DEPLOYMENT_LABEL: name_of(deployment)}
    labels = {**(template.get("metadata", {}).get("labels") or {}), **own}
    template["metadata"] = {**template.get("metadata", {}), "labels": labels}
    selector = clone(deployment["spec"]["selector"])
    selector["matchLabels"] = {
        **(selector.get("matchLabels") or {}),
        HASH_LABEL: own[HASH_LABEL],
    }
    return {
        "metadata": {
            "name": name,
            "labels": labels,
            "ownerReferences": [owned_by(deployment)],
        },
        "spec": {
            "clusterName": deployment["spec"]["clusterName"],
            "replicas": 0,
            "selector": selector,
            "template": template,
        },
    }
