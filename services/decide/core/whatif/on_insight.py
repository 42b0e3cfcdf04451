"""Make changes to an insight: another network, other clusters, prices, users, replicas."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from services.decide.core.whatif.change import Change
from services.decide.core.whatif.linked import pairs_of
from shared.messages.insight import Insight
from shared.model.application import Application, Component, UserGroup
from shared.model.fleet import Cluster, ClusterState, Fleet, Link, Node
from shared.model.resources import Resources

BYTES_PER_CORE = 4.0 * 2**30
"""Memory that comes with a core where a cluster has no node to tell."""
LINK_FIELDS = {
    "jitter": "jitter_ms",
    "loss": "loss_ratio",
    "capacity": "capacity_mbps",
}
PRICE_FIELDS = {
    "price.core": "core_hour",
    "price.gib": "gib_hour",
    "price.gpu": "gpu_hour",
    "price.egress": "gb_egress",
    "price.kwh": "kwh",
}


def changed(insight: Insight, changes: Iterable[Change]) -> Insight:
    """Return the insight with the changes made, one after the other.

    What Orient concluded from it (qualities, incidents, forecasts) stays as it is.
    ChangeError: one cannot be made.
    """
    return replace(insight, fleet=reduce(_changed, changes, insight.fleet))


def _changed(fleet: Fleet, change: Change) -> Fleet:
    return _MAKERS[change.kind](fleet, change)


# ------------------------------------------------------------------------------- links


def _link(fleet: Fleet, change: Change) -> Fleet:
    pairs = pairs_of(
        change,
        clusters=[c.name for c in fleet.clusters],
        links={(x.source, x.target) for x in fleet.links},
    )
    links = (_changed_link(x, change) if (x.source, x.target) in pairs else x for x in fleet.links)
    return replace(fleet, links=tuple(links))


def _changed_link(link: Link, change: Change) -> Link:
    if change.field == "up":
        return replace(link, up=change.flag())
    if change.field == "latency":
        latency_ms = change.number(link.steady_latency_ms)
        return replace(link, latency_ms=latency_ms, usual_latency_ms=None)
    field = LINK_FIELDS[change.field]
    values: dict[str, Any] = {field: change.number(getattr(link, field))}
    return replace(link, **values)


# ---------------------------------------------------------------------------- clusters


def _cluster(fleet: Fleet, change: Change) -> Fleet:
    if change.field == "state":
        state = ClusterState(change.one_of(ClusterState))
        reason = "" if state is ClusterState.READY else f"what if {change.name} were {state}"
        return _with_cluster(fleet, change, lambda c: replace(c, state=state, reason=reason))
    return _with_cluster(fleet, change, lambda c: _resized(c, change))


def _with_cluster(fleet: Fleet, change: Change, made: Callable[[Cluster], Cluster]) -> Fleet:
    if all(c.name != change.name for c in fleet.clusters):
        raise change.unknown("cluster", change.name, (c.name for c in fleet.clusters))
    clusters = (made(c) if c.name == change.name else c for c in fleet.clusters)
    return replace(fleet, clusters=tuple(clusters))


def _resized(cluster: Cluster, change: Change) -> Cluster:
    """Add a node with the cores that are more, or take those that are less from the emptiest."""
    offered = sum((n.allocatable for n in cluster.nodes if n.ready), Resources())
    more = change.number(offered.cpu_cores) - offered.cpu_cores
    ceiling = cluster.site.max_cores
    site = replace(cluster.site, max_cores=None if ceiling is None else max(0.0, ceiling + more))
    if more > 0.0:
        each = offered.memory_bytes / offered.cpu_cores if offered.cpu_cores else BYTES_PER_CORE
        room = Resources(cpu_cores=more, memory_bytes=more * each)
        name = f"{cluster.name}-what-if-{len(cluster.nodes)}"
        node = Node(name=name, allocatable=room, requested=Resources())
        return replace(cluster, site=site, nodes=(*cluster.nodes, node))
    return replace(cluster, site=site, nodes=_with_less(cluster.nodes, -more))


def _with_less(nodes: tuple[Node, ...], cores: float) -> tuple[Node, ...]:
    taken = {}
    for node in sorted(nodes, key=lambda n: (-n.headroom.cpu_cores, n.name)):
        taken[node.name] = min(cores, node.allocatable.cpu_cores) if node.ready else 0.0
        cores -= taken[node.name]
    return tuple(
        replace(n, allocatable=n.allocatable - Resources(cpu_cores=taken[n.name])) for n in nodes
    )


def _site(fleet: Fleet, change: Change) -> Fleet:
    field = PRICE_FIELDS[change.field]

    def priced(cluster: Cluster) -> Cluster:
        prices = cluster.site.prices
        values = {field: change.number(getattr(prices, field))}
        return replace(cluster, site=replace(cluster.site, prices=replace(prices, **values)))

    return _with_cluster(fleet, change, priced)


# ------------------------------------------------------------------------ applications


def _users(fleet: Fleet, change: Change) -> Fleet:
    name, _, wanted = change.name.rpartition("/")
    places = {a.user_site for c in fleet.clusters for a in c.site.access}
    places |= {c.name for c in fleet.clusters}

    def moved(group: UserGroup) -> UserGroup:
        if change.field == "site":
            return replace(group, site=change.one_of(places))
        return replace(group, budget_ms=change.number(group.budget_ms))

    def made(application: Application) -> Application:
        known = [group.name for group in application.users]
        if wanted not in known:
            raise change.unknown(f"user group of {name}", wanted, known)
        users = (moved(group) if group.name == wanted else group for group in application.users)
        return replace(application, users=tuple(users))

    return _with_application(fleet, change, name, made)


def _app(fleet: Fleet, change: Change) -> Fleet:
    name, _, wanted = change.name.rpartition(".")

    def scaled(component: Component) -> Component:
        """Ask for that many; the bounds widen with it, since it is a person who asks."""
        replicas = change.whole(component.replicas)
        return replace(
            component,
            replicas=replicas,
            min_replicas=min(component.min_replicas, replicas),
            max_replicas=max(component.max_replicas, replicas),
        )

    def made(application: Application) -> Application:
        known = [component.name for component in application.components]
        if wanted not in known:
            raise change.unknown(f"component of {name}", wanted, known)
        parts = (scaled(c) if c.name == wanted else c for c in application.components)
        return replace(application, components=tuple(parts))

    return _with_application(fleet, change, name, made)


def _with_application(
    fleet: Fleet, change: Change, name: str, made: Callable[[Application], Application]
) -> Fleet:
    if all(a.name != name for a in fleet.applications):
        raise change.unknown("application", name, (a.name for a in fleet.applications))
    applications = (made(a) if a.name == name else a for a in fleet.applications)
    return replace(fleet, applications=tuple(applications))


_MAKERS: Mapping[str, Callable[[Fleet, Change], Fleet]] = {
    "link": _link,
    "cluster": _cluster,
    "site": _site,
    "users": _users,
    "app": _app,
}
