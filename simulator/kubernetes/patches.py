"""Merge patch (RFC 7386), JSON patch (RFC 6902) and the useful part of strategic merge patch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simulator.kubernetes.objects import clone
from simulator.kubernetes.shapes import BuiltIn, Shape, item_name


class PatchError(Exception):
    """The patch cannot be applied to this object."""


def merge(value: Any, change: Any) -> Any:
    """Return the value with a merge patch applied."""
    return _merged(value, change, lambda _, old, part: merge(old, part))


def strategic(value: Any, change: Any, shape: Shape | None = None) -> Any:
    """Return the value with a strategic merge patch: lists with keys are merged item by item.

    Of the directives only `$patch: delete` in an item is known.
    """
    shape = shape or BuiltIn()
    if isinstance(change, list) and isinstance(value, list) and shape.keys:
        return _strategic_items(value, change, shape)
    return _merged(value, change, lambda name, old, part: strategic(old, part, shape.field(name)))


def _merged(value: Any, change: Any, of_field: Callable[[str, Any, Any], Any]) -> Any:
    """Return the value with a change of its fields; `of_field`: name, what it is, its change."""
    if not isinstance(change, Mapping):
        return change
    result = dict(value) if isinstance(value, Mapping) else {}
    for name, part in change.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = of_field(name, result.get(name), part)
    return result


def _strategic_items(value: list[Any], change: list[Any], shape: Shape) -> list[Any]:
    result = {item_name(item, shape.keys): item for item in value}
    for item in change:
        name = item_name(item, shape.keys)
        if item.get("$patch") == "delete":
            result.pop(name, None)
        else:
            result[name] = strategic(result.get(name), item, shape.item())
    return list(result.values())


def json_patch(value: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Return the value with a JSON patch applied. PatchError: an operation does not fit."""
    result = clone(value)
    for operation in operations:
        try:
            result = _OPERATIONS[operation["op"]](result, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise PatchError(f"the operation {dict(operation)} does not fit: {error}") from error
    return result


def _tokens(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _at(value: Any, pointer: str) -> Any:
    for token in _tokens(pointer):
        value = value[int(token)] if isinstance(value, list) else value[token]
    return value


def _around(value: Any, pointer: str) -> tuple[Any, str]:
    parent, _, _ = pointer.rpartition("/")
    return _at(value, parent), _tokens(pointer)[-1]


def _add(value: Any, operation: Mapping[str, Any]) -> Any:
    container, place = _around(value, operation["path"])
    if not isinstance(container, list):
        container[place] = operation["value"]
    elif place == "-":
        container.append(operation["value"])
    else:
        container.insert(int(place), operation["value"])
    return value


def _remove(value: Any, operation: Mapping[str, Any]) -> Any:
    container, token = _around(value, operation["path"])
    del container[int(token) if isinstance(container, list) else token]
    return value


def _replace(value: Any, operation: Mapping[str, Any]) -> Any:
    container, token = _around(value, operation["path"])
    place: Any = int(token) if isinstance(container, list) else token
    if container[place] is not operation["value"]:
        container[place] = operation["value"]
    return value


def _test(value: Any, operation: Mapping[str, Any]) -> Any:
    if _at(value, operation["path"]) != operation["value"]:
        raise ValueError("it has another value")
    return value


_OPERATIONS: Mapping[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
}
