"""Plays the kubelets of all nodes: pods start, become ready, and end."""

from collections.abc import Iterable, Sequence
from typing import Any

from simulator.controllers.admission import is_offloaded
from simulator.controllers.loop import Time
from simulator.controllers.writing import ref_of, set_status, with_condition
from simulator.kubernetes.api import Api
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    dig,
    is_going,
    is_true,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.resources import NODES, PODS
from simulator.kubernetes.store import Key, Kind

MANAGER = "kubelet"
START = "simulator.crossloop.dev/start-seconds"
STOP = "simulator.crossloop.dev/stop-seconds"
"""Annotations of a pod: simulated seconds from bound to ready (`inf`: never), and to its end."""
GONE = "simulator.crossloop.dev/kubelet-gone"
"""Annotation of a node of which nothing answers, whatever its status says."""
START_SECONDS = 8.0
STOP_SECONDS = 2.0
BACK_OFF_SECONDS = 1.0
OFFLOADING_BACK_OFF = "OffloadingBackOff"
HOST_IP = "10.0.0.1"
"""Of nodes that do not tell their address."""


class Kubelets:
    """The kubelets of all nodes.

    A kubelet that is gone starts nothing and ends nothing; when it is back, it goes on.
    """

    kinds: Sequence[Kind] = (PODS.key, NODES.key)

    def __init__(self, api: Api, time: Time) -> None:
        self._api = api
        self._time = time
        self._due: dict[tuple[str, str], float] = {}
        """When what is under way for a pod (by uid) is done, in simulated seconds."""
        self._addresses = 0

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the pod itself, or all pods of a node."""
        if kind == PODS.key:
            yield namespace_of(obj), name_of(obj)
            return
        for pod in self._api.store.all(PODS.key):
            if pod["spec"].get("nodeName") == name_of(obj):
                yield namespace_of(pod), name_of(pod)

    def reconcile(self, key: Key) -> float | None:
        """Bring a pod on; return after how long it will be further."""
        pod = self._api.store.get(PODS.key, key)
        node = pod and self._api.store.get(NODES.key, ("", pod["spec"].get("nodeName", "")))
        if pod is None or node is None or annotations_of(node).get(GONE) == "true":
            return None
        if is_going(pod):
            return self._end(pod)
        if pod["status"]["phase"] == "Pending":
            return self._start(pod, node)
        if pod["status"]["phase"] == "Running" and is_true(node, "Ready"):
            self._tell(pod, ready=True)
        return None

    def _start(self, pod: Object, node: Object) -> float | None:
        if "hostIP" not in pod["status"]:
            if not is_offloaded(self._api, namespace_of(pod), node):
                self._refuse(pod)
                return BACK_OFF_SECONDS
            pod = self._accept(pod, node)
        left = self._left("start", pod, _seconds(pod, START, START_SECONDS))
        if left <= 0:
            self._run(pod)
        return left if left > 0 else None

    def _end(self, pod: Object) -> float | None:
        left = self._left("stop", pod, _seconds(pod, STOP, STOP_SECONDS))
        if left <= 0:
            self._api.delete(ref_of(PODS, pod), Deletion(grace_seconds=0))
        return left if left > 0 else None

    def _left(self, what: str, pod: Object, seconds: float) -> float:
        """Return the seconds until something begun is done; begin it, if it is not."""
        work = uid_of(pod), what
        left = self._due.setdefault(work, self._time.seconds() + seconds) - self._time.seconds()
        if left <= 0:
            del self._due[work]
        return left

    def _refuse(self, pod: Object) -> None:
        """Say as Liqo does that the provider does not know the namespace."""
        status = {**pod["status"], "reason": OFFLOADING_BACK_OFF}
        self._write({**pod, "status": status}, {"PodScheduled": False}, OFFLOADING_BACK_OFF)

    def _accept(self, pod: Object, node: Object) -> Object:
        addresses = dig(node, "status", "addresses") or ()
        internal = (a["address"] for a in addresses if a["type"] == "InternalIP")
        host = next(internal, HOST_IP)
        told = {"hostIP": host, "hostIPs": [{"ip": host}], "startTime": self._api.now()}
        known = {name: value for name, value in pod["status"].items() if name != "reason"}
        pod = self._write({**pod, "status": {**known, **told}}, {"PodScheduled": True})
        return self._write(pod, {"Initialized": True, "ContainersReady": False, "Ready": False})

    def _run(self, pod: Object) -> None:
        self._addresses += 1
        address = f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 1}"
        told: Object = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
        containers = pod["spec"]["containers"]
        told["containerStatuses"] = [_container(c, self._api.now()) for c in containers]
        self._tell({**pod, "status": {**pod["status"], **told}}, ready=True)

    def _tell(self, pod: Object, *, ready: bool) -> None:
        self._write(pod, {"ContainersReady": ready, "Ready": ready})

    def _write(
        self, pod: Object, conditions: dict[str, bool], reason: str = "ContainersNotReady"
    ) -> Object:
        for kind, good in conditions.items():
            words = {} if good else {"reason": reason}
            condition = {"type": kind, "status": str(good), **words}
            changed = with_condition(pod, condition, self._api.now())
            pod = {**pod, "status": {**pod["status"], "conditions": changed}}
        return set_status(self._api, PODS, pod, pod["status"], manager=MANAGER)


def _seconds(pod: Object, annotation: str, default: float) -> float:
    return float(annotations_of(pod).get(annotation, default))


def _container(container: Object, at: str) -> dict[str, Any]:
    return {
        "name": container["name"],
        "image": container.get("image", ""),
        "imageID": "",
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": at}},
    }
