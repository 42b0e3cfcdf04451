"""Plays the scheduler: pods go where they select, tolerate and fit, to the emptiest node."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.model.quantities import parse_quantity
from simulator.controllers.writing import record_event, ref_of, set_status, with_condition
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import (
    Object,
    condition_of,
    dig,
    is_going,
    is_true,
    labels_of,
    name_of,
)
from simulator.kubernetes.resources import NODES, PODS
from simulator.kubernetes.selectors import matches_nodes
from simulator.kubernetes.store import Key, Kind

MANAGER = "kube-scheduler"
ALL: Key = ("", "")
"""Whatever changes may let any pod in."""
TOPOLOGY_LABELS = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
"""Kubernetes copies these from the node to the pod."""
AFFINITY = ("spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")

Amounts = dict[str, float]
"""Cores, bytes and pods by the name of the resource."""


class Scheduler:
    """The scheduler."""

    kinds: Sequence[Kind] = (PODS.key, NODES.key)

    def __init__(self, api: Api) -> None:
        self._api = api

    def keys(self, _: Kind, __: Object) -> Iterable[Key]:
        """Return the one key there is."""
        yield ALL

    def reconcile(self, _: Key) -> None:
        """Bind every pod that can be bound, the oldest first."""
        pods = self._api.store.all(PODS.key)
        waiting = [pod for pod in pods if not pod["spec"].get("nodeName") and not is_going(pod)]
        if not waiting:
            return
        nodes = self._api.store.all(NODES.key)
        used = _used(pods)
        for pod in sorted(waiting, key=lambda pod: pod["metadata"]["creationTimestamp"]):
            node = self._place(pod, nodes, used)
            if node:
                _add(used[node], asked(pod))

    def _place(self, pod: Object, nodes: Sequence[Object], used: Mapping[str, Amounts]) -> str:
        """Bind a pod, or say why not. Return the node's name, or nothing."""
        left = {name_of(node): _left(node, used.get(name_of(node), {})) for node in nodes}
        reasons = {name_of(n): objections(pod, n, left[name_of(n)]) for n in nodes}
        fitting = [node for node in nodes if not reasons[name_of(node)]]
        if not fitting:
            self._complain(pod, _unschedulable(reasons))
            return ""
        best = max(fitting, key=lambda n: (_free_share(n, left[name_of(n)]), name_of(n)))
        self._bind(pod, best)
        return name_of(best)

    def _bind(self, pod: Object, node: Object) -> None:
        copied = {k: v for k, v in labels_of(node).items() if k in TOPOLOGY_LABELS}

        def bound(live: Object) -> Object:
            metadata = {**live["metadata"], "labels": {**labels_of(live), **copied}}
            return {
                **live,
                "metadata": metadata,
                "spec": {**live["spec"], "nodeName": name_of(node)},
            }

        live = self._api.patch(ref_of(PODS, pod), bound, Writer(manager=MANAGER))
        condition = {"type": "PodScheduled", "status": "True"}
        self._tell(live, condition)

    def _complain(self, pod: Object, message: str) -> None:
        if condition_of(pod, "PodScheduled").get("message") == message:
            return
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
        self._tell(pod, {**condition, "message": message})
        record_event(self._api, pod, reason="FailedScheduling", message=message)

    def _tell(self, pod: Object, condition: Object) -> None:
        conditions = with_condition(pod, condition, self._api.now())
        status = {**pod["status"], "conditions": conditions}
        set_status(self._api, PODS, pod, status, manager=MANAGER)


def objections(pod: Object, node: Object, left: Amounts) -> list[str]:
    """Return why a pod cannot run on a node, in the real scheduler's words."""
    if dig(node, "spec", "unschedulable"):
        return ["node(s) were unschedulable"]
    for taint in dig(node, "spec", "taints") or ():
        if taint["effect"] != "PreferNoSchedule" and not is_tolerated(pod, taint):
            shown = f"{{{taint['key']}: {taint.get('value', '')}}}"
            return [f"node(s) had untolerated taint {shown}"]
    if not _selects(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    if not is_true(node, "Ready"):
        return ["node(s) were not ready"]
    missing = [name for name, much in sorted(asked(pod).items()) if much > left.get(name, 0)]
    return ["Too many pods" if name == "pods" else f"Insufficient {name}" for name in missing]


def is_tolerated(pod: Object, taint: Mapping[str, Any]) -> bool:
    """Tell whether a pod tolerates a taint, for however long."""
    return any(tolerates(t, taint) for t in pod["spec"].get("tolerations") or ())


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    """Tell whether a toleration covers a taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    named = toleration.get("key"), toleration.get("value", "")
    return named == (taint["key"], taint.get("value", ""))


def asked(pod: Object) -> Amounts:
    """Return what a pod asks for."""
    total: Amounts = defaultdict(float, pods=1)
    for container in pod["spec"]["containers"]:
        requests = dig(container, "resources", "requests") or {}
        _add(total, {name: parse_quantity(quantity) for name, quantity in requests.items()})
    return total


def _allocatable(node: Object) -> Amounts:
    room = dig(node, "status", "allocatable") or {}
    return {name: parse_quantity(quantity) for name, quantity in room.items()}


def _left(node: Object, used: Amounts) -> Amounts:
    return {name: much - used.get(name, 0) for name, much in _allocatable(node).items()}


def _used(pods: Iterable[Object]) -> defaultdict[str, Amounts]:
    used: defaultdict[str, Amounts] = defaultdict(lambda: defaultdict(float))
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node and pod["status"]["phase"] not in ("Succeeded", "Failed"):
            _add(used[node], asked(pod))
    return used


def _add(total: Amounts, more: Amounts) -> None:
    for name, much in more.items():
        total[name] = total.get(name, 0.0) + much


def _selects(pod: Object, node: Object) -> bool:
    labels = labels_of(node)
    wanted = pod["spec"].get("nodeSelector") or {}
    required = dig(pod, *AFFINITY)
    if not wanted.items() <= labels.items():
        return False
    return required is None or matches_nodes(
        required.get("nodeSelectorTerms"), labels, name_of(node)
    )


def _free_share(node: Object, left: Amounts) -> float:
    """Return the mean share of cores and memory that is free."""
    room = _allocatable(node)
    return sum(left[name] / room[name] for name in ("cpu", "memory") if room.get(name)) / 2


def _unschedulable(reasons: Mapping[str, Sequence[str]]) -> str:
    counts = Counter(reason for each in reasons.values() for reason in each)
    told = ", ".join(sorted(f"{number} {reason}" for reason, number in counts.items()))
    if not told:
        return "no nodes available to schedule pods"
    return f"0/{len(reasons)} nodes are available: {told}."
