"""What the actions on whole clusters go by: objects read just before, and what is declared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.act.core.objects import Object, Query, Read, Ref
from shared.model.names import ApplicationName, ClusterName


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The objects asked for, of every API server that answered."""

    objects: Mapping[Read, tuple[Object, ...]] = field(default_factory=dict)
    unreached: Mapping[ClusterName, str] = field(default_factory=dict)
    """Clusters that did not answer, and why: what was asked of them counts as not known."""
    refused: Mapping[ClusterName, str] = field(default_factory=dict)
    """Clusters that Act has no way into, or that are not the ones their Sites say, and why."""

    def one(self, ref: Ref) -> Object | None:
        """Return an object that was asked for, or None where there is none."""
        return next(iter(self.objects[ref]), None)

    def all(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that a query found."""
        return self.objects[query]

    def plus(self, further: "Seen") -> "Seen":
        """Return it with what was looked at besides."""
        return Seen(
            objects={**self.objects, **further.objects},
            unreached={**self.unreached, **further.unreached},
            refused={**self.refused, **further.refused},
        )

    def why_silent(self, cluster: ClusterName) -> str:
        """Say why a cluster gave no answer, or nothing."""
        return self.unreached.get(cluster) or self.refused.get(cluster, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What is declared about the fleet, and where Act itself runs."""

    home: ClusterName
    namespace: str
    """Of Act itself: what it has to hand to people is put there."""
    sites: Mapping[ClusterName, Object] = field(default_factory=dict)
    """The Site objects of the fleet."""
    applications: Mapping[ApplicationName, Object] = field(default_factory=dict)
    """The Application objects of the fleet."""
    manifests: tuple[Object, ...] = ()
    """Of a cluster to be made: its template, rendered."""
    unrendered: str = ""
    """Why its template cannot be rendered, or nothing."""
