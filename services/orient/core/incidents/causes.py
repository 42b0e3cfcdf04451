"""What is wrong in one cycle: what is bad, by the cause that explains most of it.

The widest cause is taken first, then the widest of what is left, until nothing is left that is
reason enough for an incident (greedy set cover). Within what a cause explains, all that might be
behind it is ranked (`ranking`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from services.orient.core.incidents.graph import (
    Bad,
    Entity,
    bad_entities,
    entity_of,
    explains,
    touches,
)
from services.orient.core.incidents.ranking import rank
from services.orient.core.incidents.suspects import (
    Evidences,
    evidence_of,
    gateways,
    is_reason,
    suspects_of,
)
from services.orient.core.incidents.watches import NODE_USE, WATCHES
from services.orient.core.incidents.wording import out_of_budget, sentence
from shared.messages.incident import Anomaly, SubjectKind, Suspect
from shared.messages.insight import Quality
from shared.messages.readings import Signal
from shared.model.fleet import ClusterState, Fleet
from shared.model.names import ClusterName

WIDENED = 3.0
"""While a component is changed on purpose, what matters is so much larger."""
MUCH_OF_A_NODE = 0.3
"""Share of its cores by which the use of a node must rise to be a fault."""
PATIENT_CYCLES = 2
"""Cycles in which a group must be seen out of its budget."""
UNUSUAL_CYCLES = 12
"""The same for an entity that only behaves unlike before: three minutes at 15 s."""
UNUSUAL_P_VALUE = 1e-7
OWN_SCORE, CHANGED_SCORE = 0.5, 0.4
"""Of a group that suffers from nothing found, and of a component on its path that was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What is bad in this cycle, and what speaks for it."""

    kind: SubjectKind
    subject: str
    message: str
    anomalies: tuple[Anomaly, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    patience_cycles: int = 1
    """Cycles in which it must be seen before it is an incident. Anomalies have their own."""

    @property
    def entity(self) -> Entity:
        """Return what it is about."""
        return self.kind, self.subject


def find_causes(seen: Evidences) -> tuple[Cause, ...]:
    """Return the causes of this cycle: what a wider one explains is not told again."""
    bad = bad_entities((a for a in seen.anomalies if _counts(a, seen)), seen.graph)
    lost = iter([c.name for c in seen.fleet.clusters if c.state is ClusterState.UNREACHABLE])
    causes: list[Cause] = []
    left = bad
    while (found := _next_lost(lost) or _widest(left, seen)) is not None:
        covered = [b for b in left if explains(found, b, seen.graph)]
        left = tuple(b for b in left if b not in covered)
        causes.append(_cause(found, covered, bad, seen))
    causes += _unusual(seen, causes)
    return (*causes, *_groups_out_of_budget(seen, causes))


def _next_lost(clusters: Iterator[str]) -> Bad | None:
    cluster = next(clusters, None)
    return Bad(entity=(SubjectKind.CLUSTER, cluster), anomalies=()) if cluster else None


def _counts(anomaly: Anomaly, seen: Evidences) -> bool:
    """Tell whether a reading is bad beyond what a change on purpose or the room explains."""
    size = abs(anomaly.value - anomaly.expected)
    if anomaly.signal == Signal.NODE_USED_CORES and size < _much_of(anomaly, seen.fleet):
        return False
    if anomaly.signal in NODE_USE and anomaly.cluster in seen.unsettled:
        return False
    entity = entity_of(anomaly, seen.graph)
    if entity is None or seen.changes.of(entity[1]) is None:
        return True
    watch = WATCHES[Signal(anomaly.signal)]
    return size >= WIDENED * max(watch.effect, watch.relative_effect * abs(anomaly.expected))


def _much_of(anomaly: Anomaly, fleet: Fleet) -> float:
    """Return how many more cores of a node in use are much: work comes and goes."""
    cluster = fleet.cluster(ClusterName(anomaly.cluster))
    nodes = cluster.nodes if cluster else ()
    cores = (node.allocatable.cpu_cores for node in nodes if node.name == anomaly.subject)
    return MUCH_OF_A_NODE * next(cores, 0.0)


def _widest(left: tuple[Bad, ...], seen: Evidences) -> Bad | None:
    """Return what explains most of what is left; of equals the likeliest."""
    candidates = [*gateways(left, seen.graph), *(b for b in left if is_reason(b))]
    if not candidates:
        return None
    covered = {c.entity: sum(explains(c, b, seen.graph) for b in left) for c in candidates}
    most = max(covered.values())
    ranked = rank(evidence_of(c, left, seen) for c in candidates if covered[c.entity] == most)
    (kind, subject) = ranked[0][0].key
    return next(c for c in candidates if c.entity == (kind, subject))


def _cause(found: Bad, covered: list[Bad], bad: tuple[Bad, ...], seen: Evidences) -> Cause:
    kind, subject = found.entity
    own = found.anomalies or tuple(a for b in covered for a in b.anomalies)
    return Cause(
        kind=kind,
        subject=subject,
        message=sentence(found, seen.fleet),
        anomalies=own,
        suspects=suspects_of(found, covered, bad, seen),
    )


def _unusual(seen: Evidences, causes: list[Cause]) -> list[Cause]:
    """Return the entities that only behave unlike before, and that no cause explains."""
    told = [Bad(entity=c.entity, anomalies=c.anomalies) for c in causes]
    found = []
    for unusual in seen.unusual:
        own = Bad(entity=(unusual.kind, unusual.subject), anomalies=())
        if unusual.p_value > UNUSUAL_P_VALUE or unusual.kind is SubjectKind.CLUSTER:
            continue
        if own.entity in {c.entity for c in causes} or any(
            explains(t, own, seen.graph) for t in told
        ):
            continue
        found.append(
            Cause(
                kind=unusual.kind,
                subject=unusual.subject,
                message=f"{unusual.kind} {unusual.subject} behaves unlike before:"
                f" {', '.join(sorted(unusual.signals))}",
                patience_cycles=UNUSUAL_CYCLES,
            )
        )
    return found


def _groups_out_of_budget(seen: Evidences, explained: list[Cause]) -> list[Cause]:
    """Return the groups that suffer from nothing found: users who moved, a bad placement."""
    return [
        Cause(
            kind=SubjectKind.GROUP,
            subject=f"{quality.application}/{quality.group}",
            message=out_of_budget(quality, seen.fleet),
            suspects=_changed(quality, seen),
            patience_cycles=PATIENT_CYCLES,
        )
        for quality in seen.qualities
        if quality.is_met is False
        and not any(touches(c.entity, quality) for c in explained if c.patience_cycles == 1)
    ]


def _changed(quality: Quality, seen: Evidences) -> tuple[Suspect, ...]:
    """Return the group itself, and the components on its path that were changed just before."""
    name = f"{quality.application}/{quality.group}"
    passed = sorted(seen.graph.components_of.get(name, ()))
    changes = [change for c in passed if (change := seen.changes.of(c)) is not None]
    own = Suspect(kind=SubjectKind.GROUP, subject=name, score=OWN_SCORE, shift=0.0)
    others = [
        Suspect(
            kind=SubjectKind.COMPONENT,
            subject=change.component,
            score=CHANGED_SCORE,
            shift=0.0,
            onset_at=change.at,
            change=change.what,
        )
        for change in changes
    ]
    return (own, *others)
