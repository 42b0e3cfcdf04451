"""What Act may have to ask of the API server, action by action, and the roles that grant it.

The manifests in `deploy/kubernetes` are checked against this table, and so are the requests that a
real API server recorded: nothing is missing there, and nothing is unused.
"""

from collections.abc import Mapping

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
from services.act.core.peering.manifests import CONTROL_PLANE_ROLE
from services.act.core.permitting.roles import Permission, Role, Rule

CLUSTER_ROLE = Kind(
    group="rbac.authorization.k8s.io", name="ClusterRole", plural="clusterroles", namespaced=False
)

DUTIES: Mapping[str, tuple[Rule, ...]] = {
    "follow applications": (Rule(APPLICATION, "list watch"),),
    "follow sites": (Rule(SITE, "list watch"),),
    "tell how an application does": (Rule(APPLICATION, "patch", "status"),),
    "keep plans for clusters": (Rule(SITE, "patch", "status"),),
    "cordon lost clusters": (
        Rule(NODE, "list watch patch"),
        Rule(FOREIGN_CLUSTER, "list watch"),
        Rule(POD, "list"),
    ),
}
"""What Act does of its own accord."""

_WORKLOADS = (Rule(DEPLOYMENT, "get"), Rule(STATEFUL_SET, "get"))
_SIZES = (Rule(DEPLOYMENT, "patch", "scale"), Rule(STATEFUL_SET, "patch", "scale"))
_MOVE = (
    *_WORKLOADS,
    Rule(DEPLOYMENT, "patch"),
    Rule(STATEFUL_SET, "patch"),
    Rule(STATEFUL_SET, "patch", "scale"),
    Rule(POD, "list delete"),
    Rule(NODE, "list"),
    Rule(FOREIGN_CLUSTER, "list"),
    Rule(NAMESPACE_OFFLOADING, "get", name=OFFLOADING_NAME),
    Rule(SERVICE, "list"),
    Rule(ENDPOINT_SLICE, "list"),
    Rule(POD_AUTOSCALER, "list"),
    Rule(LEASE, "get"),
    Rule(EVENT, "list"),
)
_OFFLOAD = (
    Rule(NAMESPACE, "get patch"),
    Rule(NAMESPACE_OFFLOADING, "get create patch", name=OFFLOADING_NAME),
    Rule(NODE, "list"),
)
_STANDING = (Rule(NODE, "list"), Rule(FOREIGN_CLUSTER, "get"), Rule(POD, "list"))
"""What stands on a cluster, and whether Liqo reaches it."""
_EVACUATE = (*_STANDING, Rule(NODE, "patch"))


def _kinds(group: str, *plurals: str) -> tuple[Kind, ...]:
    return tuple(Kind(group=group, name=plural, plural=plural) for plural in plurals)


_TEMPLATES = (
    *_kinds(BOOTSTRAP, "kubeadmconfigtemplates", "kthreesconfigtemplates"),
    *_kinds(INFRASTRUCTURE, "devmachinetemplates", "openstackmachinetemplates"),
)
_MADE = (
    CLUSTER,
    MACHINE_DEPLOYMENT,
    *_kinds(CONTROL_PLANE, "kubeadmcontrolplanes", "kthreescontrolplanes"),
    *_kinds(INFRASTRUCTURE, "devclusters", "openstackclusters"),
    *_TEMPLATES,
)
"""What a template may hold, for the providers that are supported."""
_RESIZE = (
    Rule(CLUSTER, "list patch"),
    Rule(MACHINE_DEPLOYMENT, "get patch"),
    Rule(MACHINE_DEPLOYMENT, "patch", "scale"),
    Rule(MACHINE, "list"),
)
_CREATE = (
    *(Rule(kind, "get create patch delete") for kind in _MADE),
    Rule(MACHINE, "list"),
    Rule(SECRET, "get"),
)
_DELETE = (
    Rule(CLUSTER, "get delete"),
    Rule(MACHINE, "list patch"),
    *(Rule(kind, "list delete") for kind in _TEMPLATES),
    Rule(SECRET, "list delete"),
)
_BEFORE_DELETION = (
    *_STANDING,
    Rule(liqo.VIRTUAL_NODE, "list"),
    Rule(liqo.RESOURCE_SLICE, "list"),
)

_TUNNEL = (liqo.CONFIGURATION, liqo.GATEWAY_SERVER, liqo.GATEWAY_CLIENT, liqo.PUBLIC_KEY)
_SHARED = (NAMESPACE, SECRET, *_TUNNEL)
_MADE_BY_BOTH = (NAMESPACE, SECRET, liqo.CONFIGURATION, liqo.PUBLIC_KEY)
_CONSUMING = (*_SHARED, liqo.RESOURCE_SLICE, liqo.VIRTUAL_NODE, liqo.IDENTITY)
_PROVIDING = (*_SHARED, liqo.TENANT, liqo.SERVICE_ACCOUNT, liqo.ROLE_BINDING)
_OF_LIQO = (Rule(CONFIG_MAP, "get", name="liqo-clusterid-configmap"), Rule(liqo.NETWORK, "get"))


def _side(kinds: tuple[Kind, ...], made: tuple[Kind, ...], seen: Kind) -> tuple[Rule, ...]:
    """Return what is done about a peering on one of its clusters."""
    return (
        *(Rule(kind, "list delete") for kind in kinds),
        *(Rule(kind, "create patch") for kind in made),
        *(Rule(seen, "list"), Rule(liqo.CONNECTION, "list"), Rule(CONFIG_MAP, "list")),
        *_OF_LIQO,
    )


_CONSUMER = _side(
    _CONSUMING,
    (*_MADE_BY_BOTH, liqo.GATEWAY_CLIENT, liqo.RESOURCE_SLICE),
    liqo.TENANT,
)
_PROVIDER = (
    *_side(
        _PROVIDING,
        (*_MADE_BY_BOTH, liqo.GATEWAY_SERVER, liqo.TENANT, liqo.SERVICE_ACCOUNT, liqo.ROLE_BINDING),
        liqo.RESOURCE_SLICE,
    ),
    Rule(CLUSTER_ROLE, "bind", name=CONTROL_PLANE_ROLE),
)
"""Whoever makes a RoleBinding needs what it grants, or to be allowed to bind it (RBAC, Kubernetes
documentation, "Privilege escalation prevention")."""
_WAY = (Rule(SECRET, "get"),)

ACTIONS: Mapping[str, Mapping[Role, tuple[Rule, ...]]] = {
    "offload_namespace": {Role.ALWAYS: _OFFLOAD},
    "move": {Role.ALWAYS: _MOVE},
    "scale": {Role.ALWAYS: (*_WORKLOADS, *_SIZES, Rule(POD_AUTOSCALER, "list"))},
    "evacuate": {Role.ALWAYS: _EVACUATE},
    "grow_cluster": {Role.CLUSTERS: _RESIZE},
    "shrink_cluster": {Role.CLUSTERS: _RESIZE},
    "create_cluster": {Role.ALWAYS: (Rule(NODE, "list"),), Role.CLUSTERS: _CREATE},
    "delete_cluster": {Role.ALWAYS: _BEFORE_DELETION, Role.CLUSTERS: _DELETE},
    "peer": {
        Role.ALWAYS: (*_STANDING, Rule(DEPLOYMENT, "get")),
        Role.CLUSTERS: _WAY,
        Role.PEERING: _CONSUMER,
        Role.PROVIDING: _PROVIDER,
        Role.NOTES: (Rule(CONFIG_MAP, "get create patch"),),
    },
    "unpeer": {
        Role.ALWAYS: _EVACUATE,
        Role.CLUSTERS: _WAY,
        Role.PEERING: (*_CONSUMER, Rule(liqo.VOLUME_CLAIM, "list")),
        Role.PROVIDING: _PROVIDER,
        Role.NOTES: (Rule(CONFIG_MAP, "get create patch"),),
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
