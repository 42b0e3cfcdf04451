"""From an Insight to the problem of one application: what it needs, and what is ruled out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.decide.core.frames import (
    Access,
    Forbidden,
    Frame,
    Frames,
    flows_of,
    forbidden,
    index_of,
    talks_of,
)
from services.decide.core.ground import Ground
from services.decide.core.headroom import Headroom, put
from services.decide.core.problem import Problem, ProblemComponent, ProblemGroup
from services.decide.core.promises import Promises
from shared.messages.insight import Insight
from shared.model.application import Application, Component, Constraints, UserGroup
from shared.model.names import ClusterName
from shared.model.site import Site


def problem_of(
    insight: Insight, ground: Ground, application: Application, promises: Promises
) -> Problem:
    """Put one application's problem together, on room that is promised to nobody."""
    frame = ground.frames.of.get(application.name)
    if frame is None or frame.application is not application:
        frame = _Yard(ground=ground).frame(application)
    problem = Problem(
        application=application,
        at=insight.at,
        policy=insight.policy,
        clusters=ground.clusters,
        links=ground.links,
        components=frame.components,
        flows=frame.flows,
        groups=frame.groups,
        talks=frame.talks,
        promised_mbps={},
        stale=ground.stale,
    )
    return with_promises(problem, promises)


def with_promises(problem: Problem, promises: Promises) -> Problem:
    """Take what is promised to others from the room that there is."""
    if not promises.rooms and not promises.mbps:
        return problem
    rooms: dict[ClusterName, Headroom] = {}
    for promise in promises.rooms:
        cluster = problem.clusters.get(promise.cluster)
        if cluster is not None:
            room = rooms.get(promise.cluster, cluster.headroom)
            rooms[promise.cluster], _ = put(room, promise.request, promise.replicas)
    less = {n: replace(problem.clusters[n], headroom=room) for n, room in rooms.items()}
    clusters = {**problem.clusters, **less}
    return replace(problem, clusters=clusters, promised_mbps=promises.mbps)


def framed(insight: Insight, ground: Ground, before: Frames) -> Ground:
    """Return the ground with the frames of all applications.

    `before`: those of another cycle. What was declared alike then is taken from there.
    """
    sites = tuple(cluster.site for cluster in ground.clusters.values())
    leaving = {name: c.leaving for name, c in ground.clusters.items() if c.leaving}
    yard = _Yard(ground=ground, is_alike=before.sites == sites and before.leaving == leaving)
    of = {a.name: yard.frame(a, before.of.get(a.name)) for a in insight.fleet.applications}
    return replace(ground, frames=Frames(sites=sites, leaving=leaving, of=of))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Yard:
    """Where frames are built. It remembers what several of them need."""

    ground: Ground
    is_alike: bool = False
    """Whether the sites are those for which the frames of the cycle before were built."""
    _forbidden: dict[Constraints, Forbidden] = field(default_factory=dict)
    _access: dict[str, Access] = field(default_factory=dict)
    _declared: dict[ClusterName, Mapping[str, float]] = field(default_factory=dict)

    def frame(self, application: Application, before: Frame | None = None) -> Frame:
        """Return the frame of an application, from an earlier one as far as nothing changed."""
        if before is not None and self.is_alike and before.application == application:
            components = tuple(self._as_it_stands(part) for part in before.components)
            groups = tuple(self._as_reached(group) for group in before.groups)
            return replace(before, application=application, components=components, groups=groups)
        return Frame(
            application=application,
            components=tuple(self._component(application, c) for c in application.components),
            flows=flows_of(application),
            groups=tuple(self._group(application, group) for group in application.users),
            talks=talks_of(application),
        )

    def _component(self, application: Application, component: Component) -> ProblemComponent:
        part = ProblemComponent(
            term=f"{application.name}/{component.name}",
            component=component,
            wanted=0,
            least=0,
            most=0,
            standing=(),
            alive=(),
            forbidden=self.forbidden(component.constraints),
            flows=tuple(
                index
                for index, flow in enumerate(application.flows)
                if component.name in (flow.source, flow.target)
            ),
            groups=tuple(
                index
                for index, group in enumerate(application.users)
                if component.name in group.round_trip
            ),
        )
        return self._as_it_stands(part)

    def _as_it_stands(self, part: ProblemComponent) -> ProblemComponent:
        """Return a component with what changes from one cycle to the next."""
        component, clusters = part.component, self.ground.clusters
        declared = component.min_replicas, component.max_replicas
        least, most = self.ground.ranges.get(part.term, declared)
        standing = self.ground.spreads.get(part.term, ())
        alive = tuple((c, n) for c, n in standing if c in clusters and not clusters[c].is_lost)
        now = least, most, standing, alive
        if (part.least, part.most, part.standing, part.alive) == now:
            return part
        wanted = max(min(component.replicas, most), least)
        return replace(part, wanted=wanted, least=least, most=most, standing=standing, alive=alive)

    def _group(self, application: Application, group: UserGroup) -> ProblemGroup:
        index = index_of(application)
        return ProblemGroup(
            term=f"quality:group:{application.name}/{group.name}",
            group=group,
            path=tuple(index[name] for name in group.round_trip),
            processing_ms=sum(application.component(n).processing_ms for n in group.round_trip),
            access_ms=self.access(group.site),
        )

    def _as_reached(self, group: ProblemGroup) -> ProblemGroup:
        """Return a group with the way from its users as it is now."""
        if group.group.site not in self.ground.links.sources:
            return group
        return replace(group, access_ms=self.access(group.group.site))

    def forbidden(self, constraints: Constraints) -> Forbidden:
        """Return the clusters that constraints rule out, and those that have to be left."""
        found = self._forbidden.get(constraints)
        if found is None:
            each = (
                (name, forbidden(constraints, cluster.site) or cluster.leaving)
                for name, cluster in self.ground.clusters.items()
            )
            found = {name: objection for name, objection in each if objection}
            self._forbidden[constraints] = found
        return found

    def access(self, user_site: str) -> Access:
        """Return the way between a user site and each cluster."""
        found = self._access.get(user_site)
        if found is None:
            found = {n: self._access_ms(user_site, c.site) for n, c in self.ground.clusters.items()}
            self._access[user_site] = found
        return found

    def _access_ms(self, user_site: str, site: Site) -> float | None:
        """Return the declared access latency; else, where users sit in a cluster, the link's."""
        declared = self._declared_by(site).get(user_site)
        if declared is not None:
            return declared
        if user_site == site.name:
            return 0.0
        return self.ground.links.latency_ms((ClusterName(user_site), site.name))

    def _declared_by(self, site: Site) -> Mapping[str, float]:
        found = self._declared.get(site.name)
        if found is None:
            found = {a.user_site: a.latency_ms for a in reversed(site.access)}
            self._declared[site.name] = found
        return found
