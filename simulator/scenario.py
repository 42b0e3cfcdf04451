"""The fleet's physics and what happens to it, as people write them in YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

FOLDER = Path(__file__).parent / "scenarios"
FLEET_FILE = FOLDER / "fleet.yaml"

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]


class ScenarioError(Exception):
    """A scenario or fleet file cannot be used; the text says where and what is allowed."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel)


SpecT = TypeVar("SpecT", bound=_Spec)


class ClusterSpec(_Spec):
    """The real nodes of a cluster. `home` is the management cluster itself."""

    home: bool = False
    region: str
    nodes: Annotated[int, Field(ge=1, le=1000)]
    cores_per_node: Positive
    gib_per_node: Positive


class LinkSpec(_Spec):
    """The path between two clusters, the same both ways. Milliseconds are one way."""

    between: tuple[str, str]
    milliseconds: Positive
    jitter_ms: NotNegative = 0.1
    loss_ratio: Ratio = 0.00001
    gbps: Positive


class UsersSpec(_Spec):
    """Where a user group is at the start, and how many they are."""

    site: str
    count: Annotated[int, Field(ge=0)]


class LinkEvent(_Spec):
    """A link changes against its own start, until the next event of that link."""

    at: NotNegative
    kind: Literal["link"]
    between: tuple[str, str]
    add_milliseconds: NotNegative = 0.0
    add_jitter_ms: NotNegative = 0.0
    add_loss_ratio: Ratio = 0.0
    capacity_ratio: Positive = 1.0


class ClusterEvent(_Spec):
    """A cluster with everything in it dies, or returns."""

    at: NotNegative
    kind: Literal["cluster-dies", "cluster-returns"]
    cluster: str


class UsersEvent(_Spec):
    """A user group goes elsewhere, or becomes larger or smaller."""

    at: NotNegative
    kind: Literal["users"]
    group: str
    site: str
    count: Annotated[int, Field(ge=0)] | None = None


class MetricsEvent(_Spec):
    """The Thanos sidecar of a cluster dies, or returns; the cluster itself is well."""

    at: NotNegative
    kind: Literal["metrics-lost", "metrics-found"]
    cluster: str


Event = Annotated[LinkEvent | ClusterEvent | UsersEvent | MetricsEvent, Field(discriminator="kind")]


class FleetSpec(_Spec):
    """All clusters, links and users of the simulated world."""

    seed: int
    clusters: dict[str, ClusterSpec]
    links: tuple[LinkSpec, ...]
    users: dict[str, UsersSpec]
    user_sites: tuple[str, ...]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if sum(cluster.home for cluster in self.clusters.values()) != 1:
            raise ValueError("exactly one cluster has home: true")
        for link in self.links:
            for name in link.between:
                _known("cluster", name, self.clusters)
        for users in self.users.values():
            _known("user site", users.site, dict.fromkeys(self.user_sites))
        return self

    @property
    def home(self) -> str:
        """The name of the management cluster."""
        return next(name for name, cluster in self.clusters.items() if cluster.home)

    def times(self, copies: int) -> "FleetSpec":
        """Return a fleet with room for that many copies of the demo application."""
        clusters = {
            name: cluster.model_copy(update={"nodes": cluster.nodes * copies})
            for name, cluster in self.clusters.items()
        }
        links = tuple(link.model_copy(update={"gbps": link.gbps * copies}) for link in self.links)
        return self.model_copy(update={"clusters": clusters, "links": links})


class ScenarioSpec(_Spec):
    """What happens, at simulated seconds after the start."""

    about: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A fleet and what happens to it, checked against each other. Events are sorted by time."""

    name: str
    about: str
    fleet: FleetSpec
    events: tuple[Event, ...]


def load(scenario: str, *, copies: int = 1) -> Scenario:
    """Return a scenario by its name, or from a file of one's own (a path that ends in .yaml).

    ScenarioError: there is none of that name, or its file does not say what it has to.
    """
    fleet = _read(FLEET_FILE, FleetSpec)
    file = _file_of(scenario)
    spec = _read(file, ScenarioSpec)
    for index, event in enumerate(spec.events):
        try:
            _check(event, fleet)
        except ValueError as error:
            raise ScenarioError(f"{file.name}: events[{index}]: {error}") from error
    return Scenario(
        name=file.stem,
        about=spec.about,
        fleet=fleet.times(copies),
        events=tuple(sorted(spec.events, key=lambda event: event.at)),
    )


def names() -> tuple[str, ...]:
    """Return the names of all scenarios that come with the simulator."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.yaml") if file != FLEET_FILE))


def _file_of(scenario: str) -> Path:
    if scenario in names():
        return FOLDER / f"{scenario}.yaml"
    if scenario.endswith(".yaml") and Path(scenario).is_file():
        return Path(scenario)
    raise ScenarioError(
        f"there is no scenario {scenario!r}; there are {', '.join(names())},"
        " or give the path of a .yaml file"
    )


def _read(file: Path, of: type[SpecT]) -> SpecT:
    try:
        return of.model_validate(yaml.safe_load(file.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise ScenarioError(f"{file.name} cannot be read: {error}") from error
    except ValidationError as error:
        raise ScenarioError(f"{file.name}: {_sentence(error)}") from error


def _sentence(error: ValidationError) -> str:
    """Say where each fault is and what is allowed there."""
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']}"
        f" (is {fault['input']!r})"
        for fault in error.errors()
    )
    return "; ".join(faults)


def _check(event: Event, fleet: FleetSpec) -> None:
    match event:
        case LinkEvent():
            pairs = {frozenset(link.between): link for link in fleet.links}
            if frozenset(event.between) not in pairs:
                raise ValueError(f"there is no link between {' and '.join(event.between)}")
        case ClusterEvent() | MetricsEvent():
            _known("cluster", event.cluster, fleet.clusters)
            if event.cluster == fleet.home and isinstance(event, ClusterEvent):
                raise ValueError("the management cluster cannot be lost: the loop runs there")
        case UsersEvent():
            _known("user group", event.group, fleet.users)
            _known("user site", event.site, dict.fromkeys(fleet.user_sites))


def _known(what: str, name: str, among: Mapping[str, Any]) -> None:
    if name not in among:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(sorted(among))}")
