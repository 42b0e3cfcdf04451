"""What a Site declares for Act alone: the way into its cluster, and what it is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from services.act.core.objects import Object, dig, name_of
from shared.errors import PermanentError
from shared.model.names import ClusterName

SECRETS_KEY = "value"
"""The key under which Cluster API keeps a kubeconfig; the usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigRef:
    """The Secret that holds the way into a cluster."""

    namespace: str
    name: str
    key: str = SECRETS_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterTemplate:
    """What a Site's cluster is made from."""

    site: ClusterName
    name: str
    """Of the folder with the manifests."""
    namespace: str
    """Where Cluster API's objects are put."""
    nodes: int
    may_delete: bool = False
    """Whether the cluster may be deleted again."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What the variables of the manifests stand for, beside what follows from the Site."""


def kubeconfig_of(site: Object) -> KubeconfigRef | None:
    """Return where the way into a Site's cluster is kept, or None: it is its owner's alone.

    Cluster API keeps that of a cluster it made, as `<cluster>-kubeconfig`.
    """
    named = dig(site, "spec", "kubeconfigSecret")
    if named:
        key = named.get("key") or SECRETS_KEY
        return KubeconfigRef(namespace=named["namespace"], name=named["name"], key=key)
    if dig(site, "spec", "template"):
        template = template_of(site)
        return KubeconfigRef(namespace=template.namespace, name=f"{template.site}-kubeconfig")
    return None


def template_of(site: Object) -> ClusterTemplate:
    """Return what a Site's cluster is made from. PermanentError: it declares no template."""
    declared = dig(site, "spec", "template")
    if not declared:
        raise PermanentError(f"Site {name_of(site) or '(gone)'} declares no spec.template")
    return ClusterTemplate(
        site=ClusterName(name_of(site)),
        name=declared["name"],
        namespace=declared.get("namespace") or "default",
        nodes=int(declared.get("nodes") or 1),
        may_delete=bool(declared.get("mayDelete")),
        values=declared.get("values") or {},
    )
