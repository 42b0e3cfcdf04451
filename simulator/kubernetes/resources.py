"""The resources the API server knows: a table of built-in ones, and what CRDs add at run time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.kubernetes.schema import Schema
from simulator.kubernetes.shapes import BuiltIn, Declared, Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePaths:
    """Where the `/scale` subresource reads and writes."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    status_replicas: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] | None = None
    """A field with the selector as text; None: built from `spec.selector`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource in one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    has_generation: bool = False
    scale: ScalePaths | None = None
    schema: Schema | None = field(default=None, compare=False)
    """Of custom resources only."""

    @property
    def key(self) -> tuple[str, str]:
        """Where its objects are stored, whatever the version."""
        return self.group, self.plural

    @property
    def api_version(self) -> str:
        """As objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As messages name it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """As messages of validation name it: `Deployment.apps`."""
        return f"{self.kind}.{self.group}" if self.group else self.kind

    @property
    def shape(self) -> Shape:
        """How its objects are merged."""
        return Declared(self.schema.node, is_root=True) if self.schema else BuiltIn()

    @property
    def is_custom(self) -> bool:
        """Tell whether a CustomResourceDefinition made it."""
        return self.schema is not None


def _core(plural: str, kind: str, short: str = "", **traits: Any) -> Resource:
    names = (short,) if short else ()
    return Resource(group="", version="v1", plural=plural, kind=kind, short_names=names, **traits)


def _apps(plural: str, kind: str, short: str) -> Resource:
    return Resource(
        group="apps",
        version="v1",
        plural=plural,
        kind=kind,
        short_names=(short,),
        categories=("all",),
        has_status=True,
        has_generation=True,
        scale=ScalePaths(),
    )


def _rbac(plural: str, kind: str, *, namespaced: bool = True) -> Resource:
    group = "rbac.authorization.k8s.io"
    return Resource(group=group, version="v1", plural=plural, kind=kind, namespaced=namespaced)


NAMESPACES = _core("namespaces", "Namespace", "ns", namespaced=False, has_status=True)
NODES = _core("nodes", "Node", "no", namespaced=False, has_status=True)
PODS = _core("pods", "Pod", "po", has_status=True, has_generation=True)
SERVICES = _core("services", "Service", "svc", has_status=True)
CONFIG_MAPS = _core("configmaps", "ConfigMap", "cm")
SECRETS = _core("secrets", "Secret")
EVENTS = _core("events", "Event", "ev")
DEPLOYMENTS = _apps("deployments", "Deployment", "deploy")
REPLICA_SETS = _apps("replicasets", "ReplicaSet", "rs")
STATEFUL_SETS = _apps("statefulsets", "StatefulSet", "sts")
ENDPOINT_SLICES = Resource(
    group="discovery.k8s.io",
    version="v1",
    plural="endpointslices",
    kind="EndpointSlice",
    has_generation=True,
)
SERVICE_ACCOUNTS = _core("serviceaccounts", "ServiceAccount", "sa")
DISRUPTION_BUDGETS = Resource(
    group="policy",
    version="v1",
    plural="poddisruptionbudgets",
    kind="PodDisruptionBudget",
    short_names=("pdb",),
    has_status=True,
    has_generation=True,
)
ROLES, ROLE_BINDINGS = (_rbac("roles", "Role"), _rbac("rolebindings", "RoleBinding"))
CLUSTER_ROLES = _rbac("clusterroles", "ClusterRole", namespaced=False)
CLUSTER_ROLE_BINDINGS = _rbac("clusterrolebindings", "ClusterRoleBinding", namespaced=False)
LEASES = Resource(group="coordination.k8s.io", version="v1", plural="leases", kind="Lease")
CRDS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    plural="customresourcedefinitions",
    kind="CustomResourceDefinition",
    namespaced=False,
    short_names=("crd",),
    has_status=True,
    has_generation=True,
)
SCALES = Resource(group="autoscaling", version="v1", plural="scales", kind="Scale")
"""Not served by itself, only as a subresource."""
ACCESS_REVIEWS = Resource(
    group="authorization.k8s.io",
    version="v1",
    plural="selfsubjectaccessreviews",
    kind="SelfSubjectAccessReview",
    namespaced=False,
)

BUILT_IN = (
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
    CONFIG_MAPS,
    SECRETS,
    SERVICE_ACCOUNTS,
    EVENTS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    ENDPOINT_SLICES,
    LEASES,
    DISRUPTION_BUDGETS,
    ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLES,
    CLUSTER_ROLE_BINDINGS,
    CRDS,
    ACCESS_REVIEWS,
)


class Registry:
    """All resources that are served now."""

    def __init__(self) -> None:
        self._served = {(r.group, r.version, r.plural): r for r in BUILT_IN}

    def __iter__(self) -> Iterator[Resource]:
        return iter(tuple(self._served.values()))

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource at a path, if it is served."""
        return self._served.get((group, version, plural))

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """Return the resource of a kind, if it is served."""
        return next((r for r in self if (r.api_version, r.kind) == (api_version, kind)), None)

    def of_group(self, group: str, version: str = "") -> tuple[Resource, ...]:
        """Return the resources of a group, in one version or in all."""
        return tuple(r for r in self if r.group == group and version in ("", r.version))

    def serve(self, *resources: Resource) -> None:
        """Serve resources from now on, in place of those of the same names."""
        self._served |= {(r.group, r.version, r.plural): r for r in resources}

    def withdraw(self, group: str, plural: str) -> None:
        """Serve a resource no longer, in any version."""
        for resource in self:
            if resource.key == (group, plural):
                del self._served[resource.group, resource.version, plural]
