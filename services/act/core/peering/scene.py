"""The two clusters of a peering, and what was seen of it on both."""

from dataclasses import dataclass
from functools import cached_property

from services.act.core.objects import (
    FOREIGN_CLUSTER,
    NAMESPACE,
    Kind,
    Object,
    Ref,
    condition,
    dig,
    has_condition,
    name_of,
)
from services.act.core.peering.kinds import (
    REPLICATED,
    RESOURCE_SLICE,
    TENANT_NAMESPACE,
)
from services.act.core.peering.pairs import Pair, Side, nodes_of
from services.act.core.pods import has_ended, pods_on
from services.act.core.seen import Seen


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

    def why_beyond_reach(self) -> str:
        """Say why nothing can be done on the provider, or nothing."""
        provider = self.pair.provider
        if not provider.is_ours:
            return f"Act has no way into {provider.name}"
        return self.seen.why_silent(provider.at)

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
        queries = [pods_on(node, at=self.pair.consumer.at) for node in self.nodes]
        found = [pod for query in queries for pod in self.seen.objects[query]]
        return tuple(pod for pod in found if not has_ended(pod))

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
