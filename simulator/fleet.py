"""The fleet's physics as people write it in YAML, or as code builds it."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
"""A part of a whole of which something is always left."""


class Spec(BaseModel):
    """What a file says, in camelCase. Code builds one as `ClusterSpec(gib_per_node=4, ...)`."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True
    )


class ClusterSpec(Spec):
    """The real nodes of a cluster. `home` is the management cluster itself."""

    home: bool = False
    region: str
    nodes: Annotated[int, Field(ge=1, le=1000)]
    cores_per_node: Positive
    gib_per_node: Positive


class LinkSpec(Spec):
    """The path between two clusters, the same both ways. Milliseconds are one way."""

    between: tuple[str, str]
    milliseconds: Positive
    jitter_ms: NotNegative = 0.1
    loss_ratio: Ratio = 0.00001
    gbps: Positive


class UsersSpec(Spec):
    """Where a user group is at the start, and how many they are."""

    site: str
    count: Annotated[int, Field(ge=0)]


class RhythmSpec(Spec):
    """How the number of users follows the day: a sine of 24 hours around `count`."""

    amplitude: Ratio = 0.0
    """0.4: from 0.6 to 1.4 of the count."""
    peak_hour: Annotated[float, Field(ge=0, lt=24)] = 20.0
    weekend_factor: NotNegative = 1.0
    """Times this on the days 5 and 6."""
    start_hour: Annotated[float, Field(ge=0, lt=24)] = 0.0
    """The hour of the day at the start of the world."""
    start_day: Annotated[int, Field(ge=0, le=6)] = 0
    """Monday is 0."""


class NoiseSpec(Spec):
    """What is odd on links and yet nobody's fault. Chances are per hour and link; 0 is never."""

    bursts_per_hour: NotNegative = 0.0
    """Spells of jitter; how much is heavy-tailed: Pareto, at least `burst_jitter_ms`."""
    burst_jitter_ms: NotNegative = 0.3
    burst_seconds: Positive = 20.0
    """On average; exponential."""
    outliers_per_hour: NotNegative = 0.0
    """Single steps with a longer delay: Pareto, at least `outlier_ms` one way."""
    outlier_ms: NotNegative = 1.0
    blips_per_hour: NotNegative = 0.0
    """Single steps with more loss: exponential, `blip_loss_ratio` on average."""
    blip_loss_ratio: Ratio = 0.001


class FleetSpec(Spec):
    """All clusters, links and users of the simulated world. No rhythm and no odd noise is usual."""

    seed: int
    clusters: dict[str, ClusterSpec]
    links: tuple[LinkSpec, ...]
    users: dict[str, UsersSpec]
    user_sites: tuple[str, ...]
    rhythm: RhythmSpec = RhythmSpec()
    noise: NoiseSpec = NoiseSpec()

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        if sum(cluster.home for cluster in self.clusters.values()) != 1:
            raise ValueError("exactly one cluster has home: true")
        for link in self.links:
            for name in link.between:
                known("cluster", name, self.clusters)
        for users in self.users.values():
            known("user site", users.site, dict.fromkeys(self.user_sites))
        return self

    @property
    def home(self) -> str:
        """The name of the management cluster."""
        return next(name for name, cluster in self.clusters.items() if cluster.home)

    def nodes(self) -> dict[str, str]:
        """Return the cluster of every real node."""
        return {
            node: name for name, spec in self.clusters.items() for node in real_nodes(name, spec)
        }

    def times(self, copies: int) -> "FleetSpec":
        """Return a fleet with room for that many copies of the demo application."""
        clusters = {
            name: cluster.model_copy(update={"nodes": cluster.nodes * copies})
            for name, cluster in self.clusters.items()
        }
        links = tuple(link.model_copy(update={"gbps": link.gbps * copies}) for link in self.links)
        return self.model_copy(update={"clusters": clusters, "links": links})


def real_nodes(cluster: str, spec: ClusterSpec) -> tuple[str, ...]:
    """Return the names of the real nodes of a cluster."""
    return tuple(f"{cluster}-{number}" for number in range(1, spec.nodes + 1))


def known(what: str, name: str, among: Mapping[str, Any]) -> None:
    """Raise ValueError, with what there is, for a name that is not among them."""
    if name not in among:
        raise ValueError(f"there is no {what} {name!r}; there are {', '.join(sorted(among))}")
