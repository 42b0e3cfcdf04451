"""Pods, whatever runs in them: where they are bound, and whether they still count."""

from services.act.core.objects import HOME, POD, Object, Query, dig, name_of
from shared.model.names import ClusterName


def pods_on(node: Object, *, at: ClusterName = HOME) -> Query:
    """Return the query for all pods that are bound to a node of a cluster."""
    return Query(kind=POD, fields=f"spec.nodeName={name_of(node)}", cluster=at)


def has_ended(pod: Object) -> bool:
    """Tell whether a pod has ended for good, and only its object is left."""
    return dig(pod, "status", "phase") in ("Failed", "Succeeded")


def never_ran(pod: Object) -> bool:
    """Tell whether it is a DaemonSet's pod that Liqo did not take: each node gets one of those."""
    owners = dig(pod, "metadata", "ownerReferences") or ()
    is_daemon = any(owner.get("kind") == "DaemonSet" for owner in owners)
    return is_daemon and dig(pod, "status", "reason") == "OffloadingBackOff"
