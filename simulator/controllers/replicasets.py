"""Plays the ReplicaSet controller: as many pods as are wanted, the least useful ones go first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from simulator.controllers.loop import keys_of_owner
from simulator.controllers.writing import (
    MANAGER,
    owned_by,
    record_event,
    ref_of,
    set_status,
    with_condition,
)
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    clone,
    condition_of,
    controller_of,
    is_going,
    is_true,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from simulator.kubernetes.resources import PODS, REPLICA_SETS
from simulator.kubernetes.status import StatusError
from simulator.kubernetes.store import Key, Kind

RETRY_SECONDS = 5.0
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


class ReplicaSets:
    """The controller of ReplicaSets."""

    kinds: Sequence[Kind] = (REPLICA_SETS.key, PODS.key)

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the ReplicaSet itself, or the one that controls the pod."""
        return keys_of_owner(REPLICA_SETS, kind, obj)

    def reconcile(self, key: Key) -> float | None:
        """Create or delete pods, and tell how many there are."""
        found = self._api.store.get(REPLICA_SETS.key, key)
        if found is None or is_going(found):
            return None
        pods = own_pods(self._api, found)
        missing = int(found["spec"]["replicas"]) - len(pods)
        failure = self._create(found, missing) if missing > 0 else None
        for pod in dispensable(pods)[: max(0, -missing)]:
            self._api.delete(ref_of(PODS, pod), Deletion())
        self._tell(found, failure)
        return RETRY_SECONDS if failure else None

    def _create(self, replica_set: Object, missing: int) -> StatusError | None:
        for _ in range(missing):
            try:
                pod = pod_from(replica_set)
                self._api.create(PODS, namespace_of(replica_set), pod, Writer(manager=MANAGER))
            except StatusError as error:
                if not condition_of(replica_set, "ReplicaFailure"):
                    message = f"Error creating: {error}"
                    record_event(self._api, replica_set, reason="FailedCreate", message=message)
                return error
        return None

    def _tell(self, replica_set: Object, failure: StatusError | None) -> None:
        pods = own_pods(self._api, replica_set)
        ready = sum(is_true(pod, "Ready") for pod in pods)
        template = labels_of(replica_set["spec"]["template"])
        labelled = sum(template.items() <= labels_of(pod).items() for pod in pods)
        status: dict[str, Any] = {
            "replicas": len(pods),
            "fullyLabeledReplicas": labelled,
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        status = {k: v for k, v in status.items() if v or k == "replicas"}
        status["terminatingReplicas"] = sum(map(is_going, all_pods(self._api, replica_set)))
        status["observedGeneration"] = replica_set["metadata"]["generation"]
        if failure:
            status["conditions"] = with_condition(replica_set, _failure(failure), self._api.now())
        set_status(self._api, REPLICA_SETS, replica_set, status)


def all_pods(api: Api, owner: Object) -> list[Object]:
    """Return the pods an owner controls that are not over, told to go or not."""
    return [
        pod
        for pod in api.store.all(PODS.key, namespace_of(owner))
        if (controller_of(pod) or {}).get("uid") == uid_of(owner)
        and pod["status"]["phase"] not in ("Succeeded", "Failed")
    ]


def own_pods(api: Api, owner: Object) -> list[Object]:
    """Return the pods an owner controls that are not over and not told to go."""
    return [pod for pod in all_pods(api, owner) if not is_going(pod)]


def dispensable(pods: Sequence[Object]) -> list[Object]:
    """Return the pods in the order in which they are let go, as the real controller does."""
    crowd = Counter(pod["spec"].get("nodeName") for pod in pods)

    def rank(pod: Object) -> tuple[Any, ...]:
        node = pod["spec"].get("nodeName")
        ready_since = condition_of(pod, "Ready").get("lastTransitionTime", "")
        return (
            bool(node),
            {"Pending": 0, "Unknown": 1}.get(pod["status"]["phase"], 2),
            is_true(pod, "Ready"),
            int(annotations_of(pod).get(DELETION_COST, 0)),
            -crowd[node],
            _newest_first(ready_since),
            _newest_first(pod["metadata"]["creationTimestamp"]),
            name_of(pod),
        )

    return sorted(pods, key=rank)


def pod_from(owner: Object) -> Object:
    """Return a new pod by an owner's template."""
    template = clone(owner["spec"]["template"])
    metadata = {
        "generateName": f"{name_of(owner)}-",
        "labels": labels_of(template),
        "annotations": annotations_of(template),
        "ownerReferences": [owned_by(owner)],
    }
    return {"metadata": metadata, "spec": template["spec"]}


def _newest_first(timestamp: str) -> tuple[int, ...]:
    return tuple(-ord(character) for character in timestamp)


def _failure(error: StatusError) -> Object:
    return {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": str(error),
    }
