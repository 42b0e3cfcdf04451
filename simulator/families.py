"""Metrics as exporters show them: families of samples, and their text."""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at an instant. `rate`: of a counter, per second of wall time."""

    labels: dict[str, str]
    value: float
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """All series of one metric. `kind` is `gauge` or `counter`."""

    name: str
    kind: str
    about: str
    samples: list[Sample] = field(default_factory=list)


def exposition(families: Iterable[Family]) -> str:
    """Return the families in Prometheus' text format 0.0.4."""
    lines: list[str] = []
    for family in families:
        lines += [f"# HELP {family.name} {family.about}", f"# TYPE {family.name} {family.kind}"]
        for sample in family.samples:
            labels = ",".join(f'{key}="{value}"' for key, value in sample.labels.items())
            lines.append(f"{family.name}{{{labels}}} {sample.value!r}")
    return "\n".join(lines) + "\n"
