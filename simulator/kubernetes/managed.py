"""Who manages which fields: server-side apply, its conflicts, and the trace of plain writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.kubernetes.fields import (
    Fields,
    Path,
    applied_fields,
    decoded,
    encoded,
    is_under,
    parts,
    shown,
    without,
)
from simulator.kubernetes.objects import Object
from simulator.kubernetes.shapes import BuiltIn, Shape, is_whole, item_name
from simulator.kubernetes.status import Cause, StatusError, apply_conflict

APPLY = "Apply"
UPDATE = "Update"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """Who writes, and how. One name makes several managers, if it writes in several ways."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


@dataclass(frozen=True, slots=True)
class Share:
    """What one manager manages, and since when it is so."""

    fields: Fields
    at: str


Shares = Mapping[Manager, Share]

_UNOWNED = frozenset(
    {
        ("f:apiVersion",),
        ("f:kind",),
        ("f:metadata",),
        *(
            ("f:metadata", f"f:{name}")
            for name in (
                "creationTimestamp",
                "deletionGracePeriodSeconds",
                "deletionTimestamp",
                "generation",
                "name",
                "namespace",
                "resourceVersion",
                "selfLink",
                "uid",
            )
        ),
    }
)
"""Nobody manages these."""
_TEMPLATE = ("f:spec", "f:template")
_ALWAYS_THERE = frozenset(
    {
        ("f:spec",),
        ("f:status",),
        ("f:spec", "f:strategy"),
        ("f:spec", "f:updateStrategy"),
        _TEMPLATE,
        (*_TEMPLATE, "f:metadata"),
        (*_TEMPLATE, "f:spec"),
        (*_TEMPLATE, "f:spec", "f:containers"),
        ("f:spec", "f:containers"),
    }
)
"""Parts of built-in kinds that are never absent, so that nobody adds them."""


def shares_of(obj: Object | None) -> dict[Manager, Share]:
    """Read managedFields."""
    entries = (obj or {}).get("metadata", {}).get("managedFields") or ()
    return {
        Manager(
            name=entry["manager"],
            operation=entry["operation"],
            api_version=entry["apiVersion"],
            subresource=entry.get("subresource", ""),
        ): Share(frozenset(decoded(entry["fieldsV1"])), entry["time"])
        for entry in entries
    }


def with_shares(obj: Object, shares: Shares) -> Object:
    """Return the object with managedFields."""
    ordered = sorted(shares.items(), key=lambda s: (s[0].operation, s[1].at, str(s[0])))
    entries = [_entry(manager, share) for manager, share in ordered if share.fields]
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    if entries:
        metadata["managedFields"] = entries
    return {**obj, "metadata": metadata}


def traced(live: Object | None, new: Object, shape: Shape, manager: Manager, at: str) -> Object:
    """Return an object that was written plainly, with what its writer manages now."""
    change = _compared(live, new, shape)
    shares = shares_of(live)
    old = shares.pop(manager, Share(frozenset(), at))
    others = {who: _less(share, change.all) for who, share in shares.items()}
    fields = ((old.fields - change.removed) | change.written) - _UNOWNED
    mine = Share(fields, at if change.all else old.at)
    return with_shares(new, {**others, manager: mine})


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """The outcome of an apply, before defaults and checks."""

    obj: Object
    shares: Shares


def apply(
    live: Object, config: Object, shape: Shape, manager: Manager, *, at: str, force: bool
) -> Applied:
    """Merge a configuration into the live object, and drop what the manager applied before.

    StatusError: others manage fields that would change, and the apply is not forced.
    """
    shares = shares_of(live)
    mine = shares.pop(manager, Share(frozenset(), at))
    fields = applied_fields(config, shape) - _UNOWNED
    merged = _merged(live, config, shape)
    held = fields.union(*(share.fields for share in shares.values()))
    doomed = frozenset(p for p in mine.fields - fields if not any(is_under(h, p) for h in held))
    result = without(merged, shape, doomed)
    change = _compared(live, result, shape)
    conflicts = [(who, p) for who, s in shares.items() for p in sorted(s.fields & change.written)]
    if conflicts and not force:
        raise _refusal(conflicts)
    others = {who: _less(share, change.all) for who, share in shares.items()}
    since = at if change.all or fields != mine.fields else mine.at
    return Applied(obj=result, shares={**others, manager: Share(fields, since)})


@dataclass(frozen=True, slots=True)
class _Comparison:
    written: Fields
    removed: Fields

    @property
    def all(self) -> Fields:
        return self.written | self.removed


def _compared(live: Object | None, new: Object, shape: Shape) -> _Comparison:
    before, after = _values(live or {}, shape), _values(new, shape)
    ignored = _ALWAYS_THERE if isinstance(shape, BuiltIn) else frozenset[Path]()
    written = {p for p, value in after.items() if p not in before or before[p] != value}
    return _Comparison(frozenset(written) - ignored, frozenset(before.keys() - after.keys()))


def _values(obj: Object, shape: Shape) -> dict[Path, Any]:
    metadata = {k: v for k, v in obj.get("metadata", {}).items() if k != "managedFields"}
    return {part.path: part.value for part in parts({**obj, "metadata": metadata}, shape)}


def _less(share: Share, fields: Fields) -> Share:
    return replace(share, fields=share.fields - fields)


def _merged(live: Any, config: Any, shape: Shape) -> Any:
    """Return the live value with what the configuration says."""
    if type(live) is not type(config) or is_whole(config, shape):
        return config
    if isinstance(config, list):
        return _merged_items(live, config, shape)
    result = dict(live)
    for name, value in config.items():
        field = shape.field(name)
        result[name] = _merged(live[name], value, field) if field and name in live else value
    return result


def _merged_items(live: Any, config: Any, shape: Shape) -> list[Any]:
    keys, item = shape.keys, shape.item()
    result = {item_name(each, keys): each for each in live}
    for each in config:
        name = item_name(each, keys)
        result[name] = _merged(result[name], each, item) if name in result else each
    return list(result.values())


def _refusal(conflicts: Iterable[tuple[Manager, Path]]) -> StatusError:
    causes = [
        Cause(reason="FieldManagerConflict", message=f"conflict with {who}", field=shown(path))
        for who, path in conflicts
    ]
    if len(causes) == 1:
        text = f"{causes[0].message}: {causes[0].field}"
        return apply_conflict(f"Apply failed with 1 conflict: {text}", causes)
    by_manager: dict[str, list[str]] = {}
    for cause in causes:
        by_manager.setdefault(cause.message, []).append(f"- {cause.field}")
    lines = [
        line
        for message, fields in sorted(by_manager.items())
        for line in (message.replace("conflict", "conflicts", 1) + ":", *fields)
    ]
    listed = "\n".join(lines)
    return apply_conflict(f"Apply failed with {len(causes)} conflicts: {listed}", causes)


def _entry(manager: Manager, share: Share) -> Object:
    entry: Object = {
        "manager": manager.name,
        "operation": manager.operation,
        "apiVersion": manager.api_version,
        "time": share.at,
        "fieldsType": "FieldsV1",
        "fieldsV1": encoded(share.fields),
    }
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry
