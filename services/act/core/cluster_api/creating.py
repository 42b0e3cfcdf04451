"""How a cluster is made from the template its Site names, from its objects as they stand."""

from dataclasses import replace
from datetime import datetime, timedelta

from services.act.core.cluster_api.coming import AVAILABLE, NEEDED, reached, why_not_ready
from services.act.core.cluster_api.conditions import budget_of, said
from services.act.core.cluster_api.faults import warnings_of
from services.act.core.cluster_api.making import Scene, reads_of_create, scene_of, why_wrong
from services.act.core.cluster_api.manifests import cluster_of, ref_of
from services.act.core.cluster_api.phases import (
    REQUESTED,
    last_change,
    may_be_old,
    reach,
    reached_at,
)
from services.act.core.cluster_api.removal import DELETED, next_of_leftovers, removal
from services.act.core.ledger import Entry
from services.act.core.live import virtual_nodes_of
from services.act.core.objects import is_going, name_of
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Step, Wait, began, ended, goes_back
from shared.messages.outcome import Status
from shared.model.plan import CreateCluster

__all__ = ["next_of_create", "reads_of_create"]

LEAST_MINUTES = 15.0
"""However fast a cluster is expected: so long it gets at the least without getting further."""
PATIENCE = timedelta(seconds=30)
"""How long `Available` is waited for once all nodes are ready."""
DESCRIBED = "described"
"""All it is made from stands."""


def next_of_create(
    action: CreateCluster, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next. Everything goes by its name, so that there is never a second one."""
    now = context.now
    if wrong := why_wrong(action, grounds):
        return _without_template(action, entry, wrong, now)
    scene = scene_of(action, seen, grounds, context.decision)
    if entry.status is Status.PENDING:
        return _begin(entry, scene, context)
    if entry.back_at is not None:
        return _back(entry, scene, now)
    if reached_at(entry, REQUESTED) and (taken := scene.taken()):
        return _contested(entry, taken, now)
    if not reached_at(entry, DESCRIBED):
        return _make(entry, scene, now)
    return _await(action, entry, scene, now)


def _without_template(action: CreateCluster, entry: Entry, wrong: str, now: datetime) -> Next:
    """Refuse what cannot be made; halfway, wait for somebody who mends the template."""
    if entry.status is Status.PENDING:
        return ended(entry, Status.REFUSED, now, wrong)
    if now <= last_change(entry, now) + _budget(action):
        return Wait(reason=wrong)
    return ended(entry, Status.FAILED, now, f"{wrong}; what was made is left as it is")


def _contested(entry: Entry, taken: str, now: datetime) -> Next:
    """End it halfway: somebody took the Cluster. Right after it was made, look again."""
    if may_be_old(entry, now):
        return Wait(reason=taken)
    return ended(entry, Status.FAILED, now, taken)


def _begin(entry: Entry, scene: Scene, context: Context) -> Next:
    """Begin, unless something of that name is there already."""
    now = context.now
    if now > context.deadline_at:
        return ended(entry, Status.REFUSED, now, "its deadline has passed")
    if foreign := scene.foreign():
        return ended(entry, Status.REFUSED, now, foreign)
    return began(replace(entry, warnings=warnings_of(scene.manifests, scene.template)), now)


def _make(entry: Entry, scene: Scene, now: datetime) -> Next:
    """Apply what is not there yet, one after the other."""
    stands = scene.cluster is not None and scene.is_ours(scene.cluster)
    if stands and (further := reach(entry, (REQUESTED,), now)):  # none is made from then on
        return further
    if foreign := scene.foreign():
        return goes_back(entry, now, foreign)
    manifest = scene.missing()
    if manifest is None:
        return reach(entry, (DESCRIBED,), now) or Wait(reason="all is there")
    denied = f"{ref_of(manifest)} could not be made"
    return Step(write=scene.application(manifest), otherwise=goes_back(entry, now, denied))


def _await(action: CreateCluster, entry: Entry, scene: Scene, now: datetime) -> Next:
    """Wait until all nodes are ready, as long as the cluster gets further."""
    names = reached(scene.coming)
    if further := reach(entry, names, now):
        return further
    since = last_change(entry, now)
    if set(NEEDED) <= set(names) and (AVAILABLE in names or now > since + PATIENCE):
        return ended(entry, Status.SUCCEEDED, now, "")
    why = why_not_ready(scene.coming)
    if now <= since + _budget(action):
        return Wait(reason=why)
    minutes = _budget(action).total_seconds() / 60
    stuck = f"it got no further for {minutes:.0f} minutes: {why}"
    if scene.template.may_delete:
        return goes_back(entry, now, stuck)
    advice = f"mend or delete Cluster {scene.template.namespace}/{action.site}, which is left"
    return ended(entry, Status.FAILED, now, f"{stuck}; {advice}")


def _back(entry: Entry, scene: Scene, now: datetime) -> Next:
    """Remove what was made: the Cluster, and then what nothing owns."""
    cluster = scene.cluster
    if cluster is not None and scene.is_ours(cluster):
        if scene.used_by and not is_going(cluster):
            told = f"{entry.message}; its virtual node {scene.used_by} takes pods, so it is left"
            return ended(entry, Status.FAILED, now, told)
        if not is_going(cluster):
            ref, proof = (
                ref_of(cluster_of(scene.manifests)),
                (virtual_nodes_of(scene.template.site),),
            )
            return Step(write=removal(ref, cluster, emptied=proof))
        going = f"Cluster {name_of(cluster)} is going ({said(cluster, 'Deleting')})"
        return _going(entry, going, now)
    if further := reach(entry, (DELETED,), now):
        return further
    following = next_of_leftovers(scene.ours(), entry, now)
    if following is None:
        return ended(entry, Status.REVERTED, now, entry.message)
    return _going(entry, following.reason, now) if isinstance(following, Wait) else following


def _going(entry: Entry, what: str, now: datetime) -> Next:
    """Wait for what is being deleted, but not for ever."""
    if now <= last_change(entry, now) + timedelta(minutes=LEAST_MINUTES):
        return Wait(reason=what)
    return ended(entry, Status.FAILED, now, f"{entry.message}; {what}")


def _budget(action: CreateCluster) -> timedelta:
    return budget_of(action.expected_minutes, least_minutes=LEAST_MINUTES)
