"""Whether the world is still as the decision assumed, asked right before a move begins."""

from dataclasses import dataclass

from services.act.core.liqo import why_not_stretched
from services.act.core.live import Live
from services.act.core.moving.marks import read_mark
from services.act.core.moving.ownership import applier_of, manager_of, why_not_ours_to_scale
from services.act.core.moving.stateful import PARTITION, partition_of
from services.act.core.moving.workloads import (
    is_rolled_out,
    is_serving,
    own_pods,
    replicas_of,
    resolved,
    why_bound,
)
from services.act.core.objects import Object, dig, name_of
from services.act.core.steps import Context
from shared.model.application import WorkloadKind
from shared.model.plan import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why an action cannot begin. `passing`: it may be over before the deadline."""

    reason: str
    passing: bool = False


def objection_to(move: Move, live: Live, context: Context) -> Objection | None:
    """Return the first thing that speaks against beginning a move now, or None."""
    workload, name = live.workload, f"{move.workload.kind} {move.workload.name}"
    if workload is None:
        return Objection(reason=f"{name} does not exist")
    if workload.get("spec", {}).get("paused"):
        return Objection(reason=f"the rollouts of {name} are paused")
    if replicas_of(workload) == 0:
        return Objection(reason=f"{name} has no replicas")
    pods = own_pods(workload, live.pods)
    for reason in (
        why_bound(workload, pods),
        _why_not_exchangeable(move, workload, live, context),
        live.why_unusable(move.target),
        live.why_no_pool(move.target, move.pool),
        why_not_stretched(live, move.target),
    ):
        if reason:
            return Objection(reason=reason)
    return _objection_to_start(move, workload, live, context)


def _why_not_exchangeable(move: Move, workload: Object, live: Live, context: Context) -> str:
    """Say why the workload's pods cannot be exchanged without an outage, or nothing."""
    if move.workload.kind is WorkloadKind.DEPLOYMENT:
        return _why_recreated(workload)
    if not live.why_lost(move.source):
        return _why_not_gentle(workload, live)
    if context.insight.policy.allow_double_run:
        return ""
    return (
        f"StatefulSet {name_of(workload)} stands on {move.source}, which is lost: it moves only if "
        f"its pods there are given up, and the fleet's policy does not allow a double run"
    )


def _why_not_gentle(workload: Object, live: Live) -> str:
    """Say why the pods of a StatefulSet cannot be exchanged one by one, or nothing."""
    name, strategy = name_of(workload), dig(workload, "spec", "updateStrategy")
    if dig(strategy, "type") == "OnDelete":
        return f"StatefulSet {name} exchanges pods only when a person deletes them (OnDelete)"
    share = dig(strategy, "rollingUpdate", "maxUnavailable")
    at_once = resolved(share, replicas_of(workload), up=True, default=1)
    if at_once > 1:
        return f"StatefulSet {name} takes away {at_once} pods at once (maxUnavailable)"
    if applier := applier_of(workload, *PARTITION):
        return f"the partition of StatefulSet {name} is applied by {applier}"
    held, mark = partition_of(workload), read_mark(workload)
    if held and not (mark and mark.replicas):
        return f"StatefulSet {name} is held at partition {held} by its owner"
    return why_not_ours_to_scale(workload, live.scalers)


def _why_recreated(workload: Object) -> str:
    """Say who has a Deployment delete all pods before it makes new ones, or nothing."""
    if dig(workload, "spec", "strategy", "type") != "Recreate":
        return ""
    manager = manager_of(workload, "spec", "strategy", "type")
    if not manager:
        return ""
    return (
        f"{manager} has Deployment {name_of(workload)} delete its pods before it makes new ones: "
        f"let its strategy be RollingUpdate instead of Recreate, so that it can move"
    )


def _objection_to_start(
    move: Move, workload: Object, live: Live, context: Context
) -> Objection | None:
    """Ask whether all replicas stand healthy where they are assumed.

    What stands on a lost cluster has no health to lose, and its readiness is not believed.
    """
    unsure = live.why_kubelet_silent(move.target, context.now)
    unsure = unsure or live.why_unsettled(move.target, context.now)
    if unsure:
        return Objection(reason=unsure, passing=True)
    if live.why_lost(move.source):
        return None
    pods = own_pods(workload, live.pods)
    if not any(live.cluster_of(pod) == move.source for pod in pods):
        return Objection(reason=f"{move.component} no longer stands on {move.source}")
    if unsettled := live.why_unsettled(move.source, context.now):
        return Objection(reason=unsettled, passing=True)
    serving = sum(is_serving(pod) for pod in pods)
    if not is_rolled_out(workload) or serving < replicas_of(workload):
        asked = replicas_of(workload)
        return Objection(
            reason=f"only {serving} of {asked} replicas of {move.component} are ready", passing=True
        )
    return None
