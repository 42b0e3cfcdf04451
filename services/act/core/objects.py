"""Kubernetes objects as Act reads and writes them: JSON, and the calls that change it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.model.names import ClusterName

Object = Mapping[str, Any]
"""One object of the Kubernetes API, as its JSON."""

FIELD_MANAGER = "crossloop-act"
DECISION = "crossloop.dev/decision"
"""Annotation on what Act made: the decision that asked for it."""
HOME = ClusterName("")
"""Stands for the management cluster in an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of object, and where the API serves it. `group` is empty for the core group."""

    group: str = ""
    version: str = "v1"
    name: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """Return `group/version`, as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version


APPLICATION = Kind(
    group="crossloop.dev", version="v1alpha1", name="Application", plural="applications"
)
SITE = Kind(
    group="crossloop.dev", version="v1alpha1", name="Site", plural="sites", namespaced=False
)
DEPLOYMENT = Kind(group="apps", name="Deployment", plural="deployments")
STATEFUL_SET = Kind(group="apps", name="StatefulSet", plural="statefulsets")
POD = Kind(name="Pod", plural="pods")
SERVICE = Kind(name="Service", plural="services")
EVENT = Kind(name="Event", plural="events")
ENDPOINT_SLICE = Kind(group="discovery.k8s.io", name="EndpointSlice", plural="endpointslices")
LEASE = Kind(group="coordination.k8s.io", name="Lease", plural="leases")
POD_AUTOSCALER = Kind(
    group="autoscaling",
    version="v2",
    name="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
)
NODE = Kind(name="Node", plural="nodes", namespaced=False)
CONFIG_MAP = Kind(name="ConfigMap", plural="configmaps")
SECRET = Kind(name="Secret", plural="secrets")
NAMESPACE = Kind(name="Namespace", plural="namespaces", namespaced=False)
FOREIGN_CLUSTER = Kind(
    group="core.liqo.io",
    version="v1beta1",
    name="ForeignCluster",
    plural="foreignclusters",
    namespaced=False,
)
NAMESPACE_OFFLOADING = Kind(
    group="offloading.liqo.io",
    version="v1beta1",
    name="NamespaceOffloading",
    plural="namespaceoffloadings",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """The address of one object. `namespace` is empty for a cluster-scoped one."""

    kind: Kind
    namespace: str = ""
    name: str
    cluster: ClusterName = HOME
    """Whose API server holds it."""

    def __str__(self) -> str:
        where = f" on {self.cluster}" if self.cluster else ""
        return f"{self.kind.name} {self.namespace}/{self.name}".replace(" /", " ") + where


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which objects of a kind are asked for."""

    kind: Kind
    namespace: str = ""
    """Empty: of all namespaces."""
    selector: str = ""
    """A label selector."""
    fields: str = ""
    """A field selector."""
    cluster: ClusterName = HOME


Read = Ref | Query


class Manner(StrEnum):
    """How a write is carried out."""

    APPLY = "apply"
    """Server-side apply: all fields owned, never forced."""
    MERGE = "merge"
    """Merge patch, with the resource version it was computed from as precondition."""
    DELETE = "delete"
    """The body holds the API's options: `preconditions.uid`, and a grace period where it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One call that changes the cluster."""

    ref: Ref
    manner: Manner
    body: Object
    subresource: str = ""
    """As `status` or `scale`; empty for the object itself."""
    purpose: str
    """What it is for, as people say it."""
    emptied: tuple[Query, ...] = ()
    """Of a deletion: what must find nothing right before, or nothing is deleted."""


def dig(value: Any, *path: str) -> Any:
    """Return what stands at the path inside nested mappings, or None."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def number(value: Any, *path: str) -> int:
    """Return the whole number at the path; 0 where the API leaves it out."""
    return int(dig(value, *path) or 0)


def name_of(value: Object) -> str:
    """Return the object's name."""
    return str(dig(value, "metadata", "name") or "")


def is_going(obj: Object) -> bool:
    """Tell whether an object is being deleted, and only held by what has to be done before."""
    return bool(dig(obj, "metadata", "deletionTimestamp"))


def version_of(value: Object | None) -> str:
    """Return the object's resource version; empty where there is no object."""
    return str(dig(value, "metadata", "resourceVersion") or "")


def deletion(
    ref: Ref, obj: Object, purpose: str, *, emptied: tuple[Query, ...] = (), at_once: bool = False
) -> Write:
    """Return the write that deletes this very object, and no other one of its name.

    `emptied`: what must find nothing right before. `at_once`: with no time to end by itself.
    """
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": dig(obj, "metadata", "uid")},
        **({"gracePeriodSeconds": 0} if at_once else {}),
    }
    return Write(ref=ref, manner=Manner.DELETE, body=options, purpose=purpose, emptied=emptied)


def condition(value: Any, of: str, *path: str) -> Object:
    """Return the newest condition of that type at the path; empty where there is none.

    Types may come twice (Liqo's VirtualNode does): the last one holds.
    """
    found: Object = {}
    conditions: Iterable[Object] = dig(value, *path) or ()
    for candidate in conditions:
        if candidate.get("type") == of:
            found = candidate
    return found


def has_condition(value: Any, of: str, status: str = "True") -> bool:
    """Tell whether the object's own condition of that type has that status."""
    return condition(value, of, "status", "conditions").get("status") == status
