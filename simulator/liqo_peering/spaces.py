"""Plays how NamespaceMaps are carried to a provider, whose namespaces come and go with them."""

from simulator.kubernetes.objects import Object, dig, is_going, name_of, namespace_of
from simulator.liqo_peering.replicating import copied, is_copy, way_to
from simulator.liqo_peering.sides import REMOTE, Side, annotation, made

MANAGED_BY = "liqo.io/managed-by-namespace-map"
ORIGINAL = "liqo.io/original-name"


async def play_spaces(consumer: Side, provider: Side) -> None:
    """Copy the NamespaceMap of a provider to it, and have its namespaces be as the copy says."""
    way = way_to(provider, consumer)
    if way:
        own = next((m for m in consumer.of("NamespaceMap", provider.name) if not is_copy(m)), None)
        copy = provider.get("NamespaceMap", provider.name, way)
        if own is None or is_going(own):
            await provider.delete("NamespaceMap", [copy])
        else:
            replica = copied("NamespaceMap", own, way, (consumer.name, provider.name))
            await provider.apply({**replica, "spec": own.get("spec") or {}})
    await _realize(consumer, provider)


async def _realize(consumer: Side, provider: Side) -> None:
    """Make the namespaces that copies ask for; one that none asks for any more is destroyed."""
    wanted: dict[str, Object] = {}
    for copy in provider.of("NamespaceMap", consumer.name):
        if is_copy(copy) and not is_going(copy):
            by = f"{namespace_of(copy)}/{name_of(copy)}"
            for local, remote in (dig(copy, "spec", "desiredMapping") or {}).items():
                space = made("Namespace", remote, **{REMOTE: consumer.name})
                space["metadata"]["annotations"] = {MANAGED_BY: by, ORIGINAL: local}
                wanted[remote] = space
    for name, space in wanted.items():
        found = provider.get("Namespace", name)
        if found is None or annotation(found, MANAGED_BY) == annotation(space, MANAGED_BY):
            await provider.apply(space)
    gone = [
        space
        for space in provider.of("Namespace", consumer.name)
        if annotation(space, MANAGED_BY) and name_of(space) not in wanted
    ]
    await provider.delete("Namespace", gone)
