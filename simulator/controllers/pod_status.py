"""What a kubelet writes into the status of a pod that it took, and of one that runs."""

from simulator.controllers.writing import with_condition
from simulator.kubernetes.objects import Object, dig, name_of

HOST_IP = "10.0.0.1"
"""Of nodes that do not tell their address."""

OVER = ("Succeeded", "Failed")
"""Phases in which a pod runs no more."""


def is_on(pod: Object, node: Object) -> bool:
    """Tell whether a pod takes room on a node."""
    is_over = pod["status"]["phase"] in OVER
    return not is_over and bool(pod["spec"].get("nodeName") == name_of(node))


def accepted(status: Object, node: Object, at: str) -> Object:
    """Return a pod's status with the host that took it, and without a reason why none did."""
    addresses = dig(node, "status", "addresses") or ()
    internal = (a["address"] for a in addresses if a["type"] == "InternalIP")
    host = next(internal, HOST_IP)
    known = {name: value for name, value in status.items() if name != "reason"}
    return {**known, "hostIP": host, "hostIPs": [{"ip": host}], "startTime": at}


def unschedulable(pod: Object, message: str, at: str) -> Object:
    """Return a pod's status with the word of a provider's scheduler that there is no room."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    conditions = with_condition(pod, {**condition, "message": message}, at)
    return {**pod["status"], "conditions": conditions}


def running(pod: Object, address: str, at: str) -> Object:
    """Return a pod's status with all its containers started."""
    return {
        **pod["status"],
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "containerStatuses": [_container(each, at) for each in pod["spec"]["containers"]],
    }


def _container(container: Object, at: str) -> Object:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": at}},
    }
