"""What a write may change and what it may not: identity, subresources, generation, scale."""

import secrets
from typing import Any

import orjson

from simulator.kubernetes.objects import Object, clone, dig, put
from simulator.kubernetes.resources import Resource, ScalePaths
from simulator.kubernetes.selectors import as_text
from simulator.kubernetes.status import NoSuchPathError
from simulator.kubernetes.validation import check_scale

IDENTITY = (
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "managedFields",
)
"""Metadata that only the server writes."""
SAFE_CHARACTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What generated names are made of: no vowels, so no words."""


def generated(prefix: str) -> str:
    """Return a name that nobody has."""
    return prefix + "".join(secrets.choice(SAFE_CHARACTERS) for _ in range(5))


def hashed(template: Object) -> str:
    """Return the hash of a pod template as names carry it: FNV-1a over its JSON, no vowels."""
    value = 2166136261
    for byte in orjson.dumps(template, option=orjson.OPT_SORT_KEYS):
        value = (value ^ byte) * 16777619 % 2**32
    return "".join(SAFE_CHARACTERS[ord(digit) % len(SAFE_CHARACTERS)] for digit in str(value))


def stamped(resource: Resource, new: Object, namespace: str, *, uid: str, at: str) -> Object:
    """Return a new object with the identity the server gives it."""
    kept = ("name", "generateName", "labels", "annotations", "finalizers", "ownerReferences")
    given = new["metadata"]
    metadata = {name: given[name] for name in kept if given.get(name)}
    metadata |= {"uid": uid, "creationTimestamp": at}
    if resource.namespaced:
        metadata["namespace"] = namespace
    if resource.has_generation:
        metadata["generation"] = 1
    result = {**new, "metadata": metadata}
    result |= {"apiVersion": resource.api_version, "kind": resource.kind}
    if resource.has_status and resource.kind != "Node":
        # kubelets register nodes with their status
        result.pop("status", None)
    return result


def confined(resource: Resource, live: Object, new: Object, subresource: str) -> Object:
    """Return the new object with all that this subresource may not change as it was."""
    new = {**new, "apiVersion": live["apiVersion"], "kind": live["kind"]}
    fixed = {name: live["metadata"][name] for name in IDENTITY if name in live["metadata"]}
    free = {k: v for k, v in new["metadata"].items() if k not in IDENTITY and v is not None}
    if subresource == "status":
        return _status_only(resource, live, new, {**free, **fixed})
    new["metadata"] = {**free, **fixed}
    if resource.has_status:
        _take(new, live, "status")
    return new


def _status_only(resource: Resource, live: Object, new: Object, metadata: Object) -> Object:
    kept = {name: value for name, value in live.items() if name != "status"}
    if "status" in new:
        kept["status"] = new["status"]
    if not resource.is_custom:
        _take(metadata, live["metadata"], "labels")
        kept["metadata"] = metadata
    return kept


def _take(value: Object, source: Object, name: str) -> None:
    if name in source:
        value[name] = source[name]
    else:
        value.pop(name, None)


def next_generation(resource: Resource, live: Object, new: Object) -> int:
    """Return the generation: it counts the changes of what is wanted."""
    generation = int(live["metadata"].get("generation", 1))
    return generation + int(_wanted(resource, live) != _wanted(resource, new))


def _wanted(resource: Resource, obj: Object) -> Any:
    told = (
        ("metadata", "status") if resource.has_status or not resource.is_custom else ("metadata",)
    )
    wanted = {name: value for name, value in obj.items() if name not in told}
    if resource.kind == "Pod":
        # being bound to a node is no wish
        wanted["spec"] = {k: v for k, v in obj["spec"].items() if k != "nodeName"}
    if resource.kind == "Deployment":
        # as the real one: annotations of a Deployment count too
        wanted["annotations"] = obj["metadata"].get("annotations") or {}
    return wanted


def scale_of(resource: Resource, obj: Object) -> Object:
    """Return the `Scale` of an object."""
    paths = _scale_paths(resource)
    known = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    replicas = dig(obj, *paths.replicas)
    if paths.selector:
        selector = dig(obj, *paths.selector)
    else:
        selector = as_text(dig(obj, "spec", "selector"))
    status = {"replicas": dig(obj, *paths.status_replicas) or 0, "selector": selector}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: obj["metadata"][name] for name in known if name in obj["metadata"]},
        "spec": {"replicas": replicas} if replicas else {},
        "status": {name: value for name, value in status.items() if value not in (None, "")},
    }


def rescaled(resource: Resource, obj: Object, scale: Object) -> Object:
    """Return the object with the size a `Scale` asks for, and with the `Scale`'s version."""
    result, replicas = clone(obj), dig(scale, "spec", "replicas") or 0
    check_scale(obj["metadata"]["name"], replicas)
    put(result, _scale_paths(resource).replicas, replicas)
    put(result, ("metadata", "resourceVersion"), dig(scale, "metadata", "resourceVersion"))
    return result


def _scale_paths(resource: Resource) -> ScalePaths:
    if resource.scale is None:
        raise NoSuchPathError
    return resource.scale


def stripped(resource: Resource, config: Object, subresource: str) -> Object:
    """Return what an applied configuration says about what its subresource may change."""
    kept = {**config, "metadata": config.get("metadata") or {}}
    match subresource:
        case "scale":
            replicas = dig(config, "spec", "replicas")
            kept = {"metadata": {}}
            put(kept, _scale_paths(resource).replicas, replicas)
        case "status":
            kept.pop("spec", None)
            kept["metadata"] = {} if resource.is_custom else kept["metadata"]
        case _ if resource.has_status:
            kept.pop("status", None)
    kept["metadata"] = {k: v for k, v in kept["metadata"].items() if k not in IDENTITY}
    return kept


def without_nulls(value: Any) -> Any:
    """Return the value without fields that say null, which is the same as not saying them."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value
