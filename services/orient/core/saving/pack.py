"""Orient's memory as arrays and JSON, to be kept over a restart, and back.

Generic over what stands in it: dataclasses, tuples, dicts, times, choices; numpy arrays go aside,
each under its path. Nothing in a file is executed (no pickle). What does not fit the memory of
this version, by name, type or shape, makes the whole file unusable: half a memory would judge
wrongly. Its size is bounded, since the number of rows and the length of names are.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from services.orient.core.memory import Memory
from services.orient.core.saving.plain import Arrays, as_plain, from_plain
from shared.errors import PermanentError
from shared.messages.readings import Signal

FORMAT = 1
"""Grows when the meaning of a field changes; names and shapes are compared anyway."""
REST = "rest"
"""The array with the bytes of the JSON."""
_SIGNALS = [signal.value for signal in Signal]
KIND = "kind"
"""Arrays of this name hold the index of a signal in `Signal`: it may be another one later."""
BY_KIND = "pool_"
"""Arrays whose names begin so have one row per signal, and one for what is no signal."""


def pack(memory: Memory, *, fleet: str) -> dict[str, npt.NDArray[Any]]:
    """Return the memory as named arrays: copies, so that it may change while they are written."""
    arrays: Arrays = {}
    rest = {
        "format": FORMAT,
        "fleet": fleet,
        "signals": _SIGNALS,
        "memory": as_plain(memory, "memory", arrays),
    }
    return arrays | {REST: np.frombuffer(json.dumps(rest).encode(), np.uint8)}


def unpack(arrays: Mapping[str, npt.NDArray[Any]], *, fleet: str) -> Memory:
    """Return the memory of a fleet. PermanentError: it cannot be used, and why, in a sentence."""
    rest = _rest_of(arrays)
    if rest["format"] != FORMAT:
        raise PermanentError(f"it has format {rest['format']}, and {FORMAT} is understood")
    if rest["fleet"] != fleet:
        raise PermanentError(f"it is of the fleet {rest['fleet']!r}, not of {fleet!r}")
    known = {path: _with_kinds(path, arrays[path], rest["signals"]) for path in arrays}
    memory: Memory = from_plain(Memory, rest["memory"], "memory", known, like=Memory())
    return memory


def _rest_of(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    try:
        rest = json.loads(arrays[REST].tobytes())
        return {name: rest[name] for name in ("format", "fleet", "signals", "memory")}
    except (KeyError, ValueError, TypeError) as error:
        raise PermanentError("it is not a memory of Orient") from error


def _with_kinds(path: str, array: npt.NDArray[Any], signals: list[str]) -> npt.NDArray[Any]:
    """Return the array with the numbers that signals have now; what is no signal comes last."""
    field = path.rpartition(".")[2]
    if signals == _SIGNALS or not field.startswith((KIND, BY_KIND)):
        return array
    now = {name: number for number, name in enumerate(_SIGNALS)}
    numbers = np.array([*(now.get(name, len(now)) for name in signals), len(now)])
    if field == KIND:
        return np.asarray(numbers[np.clip(array, 0, len(signals))], dtype=array.dtype)
    if len(array) != len(numbers):
        raise PermanentError(f"{path} is not of {len(numbers)} kinds")
    by_kind = np.zeros((len(now) + 1, *array.shape[1:]), array.dtype)
    by_kind[numbers] = array
    return by_kind
