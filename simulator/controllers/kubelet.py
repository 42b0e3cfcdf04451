"""Plays the kubelets of all nodes: pods start, become ready, and end."""

from collections.abc import Iterable, Sequence

from simulator.controllers.admission import OFFLOADINGS, is_offloaded
from simulator.controllers.loop import Time
from simulator.controllers.pod_status import OVER, accepted, is_on, running, unschedulable
from simulator.controllers.providers import Provider, Rooms, State
from simulator.controllers.writing import Recorder, Telling, ref_of, set_status, with_condition
from simulator.kubernetes.api import Api
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
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
RETRY_SECONDS = 4.0
"""After which a virtual kubelet asks again a provider that refused."""
REMOTE_SECONDS = 0.05
"""From a pod's acceptance until the provider's scheduler had a look at it."""


class Kubelets:
    """The kubelets of all nodes.

    A kubelet that is gone starts nothing and ends nothing; when it is back, it goes on.
    """

    kinds: Sequence[Kind] = (PODS.key, NODES.key, OFFLOADINGS)

    def __init__(self, api: Api, time: Time) -> None:
        self._api = api
        self._time = time
        self._due: dict[tuple[str, str], float] = {}
        """When what is under way for a pod (by uid) is done, in simulated seconds."""
        self._addresses = 0
        self._rooms: dict[str, Rooms] = {}
        """By virtual node."""
        self._events = Recorder(api)

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the pod itself, or all pods of a node or of an offloaded namespace."""
        if kind == PODS.key:
            yield namespace_of(obj), name_of(obj)
            return
        for pod in self._api.store.all(PODS.key, namespace_of(obj)):
            if kind != NODES.key or is_on(pod, obj):
                yield namespace_of(pod), name_of(pod)

    def reconcile(self, key: Key) -> float | None:
        """Bring a pod on; return after how long it will be further."""
        pod = self._api.store.get(PODS.key, key)
        node = pod and self._api.store.get(NODES.key, ("", pod["spec"].get("nodeName", "")))
        if pod is None or node is None:
            return None
        provider = Provider.behind(node)
        is_gone = annotations_of(node).get(GONE) == "true"
        if is_gone and provider.says and not is_going(pod):
            self._mirror(pod, node, provider)
        elif provider.state == State.UNREACHABLE and not is_gone:
            self._hang(pod, provider)
        if is_gone or provider.state == State.UNREACHABLE:
            return None
        return self._end(pod) if is_going(pod) else self._bring_on(pod, node, provider)

    def _bring_on(self, pod: Object, node: Object, provider: Provider) -> float | None:
        phase = pod["status"]["phase"]
        if phase not in OVER and not is_offloaded(self._api, namespace_of(pod), node):
            return self._turn_away(pod, provider)
        if phase == "Pending":
            return self._start(pod, node, provider)
        self._mirror(pod, node, provider)
        return None

    def _mirror(self, pod: Object, node: Object, provider: Provider) -> None:
        """Tell the readiness of a pod that runs, on a node that is heard of."""
        if pod["status"]["phase"] == "Running" and is_true(node, "Ready"):
            self._tell(pod, ready=provider.says_ready)

    def _start(self, pod: Object, node: Object, provider: Provider) -> float | None:
        if "hostIP" not in pod["status"]:
            if provider.state == State.CORDONED:
                self._hang(pod, provider)
                return RETRY_SECONDS
            pod = self._accept(pod, node, provider)
            if provider.cluster:
                return REMOTE_SECONDS
        if not is_true(pod, "PodScheduled"):
            if provider.state == State.UNSCHEDULED:
                return None
            if objection := self._objection(pod, node, provider):
                self._tell_unschedulable(pod, objection)
                return BACK_OFF_SECONDS
            pod = self._bind(pod)
        left = self._left("start", pod, _seconds(pod, START, START_SECONDS))
        if left <= 0:
            self._run(pod)
        return left if left > 0 else None

    def _hang(self, pod: Object, provider: Provider) -> None:
        """Say why a pod that is not at the provider yet does not get there."""
        if "hostIP" not in pod["status"] and not is_going(pod):
            self._events.record(pod, provider.refused(pod))

    def _objection(self, pod: Object, node: Object, provider: Provider) -> str:
        """Return why the provider's scheduler finds no room for a pod; nothing: it found some."""
        rooms = self._rooms.setdefault(name_of(node), Rooms())
        pods = [p for p in self._api.store.all(PODS.key) if is_on(p, node)]
        return rooms.find(pod, provider, pods)

    def _tell_unschedulable(self, pod: Object, message: str) -> None:
        told = unschedulable(pod, message, self._api.now())
        set_status(self._api, PODS, pod, told, manager=MANAGER)
        said = Telling(reason="FailedScheduling", message=message, component="default-scheduler")
        self._events.record(pod, said)

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

    def _turn_away(self, pod: Object, provider: Provider) -> float | None:
        """Say as Liqo does that the provider does not know the namespace, or no longer."""
        if "hostIP" in pod["status"]:
            over = {**pod["status"], "phase": "Failed", "reason": "OffloadingAborted"}
            self._events.record(pod, provider.aborted(pod))
            self._write({**pod, "status": over}, {"ContainersReady": False, "Ready": False})
            return None
        why = "OffloadingBackOff"
        self._write(
            {**pod, "status": {**pod["status"], "reason": why}}, {"PodScheduled": False}, why
        )
        return BACK_OFF_SECONDS

    def _accept(self, pod: Object, node: Object, provider: Provider) -> Object:
        """Take a pod. On a virtual node it is the provider's scheduler that has the word now."""
        status = accepted(pod["status"], node, self._api.now())
        if not provider.cluster:
            return self._bind({**pod, "status": status})
        self._events.record(pod, provider.accepted())
        others = [c for c in status.get("conditions") or () if c["type"] != "PodScheduled"]
        told = {**status, "conditions": others}
        return set_status(self._api, PODS, pod, told, manager=MANAGER)

    def _bind(self, pod: Object) -> Object:
        pod = self._write(pod, {"PodScheduled": True})
        return self._write(pod, {"Initialized": True, "ContainersReady": False, "Ready": False})

    def _run(self, pod: Object) -> None:
        self._addresses += 1
        status = running(
            pod,
            f"10.244.{self._addresses // 250 % 250}.{self._addresses % 250 + 1}",
            self._api.now(),
        )
        self._tell({**pod, "status": status}, ready=True)

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
