"""What an instance file must hold: each check names the object, the field, and what is wrong."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from services.decide.core.placing.arrays import Floats, Ints

Item = Mapping[str, Any]


class InstanceError(ValueError):
    """The file cannot be planned on: says which object and field, and what to do."""


def label(item: Item) -> str:
    """Return how an object of a section is called in messages."""
    if "id" in item:
        return f"[{item['id']}]"
    return f"edges[{item.get('u')}->{item.get('v')}]"


def present(item: Item, section: str, field: str) -> Any:
    """Return a field that has to be there."""
    if field not in item:
        raise InstanceError(f"{section}{label(item)}.{field} is missing")
    return item[field]


def number(item: Item, section: str, field: str) -> float:
    """Return a number of 0 or more."""
    value = item.get(field)
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InstanceError(f"{section}.{field} is {value!r}, not a number of 0 or more")
    return float(value)


def column(items: Sequence[Item], section: str, field: str) -> Floats:
    """Return a column of numbers of 0 or more."""
    try:
        values = np.array([item[field] for item in items], np.float64)
    except (KeyError, TypeError, ValueError):
        values = np.full(len(items), math.nan)
    good = np.isfinite(values) & (values >= 0.0)
    if not good.all():
        for item in items:
            present(item, section, field)
            number(item, f"{section}{label(item)}", field)
    return values


def index(items: Iterable[Item], section: str) -> dict[str, int]:
    """Return where each id stands. Ids are texts, each there once."""
    places: dict[str, int] = {}
    for position, item in enumerate(items):
        name = item.get("id")
        if not isinstance(name, str):
            raise InstanceError(f"{section}[{position}].id is {name!r}, not a text")
        if name in places:
            raise InstanceError(f"{section}[{name}] is there twice")
        places[name] = position
    return places


def known(item: Item, field: str, name: object, where: Mapping[str, int]) -> int:
    """Return the index of a name that has to exist."""
    found = where.get(name) if isinstance(name, str) else None
    if found is None:
        raise InstanceError(f"{label(item)}.{field} names {name!r}, which does not exist")
    return found


def refer(items: Sequence[Item], section: str, field: str, where: Mapping[str, int]) -> Ints:
    """Return a column of names as indices."""
    try:
        return np.array([where[item[field]] for item in items], np.int32)
    except (KeyError, TypeError):
        for item in items:
            present(item, section, field)
            known(item, field, item[field], where)
        raise
