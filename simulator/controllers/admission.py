"""Plays what Liqo does to pods: in stretched namespaces, and only there, providers run them."""

from collections.abc import Callable
from typing import Any

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, clone, dig, labels_of, namespace_of
from simulator.kubernetes.resources import NAMESPACES
from simulator.kubernetes.status import StatusError

SCHEDULING_LABEL = "liqo.io/scheduling-enabled"
OFFLOADINGS = ("offloading.liqo.io", "namespaceoffloadings")
NAME = "offloading"
TOLERATION: Object = {
    "key": "virtual-node.liqo.io/not-allowed",
    "operator": "Exists",
    "effect": "NoExecute",
}
VIRTUAL: Object = {"key": "liqo.io/type", "operator": "In", "values": ["virtual-node"]}
REAL: Object = {**VIRTUAL, "operator": "NotIn"}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"

Terms = list[dict[str, Any]]


def liqo_admission(api: Api) -> Callable[[Object], Object]:
    """Return what Liqo does to a new pod. A StatusError refuses it: nothing is offloaded there."""

    def admit(pod: Object) -> Object:
        namespace = namespace_of(pod)
        found = api.store.get(NAMESPACES.key, ("", namespace))
        if found is None or labels_of(found).get(SCHEDULING_LABEL) != "true":
            return pod
        offloading = api.store.get(OFFLOADINGS, (namespace, NAME))
        if offloading is None:
            raise _refusal()
        return offloaded(pod, offloading.get("spec") or {})

    return admit


def offloaded(pod: Object, spec: Object) -> Object:
    """Return a pod as the spec of its namespace's NamespaceOffloading wants it."""
    strategy = spec.get("podOffloadingStrategy", "LocalAndRemote")
    if strategy == "Local":
        return pod
    result = clone(pod)
    result["spec"]["tolerations"] = [*(result["spec"].get("tolerations") or ()), TOLERATION]
    selected: Terms = dig(spec, "clusterSelector", "nodeSelectorTerms") or []
    if strategy == "Remote":
        terms = _both(selected, [{"matchExpressions": [VIRTUAL]}])
    else:
        terms = [*selected, {"matchExpressions": [REAL]}] if selected else []
    own: Terms = dig(pod, "spec", "affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms") or []
    if terms:
        affinity = result["spec"].setdefault("affinity", {}).setdefault("nodeAffinity", {})
        affinity[REQUIRED] = {"nodeSelectorTerms": _both(own, terms)}
    return result


def is_offloaded(api: Api, namespace: str, node: Object) -> bool:
    """Tell whether a node's provider runs pods of a namespace; anything does where Liqo is not."""
    cluster = labels_of(node).get("liqo.io/remote-cluster-id")
    if cluster is None or not api.registry.of_group(OFFLOADINGS[0]):
        return True
    offloading = api.store.get(OFFLOADINGS, (namespace, NAME))
    conditions = dig(offloading, "status", "remoteNamespacesConditions", cluster) or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _both(first: Terms, second: Terms) -> Terms:
    """Return the terms that ask for one of the first and one of the second: the cross product."""
    if not first or not second:
        return [*first, *second]
    return [_joined(one, other) for one in first for other in second]


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {
        name: [*one.get(name, ()), *other.get(name, ())]
        for name in ("matchExpressions", "matchFields")
        if name in one or name in other
    }


def _refusal() -> StatusError:
    why = "failed retrieving NamespaceOffloading"
    message = f'admission webhook "pod.mutate.liqo.io" denied the request: {why}'
    return StatusError(500, "", message)
