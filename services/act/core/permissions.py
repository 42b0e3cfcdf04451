"""What Act may have to ask of the API server, action by action, and the roles that grant it.

The manifests in `deploy/kubernetes` are checked against this table, and so are the requests that a
real API server recorded: nothing is missing there, and nothing is unused.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.act.core.cluster_api.kinds import (
    BOOTSTRAP,
    CLUSTER,
    CONTROL_PLANE,
    INFRASTRUCTURE,
    MACHINE,
    MACHINE_DEPLOYMENT,
)
from services.act.core.liqo import OFFLOADING_NAME
from services.act.core.objects import (
    APPLICATION,
    CONFIG_MAP,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    EVENT,
    FOREIGN_CLUSTER,
    LEASE,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    POD_AUTOSCALER,
    SECRET,
    SERVICE,
    SITE,
    STATEFUL_SET,
    Kind,
)
from services.act.core.peering import kinds as liqo


class Role(StrEnum):
    """Who grants a permission: a role of `deploy/kubernetes`, and where it is bound."""

    ALWAYS = "crossloop-act"
    """In the whole management cluster."""
    CLUSTERS = "crossloop-act-clusters"
    """In the namespaces of Cluster API's objects and of kubeconfigs."""
    PEERING = "crossloop-act-peering"
    """In the whole management cluster: Liqo makes a namespace for each peer."""
    NOTES = "crossloop-act-notes"
    """In Act's own namespace."""


WHERE: Mapping[Role, str] = {
    Role.ALWAYS: "deploy/kubernetes/base",
    Role.CLUSTERS: "deploy/kubernetes/components/cluster-api",
    Role.PEERING: "deploy/kubernetes/components/peering",
    Role.NOTES: "deploy/kubernetes/components/peering",
}
"""What has to be applied for it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """One rule of RBAC, taken apart: one verb on one resource."""

    role: Role
    group: str
    resource: str
    """The plural, with the subresource behind a slash."""
    verb: str
    name: str = ""
    """Of the one object it holds for; empty: of all."""

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        resource, slash, subresource = self.resource.partition("/")
        return f"{self.verb} {resource}{group}{slash}{subresource}"


class _Rule(NamedTuple):
    """Verbs on a kind, or on a subresource of it."""

    kind: Kind
    verbs: str
    subresource: str = ""
    name: str = ""

    def under(self, role: Role) -> Iterable[Permission]:
        resource = f"{self.kind.plural}/{self.subresource}".rstrip("/")
        for verb in self.verbs.split():
            yield Permission(
                role=role, group=self.kind.group, resource=resource, verb=verb, name=self.name
            )


_MAKE, _REMOVE = "get create patch", "get delete"

DUTIES: Mapping[str, tuple[_Rule, ...]] = {
    "follow applications": (_Rule(APPLICATION, "list watch"),),
    "follow sites": (_Rule(SITE, "list watch"),),
    "tell how an application does": (_Rule(APPLICATION, "patch", "status"),),
    "keep plans for clusters": (_Rule(SITE, "patch", "status"),),
    "cordon lost clusters": (
        _Rule(NODE, "list watch patch"),
        _Rule(FOREIGN_CLUSTER, "list watch"),
        _Rule(POD, "list"),
    ),
}
"""What Act does of its own accord."""

_WORKLOADS = (_Rule(DEPLOYMENT, "get"), _Rule(STATEFUL_SET, "get"))
_SIZES = (_Rule(DEPLOYMENT, "patch", "scale"), _Rule(STATEFUL_SET, "patch", "scale"))
_OFFLOADING = (_Rule(NAMESPACE_OFFLOADING, "get", name=OFFLOADING_NAME),)
_VIRTUAL_NODES = (_Rule(NODE, "list"), _Rule(FOREIGN_CLUSTER, "list"))

_INFRASTRUCTURES = (
    ("openstackclusters", "openstackmachinetemplates"),
    ("devclusters", "devmachinetemplates"),
)
_CONTROL_PLANES = ("kubeadmcontrolplanes", "kthreescontrolplanes")
_BOOTSTRAPS = ("kubeadmconfigtemplates", "kthreesconfigtemplates")


def _kinds(group: str, plurals: Iterable[str]) -> tuple[Kind, ...]:
    return tuple(Kind(group=group, name=plural, plural=plural) for plural in plurals)


_MADE = (
    CLUSTER,
    MACHINE_DEPLOYMENT,
    *_kinds(CONTROL_PLANE, _CONTROL_PLANES),
    *_kinds(BOOTSTRAP, _BOOTSTRAPS),
    *_kinds(INFRASTRUCTURE, (plural for pair in _INFRASTRUCTURES for plural in pair)),
)
"""What a template may hold, for the providers that are supported."""
_RESIZING = (
    _Rule(CLUSTER, "list patch"),
    _Rule(MACHINE_DEPLOYMENT, "get patch"),
    _Rule(MACHINE_DEPLOYMENT, "patch", "scale"),
    _Rule(MACHINE, "list"),
)
_MAKING = (
    *(_Rule(kind, _MAKE) for kind in _MADE),
    *(_Rule(kind, "delete") for kind in _MADE),
    _Rule(MACHINE, "list"),
    _Rule(SECRET, "get"),
)
_NETWORK = (liqo.CONFIGURATION, liqo.GATEWAY_SERVER, liqo.GATEWAY_CLIENT, liqo.PUBLIC_KEY)
_ACCOUNTS = (liqo.SERVICE_ACCOUNT, liqo.ROLE_BINDING)
_LIQO = (liqo.TENANT, liqo.IDENTITY, liqo.RESOURCE_SLICE, liqo.VIRTUAL_NODE, *_NETWORK)
_LOOKING = (
    _Rule(CONFIG_MAP, "get", name="liqo-clusterid-configmap"),
    _Rule(liqo.NETWORK, "get"),
    *(_Rule(kind, "list") for kind in (*_LIQO, liqo.CONNECTION, *_ACCOUNTS, SECRET, NAMESPACE)),
)

_Grants = Mapping[Role, tuple[_Rule, ...]]

ACTIONS: Mapping[str, _Grants] = {
    "offload_namespace": {
        Role.ALWAYS: (
            _Rule(NAMESPACE, "get patch"),
            _Rule(NAMESPACE_OFFLOADING, _MAKE, name=OFFLOADING_NAME),
            _Rule(NODE, "list"),
        )
    },
    "move": {
        Role.ALWAYS: (
            *_WORKLOADS,
            *_VIRTUAL_NODES,
            *_OFFLOADING,
            _Rule(DEPLOYMENT, "patch"),
            _Rule(STATEFUL_SET, "patch"),
            _Rule(STATEFUL_SET, "patch", "scale"),
            _Rule(SERVICE, "list"),
            _Rule(ENDPOINT_SLICE, "list"),
            _Rule(POD_AUTOSCALER, "list"),
            _Rule(POD, "list delete"),
            _Rule(LEASE, "get"),
            _Rule(EVENT, "list"),
        )
    },
    "scale": {Role.ALWAYS: (*_WORKLOADS, *_SIZES, _Rule(POD_AUTOSCALER, "list"))},
    "evacuate": {
        Role.ALWAYS: (
            _Rule(NODE, "list patch"),
            _Rule(FOREIGN_CLUSTER, "get"),
            _Rule(POD, "list"),
        )
    },
    "grow_cluster": {Role.CLUSTERS: _RESIZING},
    "shrink_cluster": {Role.CLUSTERS: _RESIZING},
    "create_cluster": {Role.CLUSTERS: _MAKING},
    "delete_cluster": {
        Role.ALWAYS: (*_VIRTUAL_NODES, _Rule(POD, "list")),
        Role.CLUSTERS: (
            *(_Rule(kind, _REMOVE) for kind in _MADE),
            _Rule(MACHINE, "list patch"),
            _Rule(SECRET, "get"),
        ),
    },
    "peer": {
        Role.ALWAYS: (_Rule(FOREIGN_CLUSTER, "get"), _Rule(NODE, "list"), _Rule(POD, "list")),
        Role.PEERING: (
            *_LOOKING,
            *(_Rule(kind, "create patch") for kind in (*_LIQO, *_ACCOUNTS, SECRET, NAMESPACE)),
            _Rule(DEPLOYMENT, "get"),
        ),
        Role.NOTES: (_Rule(CONFIG_MAP, _MAKE),),
    },
    "unpeer": {
        Role.ALWAYS: (_Rule(FOREIGN_CLUSTER, "get"), _Rule(NODE, "list"), _Rule(POD, "list")),
        Role.PEERING: (
            *_LOOKING,
            *(_Rule(kind, "delete") for kind in (*_LIQO, *_ACCOUNTS, SECRET, NAMESPACE)),
        ),
        Role.NOTES: (_Rule(CONFIG_MAP, f"{_MAKE} delete"),),
    },
}
"""What each kind of action needs, by the role that grants it."""


def permissions() -> frozenset[Permission]:
    """Return everything that Act may have to ask, whatever the fleet."""
    of_its_own = (p for duty in DUTIES for p in permissions_for(duty))
    return frozenset((*of_its_own, *(p for kind in ACTIONS for p in permissions_of(kind))))


def permissions_of(kind: str) -> frozenset[Permission]:
    """Return what an action of a kind needs."""
    grants = ACTIONS[kind].items()
    return frozenset(p for role, rules in grants for rule in rules for p in rule.under(role))


def permissions_for(duty: str) -> frozenset[Permission]:
    """Return what Act needs for something it does of its own accord."""
    return frozenset(p for rule in DUTIES[duty] for p in rule.under(Role.ALWAYS))
