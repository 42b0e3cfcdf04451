"""The last look before a write: what would take an application's pods away is not sent."""

from collections.abc import Iterator, Mapping

from services.act.core.emptying.remains import names_of
from services.act.core.liqo import admits
from services.act.core.live import CLUSTER_LABEL, VIRTUAL, VIRTUAL_NODES
from services.act.core.objects import (
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    POD,
    Kind,
    Manner,
    Object,
    Read,
    Write,
    dig,
)
from services.act.core.pods import has_ended, never_ran
from services.act.core.seen import Seen

DESTRUCTIVE = frozenset(
    {
        ("", NAMESPACE.name),
        (NAMESPACE_OFFLOADING.group, NAMESPACE_OFFLOADING.name),
        ("offloading.liqo.io", "VirtualNode"),
        ("authentication.liqo.io", "ResourceSlice"),
        ("authentication.liqo.io", "Tenant"),
        ("cluster.x-k8s.io", "Cluster"),
    }
)
"""Kinds, of whichever version, whose deletion takes pods away without asking anybody."""


def reads_of_guard(write: Write) -> tuple[Read, ...]:
    """Return what has to be looked at right before a write: for most of them, nothing."""
    if write.manner is not Manner.DELETE and write.ref.kind == NAMESPACE_OFFLOADING:
        return (write.ref, VIRTUAL_NODES)
    return write.emptied


def why_forbidden(write: Write, seen: Seen) -> str:
    """Say why a write must not be sent, or nothing.

    A deletion says itself what has to be empty (`Write.emptied`). A selector is only widened:
    whatever Liqo takes in now stays in.
    """
    if write.manner is Manner.DELETE:
        return _why_not_empty(write, seen)
    if write.ref.kind == NAMESPACE_OFFLOADING:
        return _why_narrower(write, seen)
    return ""


def counts(obj: Object, kind: Kind) -> bool:
    """Tell whether something that was found is in the way: a pod that ended, or never ran, is not.

    Each virtual node gets the pods of DaemonSets, and Liqo takes none of them.
    """
    return kind != POD or not (never_ran(obj) or has_ended(obj))


def _why_not_empty(write: Write, seen: Seen) -> str:
    kind = write.ref.kind
    if (kind.group, kind.name) in DESTRUCTIVE and not write.emptied:
        return f"{write.ref} is not deleted without a proof that no pod runs there"
    for query in write.emptied:
        if why := seen.why_silent(query.cluster):
            return f"whether {write.ref} is in use is not known: {why}"
        found = [obj for obj in seen.all(query) if counts(obj, query.kind)]
        if found:
            number = f"{len(found)} {query.kind.plural}"
            return f"{write.ref} is still in use: {number}, as {names_of(found)}"
    return ""


def _why_narrower(write: Write, seen: Seen) -> str:
    """Say what a NamespaceOffloading would take in no more, or nothing."""
    live = seen.one(write.ref)
    if live is None:
        return ""
    spec = dig(write.body, "spec")
    if spec is None:
        return ""
    wished = {"spec": spec if write.manner is Manner.APPLY else _merged(live["spec"], spec)}
    if dig(wished, "spec", "podOffloadingStrategy") == "Local" and not _is_local(live):
        return f"{write.ref} would let no pod run elsewhere any more"
    lost = [labels for labels in _taken_in(live, seen) if not admits(wished, labels)]
    if lost:
        names = ", ".join(sorted({labels.get(CLUSTER_LABEL, "?") for labels in lost}))
        return f"{write.ref} would take in {names} no more, which deletes the namespaces there"
    return ""


def _taken_in(live: Object, seen: Seen) -> Iterator[Mapping[str, str]]:
    """Yield the labels of what the selector takes in: nodes there are, and clusters it names."""
    labels = [dig(node, "metadata", "labels") or {} for node in seen.all(VIRTUAL_NODES)]
    named = [{**VIRTUAL, CLUSTER_LABEL: name} for name in _names(live)]
    yield from (each for each in (*labels, *named) if admits(live, each))


def _names(offloading: Object) -> Iterator[str]:
    for term in dig(offloading, "spec", "clusterSelector", "nodeSelectorTerms") or ():
        for expression in term.get("matchExpressions") or ():
            if expression.get("key") == CLUSTER_LABEL:
                yield from expression.get("values") or ()


def _is_local(offloading: Object) -> bool:
    return bool(dig(offloading, "spec", "podOffloadingStrategy") == "Local")


def _merged(live: Object, patch: Object) -> dict[str, object]:
    """Merge two specs as far as it counts here: a field that is set replaces the one there is.

    A selector set to null, or without terms, takes in everything.
    """
    return {**live, **patch}
