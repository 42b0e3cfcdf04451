"""How the size of a cluster changes, from its MachineDeployment as it stands."""

from dataclasses import dataclass
from datetime import datetime

from services.act.core.cluster_api.conditions import (
    MACHINE_STAGES,
    budget_of,
    complaint,
    is_current,
    is_deleting,
    is_paused,
    is_ready,
    worst_of,
)
from services.act.core.cluster_api.kinds import (
    CLUSTER,
    DEPLOYMENT_NAME,
    MACHINE,
    MACHINE_DEPLOYMENT,
)
from services.act.core.cluster_api.objections import lasting_objection, passing_objection
from services.act.core.cluster_api.phases import REQUESTED, reach, reached_at
from services.act.core.cluster_api.sizes import Intent, Seat, intent_on, note, resize, seat_of
from services.act.core.ledger import Entry
from services.act.core.objects import Object, Query, Read, Ref, dig, has_condition, name_of, number
from services.act.core.seen import Grounds, Seen
from services.act.core.steps import Context, Next, Step, Wait, began, ended, goes_back
from shared.messages.outcome import Status
from shared.model.plan import GrowCluster, ShrinkCluster

LEAST_MINUTES = 10.0
"""However fast nodes are expected: so long a change of size gets at the least."""

Resizing = GrowCluster | ShrinkCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is there of the machines that an action is about."""

    deployment: Object
    cluster: Object | None
    machines: tuple[Object, ...]
    seat: Seat


def reads_of_resizing(action: Resizing, _grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step: the machines, and what makes them."""
    return (_deployment(action), _clusters(action), _machines(action))


def next_of_resizing(
    action: Resizing, entry: Entry, seen: Seen, grounds: Grounds, context: Context
) -> Next:
    """Return what comes next.

    What is intended is noted on the object that keeps the size before the size is changed: the
    subresource `scale` carries no mark of its own, and adding a difference twice would be wrong.
    """
    now = context.now
    deployment = seen.one(_deployment(action))
    if deployment is None:
        gone = f"{_deployment(action)} does not exist"
        pending = entry.status is Status.PENDING
        return ended(entry, Status.REFUSED if pending else Status.FAILED, now, gone)
    scene = _scene_of(action, deployment, seen)
    intent = intent_on(scene.seat, context.decision)
    if intent is None:
        return _begin(action, entry, scene, grounds, context)
    if entry.status is Status.PENDING:
        return began(entry, now)
    if entry.back_at is not None:
        return _back(action, entry, scene, intent, now)
    return _forth(action, entry, scene, intent, now)


reads_of_grow = reads_of_shrink = reads_of_resizing
next_of_grow = next_of_shrink = next_of_resizing


def _begin(
    action: Resizing, entry: Entry, scene: _Scene, grounds: Grounds, context: Context
) -> Next:
    """Begin, unless something speaks against it; nothing is changed so far."""
    now, site = context.now, grounds.sites.get(action.cluster)
    if reached_at(entry, REQUESTED):
        lost = f"somebody took away what was noted on {name_of(scene.seat.obj)}"
        return ended(entry, Status.FAILED, now, lost)
    lasting = lasting_objection(action, site, scene.deployment, scene.cluster, scene.seat)
    if lasting:
        return ended(entry, Status.REFUSED, now, lasting)
    passing = passing_objection(scene.deployment, scene.cluster or {}, scene.machines)
    if passing and now <= context.deadline_at:
        return Wait(reason=passing)
    if passing or (entry.status is Status.PENDING and now > context.deadline_at):
        return ended(entry, Status.REFUSED, now, passing or "its deadline has passed")
    if entry.status is Status.PENDING:
        return began(entry, now)
    before = scene.seat.replicas
    intent = Intent(
        decision=context.decision,
        before=before,
        target=before + action.nodes - action.nodes_before,
        machines=tuple(sorted(map(name_of, scene.machines))),
    )
    return Step(write=note(scene.seat, intent))


def _forth(action: Resizing, entry: Entry, scene: _Scene, intent: Intent, now: datetime) -> Next:
    """Ask for the new size once, and wait until it is there."""
    asked = scene.seat.replicas
    if asked == intent.before and not reached_at(entry, REQUESTED):
        return Step(write=resize(scene.seat, intent.target))
    if asked != intent.target:
        return ended(entry, Status.FAILED, now, _taken_over(scene, intent))
    if further := reach(entry, _reached(scene, intent), now):
        return further
    missing = _missing(scene, intent.target, going=())
    if not missing:
        return ended(entry, Status.SUCCEEDED, now, "")
    since = reached_at(entry, REQUESTED) or now
    if now <= since + budget_of(action.expected_minutes, least_minutes=LEAST_MINUTES):
        return Wait(reason=missing)
    return goes_back(entry, now, f"not in time: {missing}")


def _back(action: Resizing, entry: Entry, scene: _Scene, intent: Intent, now: datetime) -> Next:
    """Ask for the size there was, and wait until it is there again."""
    asked = scene.seat.replicas
    if asked == intent.target:
        return Step(write=resize(scene.seat, intent.before))
    if asked != intent.before:
        return ended(entry, Status.FAILED, now, f"{entry.message}; {_taken_over(scene, intent)}")
    going = tuple(m for m in scene.machines if is_deleting(m) and name_of(m) in intent.machines)
    missing = _missing(scene, intent.before, going=going)
    if not missing:
        return ended(entry, Status.REVERTED, now, entry.message)
    since = entry.back_at or now
    if now <= since + budget_of(action.expected_minutes, least_minutes=LEAST_MINUTES):
        return Wait(reason=f"going back: {missing}")
    return ended(entry, Status.FAILED, now, f"{entry.message}; going back: {missing}")


def _missing(scene: _Scene, goal: int, *, going: tuple[Object, ...]) -> str:
    """Say what is missing to so many machines, all ready; nothing: it is proven.

    `going` are machines that may still go for a while. The condition `Available` is False during
    every growth and tells nothing.
    """
    deployment, name = scene.deployment, name_of(scene.deployment)
    staying = tuple(m for m in scene.machines if m not in going)
    counts = [number(deployment, "status", of) for of in ("replicas", "readyReplicas")]
    counts += [number(deployment, "status", "upToDateReplicas")]
    settled = is_current(deployment) and number(deployment, "spec", "replicas") == goal
    if settled and counts == [goal] * 3 and len(staying) == goal and all(map(is_ready, staying)):
        return ""
    ready = sum(map(is_ready, staying))
    told = f"{ready} of {goal} machines of {name} are ready" if ready < goal else ""
    paused = [obj for obj in (scene.cluster, deployment) if obj is not None and is_paused(obj)]
    held = f"{name_of(paused[0])} is paused" if paused else ""
    why = worst_of(staying) or held or _why_not_scaled(deployment)
    return "; ".join(part for part in (told, why) if part) or f"{name} has not settled yet"


def _why_not_scaled(deployment: Object) -> str:
    """Return what a MachineDeployment says of a change that does not get on."""
    if has_condition(deployment, "MachinesReady"):
        return ""
    return complaint(deployment, "MachinesReady")


def _reached(scene: _Scene, intent: Intent) -> tuple[str, ...]:
    """Return the phases that are reached: the request, and the stages of each new machine."""
    names = [REQUESTED]
    for machine in sorted(scene.machines, key=name_of):
        if name_of(machine) not in intent.machines:
            stages = (s for s, of in MACHINE_STAGES.items() if has_condition(machine, of))
            names += [f"{stage} of {name_of(machine)}" for stage in stages]
    return tuple(names)


def _taken_over(scene: _Scene, intent: Intent) -> str:
    name, asked = name_of(scene.deployment), scene.seat.replicas
    return (
        f"somebody else asks {name} for {asked} machines, not {intent.before} or {intent.target}: "
        "it is theirs now"
    )


def _scene_of(action: Resizing, deployment: Object, seen: Seen) -> _Scene:
    named = dig(deployment, "spec", "clusterName")
    cluster = next((c for c in seen.all(_clusters(action)) if name_of(c) == named), None)
    machines = seen.all(_machines(action))
    seat = seat_of(deployment, cluster)
    return _Scene(deployment=deployment, cluster=cluster, machines=machines, seat=seat)


def _deployment(action: Resizing) -> Ref:
    name = action.machine_deployment
    return Ref(kind=MACHINE_DEPLOYMENT, namespace=action.namespace, name=name)


def _clusters(action: Resizing) -> Query:
    return Query(kind=CLUSTER, namespace=action.namespace)


def _machines(action: Resizing) -> Query:
    selector = f"{DEPLOYMENT_NAME}={action.machine_deployment}"
    return Query(kind=MACHINE, namespace=action.namespace, selector=selector)
