"""Sets of field paths: which parts an object has, and how managedFields write them (FieldsV1)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.kubernetes.objects import Object
from simulator.kubernetes.shapes import Shape, is_whole, item_name

Path = tuple[str, ...]
"""Elements as FieldsV1 writes them: `f:spec`, `k:{"name":"x"}`, `v:"x"`."""
Fields = frozenset[Path]


class UndeclaredError(Exception):
    """The schema knows no such field; the message is its path."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an object. `value` is None unless it is merged as a whole."""

    path: Path
    value: Any = None
    is_whole: bool = False
    has_name: bool = False
    """Whether it is owned for itself, beside what is in it: an item, an entry, an empty map."""


def parts(value: Any, shape: Shape, path: Path = ()) -> Iterator[Part]:
    """Yield every part below a value that is not whole. UndeclaredError: one must not be there."""
    for element, child, child_shape, has_name in _children(value, shape, path):
        below = (*path, element)
        if is_whole(child, child_shape):
            yield Part(below, child, is_whole=True)
        else:
            yield Part(below, has_name=has_name or child == {})
            yield from parts(child, child_shape, below)


def applied_fields(obj: Object, shape: Shape) -> Fields:
    """Return the fields that somebody who applies this object wants to own."""
    return frozenset(p.path for p in parts(obj, shape) if p.is_whole or p.has_name)


def is_under(path: Path, prefix: Path) -> bool:
    """Tell whether a path is the prefix or leads on from it."""
    return path[: len(prefix)] == prefix


def without(value: Any, shape: Shape, doomed: Fields, path: Path = ()) -> Any:
    """Return the value without the fields at those paths, and without maps that are empty then."""
    if is_whole(value, shape):
        return value
    kept = []
    for element, child, child_shape, _ in _children(value, shape, path):
        below = (*path, element)
        if below in doomed:
            continue
        left = without(child, child_shape, doomed, below)
        if left or left == child:
            kept.append((element, left))
    if isinstance(value, list):
        return [left for _, left in kept]
    return {element[2:]: left for element, left in kept}


def encoded(fields: Fields) -> Object:
    """Return the fields as FieldsV1."""
    tree: Object = {}
    for path in sorted(fields):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    for path in fields:
        node = tree
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return tree


def decoded(tree: Mapping[str, Any], path: Path = ()) -> Iterator[Path]:
    """Yield the paths of FieldsV1."""
    for element, node in tree.items():
        if element == ".":
            yield path
        elif node:
            yield from decoded(node, (*path, element))
        else:
            yield (*path, element)


def shown(path: Iterable[str]) -> str:
    """Return a path as messages write it: `.spec.containers[name="x"].image`."""
    return "".join(map(_shown_element, path))


def _shown_element(element: str) -> str:
    kind, text = element[:2], element[2:]
    match kind:
        case "f:":
            return f".{text}"
        case "v:":
            return f"[={text}]"
        case _:
            names = ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(text).items())
            return f"[{names}]"


def _children(value: Any, shape: Shape, path: Path) -> Iterator[tuple[str, Any, Shape, bool]]:
    """Yield element, value, shape, and whether the part has a name, of each direct part."""
    if isinstance(value, list):
        item = shape.item()
        for child in value:
            yield item_name(child, shape.keys), child, item, True
        return
    for name, child in value.items():
        field = shape.field(name)
        if field is None:
            raise UndeclaredError(f"{shown(path)}.{name}")
        yield f"f:{name}", child, field, not shape.is_declared(name)
