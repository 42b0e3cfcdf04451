"""Known changes: what was done to a component on purpose, so that nobody takes it for a fault."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.messages.inventory import Freshness, Inventory, Pod
from shared.messages.observation import Observation
from shared.messages.outcome import Outcome, Status
from shared.model.plan import Move, Scale, describe

LASTS = timedelta(minutes=5)
"""So long a change widens what is normal for its component, from the last sign of it on."""
STARTED = (Status.RUNNING, Status.SUCCEEDED, Status.REVERTED, Status.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The pods of a component as they were seen last."""

    component: str
    """`xr/arena/render`."""
    pods: frozenset[str]
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something done to a component, as people say it."""

    component: str
    at: datetime
    """Its last sign."""
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is remembered: how components stood, and what changed lately."""

    standing: tuple[Standing, ...] = ()
    recent: tuple[Change, ...] = ()

    def of(self, component: str) -> Change | None:
        """Return the change of a component that is still to be reckoned with."""
        return next((c for c in self.recent if c.component == component), None)


def follow_changes(observation: Observation, changes: Changes) -> Changes:
    """Return the changes with those of this cycle; from a first sight nothing is inferred."""
    inventory = observation.inventory
    if any(k.kind == "Pod" and k.state is not Freshness.FRESH for k in inventory.kinds):
        return changes
    at, standing = observation.at, tuple(_standing(inventory))
    known = {s.component: s for s in changes.standing}
    seen = [
        Change(component=now.component, at=at, what=_difference(known[now.component], now))
        for now in standing
        if now.component in known and known[now.component] != now
    ]
    recent = {c.component: c for c in changes.recent if at - c.at < LASTS}
    recent |= {c.component: c for c in seen}
    recent |= {c.component: c for c in _by_act(observation.outcomes, at)}
    return Changes(
        standing=standing, recent=tuple(sorted(recent.values(), key=lambda c: c.component))
    )


def unsettled_clusters(
    changes: Changes, clusters_of: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """Return the clusters on which a component stands that changed lately."""
    return frozenset(c for change in changes.recent for c in clusters_of.get(change.component, ()))


def _standing(inventory: Inventory) -> Iterable[Standing]:
    pods: dict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in inventory.pods:
        pods[pod.namespace, pod.workload].append(pod)
    replicas = {(w.namespace, w.name): w.replicas for w in inventory.workloads}
    for application in inventory.applications:
        for component in application.components:
            key = (application.namespace, component.workload.name)
            yield Standing(
                component=f"{application.name}/{component.name}",
                pods=frozenset(pod.name for pod in pods[key]),
                replicas=replicas.get(key, 0),
            )


def _difference(before: Standing, now: Standing) -> str:
    if before.replicas != now.replicas:
        return f"{now.component} was scaled from {before.replicas} to {now.replicas}"
    return f"pods of {now.component} were replaced"


def _by_act(outcomes: Iterable[Outcome], at: datetime) -> Iterable[Change]:
    """Yield what Act did lately: under way, or ended less than `LASTS` ago."""
    for outcome in outcomes:
        for result in outcome.actions:
            action, ended = result.action, result.finished_at
            if not isinstance(action, Move | Scale) or result.status not in STARTED:
                continue
            last = ended if ended is not None else at
            if not outcome.dry_run and at - last < LASTS:
                yield Change(
                    component=f"{action.application}/{action.component}",
                    at=last,
                    what=f"decision {outcome.decision}: {describe(action)}",
                )
