"""What is behind a virtual node: whether its provider takes pods, and where it has room for them.

A scenario or a test tells it by annotations of the Node. What a provider does not tell by them is
in order: it is reached, its tenant is active, its scheduler runs, and it has room for everything.
Source of the states: reference runs of Liqo 1.2, five ways in which a pod stays Pending.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from simulator.controllers.scheduler import asked
from simulator.controllers.writing import Telling
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    is_true,
    labels_of,
    namespace_of,
    uid_of,
)

REMOTE_CLUSTER = "liqo.io/remote-cluster-id"
STATE = "simulator.crossloop.dev/provider"
"""Annotation of a virtual node: a `State`; without it the provider is in order."""
REAL_NODES = "simulator.crossloop.dev/real-nodes"
"""Annotation of a virtual node: JSON, name to {cpu, memory, objection}; amounts in cores and bytes.

A node with an objection takes no new pod. Without the annotation there is room for everything.
"""
READINESS = "simulator.crossloop.dev/pods-ready"
"""Annotation of a node: what its kubelet says of the readiness of all pods, right or wrong."""
COMPONENT = "liqo-virtual-kubelet"
MEASURED = ("cpu", "memory")


class State(StrEnum):
    """How a provider takes pods."""

    ORDERLY = ""
    UNREACHABLE = "unreachable"
    """Its API server does not answer."""
    CORDONED = "cordoned"
    """Its Tenant is: it accepts no new pod."""
    FULL = "full"
    """Its scheduler finds no room for a new pod."""
    UNSCHEDULED = "unscheduled"
    """Its scheduler is dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What a Node's annotations tell of who runs its pods."""

    cluster: str
    """Empty: a real node."""
    state: State
    real_nodes: Mapping[str, Mapping[str, Any]] | None
    says: str
    """Of the readiness of all pods, right or wrong: `true`, `false`; empty: what is the case."""

    @classmethod
    def behind(cls, node: Object) -> Self:
        """Read a node."""
        told = annotations_of(node)
        return cls(
            cluster=labels_of(node).get(REMOTE_CLUSTER, ""),
            state=State(told.get(STATE, "")),
            real_nodes=json.loads(told[REAL_NODES]) if REAL_NODES in told else None,
            says=told.get(READINESS, ""),
        )

    @property
    def says_ready(self) -> bool:
        """Tell whether pods that run are said to be ready."""
        return self.says != "false"

    def accepted(self) -> Telling:
        """Return what the virtual kubelet says of a pod that the provider took."""
        message = f'Successfully reflected object to cluster "{self.cluster}"'
        return self._said("SuccessfulReflection", message, kind="Normal")

    def refused(self, pod: Object) -> Telling:
        """Return what it says of a pod that the provider did not take."""
        if self.state == State.CORDONED:
            why = (
                'admission webhook "shadowpod.validate.liqo.io" denied the request: '
                "user is cordoned"
            )
        else:
            where = f"https://api.{self.cluster}.invalid:6443/apis/offloading.liqo.io/v1beta1"
            what = f"{where}/namespaces/{namespace_of(pod)}/shadowpods"
            why = f'Post "{what}": dial tcp: connect: connection refused'
        message = f'Error reflecting object to cluster "{self.cluster}": {why}'
        return self._said("FailedReflection", message)

    def aborted(self, pod: Object) -> Telling:
        """Return what it says of a pod whose namespace is no longer there."""
        message = f'Reflection to cluster "{self.cluster}" disabled for namespace'
        return self._said("ReflectionDisabled", f'{message} "{namespace_of(pod)}".')

    def _said(self, reason: str, message: str, *, kind: str = "Warning") -> Telling:
        return Telling(reason=reason, message=message, type=kind, component=COMPONENT)


@dataclass(slots=True)
class Rooms:
    """Which real node of a provider each pod got, as the provider's own scheduler chose."""

    chosen: dict[str, str] = field(default_factory=dict)
    """Pod uid to real node."""

    def find(self, pod: Object, provider: Provider, pods: Iterable[Object]) -> str:
        """Find a pod a real node; return in the scheduler's words why there is none, or nothing.

        `pods`: all that are on the virtual node.
        """
        full = ["Insufficient cpu"] if provider.state == State.FULL else []
        if provider.real_nodes is None:
            return _told({"any": full}) if full else ""
        left = self._left(provider.real_nodes, pods)
        reasons = {
            name: full or _objections(pod, left[name], node)
            for name, node in provider.real_nodes.items()
        }
        fitting = [name for name, why in reasons.items() if not why]
        if not fitting:
            return _told(reasons)
        self.chosen[uid_of(pod)] = max(fitting, key=lambda name: (left[name]["cpu"], name))
        return ""

    def _left(
        self, nodes: Mapping[str, Mapping[str, Any]], pods: Iterable[Object]
    ) -> dict[str, dict[str, float]]:
        """Return what is free on each real node; one that was bound before we looked gets one."""
        left = {
            name: {what: float(node[what]) for what in MEASURED} for name, node in nodes.items()
        }
        bound = {uid_of(pod): pod for pod in pods if is_true(pod, "PodScheduled")}
        self.chosen = {u: n for u, n in self.chosen.items() if u in bound and n in nodes}
        for uid, pod in sorted(bound.items(), key=lambda item: item[0] not in self.chosen):
            if uid not in self.chosen and left:
                self.chosen[uid] = max(left, key=lambda name: (left[name]["cpu"], name))
            for what in MEASURED if uid in self.chosen else ():
                left[self.chosen[uid]][what] -= asked(pod).get(what, 0.0)
        return left


def _objections(pod: Object, left: Mapping[str, float], node: Mapping[str, Any]) -> list[str]:
    if node.get("objection"):
        return [str(node["objection"])]
    wanted = asked(pod)
    return [f"Insufficient {what}" for what in MEASURED if wanted.get(what, 0.0) > left[what]]


def _told(reasons: Mapping[str, Iterable[str]]) -> str:
    counts = Counter(reason for each in reasons.values() for reason in each)
    told = ", ".join(sorted(f"{number} {reason}" for reason, number in counts.items()))
    return f"0/{len(reasons)} nodes are available: {told or 'none'}."
