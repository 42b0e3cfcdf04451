"""Label and field selectors, as requests and as objects write them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from simulator.kubernetes.objects import Object, dig, labels_of

Labels = Mapping[str, str]
Matches = Callable[[Object], bool]

FIELDS = ("metadata.name", "metadata.namespace")
FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    "Event": ("involvedObject.kind", "involvedObject.name", "involvedObject.uid", "reason", "type"),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Pod": ("spec.nodeName", "spec.schedulerName", "status.phase", "status.podIP"),
    "Secret": ("type",),
}
"""What objects of a kind can be selected by, beside their labels."""

_COMMA = re.compile(r",(?![^()]*\))")
_IN = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_EQUALS = re.compile(r"^([^=!\s]+)\s*(=|==|!=)\s*([^=!\s]*)$")
_KEY = re.compile(r"^(!?)\s*([\w./-]+)$")

Requirement = tuple[str, str, tuple[str, ...]]
"""Key, operator (In, NotIn, Exists, DoesNotExist) and values."""


def label_selector(text: str) -> Matches:
    """Return what matches a selector like `app=x,tier in (a, b),!old`. ValueError: it is none."""
    requirements = [_requirement(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda obj: all(meets(labels_of(obj), *each) for each in requirements)


def field_selector(text: str, kind: str) -> Matches:
    """Return what matches a selector like `metadata.name=x`. ValueError: it is none."""
    known = FIELDS + FIELDS_OF.get(kind, ())
    requirements = [_field(part.strip(), known) for part in text.split(",") if part.strip()]
    return lambda obj: all(
        (str(dig(obj, *path) or "") == value) is wanted for path, value, wanted in requirements
    )


def matches_labels(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Tell whether a LabelSelector matches; none matches nothing, an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        meets(labels, each["key"], each["operator"], tuple(each.get("values") or ()))
        for each in selector.get("matchExpressions") or ()
    )


def matches_nodes(terms: Any, labels: Labels, name: str) -> bool:
    """Tell whether one of the terms of a NodeSelector matches a node; an empty term does not."""
    return any(_matches_term(term, labels, name) for term in terms or ())


def meets(labels: Labels, key: str, operator: str, values: tuple[str, ...]) -> bool:
    """Tell whether labels meet one requirement."""
    value = labels.get(key)
    match operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return value is not None and _is_beyond(value, operator, values[0])
        case _:
            return False


def as_text(selector: Mapping[str, Any] | None) -> str:
    """Return a LabelSelector as requests write it."""
    wanted = (selector or {}).get("matchLabels") or {}
    parts = [f"{key}={value}" for key, value in sorted(wanted.items())]
    expressions = (selector or {}).get("matchExpressions") or ()
    return ",".join([*parts, *map(_expression, expressions)])


def _requirement(text: str) -> Requirement:
    if found := _IN.match(text):
        values = tuple(value.strip() for value in found[3].split(","))
        return found[1], "In" if found[2] == "in" else "NotIn", values
    if found := _EQUALS.match(text):
        return found[1], "NotIn" if found[2] == "!=" else "In", (found[3],)
    if found := _KEY.match(text):
        return found[2], "DoesNotExist" if found[1] else "Exists", ()
    raise ValueError(f"unable to parse requirement: {text}")


def _field(text: str, known: tuple[str, ...]) -> tuple[tuple[str, ...], str, bool]:
    found = _EQUALS.match(text)
    if not found:
        raise ValueError(f"invalid selector: '{text}'; can't understand '{text}'")
    if found[1] not in known:
        shown = ", ".join(f'"{field}"' for field in known)
        raise ValueError(f'"{found[1]}" is not a known field selector: only {shown}')
    return tuple(found[1].split(".")), found[3], found[2] != "!="


def _matches_term(term: Mapping[str, Any], labels: Labels, name: str) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    by_name = {"metadata.name": name}
    return bool(expressions or fields) and all(
        meets(having, each["key"], each["operator"], tuple(each.get("values") or ()))
        for having, group in ((labels, expressions), (by_name, fields))
        for each in group
    )


def _is_beyond(value: str, operator: str, limit: str) -> bool:
    if not value.lstrip("-").isdigit():
        return False
    return int(value) > int(limit) if operator == "Gt" else int(value) < int(limit)


def _expression(requirement: Mapping[str, Any]) -> str:
    key = str(requirement["key"])
    match requirement["operator"]:
        case "Exists":
            return key
        case "DoesNotExist":
            return f"!{key}"
        case operator:
            return f"{key} {operator.lower()} ({','.join(requirement['values'])})"
