"""What is wrong in one cycle: anomalies and states grouped by cause, the widest cause first."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from shared.messages.insight import Anomaly, HopKind, Quality, SubjectKind
from shared.messages.readings import Signal
from shared.model.fleet import ClusterState, Fleet

SHARED_CAUSE_LINKS = 3
"""This many bad links at one cluster, and most of those it has, are one cause: the cluster."""

LINK_SIGNALS = frozenset(
    (
        Signal.LINK_RTT_MS,
        Signal.LINK_JITTER_MS,
        Signal.LINK_LOSS_RATIO,
        Signal.LINK_CAPACITY_MBPS,
        Signal.LINK_UP,
    )
)
WORDS = {
    Signal.LINK_RTT_MS: "latency",
    Signal.LINK_JITTER_MS: "jitter",
    Signal.LINK_LOSS_RATIO: "loss",
    Signal.LINK_CAPACITY_MBPS: "bandwidth",
    Signal.LINK_UP: "connection",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What is bad in this cycle, and what speaks for it."""

    kind: SubjectKind
    subject: str
    message: str
    anomalies: tuple[Anomaly, ...] = ()
    at_once: bool = False


def find_causes(
    fleet: Fleet, anomalies: tuple[Anomaly, ...], qualities: tuple[Quality, ...]
) -> tuple[Cause, ...]:
    """Return the causes of this cycle: what a wider one explains is not told again."""
    lost = _lost_clusters(fleet)
    gone = {cause.subject for cause in lost}
    links = _bad_links(anomalies, gone)
    shared = _shared_by(links, fleet)
    behind = {cause.subject for cause in shared}
    single = [
        _link_cause(pair, found) for pair, found in sorted(links.items()) if not behind & set(pair)
    ]
    nodes = _bad_nodes(anomalies, gone)
    components = _slow_components(anomalies)
    explained = (*lost, *shared, *single, *nodes, *components)
    return (*explained, *_groups_out_of_budget(fleet, qualities, explained))


def _lost_clusters(fleet: Fleet) -> list[Cause]:
    return [
        Cause(kind=SubjectKind.CLUSTER, subject=c.name, message=c.reason, at_once=True)
        for c in fleet.clusters
        if c.state is ClusterState.UNREACHABLE
    ]


def _bad_links(
    anomalies: Iterable[Anomaly], gone: set[str]
) -> dict[tuple[str, str], list[Anomaly]]:
    """Group by pair of clusters: both ends see the same trouble."""
    links: dict[tuple[str, str], list[Anomaly]] = defaultdict(list)
    for anomaly in anomalies:
        ends = {anomaly.cluster, anomaly.subject}
        if anomaly.signal in LINK_SIGNALS and len(ends) > 1 and not ends & gone:
            first, second = sorted(ends)
            links[first, second].append(anomaly)
    return links


def _shared_by(links: dict[tuple[str, str], list[Anomaly]], fleet: Fleet) -> list[Cause]:
    causes: list[Cause] = []
    left = dict(links)
    while left and fleet.clusters:
        at_cluster = {
            c.name: [pair for pair in sorted(left) if c.name in pair] for c in fleet.clusters
        }
        name, pairs = max(at_cluster.items(), key=lambda item: (len(item[1]), item[0]))
        all_pairs = {tuple(sorted((x.source, x.target))) for x in fleet.links}
        of_cluster = sum(name in pair for pair in all_pairs)
        if len(pairs) < SHARED_CAUSE_LINKS or 2 * len(pairs) <= of_cluster:
            break
        found = tuple(anomaly for pair in pairs for anomaly in left[pair])
        causes.append(
            Cause(
                kind=SubjectKind.CLUSTER,
                subject=name,
                message=f"most links of {name} are not normal: {_what(found)}",
                anomalies=found,
            )
        )
        for pair in pairs:
            del left[pair]
    return causes


def _link_cause(pair: tuple[str, str], anomalies: list[Anomaly]) -> Cause:
    first, second = pair
    return Cause(
        kind=SubjectKind.LINK,
        subject=f"{first}>{second}",
        message=f"the link between {first} and {second} is not normal: {_what(anomalies)}",
        anomalies=tuple(anomalies),
    )


def _what(anomalies: Iterable[Anomaly]) -> str:
    return ", ".join(sorted({WORDS[Signal(a.signal)] for a in anomalies}))


def _bad_nodes(anomalies: Iterable[Anomaly], gone: set[str]) -> list[Cause]:
    return [
        Cause(
            kind=SubjectKind.NODE,
            subject=f"{a.cluster}/{a.subject}",
            message=f"node {a.subject} of {a.cluster} is not Ready",
            anomalies=(a,),
        )
        for a in anomalies
        if a.signal == Signal.NODE_READY and a.cluster not in gone
    ]


def _slow_components(anomalies: Iterable[Anomaly]) -> list[Cause]:
    return [
        Cause(
            kind=SubjectKind.COMPONENT,
            subject=a.subject,
            message=f"{a.subject} takes longer than usual",
            anomalies=(a,),
        )
        for a in anomalies
        if a.signal == Signal.PROCESSING_MS
    ]


def _groups_out_of_budget(
    fleet: Fleet, qualities: tuple[Quality, ...], explained: tuple[Cause, ...]
) -> list[Cause]:
    """Return the groups that suffer from nothing found: users who moved, a bad placement."""
    return [
        Cause(
            kind=SubjectKind.GROUP,
            subject=f"{quality.application}/{quality.group}",
            message=(
                f"user group {quality.group} of {quality.application} is out of its budget"
                f"{_where(fleet, quality)}"
            ),
        )
        for quality in qualities
        if quality.is_met is False and not any(touches(cause, quality) for cause in explained)
    ]


def _where(fleet: Fleet, quality: Quality) -> str:
    application = fleet.application(quality.application)
    groups = application.users if application else ()
    site = next((g.site for g in groups if g.name == quality.group), "")
    return f": its users attach at {site}" if site else ""


def touches(cause: Cause, quality: Quality) -> bool:
    """Tell whether the group's way crosses what is bad."""
    match cause.kind:
        case SubjectKind.LINK:
            ends = set(cause.subject.split(">"))
            crossed = (set(h.name.split(">")) for h in quality.hops if h.kind is HopKind.LINK)
            return any(ends == pair for pair in crossed)
        case SubjectKind.CLUSTER | SubjectKind.NODE:
            cluster = cause.subject.partition("/")[0]
            return any(cluster in h.name.split(">") for h in quality.hops)
        case SubjectKind.COMPONENT:
            return cause.subject.startswith(f"{quality.application}/")
        case SubjectKind.GROUP:
            return cause.subject == f"{quality.application}/{quality.group}"
