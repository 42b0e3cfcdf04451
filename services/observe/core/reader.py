"""Read raw objects kind by kind: what cannot be read becomes a Problem and harms no other."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from services.observe.core.fields import FieldError, Fields
from shared.messages.inventory import Freshness, Problem
from shared.model.names import FleetName

FLEET_LABEL = "crossloop.dev/fleet"
DEFAULT_FLEET = "default"

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """All objects of one kind as the API server gave them, and how far to believe them."""

    kind: str
    objects: tuple[Mapping[str, Any], ...] = ()
    state: Freshness
    synced_at: datetime | None = None
    reason: str = ""


@dataclass(slots=True)
class Reader:
    """Reads kind by kind, and collects the problems on the way."""

    lists: dict[str, Listed]
    fleet: FleetName
    problems: list[Problem] = field(default_factory=list)

    def mine(self, kind: str) -> list[Fields]:
        """Return the objects of a kind that belong to the fleet."""
        return [item for item in self.all(kind) if fleet_of(item) == self.fleet]

    def all(self, kind: str) -> list[Fields]:
        """Return all objects of a kind."""
        listed = self.lists.get(kind)
        return [Fields(item) for item in listed.objects] if listed else []

    def read(self, kind: str, items: Iterable[Fields], parse: Callable[[Fields], T]) -> list[T]:
        """Return what can be read; the rest are problems."""
        found = []
        for item in items:
            try:
                found.append(parse(item))
            except FieldError as error:
                self.complain(kind, title_of(item), error.path, error.message)
        return found

    def complain(self, kind: str, name: str, path: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(kind=kind, name=name, field=path, message=message))

    def sorted_problems(self) -> tuple[Problem, ...]:
        """Return each problem once, by kind, name and field."""
        unique = set(self.problems)
        return tuple(sorted(unique, key=lambda p: (p.kind, p.name, p.field, p.message)))


def _metadata(item: Fields) -> Mapping[str, Any]:
    """Return the metadata, whatever it is: what is odd in it is told where it is read."""
    metadata = item.value.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def namespace_of(item: Fields) -> str:
    """Return the namespace, empty where there is none."""
    return str(_metadata(item).get("namespace") or "")


def title_of(item: Fields) -> str:
    """Return `namespace/name`, or the name where there is no namespace."""
    name = str(_metadata(item).get("name") or "")
    return "/".join(part for part in (namespace_of(item), name) if part)


def age_and_title(item: Fields) -> tuple[str, str]:
    """Return what sorts objects by who was there first."""
    return str(_metadata(item).get("creationTimestamp") or ""), title_of(item)


def fleet_of(item: Fields) -> str:
    """Return the fleet of an object; without a label it belongs to `default`."""
    labels = _metadata(item).get("labels")
    declared = labels.get(FLEET_LABEL) if isinstance(labels, Mapping) else None
    return str(declared or DEFAULT_FLEET)
