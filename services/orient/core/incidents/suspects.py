"""What may be behind what is bad, and what speaks for it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from services.orient.core.entities.watch import UnusualEntity
from services.orient.core.incidents.changes import Changes
from services.orient.core.incidents.graph import Bad, Entity, Graph, explains
from services.orient.core.incidents.ranking import Evidence, rank
from services.orient.core.incidents.watches import Sense
from shared.messages.incident import Anomaly, SubjectKind, Suspect
from shared.messages.insight import Quality
from shared.model.fleet import Fleet

SHARED_CAUSE_LINKS = 3
"""This many bad links at one cluster, and most of those it has, are one cause: its gateway."""
MOST_SUSPECTS = 5
UNUSUAL_BONUS = 1.1
"""Weight of an entity that as a whole behaves unlike before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidences:
    """All that is looked at to find the causes of one cycle."""

    fleet: Fleet
    graph: Graph
    anomalies: tuple[Anomaly, ...] = ()
    qualities: tuple[Quality, ...] = ()
    changes: Changes = field(default_factory=Changes)
    unusual: tuple[UnusualEntity, ...] = ()
    unsettled: frozenset[str] = frozenset()
    """Clusters on which a component stands that is changed on purpose: their nodes work anew."""


def is_reason(bad: Bad) -> bool:
    """Tell whether it is worth an incident: working more is not."""
    return bool(bad.senses - {Sense.USE})


def gateways(left: Iterable[Bad], graph: Graph) -> list[Bad]:
    """Return the clusters of whose links most are bad: all tunnels pass the gateway."""
    links = [b for b in left if b.entity[0] is SubjectKind.LINK and is_reason(b)]
    found = []
    for cluster in sorted({end for b in links for end in b.entity[1].split(">")}):
        at_it = [b for b in links if cluster in b.entity[1].split(">")]
        all_links = sum(cluster in name.split(">") for name in graph.links)
        if len(at_it) >= SHARED_CAUSE_LINKS and 2 * len(at_it) > all_links:
            anomalies = tuple(a for b in at_it for a in b.anomalies)
            found.append(Bad(entity=(SubjectKind.GATEWAY, cluster), anomalies=anomalies))
    return found


def evidence_of(candidate: Bad, among: Iterable[Bad], seen: Evidences) -> Evidence:
    """Return what speaks for one of several things that are bad."""
    things = tuple(among)
    covered = sum(explains(candidate, b, seen.graph) for b in things)
    onset = candidate.onset_at
    return Evidence(
        key=candidate.entity,
        shift=candidate.shift if candidate.anomalies else 0.0,
        onset_seconds=onset.timestamp() if onset else None,
        explained_ratio=covered / max(len(things), 1),
    )


def suspects_of(
    found: Bad, covered: list[Bad], bad: tuple[Bad, ...], seen: Evidences
) -> tuple[Suspect, ...]:
    """Return the cause and all that might be behind it instead, ranked; the cause is the first."""
    others = [
        b
        for b in (*gateways(bad, seen.graph), *bad)
        if b.entity != found.entity and any(explains(b, c, seen.graph) for c in covered)
    ]
    ranked = rank(evidence_of(b, covered, seen) for b in (found, *others))
    onsets = {b.entity: b.onset_at for b in (found, *others)}
    unusual = {(u.kind, u.subject) for u in seen.unusual}
    suspects = [_suspect(e, score, onsets, unusual, seen.changes) for e, score in ranked]
    suspects.sort(key=lambda s: ((s.kind, s.subject) != found.entity, -s.score, s.subject))
    return tuple(suspects[:MOST_SUSPECTS])


def _suspect(
    evidence: Evidence,
    score: float,
    onsets: dict[Entity, datetime | None],
    unusual: set[Entity],
    changes: Changes,
) -> Suspect:
    kind, subject = SubjectKind(evidence.key[0]), evidence.key[1]
    change = changes.of(subject) if kind is SubjectKind.COMPONENT else None
    return Suspect(
        kind=kind,
        subject=subject,
        score=round(min(score * (UNUSUAL_BONUS if (kind, subject) in unusual else 1.0), 1.0), 3),
        shift=evidence.shift,
        onset_at=onsets[kind, subject],
        explained_ratio=round(evidence.explained_ratio, 3),
        change=change.what if change else "",
    )
