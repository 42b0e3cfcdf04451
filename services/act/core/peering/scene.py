"""The two clusters of a peering, and what was seen of it on both."""

from dataclasses import dataclass
from functools import cached_property

from services.act.core.live import VIRTUAL
from services.act.core.objects import (
    CONFIG_MAP,
    DEPLOYMENT,
    FOREIGN_CLUSTER,
    HOME,
    NAMESPACE,
    NODE,
    POD,
    SECRET,
    Kind,
    Object,
    Query,
    Read,
    Ref,
    condition,
    dig,
    has_condition,
    name_of,
)
from services.act.core.peering.kinds import (
    CONFIGURATION,
    CONNECTION,
    GATEWAY_CLIENT,
    GATEWAY_SERVER,
    IDENTITY,
    NETWORK,
    PUBLIC_KEY,
    REMOTE,
    REPLICATED,
    RESOURCE_SLICE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    TENANT,
    TENANT_NAMESPACE,
    VIRTUAL_NODE,
)
from services.act.core.seen import Grounds, Seen
from services.act.core.site import KubeconfigRef, kubeconfig_of
from shared.model.names import ClusterName
from shared.model.plan import Peer, Unpeer

LIQO = "liqo"
"""The namespace of Liqo itself."""
NETWORK_KINDS = (CONFIGURATION, GATEWAY_SERVER, GATEWAY_CLIENT, PUBLIC_KEY, CONNECTION)
CONSUMER_KINDS = (RESOURCE_SLICE, VIRTUAL_NODE, IDENTITY)
PROVIDER_KINDS = (TENANT, ROLE_BINDING, SERVICE_ACCOUNT, RESOURCE_SLICE)
SHARED_KINDS = (NAMESPACE, SECRET, *NETWORK_KINDS)
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
        return Query(kind=kind, selector=f"{REMOTE}={self.peer}", cluster=self.at)


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


def reads_of_pair(pair: Pair, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at on both clusters, as far as there is a way into them."""
    reads: list[Read] = [Ref(kind=CONFIG_MAP, namespace=grounds.namespace, name=pair.notes)]
    if pair.kubeconfig is not None:
        where = pair.kubeconfig
        reads.append(Ref(kind=SECRET, namespace=where.namespace, name=where.name))
    for side in pair.sides:
        if side.is_ours:
            kinds = CONSUMER_KINDS if side is pair.consumer else PROVIDER_KINDS
            reads += _reads_of(side)
            reads += [side.about(kind) for kind in (*SHARED_KINDS, *kinds)]
    if pair.consumer.is_ours:
        reads += [nodes_of(pair.consumer), pair.consumer.ref(FOREIGN_CLUSTER, pair.provider.name)]
    return tuple(reads)


def _reads_of(side: Side) -> list[Read]:
    return [
        identity_of(side),
        manager_of(side),
        *(side.ref(NETWORK, name, LIQO) for name in CIDRS),
    ]


def pods_of(action: Peer | Unpeer, seen: Seen) -> tuple[Read, ...]:
    """Return the queries for the pods on the provider's virtual nodes, by the nodes seen first."""
    for at in (HOME, action.consumer):
        side = Side(name=action.consumer, peer=action.provider, at=at, is_ours=True)
        nodes = seen.objects.get(nodes_of(side))
        if nodes is not None:
            return tuple(pods_on(node, side) for node in nodes)
    return ()


def pods_on(node: Object, consumer: Side) -> Query:
    """Return the query for all pods that are bound to a node."""
    return Query(kind=POD, fields=f"spec.nodeName={name_of(node)}", cluster=consumer.at)


def nodes_of(consumer: Side) -> Query:
    """Return the query for the virtual nodes of the provider."""
    labels = {**VIRTUAL, REMOTE: consumer.peer}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return Query(kind=NODE, selector=selector, cluster=consumer.at)


def identity_of(side: Side) -> Ref:
    """Return where Liqo keeps a cluster's own id, under `CLUSTER_ID`."""
    return side.ref(CONFIG_MAP, "liqo-clusterid-configmap", LIQO)


def manager_of(side: Side) -> Ref:
    """Return Liqo's Deployment, which tells its version."""
    return side.ref(DEPLOYMENT, "liqo-controller-manager", LIQO)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What was seen of a peering. Of a cluster that is not ours, or is silent: nothing."""

    pair: Pair
    seen: Seen

    def about(self, side: Side, kind: Kind) -> tuple[Object, ...]:
        """Return what a cluster itself has about the other one, without copies from there."""
        found = self.seen.objects.get(side.about(kind), ())
        return tuple(o for o in found if dig(o, "metadata", "labels", REPLICATED) != "true")

    def one(self, ref: Ref) -> Object | None:
        """Return an object, or None where there is none or nobody knows."""
        return next(iter(self.seen.objects.get(ref, ())), None)

    def spaces(self, side: Side) -> tuple[Object, ...]:
        """Return the tenant namespaces for the other cluster; there has to be one."""
        found = self.about(side, NAMESPACE)
        return tuple(o for o in found if dig(o, "metadata", "labels", TENANT_NAMESPACE) == "true")

    def space(self, side: Side) -> str:
        """Return the name of the tenant namespace, as it is or as Liqo would name it."""
        return next(map(name_of, self.spaces(side)), f"liqo-tenant-{side.peer}")

    def why_silent(self) -> str:
        """Say which cluster of ours gives no answer and why, or nothing."""
        for side in self.pair.sides:
            why = self.seen.why_silent(side.at) if side.is_ours else ""
            if why:
                return why
        return ""

    @cached_property
    def nodes(self) -> tuple[Object, ...]:
        """The virtual nodes of the provider."""
        return self.seen.objects.get(nodes_of(self.pair.consumer), ())

    @cached_property
    def foreign_cluster(self) -> Object | None:
        """What Liqo on the consumer says of the provider."""
        return self.one(self.pair.consumer.ref(FOREIGN_CLUSTER, self.pair.provider.name))

    @cached_property
    def pods(self) -> tuple[Object, ...]:
        """The pods bound to the virtual nodes that have not ended."""
        queries = [pods_on(node, self.pair.consumer) for node in self.nodes]
        found = [pod for query in queries for pod in self.seen.objects[query]]
        return tuple(p for p in found if dig(p, "status", "phase") not in ("Succeeded", "Failed"))

    def is_established(self) -> bool:
        """Tell whether the consumer's Liqo reaches the provider's API server."""
        told = condition(self.foreign_cluster, "APIServerStatus", "status", "conditions")
        return told.get("status") == "Established"

    def is_joined(self) -> bool:
        """Tell whether pods may be placed: as the consumer has it, or the provider alone."""
        if self.pair.consumer.is_ours:
            ready = any(has_condition(node, "Ready") for node in self.nodes)
            return ready and self.is_established()
        asked = self.seen.objects.get(self.pair.provider.about(RESOURCE_SLICE), ())
        return any(is_granted(o) for o in asked if o not in self.about_slices())

    def about_slices(self) -> tuple[Object, ...]:
        """Return the slices of the other direction that the provider itself asks for."""
        return self.about(self.pair.provider, RESOURCE_SLICE)


def is_granted(asked: Object) -> bool:
    """Tell whether a ResourceSlice is accepted, who asks and what is asked for."""
    return all(
        condition(asked, of, "status", "conditions").get("status") == "Accepted"
        for of in ("Authentication", "Resources")
    )
