"""How a cluster is deleted, from its objects as they stand: the Cluster alone, once it is empty."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.act.core.cluster_api.conditions import is_paused, said
from services.act.core.cluster_api.emptiness import (
    further_reads_of_emptiness,
    proof_for,
    reads_of_emptiness,
    unknown_of,
    why_in_use,
)
from services.act.core.cluster_api.hooks import hook, hooked, unhook, unhooked
from services.act.core.cluster_api.kinds import CLUSTER, CLUSTER_NAME, MACHINE
from services.act.core.cluster_api.leftovers import leftovers, reads_of_leftovers
from services.act.core.cluster_api.phases import REQUESTED, last_change, reach
from services.act.core.cluster_api.removal import DELETED, next_of_leftovers, removal
from services.act.core.ledger import Entry
from services.act.core.objects import Object, Query, Read, Ref, condition, is_going, name_of
from services.act.core.seen import Grounds, Seen
from services.act.core.site import ClusterTemplate, template_of
from services.act.core.steps import Context, Next, Step, Wait, began, ended, goes_back
from shared.messages.outcome import Status
from shared.model.plan import DeleteCluster

PATIENCE = timedelta(minutes=15)
"""How long a deletion may get no further before it counts as stuck."""
STAGES = {
    "WaitingForWorkersDeletion": (REQUESTED,),
    "WaitingForControlPlaneDeletion": (REQUESTED, "workers deleted"),
    "WaitingForInfrastructureDeletion": (REQUESTED, "workers deleted", "control plane deleted"),
}
"""What is done by the time a Cluster gives a reason for its condition `Deleting`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is there of the cluster, and what speaks against its deletion."""

    template: ClusterTemplate
    cluster: Object | None
    machines: tuple[Object, ...]
    in_use: str
    unknown: tuple[str, ...]
    proof: tuple[Query, ...]
    left: tuple[tuple[Ref, Object], ...]


def reads_of_delete(action: DeleteCluster, grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step. PermanentError: there is no template."""
    template = template_of(grounds.sites.get(action.site, {}))
    return (
        _cluster(template),
        _machines(template),
        *reads_of_emptiness(action.site, grounds),
        *reads_of_leftovers(template),
    )


def further_reads_of_delete(action: DeleteCluster, seen: Seen) -> tuple[Read, ...]:
    """Return what has to be looked at besides: the pods on its virtual nodes."""
    return further_reads_of_emptiness(action.site, seen)


def next_of_delete(
    action: DeleteCluster, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next.

    A hook keeps the Machines from being drained until the cluster is proven empty once more. Only
    the Cluster is deleted: Cluster API takes down the rest in its order.
    """
    now, scene = context.now, _scene_of(action, seen, grounds)
    if entry.status is Status.PENDING:
        return _begin(entry, scene, context)
    if scene.cluster is None:
        return _clear(entry, scene, now)
    if is_going(scene.cluster):
        return _follow(entry, scene, scene.cluster, now)
    if entry.back_at is not None:
        return _back(entry, scene, now)
    return _forth(entry, scene, scene.cluster, now)


def _begin(entry: Entry, scene: _Scene, context: Context) -> Next:
    """Begin, if the Site permits it and the cluster is empty."""
    now, template = context.now, scene.template
    refusal = ""
    if not template.may_delete:
        refusal = f"Site {template.site} does not permit it: spec.template.mayDelete is not true"
    elif scene.cluster is None:
        refusal = f"{_cluster(template)} does not exist"
    elif now > context.deadline_at:
        refusal = scene.in_use or "its deadline has passed"
    if refusal:
        return ended(entry, Status.REFUSED, now, refusal)
    if scene.in_use:
        return Wait(reason=scene.in_use)
    return began(replace(entry, warnings=scene.unknown), now)


def _forth(entry: Entry, scene: _Scene, cluster: Object, now: datetime) -> Next:
    """Hold the Machines, and delete the Cluster if it is still empty then."""
    if scene.in_use or not scene.template.may_delete:
        return goes_back(entry, now, scene.in_use or "its Site does not permit it any more")
    for machine in unhooked(scene.machines):
        denied = goes_back(entry, now, f"Machine {name_of(machine)} could not be held")
        return Step(write=hook(machine), otherwise=denied)
    denied = goes_back(entry, now, "the Cluster could not be deleted")
    return Step(
        write=removal(_cluster(scene.template), cluster, emptied=scene.proof), otherwise=denied
    )


def _back(entry: Entry, scene: _Scene, now: datetime) -> Next:
    """Let go of the Machines; nothing else was done."""
    for machine in hooked(scene.machines):
        return Step(write=unhook(machine))
    return ended(entry, Status.REVERTED, now, entry.message)


def _follow(entry: Entry, scene: _Scene, cluster: Object, now: datetime) -> Next:
    """Let Cluster API take the cluster down, and tell where it is stuck."""
    reason = str(condition(cluster, "Deleting", "status", "conditions").get("reason", ""))
    if further := reach(entry, STAGES.get(reason, (REQUESTED,)), now):
        return further
    told = f"Cluster {name_of(cluster)} is going ({said(cluster, 'Deleting')})"
    if is_paused(cluster):
        told = f"Cluster {name_of(cluster)} is paused"
    if scene.in_use:
        told = f"its Machines are held: {scene.in_use}"
    elif held := hooked(scene.machines):
        return Step(write=unhook(held[0]))
    return _going(entry, told, now)


def _clear(entry: Entry, scene: _Scene, now: datetime) -> Next:
    """Remove what is left once the Cluster is gone."""
    if further := reach(entry, (REQUESTED, DELETED), now):
        return further
    following = next_of_leftovers(scene.left, entry, now)
    if following is None:
        return ended(entry, Status.SUCCEEDED, now, "")
    return _going(entry, following.reason, now) if isinstance(following, Wait) else following


def _going(entry: Entry, told: str, now: datetime) -> Next:
    """Wait for what is being deleted, but not for ever. Finalizers are left to their owners."""
    if now <= last_change(entry, now) + PATIENCE:
        return Wait(reason=told)
    minutes = PATIENCE.total_seconds() / 60
    advice = "mend what it waits for; it goes on by itself then"
    return ended(
        entry, Status.FAILED, now, f"no further for {minutes:.0f} minutes: {told}; {advice}"
    )


def _scene_of(action: DeleteCluster, seen: Seen, grounds: Grounds) -> _Scene:
    template = template_of(grounds.sites.get(action.site, {}))
    return _Scene(
        template=template,
        cluster=seen.one(_cluster(template)),
        machines=seen.all(_machines(template)),
        in_use=why_in_use(action.site, seen, grounds),
        unknown=unknown_of(action.site, seen, grounds),
        proof=proof_for(action.site, seen, grounds),
        left=leftovers(template, seen),
    )


def _cluster(template: ClusterTemplate) -> Ref:
    return Ref(kind=CLUSTER, namespace=template.namespace, name=template.site)


def _machines(template: ClusterTemplate) -> Query:
    selector = f"{CLUSTER_NAME}={template.site}"
    return Query(kind=MACHINE, namespace=template.namespace, selector=selector)
