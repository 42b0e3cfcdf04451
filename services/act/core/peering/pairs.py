"""The two clusters of a peering, and what has to be looked at on both."""

from dataclasses import dataclass, replace

from services.act.core.liqo import IDENTITY_OF_CLUSTER
from services.act.core.live import CLUSTER_LABEL, virtual_nodes_of
from services.act.core.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    FOREIGN_CLUSTER,
    HOME,
    NAMESPACE,
    SECRET,
    Kind,
    Object,
    Query,
    Read,
    Ref,
    dig,
)
from services.act.core.peering.kinds import (
    CONFIGURATION,
    CONNECTION,
    GATEWAY_CLIENT,
    GATEWAY_SERVER,
    IDENTITY,
    NETWORK,
    PUBLIC_KEY,
    RESOURCE_SLICE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    TENANT,
    VIRTUAL_NODE,
)
from services.act.core.pods import pods_on
from services.act.core.seen import Grounds, Seen
from services.act.core.site import KubeconfigRef, kubeconfig_of
from shared.model.names import ClusterName
from shared.model.plan import Peer, Unpeer

LIQO = "liqo"
"""The namespace of Liqo itself."""
TUNNEL_KINDS = (GATEWAY_CLIENT, GATEWAY_SERVER, PUBLIC_KEY, CONFIGURATION)
"""In the order in which the tunnel is taken down."""
CONSUMER_KINDS = (RESOURCE_SLICE, VIRTUAL_NODE, IDENTITY, TENANT)
PROVIDER_KINDS = (TENANT, ROLE_BINDING, SERVICE_ACCOUNT, RESOURCE_SLICE)
CIDRS = ("pod-cidr", "external-cidr")
"""Names of Liqo's Networks with the address ranges of a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One cluster of a peering."""

    name: ClusterName
    peer: ClusterName
    at: ClusterName
    """By which its API server is addressed."""
    is_ours: bool
    """Whether Act may change anything there; else that is its owner's to do."""

    def ref(self, kind: Kind, name: str, namespace: str = "") -> Ref:
        """Return the address of an object there."""
        return Ref(kind=kind, namespace=namespace, name=name, cluster=self.at)

    def about(self, kind: Kind) -> Query:
        """Return the query for what is there about the other cluster."""
        return Query(kind=kind, selector=f"{CLUSTER_LABEL}={self.peer}", cluster=self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The consumer uses the provider."""

    consumer: Side
    provider: Side
    kubeconfig: KubeconfigRef | None
    """Of the provider: where the consumer finds its API server."""
    network: bool
    """Whether Liqo makes the tunnel between them."""

    @property
    def sides(self) -> tuple[Side, Side]:
        """Return both, the consumer first."""
        return self.consumer, self.provider

    @property
    def notes(self) -> str:
        """Return the name of the ConfigMap for the owner of the other cluster."""
        return f"peering-{self.consumer.name}-{self.provider.name}"


def pair_of(action: Peer | Unpeer, grounds: Grounds) -> Pair:
    """Return the clusters of a peering by what their Sites declare."""
    provider = grounds.sites.get(action.provider, {})
    wishes = dig(provider, "spec", "peerings") or ()
    wish: Object = next((w for w in wishes if w.get("consumer") == action.consumer), {})
    return Pair(
        consumer=_side(action.consumer, action.provider, grounds),
        provider=_side(action.provider, action.consumer, grounds),
        kubeconfig=kubeconfig_of(provider),
        network=wish.get("network") is not False,
    )


def _side(name: ClusterName, peer: ClusterName, grounds: Grounds) -> Side:
    is_home = name == grounds.home
    has_way = kubeconfig_of(grounds.sites.get(name, {})) is not None
    at = HOME if is_home else name
    return Side(name=name, peer=peer, at=at, is_ours=is_home or has_way)


def reads_of_pair(pair: Pair, grounds: Grounds, *, tunnel: bool) -> tuple[Read, ...]:
    """Return what has to be looked at on both clusters, as far as there is a way into them."""
    reads: list[Read] = [Ref(kind=CONFIG_MAP, namespace=grounds.namespace, name=pair.notes)]
    if pair.kubeconfig is not None:
        where = pair.kubeconfig
        reads.append(Ref(kind=SECRET, namespace=where.namespace, name=where.name))
    seen_of_tunnel = (*TUNNEL_KINDS, CONNECTION) if tunnel else ()
    for side in pair.sides:
        if side.is_ours:
            kinds = CONSUMER_KINDS if side is pair.consumer else PROVIDER_KINDS
            reads += [identity_of(side), side.about(NAMESPACE), side.about(SECRET)]
            reads += [side.about(kind) for kind in (*kinds, *seen_of_tunnel)]
    if pair.consumer.is_ours:
        reads += [nodes_of(pair.consumer), pair.consumer.ref(FOREIGN_CLUSTER, pair.provider.name)]
    return tuple(reads)


def reads_before_joining(pair: Pair) -> tuple[Read, ...]:
    """Return what has to be looked at besides where two clusters are to be joined."""
    ours = [side for side in pair.sides if side.is_ours]
    cidrs = CIDRS if pair.network else ()
    return (
        *(manager_of(side) for side in ours),
        *(side.ref(NETWORK, name, LIQO) for side in ours for name in cidrs),
    )


def pods_of(action: Peer | Unpeer, seen: Seen) -> tuple[Read, ...]:
    """Return the queries for the pods on the provider's virtual nodes, by the nodes seen first."""
    for at in (HOME, action.consumer):
        side = Side(name=action.consumer, peer=action.provider, at=at, is_ours=True)
        nodes = seen.objects.get(nodes_of(side))
        if nodes is not None:
            return tuple(pods_on(node, at=at) for node in nodes)
    return ()


def nodes_of(consumer: Side) -> Query:
    """Return the query for the virtual nodes of the provider."""
    return virtual_nodes_of(consumer.peer, at=consumer.at)


def identity_of(side: Side) -> Ref:
    """Return where Liqo keeps a cluster's own id."""
    return replace(IDENTITY_OF_CLUSTER, cluster=side.at)


def manager_of(side: Side) -> Ref:
    """Return Liqo's Deployment, which tells its version."""
    return side.ref(DEPLOYMENT, "liqo-controller-manager", LIQO)
