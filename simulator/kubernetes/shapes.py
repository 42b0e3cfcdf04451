"""How the parts of an object are merged: field by field, item by item, or only as a whole.

Built-in kinds follow a small table of field names, taken from the markers in Kubernetes' own
types; custom resources follow the `x-kubernetes-*` extensions of their schemas.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Keys = Mapping[str, Any]
"""The fields that name an item of a list, with the value they have where they are missing."""

_NAME: Keys = {"name": None}
_TYPE: Keys = {"type": None}
_LIST_KEYS: Mapping[str, Keys] = {
    "addresses": _TYPE,
    "conditions": _TYPE,
    "containers": _NAME,
    "env": _NAME,
    "ephemeralContainers": _NAME,
    "hostAliases": {"ip": None},
    "hostIPs": {"ip": None},
    "imagePullSecrets": _NAME,
    "initContainers": _NAME,
    "ownerReferences": {"uid": None},
    "podIPs": {"ip": None},
    "topologySpreadConstraints": {"topologyKey": None, "whenUnsatisfiable": None},
    "volumeDevices": {"devicePath": None},
    "volumeMounts": {"mountPath": None},
    "volumes": _NAME,
}
_CONTAINER_PORT: Keys = {"containerPort": None, "protocol": "TCP"}
_PORT_KEYS: Mapping[str, Keys] = {
    "containers": _CONTAINER_PORT,
    "initContainers": _CONTAINER_PORT,
    "spec": {"port": None, "protocol": "TCP"},
}
_SETS = frozenset({"finalizers"})
_ATOMIC_MAPS = frozenset(
    {
        "configMapKeyRef",
        "fieldRef",
        "nodeSelector",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "resourceFieldRef",
        "secretKeyRef",
        "selector",
        "targetRef",
    }
)
_ATOMIC_ITEMS = frozenset({"ownerReferences", "imagePullSecrets"})


class Shape(Protocol):
    """How one value is merged."""

    @property
    def is_atomic_map(self) -> bool:
        """Tell whether a map is replaced as a whole."""

    @property
    def is_atomic_list(self) -> bool:
        """Tell whether a list is replaced as a whole."""

    @property
    def keys(self) -> Keys | None:
        """What names the items of a list of maps; None: it is a set of scalars."""

    def is_declared(self, name: str) -> bool:
        """Tell whether a key of a map is a field of a type, not free text."""

    def field(self, name: str) -> "Shape | None":
        """Return the shape of a field; None: there must be no such field."""

    def item(self) -> "Shape":
        """Return the shape of a list's items."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """The shape of a part of a built-in kind, by the name of its field and of the one around."""

    name: str = ""
    around: str = ""
    is_item: bool = False

    @property
    def is_atomic_map(self) -> bool:
        """Tell whether a map is replaced as a whole."""
        return self.name in (_ATOMIC_ITEMS if self.is_item else _ATOMIC_MAPS)

    @property
    def is_atomic_list(self) -> bool:
        """Tell whether a list is replaced as a whole."""
        return self.keys is None and self.name not in _SETS

    @property
    def keys(self) -> Keys | None:
        """What names the items of a list; None: it is a set of scalars."""
        if self.name == "ports":
            return _PORT_KEYS.get(self.around)
        return _LIST_KEYS.get(self.name)

    def is_declared(self, _: str) -> bool:
        """Say yes: the free maps of built-in kinds hold only scalars, so it does not matter."""
        return True

    def field(self, name: str) -> "BuiltIn":
        """Return the shape of a field."""
        return BuiltIn(name, self.name)

    def item(self) -> "BuiltIn":
        """Return the shape of a list's items."""
        return BuiltIn(self.name, self.around, is_item=True)


@dataclass(frozen=True, slots=True)
class Declared:
    """The shape of a part of a custom resource, by its schema. An empty schema allows anything."""

    node: Mapping[str, Any]
    is_root: bool = False

    @property
    def is_atomic_map(self) -> bool:
        """Tell whether a map is replaced as a whole."""
        return bool(self.node.get("x-kubernetes-map-type") == "atomic")

    @property
    def is_atomic_list(self) -> bool:
        """Tell whether a list is replaced as a whole."""
        return self.node.get("x-kubernetes-list-type") in (None, "atomic")

    @property
    def keys(self) -> Keys | None:
        """What names the items of a list; None: it is a set of scalars."""
        if self.node.get("x-kubernetes-list-type") != "map":
            return None
        fields = self.node["items"].get("properties", {})
        names = self.node.get("x-kubernetes-list-map-keys", ())
        return {name: fields.get(name, {}).get("default") for name in names}

    def is_declared(self, name: str) -> bool:
        """Tell whether a key of a map is a field of a type."""
        return self.is_root or name in self.node.get("properties", {})

    def field(self, name: str) -> Shape | None:
        """Return the shape of a field; None: there must be no such field."""
        if self.is_root and name in ("apiVersion", "kind", "metadata"):
            return BuiltIn(name)
        if name in (fields := self.node.get("properties", {})):
            return Declared(fields[name])
        rest = self.node.get("additionalProperties")
        if isinstance(rest, Mapping):
            return Declared(rest)
        is_open = not self.node or self.node.get("x-kubernetes-preserve-unknown-fields")
        return Declared({}) if rest or is_open else None

    def item(self) -> Shape:
        """Return the shape of a list's items."""
        return Declared(self.node.get("items", {}))


def is_whole(value: Any, shape: Shape) -> bool:
    """Tell whether a value has no parts that are merged one by one."""
    match value:
        case dict():
            return shape.is_atomic_map
        case list():
            return shape.is_atomic_list
        case _:
            return True


def item_name(item: Any, keys: Keys | None) -> str:
    """Return the part of a path that names an item: `k:{"name":"x"}`, or `v:"x"` in a set."""
    if keys is None:
        return f"v:{json.dumps(item)}"
    named = {key: item.get(key, default) for key, default in sorted(keys.items())}
    named = {key: value for key, value in named.items() if value is not None}
    return f"k:{json.dumps(named, separators=(',', ':'))}"
