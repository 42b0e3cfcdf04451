"""Amounts as Kubernetes writes them: `500m`, `2Gi`, `1e3`."""

import re
from typing import Any

from services.observe.core.fields import FieldError, Fields
from shared.model.resources import Resources

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3}
_FACTORS |= {letter: 1000.0**power for power, letter in enumerate("MGTPE", start=2)}
_FACTORS |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}


def parse_quantity(value: Any) -> float | None:
    """Return a quantity as a number, or None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not found:
        return None
    number, suffix = found[1], found[2] or ""
    if suffix in _FACTORS:
        return float(number) * _FACTORS[suffix]
    return float(number + suffix)


def resources_of(amounts: Fields) -> Resources:
    """Return the CPU, memory and GPUs of a map of quantities. Other resources do not count."""
    return Resources(
        cpu_cores=_amount(amounts, "cpu"),
        memory_bytes=_amount(amounts, "memory"),
        gpus=sum((_amount(amounts, n) for n in amounts.value if n.endswith("/gpu")), start=0.0),
    )


def _amount(amounts: Fields, name: str) -> float:
    if not amounts.has(name):
        return 0.0
    amount = parse_quantity(amounts.value[name])
    if amount is None:
        raise FieldError(amounts.at(name), f"is no quantity: {amounts.value[name]!r}")
    return amount
