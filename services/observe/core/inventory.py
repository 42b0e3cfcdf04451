"""Raw objects of Kubernetes become the inventory. A bad one is a Problem and harms no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial

from services.observe.core.check_application import (
    Surroundings,
    WorkloadKey,
    check_application,
    workload_key,
)
from services.observe.core.fields import Fields
from services.observe.core.parse_application import is_under_way, name_of, parse_application
from services.observe.core.parse_cluster import (
    parse_foreign_cluster,
    parse_node,
    parse_offloading,
    parse_pod,
    parse_workload,
)
from services.observe.core.parse_site import parse_policy, parse_site
from services.observe.core.reader import Listed, Reader, age_and_title, namespace_of, title_of
from shared.messages.inventory import Freshness, Inventory, KindFreshness, Workload
from shared.model.application import Application, Limits, WorkloadKind
from shared.model.names import ApplicationName, ClusterName, FleetName
from shared.model.policy import FleetPolicy
from shared.model.site import Site

KINDS = (
    "Application",
    "Site",
    "FleetPolicy",
    "Deployment",
    "StatefulSet",
    "Pod",
    "Node",
    "ForeignCluster",
    "NamespaceOffloading",
)


def read_inventory(lists: Iterable[Listed], fleet: FleetName) -> Inventory:
    """Return the inventory of a fleet. Workloads and pods: those of its applications' namespaces.

    Applications have no values of their metrics yet: see `application_metrics`.
    """
    reader = Reader(lists={listed.kind: listed for listed in lists}, fleet=fleet)
    sites = _sites(reader)
    policy = _policy(reader)
    namespaces = {namespace_of(item) for item in reader.mine("Application")}
    workloads = _workloads(reader, namespaces)
    applications = _applications(reader, policy.default_limits, sites, workloads)
    home = next((site.name for site in sites if site.home), ClusterName(""))
    pods = reader.read("Pod", _inside(reader.all("Pod"), namespaces), parse_pod)
    nodes = reader.read("Node", reader.all("Node"), lambda node: parse_node(node, home))
    peers = reader.read("ForeignCluster", reader.all("ForeignCluster"), parse_foreign_cluster)
    stretched = _inside(reader.all("NamespaceOffloading"), namespaces)
    offloadings = reader.read("NamespaceOffloading", stretched, parse_offloading)
    return Inventory(
        sites=sites,
        policy=policy,
        applications=applications,
        workloads=tuple(sorted(workloads, key=lambda w: (w.namespace, w.name, w.kind))),
        pods=tuple(sorted((p for p in pods if p), key=lambda p: (p.namespace, p.name))),
        nodes=tuple(sorted(nodes, key=lambda n: n.name)),
        foreign_clusters=tuple(sorted(peers, key=lambda f: f.cluster)),
        offloadings=tuple(sorted(offloadings, key=lambda o: o.namespace)),
        kinds=tuple(_freshness(reader.lists.get(kind), kind) for kind in KINDS),
        problems=reader.sorted_problems(),
        under_way=_under_way(reader),
    )


def surroundings_of(inventory: Inventory) -> Surroundings:
    """Return what applications may refer to, once the inventory is read."""
    return Surroundings(
        workloads={(w.namespace, w.kind, w.name): w for w in inventory.workloads},
        sites=inventory.sites,
        fresh={kind.kind: kind.state for kind in inventory.kinds},
        claims={},
    )


def _sites(reader: Reader) -> tuple[Site, ...]:
    found = sorted(reader.read("Site", reader.mine("Site"), parse_site), key=lambda s: s.name)
    homes = [site.name for site in found if site.home]
    for name in homes[1:]:
        reader.complain("Site", name, "spec.home", f"{homes[0]} is home already: there is but one")
    if found and not homes:
        reader.complain("Site", found[0].name, "spec.home", "no Site says that it is home")
    names = {site.name for site in found}
    for site in found:
        for strange in sorted({p.consumer for p in site.peerings} - (names - {site.name})):
            what = f"{strange} is no other Site of the fleet"
            reader.complain("Site", site.name, "spec.peerings", what)
    return tuple(site for site in found if site.name not in homes[1:])


def _policy(reader: Reader) -> FleetPolicy:
    """Return the policy named as the fleet; the defaults where there is none or a bad one."""
    items = [item for item in reader.all("FleetPolicy") if title_of(item) == reader.fleet]
    found = reader.read("FleetPolicy", items, parse_policy)
    return found[0] if found else FleetPolicy()


def _workloads(reader: Reader, namespaces: set[str]) -> list[Workload]:
    return [
        workload
        for kind in WorkloadKind
        for workload in reader.read(
            kind,
            _inside(reader.all(kind), namespaces),
            partial(parse_workload, kind=kind),
        )
    ]


def _applications(
    reader: Reader, limits: Limits, sites: tuple[Site, ...], workloads: list[Workload]
) -> tuple[Application, ...]:
    parse = partial(parse_application, default=limits)
    parsed = reader.read("Application", reader.mine("Application"), parse)
    around = Surroundings(
        workloads={(w.namespace, w.kind, w.name): w for w in workloads},
        sites=sites,
        fresh={kind: listed.state for kind, listed in reader.lists.items()},
        claims=_claims(reader, parse),
    )
    good = []
    for application in parsed:
        complaints = list(check_application(application, around))
        for path, message in complaints:
            reader.complain("Application", application.name, path, message)
        if not complaints:
            good.append(_with_workloads(application, around.workloads))
    return tuple(sorted(good, key=lambda a: a.name))


def _claims(
    reader: Reader, parse: Callable[[Fields], Application]
) -> dict[WorkloadKey, ApplicationName]:
    """Give each workload to the application that was there first, of whatever fleet."""
    everyone = Reader(lists=reader.lists, fleet=reader.fleet)
    items = sorted(everyone.all("Application"), key=age_and_title)
    claims: dict[WorkloadKey, ApplicationName] = {}
    for application in everyone.read("Application", items, parse):
        for component in application.components:
            claims.setdefault(workload_key(application, component), application.name)
    return claims


def _with_workloads(
    application: Application, workloads: Mapping[WorkloadKey, Workload]
) -> Application:
    """Return it with the replicas and requests of its workloads."""
    components = []
    for component in application.components:
        workload = workloads[workload_key(application, component)]
        most = component.max_replicas or max(component.min_replicas, workload.replicas)
        components.append(
            replace(
                component,
                replicas=workload.replicas,
                requests=workload.requests,
                max_replicas=most,
            )
        )
    return replace(application, components=tuple(components))


def _under_way(reader: Reader) -> tuple[ApplicationName, ...]:
    names = reader.read(
        "Application",
        reader.mine("Application"),
        lambda item: name_of(item) if is_under_way(item) else None,
    )
    return tuple(sorted(name for name in names if name))


def _freshness(listed: Listed | None, kind: str) -> KindFreshness:
    if listed is None:
        return KindFreshness(kind=kind, state=Freshness.ABSENT, reason="not listed yet")
    return KindFreshness(
        kind=kind, state=listed.state, synced_at=listed.synced_at, reason=listed.reason
    )


def _inside(items: Iterable[Fields], namespaces: set[str]) -> list[Fields]:
    return [item for item in items if namespace_of(item) in namespaces]
