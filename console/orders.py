"""What people order done with whole clusters, what speaks against it, and what it becomes."""

from dataclasses import dataclass
from datetime import datetime

from shared.messages.control import Control
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.model.application import Autonomy
from shared.model.fleet import Cluster, ClusterState
from shared.model.names import CAPACITY, ClusterName, CycleId, decision_id
from shared.model.plan import DeleteCluster, FleetAction, Plan, Unpeer, describe


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One thing to be done, and what a person should know before saying yes."""

    action: FleetAction
    preview: tuple[str, ...] = ()
    """What will happen, a sentence each."""
    doubts: tuple[str, ...] = ()
    """What speaks against it, and is asked about once more."""


def informed(insight: Insight | None, control: Control | None, *, by: str) -> Insight:
    """Return the insight to order on. LookupError, with a sentence: nothing can be ordered now."""
    if insight is None:
        raise LookupError("no insight is on the bus: the loop has not seen the fleet yet")
    if control is not None and control.paused:
        raise LookupError(
            f"the loop is paused by {control.by or 'somebody'}: `crossloop resume` first"
        )
    approvers = insight.policy.approvers
    if approvers and by not in approvers:
        raise LookupError(f"{by} may not order it: the approvers are {', '.join(approvers)}")
    return insight


def provider(insight: Insight, name: str) -> Cluster:
    """Return a cluster that is not the management cluster. LookupError: there is none so called."""
    clusters = insight.fleet.clusters
    found = next((c for c in clusters if c.name == name), None)
    if found is None:
        known = ", ".join(c.name for c in clusters if not c.site.home) or "none"
        raise LookupError(f"there is no Site {name!r}; there is: {known}")
    if found.site.home:
        raise LookupError(f"{name} is the management cluster: it cannot be done without")
    return found


def unpeering(insight: Insight, consumer: str, name: str) -> Order:
    """Return the order to end a peering. LookupError, with a sentence: it makes no sense."""
    cluster = provider(insight, name)
    user = next((c for c in insight.fleet.clusters if c.name == consumer), None)
    if user is None or consumer == name:
        raise LookupError(f"{consumer!r} is no cluster that could use {name}")
    if user.site.home and cluster.state is ClusterState.NOT_PEERED:
        raise LookupError(f"nothing to do: {consumer} is not peered with {name}")
    if user.site.home:
        _reject_used(insight, cluster)
    told = f"{consumer} stops using {name}: Liqo's objects of the peering go on both sides"
    action = Unpeer(consumer=ClusterName(consumer), provider=cluster.name)
    return Order(action=action, preview=(told,))


def deletion(insight: Insight, name: str) -> Order:
    """Return the order to delete a Site's cluster. LookupError, with a sentence: not as it is."""
    cluster = provider(insight, name)
    _reject_used(insight, cluster)
    told = f"Cluster API deletes {name} with all its machines: what is on them is lost"
    return Order(action=DeleteCluster(site=cluster.name), preview=(told,))


def _reject_used(insight: Insight, cluster: Cluster) -> None:
    used = sorted({p.application for p in insight.fleet.placements if p.cluster == cluster.name})
    if used:
        raise LookupError(
            f"{', '.join(used)} still stand on {cluster.name}: `crossloop evacuate {cluster.name}` "
            "first"
        )


def decision_of(order: Order, insight: Insight, *, by: str, reason: str, at: datetime) -> Decision:
    """Return an order as a decision for the fleet that waits for its person's yes.

    Its cycle is the instant itself, since no cycle of the loop made it.
    """
    cycle = CycleId(f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z")
    why = f"{by} asked to {describe(order.action)}"
    return Decision(
        id=decision_id(cycle, CAPACITY),
        cycle=cycle,
        fleet=insight.fleet_name,
        application=CAPACITY,
        at=at,
        deadline_at=at + insight.policy.approval_lifetime,
        verdict=Verdict.ACT,
        reason=Reason.ORDERED,
        detail=f"{why}: {reason}" if reason else why,
        autonomy=Autonomy.APPROVE,
        plan=Plan(actions=(order.action,)),
    )
