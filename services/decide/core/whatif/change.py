"""Read a change of a fleet as people write it: `link:a-b.latency=+3ms`."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

_CHANGE = re.compile(r"(?P<kind>\w+):(?P<name>[^=]+?)=(?P<value>.*)", re.DOTALL)
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<digits>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+) ?(?P<unit>\S*)")
_SHARE = "%"
_SHOWN = 8
"""So many names are shown of what there is."""

MS: Mapping[str, float] = {"ms": 1.0, "s": 1000.0, "us": 0.001}
MBPS: Mapping[str, float] = {"mbps": 1.0, "mbit/s": 1.0, "gbps": 1000.0, "gbit/s": 1000.0}
RATIO: Mapping[str, float] = {_SHARE: 0.01}
CORES: Mapping[str, float] = {"cores": 1.0}
USD: Mapping[str, float] = {"usd": 1.0}
COUNT: Mapping[str, float] = {}

UNITS: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "link": {"latency": MS, "jitter": MS, "loss": RATIO, "capacity": MBPS, "up": COUNT},
    "cluster": {"cores": CORES, "state": COUNT},
    "site": {f"price.{of}": USD for of in ("core", "gib", "gpu", "egress", "kwh")},
    "users": {"site": COUNT, "budget": MS},
    "app": {"replicas": COUNT},
}
"""What can be changed, by kind and field, with the units it may be given in."""
MOST = {"loss": 1.0}
"""Fields that have an upper bound."""


class ChangeError(ValueError):
    """A change that cannot be made, in one sentence: the object, the field, the value, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is to be another: `link`, `a-b`, `latency`, `+3ms`."""

    text: str
    """As it was given."""
    kind: str
    name: str
    field: str
    value: str

    def number(self, now: float | None) -> float:
        """Return what a number becomes: signed values add to it, `%` is a share of it.

        `now` None: not known. ChangeError: no number, unknown unit, below zero, beyond its bound.
        """
        found = _NUMBER.fullmatch(self.value)
        if found is None:
            raise self.wrong("that is not a number, as 12 or +3 or -10%")
        if found["sign"] and now is None:
            raise self.wrong("its value is not known, so that it can only be set, without a sign")
        amount = float(found["digits"]) * self._factor(found["sign"], found["unit"], now or 0.0)
        sign = -1.0 if found["sign"] == "-" else 1.0
        became = (now or 0.0) + sign * amount if found["sign"] else amount
        most = MOST.get(self.field, math.inf)
        if not 0.0 <= became <= most or math.isinf(became):
            bounds = f"between 0 and {most:g}" if self.field in MOST else "a number from 0 on"
            was = f"{now:g} becomes" if found["sign"] else "that is"
            raise self.wrong(f"{was} {became:g}, and it must be {bounds}")
        return became

    def _factor(self, sign: str, unit: str, now: float) -> float:
        units = UNITS[self.kind][self.field]
        if unit == _SHARE and (sign or _SHARE in units):
            return 0.01 * now if sign else units[_SHARE]
        if unit and unit.lower() not in units:
            known = ", ".join(u for u in units if u != _SHARE) or "none"
            hint = "; a share needs a sign, as +10%" if unit == _SHARE else ""
            raise self.wrong(f"the unit {unit!r} is not known here (units: {known}){hint}")
        return units[unit.lower()] if unit else 1.0

    def whole(self, now: int) -> int:
        """Return what a count becomes. ChangeError: as for a number, or not a whole one."""
        became = self.number(now)
        if became != round(became):
            raise self.wrong(f"{became:g} is not a whole number")
        return round(became)

    def flag(self) -> bool:
        """Return `true` or `false`. ChangeError: it is neither."""
        return self.one_of(("true", "false")) == "true"

    def one_of(self, allowed: Iterable[str]) -> str:
        """Return the value if it is allowed. ChangeError: it is not."""
        known = tuple(allowed)
        if self.value not in known:
            raise self.wrong(existing(self.value, known, "possible"))
        return self.value

    def unknown(self, what: str, called: str, known: Iterable[str]) -> ChangeError:
        """Return the error of a name that nothing has."""
        return self.wrong(f"there is no {what} {called!r}; {existing(called, known, 'there is')}")

    def wrong(self, why: str) -> ChangeError:
        """Return an error that names the object, the field and the value."""
        return ChangeError(f"{self.text}: {why}")


def parse(text: str) -> Change:
    """Read one change. ChangeError: it is not of the form, or nothing of that kind or field."""
    found = _CHANGE.fullmatch(text.strip())
    if found is None:
        raise ChangeError(f"{text!r} is no change: write one as link:a-b.latency=+3ms")
    fields = UNITS.get(found["kind"])
    if fields is None:
        hint = existing(found["kind"], UNITS, "kinds")
        raise ChangeError(f"{text}: nothing of the kind {found['kind']!r} can be changed; {hint}")
    for field in fields:
        name = found["name"].removesuffix(f".{field}")
        if name not in (found["name"], ""):
            value = found["value"].strip()
            return Change(text=text, kind=found["kind"], name=name, field=field, value=value)
    parts = 1 + max(field.count(".") for field in fields)
    given = ".".join(found["name"].split(".")[-parts:])
    hint = existing(given, fields, "fields")
    raise ChangeError(f"{text}: a {found['kind']} has no field {given!r} to change; {hint}")


def lost(cluster: str) -> Change:
    """Return the change `--without CLUSTER` stands for."""
    return Change(
        text=f"without {cluster}", kind="cluster", name=cluster, field="state", value="unreachable"
    )


def existing(wanted: str, known: Iterable[str], word: str) -> str:
    """Say what exists, and which of it is meant perhaps."""
    names = sorted(known)
    close = get_close_matches(wanted, names, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    shown = ", ".join(names[:_SHOWN]) or "nothing"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{meant}{word}: {shown}{more}"
