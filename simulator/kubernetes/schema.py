"""Structural schemas of custom resources: defaults, unknown fields, and what is wrong.

Validation is jsonschema's (draft 4 is what OpenAPI 3.0 builds on), told in the real server's words.
CEL rules (`x-kubernetes-validations`) are not evaluated.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft4Validator

from simulator.kubernetes.objects import clone
from simulator.kubernetes.problems import Problem, problem_of

Node = Mapping[str, Any]

EMBEDDED = ("apiVersion", "kind", "metadata")
"""Fields every object has, whatever its schema says."""


class Schema:
    """The schema of one version of a custom resource."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._validator = Draft4Validator(_as_json_schema(node))

    def fill(self, obj: dict[str, Any]) -> None:
        """Put defaults where fields are missing."""
        _fill(self.node, obj)

    def prune(self, obj: dict[str, Any]) -> None:
        """Drop the fields that are not declared."""
        kept = {name: obj.pop(name) for name in EMBEDDED if name in obj}
        _prune(self.node, obj)
        obj.update(kept)

    def problems(self, obj: dict[str, Any]) -> tuple[Problem, ...]:
        """Return what is wrong, in the order of the fields' names."""
        found = [*map(problem_of, self._validator.iter_errors(obj)), *_duplicates(self.node, obj)]
        return tuple(sorted(found, key=lambda problem: problem[1]))


def children(node: Node, value: Any) -> Iterator[tuple[str, Node, Any]]:
    """Yield the declared parts of a value: `.name` or `[index]`, schema and part."""
    if isinstance(value, dict):
        properties, rest = node.get("properties", {}), node.get("additionalProperties")
        for name, child in value.items():
            if name in properties:
                yield f".{name}", properties[name], child
            elif isinstance(rest, Mapping):
                yield f".{name}", rest, child
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield f"[{index}]", node.get("items", {}), child


def _fill(node: Node, value: Any) -> None:
    if isinstance(value, dict):
        for name, child in node.get("properties", {}).items():
            if "default" in child and value.get(name) is None and not child.get("nullable"):
                value[name] = clone(child["default"])
    for _, child, part in children(node, value):
        _fill(child, part)


def _prune(node: Node, value: Any) -> None:
    keeps = node.get("x-kubernetes-preserve-unknown-fields") or node.get("additionalProperties")
    if isinstance(value, dict) and not keeps:
        for name in value.keys() - node.get("properties", {}).keys():
            del value[name]
    for _, child, part in children(node, value):
        _prune(child, part)


def _duplicates(node: Node, value: Any, field: str = "") -> Iterator[Problem]:
    """Yield the items that have the same keys, or are the same in a set, as one before them."""
    kind, keys = node.get("x-kubernetes-list-type"), node.get("x-kubernetes-list-map-keys", ())
    seen = []
    for name, child, part in children(node, value):
        here = f"{field}{name}".removeprefix(".")
        identity = {key: part.get(key) for key in keys} if kind == "map" else part
        if kind in ("map", "set") and identity in seen:
            shown = json.dumps(identity, separators=(",", ":"))
            yield "FieldValueDuplicate", here, f"Duplicate value: {shown}"
        seen.append(identity)
        yield from _duplicates(child, part, here)


def _as_json_schema(node: Node) -> dict[str, Any]:
    """Translate a structural schema into JSON Schema, draft 4."""
    result: dict[str, Any] = {}
    for name, value in node.items():
        if name == "properties":
            result[name] = {key: _as_json_schema(child) for key, child in value.items()}
        elif name in ("items", "not", "additionalProperties") and isinstance(value, Mapping):
            result[name] = _as_json_schema(value)
        elif name in ("allOf", "anyOf", "oneOf"):
            result[name] = [_as_json_schema(child) for child in value]
        elif name not in ("default", "nullable", "format") and not name.startswith("x-"):
            result[name] = value
    if node.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if node.get("nullable") and "type" in result:
        result = {"anyOf": [{"type": "null"}, result]}
    return result
