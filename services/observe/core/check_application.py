"""What an Application refers to must exist: the checks that its CRD cannot make."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from shared.messages.inventory import Freshness, Workload
from shared.model.application import Application, Component, UserGroup, WorkloadKind
from shared.model.names import ApplicationName, ComponentName
from shared.model.site import Site

Complaint = tuple[str, str]
"""Path of a field, and a sentence for its owner."""

WorkloadKey = tuple[str, WorkloadKind, str]
"""Namespace, kind and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What there is to refer to, and how far the lists of it can be believed."""

    workloads: Mapping[WorkloadKey, Workload]
    sites: tuple[Site, ...]
    fresh: Mapping[str, Freshness]
    """By kind."""
    claims: Mapping[WorkloadKey, ApplicationName]
    """The application that came first for each workload."""


def check_application(application: Application, around: Surroundings) -> Iterator[Complaint]:
    """Yield all that is wrong with what an application refers to."""
    yield from _check_names(application)
    yield from _check_workloads(application, around)
    for index, component in enumerate(application.components):
        path = f"spec.components[{index}]"
        wrong = list(_check_clusters(component, path, around))
        yield from wrong or _check_places(component, f"{path}.placement", around)
    yield from _check_flows(application)
    known = {component.name for component in application.components}
    for index, group in enumerate(application.users):
        yield from _check_path(group.path, f"spec.users[{index}].path", known)
        yield from _check_path(group.back, f"spec.users[{index}].back", known)
        if group.site_metric is None:
            yield from check_user_site(group, f"spec.users[{index}].site", around)


def check_user_site(group: UserGroup, path: str, around: Surroundings) -> Iterator[Complaint]:
    """Yield what is wrong with the place where a group attaches."""
    names = {site.name for site in around.sites}
    if group.site in names or any(s.access_ms(group.site) is not None for s in around.sites):
        return
    yield (
        path,
        _unless_unknown(around, "Site", f"no Site says how far it is from user site {group.site}"),
    )


def workload_key(application: Application, component: Component) -> WorkloadKey:
    """Return the key of the workload that runs a component."""
    return application.namespace, component.workload.kind, component.workload.name


def _unless_unknown(around: Surroundings, kind: str, sentence: str) -> str:
    """Return the sentence, or that it cannot be told while that kind is not listed."""
    if around.fresh.get(kind) is Freshness.FRESH:
        return sentence
    return f"{sentence}, as far as can be told: the list of {kind}s is not up to date"


def _check_names(application: Application) -> Iterator[Complaint]:
    yield from _duplicates((c.name for c in application.components), "spec.components", "name")
    yield from _duplicates((g.name for g in application.users), "spec.users", "group")


def _duplicates(names: Iterable[str], path: str, field: str) -> Iterator[Complaint]:
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            yield f"{path}[{index}].{field}", f"{name} is there a second time"
        seen.add(name)


def _check_workloads(application: Application, around: Surroundings) -> Iterator[Complaint]:
    mine: set[WorkloadKey] = set()
    for index, component in enumerate(application.components):
        key, path = workload_key(application, component), f"spec.components[{index}].workload"
        kind, name = component.workload.kind, component.workload.name
        if key not in around.workloads:
            missing = f"there is no {kind} {name} in namespace {application.namespace}"
            yield f"{path}.name", _unless_unknown(around, kind, missing)
        if key in mine:
            yield f"{path}.name", f"{kind} {name} runs another component already"
        first = around.claims.get(key, application.name)
        if first != application.name:
            yield f"{path}.name", f"{kind} {name} belongs to Application {first} already"
        mine.add(key)


def _check_clusters(component: Component, path: str, around: Surroundings) -> Iterator[Complaint]:
    names = {site.name for site in around.sites}
    constraints = component.constraints
    for field, clusters in (
        ("allow", constraints.allowed_clusters),
        ("forbid", constraints.forbidden_clusters),
    ):
        for index, cluster in enumerate(clusters):
            if cluster not in names:
                missing = f"there is no Site {cluster}"
                yield (
                    f"{path}.placement.clusters.{field}[{index}]",
                    _unless_unknown(around, "Site", missing),
                )


def _check_places(component: Component, path: str, around: Surroundings) -> Iterator[Complaint]:
    """Yield that what is allowed and what is forbidden leave no Site."""
    if any(component.constraints.allow(site) for site in around.sites) or not around.sites:
        return
    c = component.constraints
    rules = (
        ("regions", c.allowed_regions, c.forbidden_regions),
        ("owners", c.allowed_owners, c.forbidden_owners),
        ("clusters", c.allowed_clusters, c.forbidden_clusters),
    )
    told = (
        f"{what} {verb} {', '.join(names)}"
        for what, allowed, forbidden in rules
        for verb, names in (("allow", allowed), ("forbid", forbidden))
        if names
    )
    missing = f"leaves no Site for {component.name}: {'; '.join(told)}"
    yield path, _unless_unknown(around, "Site", missing)


def _check_flows(application: Application) -> Iterator[Complaint]:
    known = {component.name for component in application.components}
    seen: set[tuple[ComponentName, ComponentName]] = set()
    for index, flow in enumerate(application.flows):
        path, pair = f"spec.flows[{index}]", (flow.source, flow.target)
        for field, name in (("from", flow.source), ("to", flow.target)):
            if name not in known:
                yield f"{path}.{field}", f"there is no component {name}"
        if flow.source == flow.target:
            yield f"{path}.to", f"a flow from {flow.source} to itself"
        if pair in seen:
            yield path, f"the flow from {flow.source} to {flow.target} is there a second time"
        seen.add(pair)


def _check_path(
    path: tuple[ComponentName, ...], where: str, known: set[ComponentName]
) -> Iterator[Complaint]:
    seen: set[ComponentName] = set()
    for index, name in enumerate(path):
        if name not in known:
            yield f"{where}[{index}]", f"there is no component {name}"
        if name in seen:
            yield f"{where}[{index}]", f"passes {name} a second time: a path has no cycle"
        seen.add(name)
