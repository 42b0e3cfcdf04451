"""Plays the node lifecycle: taints of nodes that are not ready, unready pods, evictions."""

from collections.abc import Iterable, Sequence

from simulator.controllers.loop import Time
from simulator.controllers.providers import REMOTE_CLUSTER
from simulator.controllers.scheduler import tolerates
from simulator.controllers.writing import ref_of, set_spec, set_status, with_condition
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.defaults import NOT_READY, UNREACHABLE
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    condition_of,
    is_going,
    is_true,
    labels_of,
    name_of,
    uid_of,
)
from simulator.kubernetes.resources import NODES, PODS
from simulator.kubernetes.store import Key, Kind

UNAVAILABLE = "liqo.io/remote-unavailable"
OURS = (NOT_READY, UNREACHABLE)
FOR_EVER = float("inf")


class Nodes:
    """The node lifecycle controller. It believes what the Ready condition of a node says."""

    kinds: Sequence[Kind] = (NODES.key, PODS.key)

    def __init__(self, api: Api, time: Time) -> None:
        self._api = api
        self._time = time
        self._since: dict[tuple[str, str], float] = {}
        """Since when a pod (by uid) has been under a taint (by key), in simulated seconds."""

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the node itself, or the one a pod is on."""
        name = name_of(obj) if kind == NODES.key else obj["spec"].get("nodeName", "")
        if name:
            yield "", name

    def reconcile(self, key: Key) -> float | None:
        """Keep taints and pods as the node is; return when the next pod has to go."""
        node = self._api.store.get(NODES.key, key)
        if node is None:
            return None
        status = condition_of(node, "Ready").get("status", "False")
        node = self._taint(node, {"True": "", "Unknown": UNREACHABLE}.get(status, NOT_READY))
        pods = [p for p in self._api.store.all(PODS.key) if p["spec"].get("nodeName") == key[1]]
        is_virtual = REMOTE_CLUSTER in labels_of(node)
        for pod in pods:
            if status != "True":
                self._mark_unready(pod, is_virtual=is_virtual)
            if is_virtual:
                self._label(pod, unavailable=status != "True")
        waits = [wait for pod in pods if (wait := self._evict(pod, node)) is not None]
        return min(waits, default=None)

    def _taint(self, node: Object, key: str) -> Object:
        """Leave only the taint that says how the node is not ready; keep what others put there."""
        taints = node["spec"].get("taints") or []
        others = [taint for taint in taints if taint["key"] not in OURS]
        ours = [taint for taint in taints if taint["key"] == key]
        if key and not ours:
            at = self._api.now()
            ours = [
                {"key": key, "effect": "NoSchedule", "timeAdded": at},
                {"key": key, "effect": "NoExecute", "timeAdded": at},
            ]
        if others + ours == taints:
            return node
        return set_spec(self._api, NODES, node, taints=others + ours or None)

    def _mark_unready(self, pod: Object, *, is_virtual: bool) -> None:
        """Say of a pod that it is not ready. Of one that Liqo reflects the time is not told."""
        if not is_true(pod, "Ready"):
            return
        condition = {"type": "Ready", "status": "False"}
        conditions = with_condition(pod, condition, self._api.now())
        if is_virtual:
            since = condition_of(pod, "Ready").get("lastTransitionTime")
            stale = {**condition, "lastTransitionTime": since}
            conditions = [stale if c["type"] == "Ready" else c for c in conditions]
        set_status(self._api, PODS, pod, {**pod["status"], "conditions": conditions})

    def _label(self, pod: Object, *, unavailable: bool) -> None:
        """Keep Liqo's label on the pods of a virtual node that is not ready."""
        if (labels_of(pod).get(UNAVAILABLE) == "true") == unavailable:
            return

        def change(live: Object) -> Object:
            labels = {k: v for k, v in labels_of(live).items() if k != UNAVAILABLE}
            labels |= {UNAVAILABLE: "true"} if unavailable else {}
            return {**live, "metadata": {**live["metadata"], "labels": labels}}

        self._api.patch(ref_of(PODS, pod), change, Writer(manager="liqo"))

    def _evict(self, pod: Object, node: Object) -> float | None:
        """Delete a pod that does not tolerate its node; return how long it still does."""
        taints = [t for t in node["spec"].get("taints") or () if t["effect"] == "NoExecute"]
        self._forget(pod, {taint["key"] for taint in taints})
        if is_going(pod):
            return None
        wait = min((self._patience(pod, taint) for taint in taints), default=FOR_EVER)
        if wait <= 0:
            self._api.delete(ref_of(PODS, pod), Deletion())
        return wait if 0 < wait < FOR_EVER else None

    def _forget(self, pod: Object, taints: set[str]) -> None:
        """Forget since when the pod has been under taints that are gone."""
        for key in OURS:
            if key not in taints:
                self._since.pop((uid_of(pod), key), None)

    def _patience(self, pod: Object, taint: Object) -> float:
        """Return for how many seconds a pod still tolerates a taint."""
        found = [t for t in pod["spec"].get("tolerations") or () if tolerates(t, taint)]
        if not found:
            return 0.0
        limits = [float(s) for t in found if (s := t.get("tolerationSeconds")) is not None]
        if not limits:
            return FOR_EVER
        now = self._time.seconds()
        return min(limits) - now + self._since.setdefault((uid_of(pod), taint["key"]), now)
