"""What may be left of a cluster that is gone, where no garbage collector took it away."""

from services.act.core.cluster_api.kinds import (
    BOOTSTRAP,
    CLUSTER_NAME,
    INFRASTRUCTURE,
    VERSION,
    kind_named,
)
from services.act.core.objects import SECRET, Kind, Object, Query, Ref, dig, name_of
from services.act.core.seen import Seen
from services.act.core.site import ClusterTemplate

TEMPLATES = (
    kind_named("KubeadmConfigTemplate", BOOTSTRAP, VERSION),
    kind_named("KThreesConfigTemplate", BOOTSTRAP, VERSION),
    kind_named("DevMachineTemplate", INFRASTRUCTURE, VERSION),
    kind_named("OpenStackMachineTemplate", INFRASTRUCTURE, "v1beta1"),
)
"""Kinds that a Cluster owns and its controllers do not delete. OpenStack's is served as v1beta1 by
all versions of its provider."""


def reads_of_leftovers(template: ClusterTemplate) -> tuple[Query, ...]:
    """Return what tells what is left."""
    return tuple(_query(kind, template) for kind in (*TEMPLATES, SECRET))


def leftovers(template: ClusterTemplate, seen: Seen) -> tuple[tuple[Ref, Object], ...]:
    """Return what is left of a Site's cluster, with its addresses."""
    return tuple(
        (Ref(kind=query.kind, namespace=template.namespace, name=name_of(obj)), obj)
        for query in reads_of_leftovers(template)
        for obj in seen.all(query)
        if _belongs(obj, template)
    )


def _query(kind: Kind, template: ClusterTemplate) -> Query:
    """Return a query by the cluster's name; templates carry it only where Act made them."""
    selector = "" if kind in TEMPLATES else f"{CLUSTER_NAME}={template.site}"
    return Query(kind=kind, namespace=template.namespace, selector=selector)


def _belongs(obj: Object, template: ClusterTemplate) -> bool:
    labels = dig(obj, "metadata", "labels") or {}
    owners = dig(obj, "metadata", "ownerReferences") or ()
    is_owned = any(o.get("kind") == "Cluster" and o.get("name") == template.site for o in owners)
    return is_owned or labels.get(CLUSTER_NAME) == template.site
