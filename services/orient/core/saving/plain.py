"""Values to JSON and back by their type hints, with the numpy arrays in them put aside."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from services.orient.core.saving.rows import SavedRows, as_columns, as_rows
from services.orient.core.series.rows import MAX_ROWS, Rows
from shared.errors import PermanentError

Arrays = dict[str, npt.NDArray[Any]]
"""By path: `memory.series.level`."""


def as_plain(value: Any, path: str, aside: Arrays) -> Any:
    """Return what JSON can hold of a value; arrays are copied into `aside`."""
    match value:
        case np.ndarray():
            aside[path] = value.copy()
            return None
        case Enum() | datetime():
            return value.value if isinstance(value, Enum) else value.isoformat()
        case Rows() | dict():
            form = as_columns(value) if isinstance(value, Rows) else tuple(value.items())
            return as_plain(form, path, aside)
        case tuple() | list() | set() | frozenset():
            parts = sorted(value) if isinstance(value, set | frozenset) else value
            return [as_plain(part, f"{path}.{i}", aside) for i, part in enumerate(parts)]
        case _ if is_dataclass(value):
            names: Any = _hints(type(value))  # type: ignore[arg-type]  # a class is hashable
            return {n: as_plain(getattr(value, n), f"{path}.{n}", aside) for n in names}
        case _:
            return value


def from_plain(
    of: Any,
    plain: Any,
    path: str,
    aside: Mapping[str, npt.NDArray[Any]],
    *,
    like: Any = None,
) -> Any:
    """Return the value of a type that was made plain.

    `like`: an empty value, whose arrays tell type and shape; what is 0 long there may be longer.
    PermanentError: it is no such value, and where not.
    """
    origin = get_origin(of) or getattr(of, "__supertype__", of)
    if origin in (Union, types.UnionType):
        (inner,) = (part for part in get_args(of) if part is not type(None))
        return None if plain is None else from_plain(inner, plain, path, aside, like=like)
    if origin is Rows:
        bound = like.bound if isinstance(like, Rows) else MAX_ROWS
        return as_rows(from_plain(SavedRows, plain, path, aside), path, bound=bound)
    if origin is np.ndarray:
        return _array(path, aside, like)
    if is_dataclass(origin):
        return _dataclass(origin, plain, path, aside, like)
    if origin in (tuple, list, set, frozenset, dict):
        return _collection(of, origin, plain, path, aside, like)
    return _scalar(origin, plain, path)


def _array(path: str, aside: Mapping[str, npt.NDArray[Any]], like: Any) -> npt.NDArray[Any]:
    if path not in aside:
        raise PermanentError(f"{path} is missing")
    array = aside[path]
    if like is not None:
        fits = array.ndim == like.ndim and all(
            wanted in (0, found) for wanted, found in zip(like.shape, array.shape, strict=True)
        )
        if array.dtype != like.dtype or not fits:
            raise PermanentError(
                f"{path} is {array.dtype}{list(array.shape)}, not {like.dtype}{list(like.shape)}"
            )
    return array


def _dataclass(
    of: Any, plain: Any, path: str, aside: Mapping[str, npt.NDArray[Any]], like: Any
) -> Any:
    hints = _hints(of)
    if not isinstance(plain, dict) or plain.keys() != hints.keys():
        raise PermanentError(f"{path} has other fields than {of.__name__}")
    parts = {
        name: from_plain(hint, plain[name], f"{path}.{name}", aside, like=getattr(like, name, None))
        for name, hint in hints.items()
    }
    grown = {
        len(part)
        for name, part in parts.items()
        if isinstance(part, np.ndarray) and getattr(like, name, part).shape[:1] == (0,)
    }
    if len(grown) > 1:
        raise PermanentError(f"{path} is of unequal lengths")
    try:
        return of(**parts)
    except ValueError as error:
        raise PermanentError(f"{path} is no {of.__name__}: {error}") from error


def _collection(
    of: Any, origin: Any, plain: Any, path: str, aside: Mapping[str, npt.NDArray[Any]], like: Any
) -> Any:
    hints = get_args(of)
    if origin is dict:
        hints = (tuple[hints[0], hints[1]],)  # type: ignore[valid-type]
    if not isinstance(plain, list):
        raise PermanentError(f"{path} is no {of}")
    if origin is tuple and hints[-1] is not Ellipsis:
        if len(hints) != len(plain):
            raise PermanentError(f"{path} has {len(plain)} parts, not {len(hints)}")
    else:
        hints = (hints[0],) * len(plain)
    likes = like if isinstance(like, tuple) and len(like) == len(plain) else (None,) * len(plain)
    return origin(
        from_plain(hint, part, f"{path}.{i}", aside, like=empty)
        for i, (hint, part, empty) in enumerate(zip(hints, plain, likes, strict=True))
    )


def _scalar(of: Any, plain: Any, path: str) -> Any:
    try:
        if issubclass(of, datetime):
            return datetime.fromisoformat(plain)
        if issubclass(of, Enum):
            return of(plain)
    except (ValueError, TypeError) as error:
        raise PermanentError(f"{path} is {str(plain)[:80]!r}, no {of.__name__}") from error
    if isinstance(plain, of) or (of is float and isinstance(plain, int)):
        return plain
    raise PermanentError(f"{path} is {str(plain)[:80]!r}, no {of.__name__}")


@cache
def _hints(of: Any) -> dict[str, Any]:
    """Return the fields to save; one with the metadata `{"saved": False}` begins anew instead."""
    hints = get_type_hints(of)
    return {f.name: hints[f.name] for f in fields(of) if f.metadata.get("saved", True)}
