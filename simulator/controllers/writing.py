"""How controllers write: status, ownership and Kubernetes Events."""

from dataclasses import dataclass
from typing import Any

from simulator.kubernetes.api import Api, Ref, Writer
from simulator.kubernetes.objects import Object, condition_of, name_of, namespace_of, uid_of
from simulator.kubernetes.resources import EVENTS, Resource

MANAGER = "kube-controller-manager"


def ref_of(resource: Resource, obj: Object) -> Ref:
    """Return which object it is."""
    return Ref(resource=resource, name=name_of(obj), namespace=namespace_of(obj))


def set_status(
    api: Api, resource: Resource, obj: Object, status: Object, *, manager: str = MANAGER
) -> Object:
    """Write the status of an object; the same status again changes nothing."""
    by = Writer(manager=manager, subresource="status")
    return api.patch(ref_of(resource, obj), lambda live: {**live, "status": status}, by)


def set_spec(api: Api, resource: Resource, obj: Object, **fields: Any) -> Object:
    """Write fields of the spec of an object; None removes one."""

    def change(live: Object) -> Object:
        spec = {**live["spec"], **fields}
        return {**live, "spec": {name: v for name, v in spec.items() if v is not None}}

    return api.patch(ref_of(resource, obj), change, Writer(manager=MANAGER))


def annotate(api: Api, resource: Resource, obj: Object, annotations: dict[str, str]) -> Object:
    """Write annotations of an object."""

    def change(live: Object) -> Object:
        metadata = live["metadata"]
        merged = {**(metadata.get("annotations") or {}), **annotations}
        return {**live, "metadata": {**metadata, "annotations": merged}}

    return api.patch(ref_of(resource, obj), change, Writer(manager=MANAGER))


def owned_by(owner: Object) -> Object:
    """Return the reference of a dependent to the owner that controls it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What a Kubernetes Event says, and which component says it."""

    reason: str
    message: str
    type: str = "Warning"
    component: str = ""


def record_event(api: Api, obj: Object, *, reason: str, message: str) -> None:
    """Create a Kubernetes Event of type Warning about an object of a namespace."""
    tell(api, obj, Telling(reason=reason, message=message))


def tell(api: Api, obj: Object, said: Telling) -> None:
    """Create a Kubernetes Event about an object of a namespace."""
    namespace = namespace_of(obj)
    event: Object = {
        "metadata": {"generateName": f"{name_of(obj)}."},
        "involvedObject": {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": name_of(obj),
            "namespace": namespace,
            "uid": uid_of(obj),
        },
        "type": said.type,
        "reason": said.reason,
        "message": said.message,
        "count": 1,
        "firstTimestamp": api.now(),
        "lastTimestamp": api.now(),
    }
    if said.component:
        event["source"] = {"component": said.component}
        event["reportingComponent"] = said.component
    api.create(EVENTS, namespace, event, Writer(manager=said.component or MANAGER))


class Recorder:
    """Creates Kubernetes Events, and does not say of an object again what it said last."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._said: dict[str, Telling] = {}
        """By uid."""

    def record(self, obj: Object, said: Telling) -> None:
        """Record what is new about an object."""
        if self._said.get(uid_of(obj)) != said:
            self._said[uid_of(obj)] = said
            tell(self._api, obj, said)


def with_condition(obj: Object, condition: Object, at: str) -> list[Object]:
    """Return the object's conditions with this one; one that says the same stays as it is."""
    old = condition_of(obj, condition["type"])
    conditions = list((obj.get("status") or {}).get("conditions") or ())
    if condition.items() <= old.items():
        return conditions
    same = old.get("status") == condition["status"]
    new = {**condition, "lastTransitionTime": old["lastTransitionTime"] if same else at}
    if obj["kind"] == "Deployment":
        new["lastUpdateTime"] = at
    if old:
        return [new if c["type"] == condition["type"] else c for c in conditions]
    return [*conditions, new]
