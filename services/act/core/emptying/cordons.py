"""Cordons of Act's: the mark on a virtual node that tells them from those of people."""

import json
from dataclasses import dataclass

from services.act.core.live import CLUSTER_LABEL, VIRTUAL
from services.act.core.objects import (
    NODE,
    Manner,
    Object,
    Ref,
    Write,
    dig,
    name_of,
    version_of,
)
from shared.model.names import ClusterName

MARK = "crossloop.dev/cordoned"
"""Annotation, written in the same call as the cordon: `{"by": "<decision>", "reason": "..."}`.

On a node that takes pods again, it says that a person lifted the cordon: that is respected.
"""
REFLEX = "reflex"
"""Stands for a decision, where Act cordoned on Liqo's sign that a cluster is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cordon:
    """Who let nothing new onto a node, and why."""

    by: str
    reason: str


def is_virtual(node: Object) -> bool:
    """Tell whether a node stands for a provider."""
    return VIRTUAL.items() <= _labels(node).items()


def provider_of(node: Object) -> ClusterName:
    """Return the cluster that a virtual node stands for; empty for any other node."""
    return ClusterName(_labels(node).get(CLUSTER_LABEL, ""))


def is_cordoned(node: Object) -> bool:
    """Tell whether the scheduler puts nothing new on a node."""
    return bool(dig(node, "spec", "unschedulable"))


def read_cordon(node: Object) -> Cordon | None:
    """Return Act's mark on a node. One that cannot be read counts as none."""
    text = dig(node, "metadata", "annotations", MARK)
    try:
        data = json.loads(text or "null")
        return Cordon(by=str(data["by"]), reason=str(data["reason"]))
    except (ValueError, KeyError, TypeError):
        return None


def cordon(node: Object, wanted: Cordon) -> Write:
    """Return the write that lets nothing new onto a node, and says who did and why."""
    mark = json.dumps({"by": wanted.by, "reason": wanted.reason}, separators=(",", ":"))
    return _write(node, mark, {"unschedulable": True}, f"cordon {name_of(node)}")


def uncordon(node: Object) -> Write:
    """Return the write that lifts a cordon of Act's."""
    return _write(node, None, {"unschedulable": None}, f"uncordon {name_of(node)}")


def unmark(node: Object) -> Write:
    """Return the write that takes Act's mark from a node whose cordon a person lifted."""
    return _write(node, None, {}, f"take the mark from {name_of(node)}")


def _write(node: Object, mark: str | None, spec: Object, purpose: str) -> Write:
    """Patch a node as it was read; `None` takes a field away (RFC 7396)."""
    metadata = {"resourceVersion": version_of(node), "annotations": {MARK: mark}}
    return Write(
        ref=Ref(kind=NODE, name=name_of(node)),
        manner=Manner.MERGE,
        body={"metadata": metadata, **({"spec": spec} if spec else {})},
        purpose=purpose,
    )


def _labels(node: Object) -> dict[str, str]:
    return dig(node, "metadata", "labels") or {}
