"""What depends on what: users on components and links, components on nodes, all on clusters."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from services.orient.core.entities.places import components_of_pods, link_name, subject_of
from services.orient.core.incidents.watches import WATCHES, Sense
from shared.messages.incident import Anomaly, SubjectKind
from shared.messages.insight import HopKind, Quality
from shared.messages.inventory import Inventory
from shared.messages.readings import Signal
from shared.model.fleet import Fleet

Entity = tuple[SubjectKind, str]
"""Kind and subject, as in `Incident`."""
MOST_SHIFT = 50.0
"""Further from normal says no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """An entity with readings that are not normal."""

    entity: Entity
    anomalies: tuple[Anomaly, ...]

    @property
    def senses(self) -> frozenset[Sense]:
        """Return what its bad signals mean."""
        return frozenset(WATCHES[Signal(a.signal)].sense for a in self.anomalies)

    @property
    def shift(self) -> float:
        """Return the median distance from normal, in spreads."""
        return median(min(abs(a.score), MOST_SHIFT) for a in self.anomalies)

    @property
    def onset_at(self) -> datetime | None:
        """Return when the first of its readings became bad."""
        return min((a.onset_at for a in self.anomalies if a.onset_at), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The dependencies of one fleet at one instant."""

    clusters_of: dict[str, frozenset[str]]
    """Where the replicas of a component stand."""
    components_of: dict[str, frozenset[str]]
    """Components on the path of a user group (`xr/arena/north`)."""
    links_of: dict[str, frozenset[str]]
    """Links (`a>b`, by name) that the flows of a group's application may cross."""
    links: frozenset[str]
    pods: dict[str, str]
    """The component of each pod."""


def graph_of(fleet: Fleet, inventory: Inventory) -> Graph:
    """Return what depends on what."""
    clusters_of: dict[str, set[str]] = defaultdict(set)
    for placement in fleet.placements:
        name = f"{placement.application}/{placement.component}"
        clusters_of[name].add(placement.cluster)
    components_of, links_of = {}, {}
    for application in fleet.applications:
        crossed = frozenset(
            link_name(a, b)
            for flow in application.flows
            for a in clusters_of[f"{application.name}/{flow.source}"]
            for b in clusters_of[f"{application.name}/{flow.target}"]
            if a != b
        )
        for group in application.users:
            name = f"{application.name}/{group.name}"
            components_of[name] = frozenset(f"{application.name}/{c}" for c in group.round_trip)
            links_of[name] = crossed
    return Graph(
        clusters_of={name: frozenset(found) for name, found in clusters_of.items()},
        components_of=components_of,
        links_of=links_of,
        links=frozenset(link_name(x.source, x.target) for x in fleet.links),
        pods=components_of_pods(inventory),
    )


_KINDS = {
    "link_": SubjectKind.LINK,
    "node_": SubjectKind.NODE,
    "pod_": SubjectKind.COMPONENT,
    Signal.PROCESSING_MS: SubjectKind.COMPONENT,
    Signal.FLOW_MBPS: SubjectKind.COMPONENT,
    Signal.USERS: SubjectKind.GROUP,
}


def entity_of(anomaly: Anomaly, graph: Graph) -> Entity | None:
    """Return what a reading is about. None: a pod of nobody we know."""
    kind = next(kind for start, kind in _KINDS.items() if anomaly.signal.startswith(start))
    subject = subject_of((anomaly.signal, anomaly.cluster, anomaly.subject), graph.pods)
    return (kind, subject) if subject else None


def bad_entities(anomalies: Iterable[Anomaly], graph: Graph) -> tuple[Bad, ...]:
    """Group the anomalies by what they are about."""
    found: dict[Entity, list[Anomaly]] = defaultdict(list)
    for anomaly in anomalies:
        entity = entity_of(anomaly, graph)
        if entity is not None:
            found[entity].append(anomaly)
    return tuple(Bad(entity=e, anomalies=tuple(a)) for e, a in sorted(found.items()))


def explains(cause: Bad, effect: Bad, graph: Graph) -> bool:
    """Tell whether one thing that is bad would make another one bad."""
    (kind, subject), (of, other) = cause.entity, effect.entity
    if cause.entity == effect.entity:
        return True
    match kind:
        case SubjectKind.CLUSTER | SubjectKind.GATEWAY:
            return _is_at(kind, subject, effect, graph)
        case SubjectKind.NODE:
            cluster = subject.partition("/")[0]
            suffers = Sense.SUFFERING in effect.senses and not effect.senses & {Sense.FAULT}
            return of is SubjectKind.COMPONENT and suffers and _stands(other, cluster, graph)
        case SubjectKind.GROUP:
            return Sense.DEMAND in cause.senses and _is_used_by(subject, effect, graph)
        case SubjectKind.COMPONENT:
            return of is SubjectKind.NODE and _takes(cause, effect, graph)
        case SubjectKind.LINK:
            return False


def _is_at(kind: SubjectKind, cluster: str, effect: Bad, graph: Graph) -> bool:
    of, other = effect.entity
    match of:
        case SubjectKind.LINK:
            return cluster in other.split(">")
        case SubjectKind.NODE:
            is_of_cluster = other.startswith(f"{cluster}/")
            return is_of_cluster and (kind is SubjectKind.CLUSTER or _carries(effect))
        case SubjectKind.COMPONENT:
            return kind is SubjectKind.CLUSTER and _stands(other, cluster, graph)
        case SubjectKind.GATEWAY | SubjectKind.CLUSTER | SubjectKind.GROUP:
            return False


def _carries(node: Bad) -> bool:
    """Tell whether a node is busy with packets, as that of a gateway is."""
    signals = {a.signal for a in node.anomalies}
    return Signal.NODE_SOFTIRQ_CORES in signals and Signal.NODE_READY not in signals


def _is_used_by(group: str, effect: Bad, graph: Graph) -> bool:
    """Tell whether more users of a group would make it busier: CPU, traffic, and what they slow."""
    of, other = effect.entity
    components = graph.components_of.get(group, frozenset())
    if any(a.signal == Signal.NODE_READY for a in effect.anomalies):
        return False
    match of:
        case SubjectKind.COMPONENT:
            return other.rpartition("/")[0] == group.rpartition("/")[0]
        case SubjectKind.NODE:
            cluster = other.partition("/")[0]
            return any(_stands(component, cluster, graph) for component in components)
        case SubjectKind.LINK:
            return other in graph.links_of.get(group, frozenset())
        case SubjectKind.GROUP | SubjectKind.GATEWAY | SubjectKind.CLUSTER:
            return False


def _takes(component: Bad, node: Bad, graph: Graph) -> bool:
    """Tell whether a node is busy with what a component takes."""
    taken = {a.signal.removeprefix("pod_") for a in component.anomalies}
    busy = {a.signal.removeprefix("node_") for a in node.anomalies}
    cluster = node.entity[1].partition("/")[0]
    return busy <= taken and _stands(component.entity[1], cluster, graph)


def _stands(component: str, cluster: str, graph: Graph) -> bool:
    return cluster in graph.clusters_of.get(component, frozenset())


def touches(entity: Entity, quality: Quality) -> bool:
    """Tell whether a group's way crosses what is bad."""
    kind, subject = entity
    match kind:
        case SubjectKind.LINK:
            ends = set(subject.split(">"))
            crossed = (set(h.name.split(">")) for h in quality.hops if h.kind is HopKind.LINK)
            return any(ends == pair for pair in crossed)
        case SubjectKind.CLUSTER | SubjectKind.GATEWAY | SubjectKind.NODE:
            cluster = subject.partition("/")[0]
            return any(cluster in h.name.split(">") for h in quality.hops)
        case SubjectKind.COMPONENT:
            owner, _, component = subject.rpartition("/")
            passed = (h.name for h in quality.hops if h.kind is HopKind.PROCESSING)
            return owner == quality.application and (not quality.hops or component in passed)
        case SubjectKind.GROUP:
            return subject == f"{quality.application}/{quality.group}"
