"""Amounts as Kubernetes writes them: `500m`, `2Gi`."""

from collections.abc import Mapping

_FACTORS: Mapping[str, float] = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
    "Pi": 2.0**50,
}


def amount(quantity: str | float) -> float:
    """Return the number behind a quantity. ValueError: it is none."""
    text = str(quantity)
    digits = text.rstrip("numkMGTPi")
    suffix = text[len(digits) :]
    return float(digits) * (_FACTORS[suffix] if suffix else 1.0)
