"""What the API server says about itself: groups, resources, version."""

from typing import Any

from simulator.kubernetes.objects import Object
from simulator.kubernetes.resources import ACCESS_REVIEWS, PODS, Registry, Resource

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
VERSION: Object = {
    "major": "1",
    "minor": "35",
    "gitVersion": "v1.35.4+crossloop-simulator",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}


def discovered(path: str, registry: Registry) -> Object | str | None:
    """Return what a path of discovery answers; None: it is none."""
    answer: Object | str | None = None
    match [part for part in path.split("/") if part]:
        case ["version"]:
            answer = VERSION
        case ["livez" | "readyz" | "healthz"]:
            answer = "ok"
        case ["api"]:
            answer = {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = _groups(registry)
            answer = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        case ["apis", name]:
            found = [{"kind": "APIGroup", "apiVersion": "v1", **g} for g in _groups(registry)]
            answer = next((group for group in found if group["name"] == name), None)
        case ["api", version]:
            answer = _resources(registry, "", version)
        case ["apis", group, version]:
            answer = _resources(registry, group, version)
    return answer


def _groups(registry: Registry) -> list[Object]:
    versions: dict[str, dict[str, None]] = {}
    for resource in registry:
        if resource.group:
            versions.setdefault(resource.group, {})[resource.version] = None
    return [_group(group, list(found)) for group, found in versions.items()]


def _group(group: str, versions: list[str]) -> Object:
    served = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": served, "preferredVersion": served[0]}


def _resources(registry: Registry, group: str, version: str) -> Object | None:
    found = registry.of_group(group, version)
    if not found:
        return None
    entries = [entry for resource in found for entry in _entries(resource)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": entries,
    }


def _entries(resource: Resource) -> list[Object]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": ["create"] if resource == ACCESS_REVIEWS else list(VERBS),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    entries = [entry]
    change = ["get", "patch", "update"]
    if resource.has_status:
        entries.append(_part(resource, "status", resource.kind, change))
    if resource.scale:
        scale = {"group": "autoscaling", "version": "v1"}
        entries.append(_part(resource, "scale", "Scale", change) | scale)
    if resource == PODS:
        policy = {"group": "policy", "version": "v1"}
        entries.append(_part(resource, "eviction", "Eviction", ["create"]) | policy)
    return entries


def _part(resource: Resource, name: str, kind: str, verbs: list[str]) -> Object:
    return {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": verbs,
    }
