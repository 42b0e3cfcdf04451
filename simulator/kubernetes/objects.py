"""Kubernetes objects as plain JSON values: never changed in place once they are stored."""

from collections.abc import Mapping
from typing import Any, TypeVar

import orjson

Object = dict[str, Any]

T = TypeVar("T")


def clone(value: T) -> T:
    """Return a deep copy of a JSON value."""
    copied: T = orjson.loads(orjson.dumps(value))
    return copied


def dig(value: Any, *path: str) -> Any:
    """Return what stands at a path of fields, or None."""
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def put(value: Object, path: tuple[str, ...], new: Any) -> None:
    """Set what stands at a path of fields, making the maps on the way; None removes it."""
    *parents, last = path
    for name in parents:
        value = value.setdefault(name, {})
    if new is None:
        value.pop(last, None)
    else:
        value[last] = new


def name_of(obj: Object) -> str:
    """Return the object's name."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str:
    """Return the object's namespace; empty if it has none."""
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Object) -> str:
    """Return the object's uid."""
    return str(obj["metadata"]["uid"])


def labels_of(obj: Object) -> dict[str, str]:
    """Return the object's labels."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return the object's annotations."""
    return obj["metadata"].get("annotations") or {}


def condition_of(obj: Object, kind: str) -> Object:
    """Return the condition of a type in the object's status; empty if it is not there."""
    conditions = dig(obj, "status", "conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def is_true(obj: Object, kind: str) -> bool:
    """Tell whether the condition of a type is True."""
    return condition_of(obj, kind).get("status") == "True"


def is_going(obj: Object) -> bool:
    """Tell whether the object's deletion has begun."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Object) -> Object | None:
    """Return the reference to the owner that controls the object."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)
