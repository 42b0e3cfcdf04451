"""Liqo's objects as pure functions: where pods may run, how far a namespace is stretched."""

from collections.abc import Iterable, Mapping
from typing import Any

from services.act.core.live import CLUSTER_LABEL, Live
from services.act.core.objects import (
    CONFIG_MAP,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    Manner,
    Object,
    Ref,
    Write,
    dig,
    number,
    version_of,
)
from shared.model.names import ClusterName

SCHEDULING_LABEL = "liqo.io/scheduling-enabled"
OFFLOADING_NAME = "offloading"
"""Liqo knows one NamespaceOffloading per namespace, of this name."""

HOSTNAME = "kubernetes.io/hostname"
"""Carries the name of a virtual node, as of any node."""

IDENTITY_OF_CLUSTER = Ref(kind=CONFIG_MAP, namespace="liqo", name="liqo-clusterid-configmap")
"""Where Liqo keeps a cluster's own id."""

Terms = list[Mapping[str, Any]]
"""Node selector terms: any of them may match."""


def cluster_id_in(identity: Object) -> str:
    """Return the id of a cluster from the ConfigMap in which Liqo keeps it; empty: it has none."""
    return str(dig(identity, "data", "CLUSTER_ID") or "")


def terms_for(cluster: ClusterName, *, home: ClusterName, pool: str = "") -> Terms:
    """Return the required node affinity that keeps pods on one cluster, or one of its nodes."""
    if cluster == home:
        here = {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
        return [{"matchExpressions": [here]}]
    of_pool = {"key": HOSTNAME, "operator": "In", "values": [pool]}
    return [{"matchExpressions": [_of_clusters([cluster]), *([of_pool] if pool else [])]}]


def why_not_stretched(live: Live, cluster: ClusterName) -> str:
    """Say why pods of the namespace cannot run on a cluster, or nothing."""
    if cluster == live.home:
        return ""
    offloading = live.offloading
    if offloading is None:
        return "the namespace is not stretched over any cluster"
    if dig(offloading, "spec", "podOffloadingStrategy") == "Local":
        return "the namespace's pods may only run at home"
    if not admits(offloading, live.labels_of(cluster)):
        return f"the namespace is not stretched over {cluster}"
    return _why_not_ready(offloading, cluster)


def _why_not_ready(offloading: Object, cluster: ClusterName) -> str:
    """Say why Liqo has not made the namespace on a cluster selected, or nothing."""
    if dig(offloading, "status", "offloadingPhase") == "Terminating":
        return "the stretching of the namespace is being ended"
    seen = number(offloading, "status", "observedGeneration")
    if seen < number(offloading, "metadata", "generation"):
        return "Liqo has not seen the newest stretching of the namespace"
    conditions = dig(offloading, "status", "remoteNamespacesConditions", cluster) or ()
    if any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions):
        return ""
    return f"the namespace is not Ready on {cluster}"


def next_stretch(live: Live, namespace: str, clusters: Iterable[ClusterName]) -> Write | None:
    """Return the write that stretches a namespace further towards these clusters, or None.

    The label comes first: with it, and without the NamespaceOffloading, a pod is refused and made
    again, whereas one made too early would stay home for ever. What was judged by is a
    precondition: somebody else may have widened it since.
    """
    label = dig(live.namespace, "metadata", "labels", SCHEDULING_LABEL)
    if label != "true":
        return Write(
            ref=Ref(kind=NAMESPACE, name=namespace),
            manner=Manner.APPLY,
            body={"metadata": {"labels": {SCHEDULING_LABEL: "true"}}},
            purpose=f"let Liqo schedule the pods of {namespace}",
        )
    spec = _widened(live, [c for c in clusters if c != live.home])
    if spec is None:
        return None
    as_judged = {"resourceVersion": version_of(live.offloading)} if live.offloading else {}
    return Write(
        ref=Ref(kind=NAMESPACE_OFFLOADING, namespace=namespace, name=OFFLOADING_NAME),
        manner=Manner.APPLY,
        body={"metadata": as_judged, "spec": spec},
        purpose=f"stretch {namespace} over {', '.join(sorted(clusters))}",
    )


def admits(offloading: Object, labels: Mapping[str, str]) -> bool:
    """Tell whether the selector takes a cluster in. One without terms takes in all."""
    terms = _terms(offloading)
    return not terms or any(_matches(term, labels) for term in terms)


def _widened(live: Live, clusters: list[ClusterName]) -> dict[str, Any] | None:
    """Return the spec that takes in these clusters too, or None where it does already.

    Whatever the selector takes in now stays in: a narrower one deletes namespaces with all pods.
    """
    found = live.offloading
    strategy = dig(found, "spec", "podOffloadingStrategy")
    if found is not None:
        missing = [c for c in clusters if not admits(found, live.labels_of(c))]
        if not missing and strategy == "LocalAndRemote":
            return None
        terms = _with(_terms(found), missing)
    else:
        terms = _with([], clusters)
    immutable = {
        "namespaceMappingStrategy": dig(found, "spec", "namespaceMappingStrategy") or "DefaultName"
    }
    if remote := dig(found, "spec", "remoteNamespaceName"):
        immutable["remoteNamespaceName"] = remote
    return {
        **immutable,
        "podOffloadingStrategy": "LocalAndRemote",
        "clusterSelector": {"nodeSelectorTerms": terms},
    }


def _with(terms: Terms, clusters: list[ClusterName]) -> Terms:
    """Return the terms, and one that names the clusters: the one there is, made longer."""
    if not clusters:
        return terms
    for place, term in enumerate(terms):
        named = _named_clusters(term)
        if named is not None:
            longer = {"matchExpressions": [_of_clusters([*named, *clusters])]}
            return [*terms[:place], longer, *terms[place + 1 :]]
    return [*terms, {"matchExpressions": [_of_clusters(clusters)]}]


def _named_clusters(term: Mapping[str, Any]) -> list[str] | None:
    """Return the clusters of a term that does nothing but name clusters."""
    expressions = term.get("matchExpressions") or []
    if len(expressions) != 1 or term.get("matchFields"):
        return None
    (only,) = expressions
    if (only.get("key"), only.get("operator")) != (CLUSTER_LABEL, "In"):
        return None
    return list(only.get("values") or ())


def _of_clusters(clusters: Iterable[str]) -> dict[str, Any]:
    return {"key": CLUSTER_LABEL, "operator": "In", "values": sorted(set(clusters))}


def _terms(offloading: Object) -> Terms:
    return list(dig(offloading, "spec", "clusterSelector", "nodeSelectorTerms") or ())


def _matches(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    expressions = term.get("matchExpressions") or ()
    if not expressions or term.get("matchFields"):
        return False
    return all(_holds(expression, labels) for expression in expressions)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Evaluate one requirement. `Gt` and `Lt` count as not met: taking in twice does no harm."""
    value = labels.get(str(expression.get("key")))
    values = expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False
