"""Plays the StatefulSet controller: numbered pods, one after the other."""

from collections.abc import Iterable, Sequence

from simulator.controllers.loop import keys_of_owner
from simulator.controllers.replicasets import own_pods, pod_from
from simulator.controllers.writing import MANAGER, ref_of, set_status
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    is_going,
    is_true,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.kubernetes.preparing import hashed
from simulator.kubernetes.resources import PODS, STATEFUL_SETS
from simulator.kubernetes.store import Key, Kind

REVISION = "controller-revision-hash"


class StatefulSets:
    """The controller of StatefulSets, with ordered pods and rolling updates from the last on.

    Pods below the partition stay, and are made again, as of the template before (Kubernetes,
    `pkg/controller/statefulset`); that is kept here, where Kubernetes keeps ControllerRevisions.
    """

    kinds: Sequence[Kind] = (STATEFUL_SETS.key, PODS.key)

    def __init__(self, api: Api) -> None:
        self._api = api
        self._templates: dict[str, Object] = {}

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the StatefulSet itself, or the one that controls the pod."""
        return keys_of_owner(STATEFUL_SETS, kind, obj)

    def reconcile(self, key: Key) -> None:
        """Create, replace or delete one pod, and tell how many there are."""
        found = self._api.store.get(STATEFUL_SETS.key, key)
        if found is None or is_going(found):
            return
        self._templates[_revision(found)] = found["spec"]["template"]
        pods = {_ordinal(pod): pod for pod in own_pods(self._api, found)}
        self._step(found, pods)
        self._tell(found)

    def _step(self, owner: Object, pods: dict[int, Object]) -> None:
        wanted = int(owner["spec"]["replicas"])
        for number in range(wanted):
            if number not in pods:
                self._create(owner, number)
                return
            if not is_true(pods[number], "Ready"):
                return
        excess = [number for number in pods if number >= wanted]
        newest, least = _revision(owner), _partition(owner)
        stale = [n for n, p in pods.items() if n >= least and labels_of(p).get(REVISION) != newest]
        rolls = owner["spec"]["updateStrategy"]["type"] == "RollingUpdate"
        doomed = excess or (stale if rolls else [])
        if doomed:
            self._api.delete(ref_of(PODS, pods[max(doomed)]), Deletion())

    def _create(self, owner: Object, number: int) -> None:
        """Create the pod of a number, once the former one of that name is gone."""
        name = f"{name_of(owner)}-{number}"
        if self._api.store.get(PODS.key, (namespace_of(owner), name)):
            return
        revision = _current(owner) if number < _partition(owner) else _revision(owner)
        template = self._templates[revision]
        pod = pod_from({**owner, "spec": {**owner["spec"], "template": template}})
        metadata = pod["metadata"]
        del metadata["generateName"]
        own = {
            REVISION: revision,
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(number),
        }
        metadata |= {"name": name, "labels": {**metadata["labels"], **own}}
        self._api.create(PODS, namespace_of(owner), pod, Writer(manager=MANAGER))

    def _tell(self, owner: Object) -> None:
        pods = own_pods(self._api, owner)
        ready = sum(is_true(pod, "Ready") for pod in pods)
        revision = _revision(owner)
        updated = sum(labels_of(pod).get(REVISION) == revision for pod in pods)
        is_done = updated == ready == len(pods) == int(owner["spec"]["replicas"])
        status = {
            "observedGeneration": owner["metadata"]["generation"],
            "replicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "updatedReplicas": updated,
            "currentRevision": revision if is_done else _current(owner),
            "updateRevision": revision,
        }
        kept = ("replicas", "availableReplicas")
        status = {name: value for name, value in status.items() if value or name in kept}
        set_status(self._api, STATEFUL_SETS, owner, status)


def _ordinal(pod: Object) -> int:
    return int(name_of(pod).rpartition("-")[2])


def _partition(owner: Object) -> int:
    """Return the ordinal from which on pods are exchanged."""
    rolling = owner["spec"]["updateStrategy"].get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)


def _current(owner: Object) -> str:
    """Return the revision all pods were of when they last were of one."""
    return str((owner.get("status") or {}).get("currentRevision") or _revision(owner))


def _revision(owner: Object) -> str:
    return f"{name_of(owner)}-{hashed(owner['spec']['template'])}"
