"""Whether the world is still as the decision assumed, asked right before a move begins."""

from dataclasses import dataclass

from services.act.core.liqo import why_not_stretched
from services.act.core.live import Live
from services.act.core.workloads import (
    is_rolled_out,
    is_serving,
    own_pods,
    replicas_of,
    why_bound,
)
from shared.model.application import WorkloadKind
from shared.model.plan import Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why an action cannot begin. `passing`: it may be over before the deadline."""

    reason: str
    passing: bool = False


def objection_to(move: Move, live: Live) -> Objection | None:
    """Return the first thing that speaks against beginning a move now, or None."""
    workload, name = live.workload, f"{move.workload.kind} {move.workload.name}"
    if workload is None:
        return Objection(reason=f"{name} does not exist")
    if move.workload.kind is WorkloadKind.STATEFUL_SET:
        return Objection(reason=f"{name} cannot be moved without an outage: it deletes pods first")
    if workload.get("spec", {}).get("paused"):
        return Objection(reason=f"the rollouts of {name} are paused")
    if replicas_of(workload) == 0:
        return Objection(reason=f"{name} has no replicas")
    pods = own_pods(workload, live.pods)
    for reason in (
        why_bound(workload, pods),
        live.why_unusable(move.target),
        why_not_stretched(live, move.target),
    ):
        if reason:
            return Objection(reason=reason)
    return _objection_to_start(move, live)


def _objection_to_start(move: Move, live: Live) -> Objection | None:
    """Ask whether all replicas stand healthy where they are assumed.

    What stands on a lost cluster has no health to lose, and its readiness is not believed.
    """
    workload = live.workload
    if workload is None or live.why_lost(move.source):
        return None
    pods = own_pods(workload, live.pods)
    if not any(live.cluster_of(pod) == move.source for pod in pods):
        return Objection(reason=f"{move.component} no longer stands on {move.source}")
    serving = sum(is_serving(pod) for pod in pods)
    if not is_rolled_out(workload) or serving < replicas_of(workload):
        asked = replicas_of(workload)
        return Objection(
            reason=f"only {serving} of {asked} replicas of {move.component} are ready", passing=True
        )
    return None
