"""Amounts as Kubernetes writes them: `500m`, `2Gi`, `1e3`."""

import re

_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]+|[numkMGTPE]|[KMGTPE]i)?"
)
_DECIMAL = {"n": "e-9", "u": "e-6", "m": "e-3", "k": "e3"}
_DECIMAL |= {letter: f"e{3 * power}" for power, letter in enumerate("MGTPE", start=2)}
_BINARY = {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}


def parse_quantity(value: object) -> float:
    """Return the number nearest to a quantity of a JSON document. ValueError: it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"is no quantity: {value!r}")
    number, suffix = found[1], found[2] or ""
    if suffix in _BINARY:
        return float(number) * _BINARY[suffix]
    return float(number + _DECIMAL.get(suffix, suffix))
