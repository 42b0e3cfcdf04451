"""Nodes without machines: what kwok plays on them, and how they look to Liqo and the scheduler."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.real.client import Object

ANNOTATION = "kwok.x-k8s.io/node"
VIRTUAL_TAINT: Object = {
    "key": "virtual-node.liqo.io/not-allowed",
    "value": "true",
    "effect": "NoExecute",
}
VIRTUAL_TOLERATION: Object = {
    "key": "virtual-node.liqo.io/not-allowed",
    "operator": "Exists",
    "effect": "NoExecute",
}
"""What Liqo's webhook adds to pods of a stretched namespace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTimes:
    """How long pods take on kwok's nodes, and where they never start."""

    start_seconds: float = 0.0
    start_annotation: str = ""
    """A pod's own seconds to start, in this annotation, count instead."""
    speed: float = 1.0
    """All times are divided by it."""
    stop_seconds: float = 0.0
    ready_again_seconds: float = 1.0
    """From a running pod marked unready to ready again: a kubelet would see to it too."""
    never_ready_on: tuple[str, ...] = ()
    """Names of nodes whose pods stay pending."""


def stages(times: PodTimes) -> Iterator[Object]:
    """Return what happens to pods: they start, are made ready again, and go when deleted."""
    alive: Object = {"key": ".metadata.deletionTimestamp", "operator": "DoesNotExist"}
    start: list[Object] = [alive, {"key": ".status.podIP", "operator": "DoesNotExist"}]
    if times.never_ready_on:
        stuck = list(times.never_ready_on)
        start.append({"key": ".spec.nodeName", "operator": "NotIn", "values": stuck})
    ready = '.status.conditions.[] | select(.type == "Ready") | .status'
    unready: list[Object] = [
        alive,
        {"key": ".status.podIP", "operator": "Exists"},
        {"key": ready, "operator": "In", "values": ["False"]},
    ]
    gone: list[Object] = [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]
    started = {"statusTemplate": _STARTED}
    starting = _delay(times.start_seconds / times.speed)
    if times.start_annotation:
        starting |= _delay_told_by(times.start_annotation, times.speed)
    yield _stage("pod-start", start, starting, started)
    again = _delay(times.ready_again_seconds / times.speed)
    yield _stage("pod-ready-again", unready, again, {"statusTemplate": _CONDITIONS})
    yield _stage("pod-gone", gone, _delay(times.stop_seconds / times.speed), {"delete": True})


def _stage(name: str, expressions: Sequence[Object], delay: Object, then: Object) -> Object:
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": list(expressions)},
            "delay": delay,
            "next": then,
        },
    }


def _delay(seconds: float) -> Object:
    return {"durationMilliseconds": round(seconds * 1000)}


def _delay_told_by(annotation: str, speed: float) -> Object:
    """Return a delay that kwok reads from the pod, by jq. It is added to one that holds without."""
    seconds = f'(.metadata.annotations["{annotation}"] | tonumber) / {speed:g}'
    return {"durationFrom": {"expressionFrom": f'{seconds} | tostring + "s"'}}


_CONDITIONS = """
conditions:
{{ range $type := list "Initialized" "ContainersReady" "Ready" }}
- {type: {{ $type }}, status: "True", lastTransitionTime: {{ Now | Quote }}}
{{ end }}
"""

_STARTED = (
    _CONDITIONS
    + """
containerStatuses:
{{ range .spec.containers }}
- name: {{ .name | Quote }}
  image: {{ .image | Quote }}
  ready: true
  started: true
  restartCount: 0
  state: {running: {startedAt: {{ Now | Quote }}}}
{{ end }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
podIP: {{ PodIPWith .spec.nodeName false .metadata.uid .metadata.name .metadata.namespace | Quote }}
phase: Running
startTime: {{ Now | Quote }}
"""
)


def node(
    name: str, *, cores: float = 16, memory_gib: float = 64, remote_cluster: str | None = None
) -> Object:
    """Return a node that kwok plays: of home, or Liqo's virtual one of `remote_cluster`."""
    labels = {"kubernetes.io/hostname": name}
    spec: Object = {}
    if remote_cluster is not None:
        labels |= {"liqo.io/type": "virtual-node", "liqo.io/remote-cluster-id": remote_cluster}
        spec["taints"] = [VIRTUAL_TAINT]
    room = {"cpu": f"{round(cores * 1000)}m", "memory": f"{memory_gib:g}Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {ANNOTATION: "fake"}},
        "spec": spec,
        "status": {"allocatable": room, "capacity": room},
    }


def is_ready(live: Object) -> bool:
    """Tell whether pods may be scheduled on a node."""
    conditions = live.get("status", {}).get("conditions", ())
    taints = live["spec"].get("taints", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions) and not any(
        t["key"].startswith("node.kubernetes.io/") for t in taints
    )
