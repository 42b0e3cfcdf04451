"""What each user group got in a cycle, and what it would have got with what was wanted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from console.shadow.wants import WATCHED, Want
from services.orient.core.quality import assess_quality
from shared.messages.insight import Insight
from shared.model.application import Application, Autonomy
from shared.model.fleet import ClusterState, Fleet, Placement
from shared.model.fleet_after import fleet_after
from shared.model.names import ApplicationName, DecisionId, GroupName

GONE = frozenset((ClusterState.UNREACHABLE, ClusterState.NOT_PEERED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One user group in one cycle. A latency is None where it cannot be told."""

    application: ApplicationName
    autonomy: Autonomy
    group: GroupName
    at: datetime
    budget_ms: float
    did_ms: float | None
    would_ms: float | None
    want: DecisionId | None
    """What would have been in effect."""


def seen_in(insight: Insight, wants: Iterable[Want]) -> tuple[Seen, ...]:
    """Return what the user groups of watched applications got, and would have got.

    What would have been is assessed as Orient assesses what is, on the fleet of the same cycle
    with the plan's placements: links, access and processing as they were measured then.
    """
    measured = {(q.application, q.group): q.latency_ms for q in insight.qualities}
    holding = {want.application: want for want in wants if want.holds_at(insight.at)}
    seen = []
    for application in insight.fleet.applications:
        if application.autonomy not in WATCHED:
            continue
        want = holding.get(application.name)
        would = _would_be(insight, application, want) if want else {}
        for group in application.users:
            did_ms = measured.get((application.name, group.name))
            seen.append(
                Seen(
                    application=application.name,
                    autonomy=application.autonomy,
                    group=group.name,
                    at=insight.at,
                    budget_ms=group.budget_ms,
                    did_ms=did_ms,
                    would_ms=would[group.name] if want else did_ms,
                    want=want.decision if want else None,
                )
            )
    return tuple(seen)


def _would_be(
    insight: Insight, application: Application, want: Want
) -> Mapping[GroupName, float | None]:
    own = tuple(p for p in insight.fleet.placements if p.application == application.name)
    alone = replace(insight.fleet, applications=(application,), placements=own)
    after = _with_nothing_gone_ready(fleet_after(alone, want.plan), known=own)
    qualities, _ = assess_quality(after, insight.policy, ())
    return {quality.group: quality.latency_ms for quality in qualities}


def _with_nothing_gone_ready(fleet: Fleet, *, known: tuple[Placement, ...]) -> Fleet:
    """Return a fleet in which no new copy is ready on a cluster that is gone."""
    gone = {cluster.name for cluster in fleet.clusters if cluster.state in GONE}
    placements = tuple(
        replace(p, ready_replicas=0) if p.cluster in gone and p not in known else p
        for p in fleet.placements
    )
    return replace(fleet, placements=placements)
