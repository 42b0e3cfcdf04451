"""Where everything on a cluster would go, by what Decide makes of a fleet without it."""

from collections.abc import Iterable

from console.orders import Order, provider
from services.decide.core.whatif import on_insight
from services.decide.core.whatif.change import lost
from services.decide.core.whatif.foresee import foresee
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight
from shared.model.application import Application, Autonomy
from shared.model.fleet import Cluster, ClusterState, Placement
from shared.model.names import ApplicationName
from shared.model.plan import Evacuate, Move, describe

_UNMOVED = (Autonomy.SHADOW, Autonomy.ADVISE)
"""Act moves nothing of an application that is only to be advised."""


def evacuation(insight: Insight, name: str) -> Order:
    """Return the order to empty a cluster. LookupError, with a sentence: it makes no sense.

    Decide is asked as if the cluster were lost, and nothing else in the way: what weighs most for
    its users comes first.
    """
    cluster = provider(insight, name)
    standing = _standing(insight, cluster)
    _reject_pointless(cluster, standing)
    decisions: dict[ApplicationName, Decision] = {}
    if standing:
        without = on_insight.changed(insight, (lost(name),))
        decisions = {one.decision.application: one.decision for one in foresee(without)}
    applications = sorted(insight.fleet.applications, key=lambda a: (-_weight(a), a.name))
    moves = tuple(
        move
        for application in applications
        if application.name in decisions
        for move in _moves(decisions[application.name], cluster, standing)
    )
    state = f" It is {cluster.state} now." if cluster.state is not ClusterState.READY else ""
    return Order(
        action=Evacuate(cluster=cluster.name, moves=moves),
        preview=(
            f"nothing new may come onto {name}, and all that stands there leaves.{state}",
            *(f"{move.application}: {describe(move)}" for move in moves),
        ),
        doubts=(*_placeless(standing, moves, decisions), *_staying(applications, moves)),
    )


def _standing(insight: Insight, cluster: Cluster) -> tuple[Placement, ...]:
    return tuple(p for p in insight.fleet.placements if p.cluster == cluster.name and p.replicas)


def _reject_pointless(cluster: Cluster, standing: tuple[Placement, ...]) -> None:
    if cluster.state is ClusterState.NOT_PEERED:
        raise LookupError(f"nothing to do: {cluster.name} is not peered, nothing can stand there")
    if cluster.state is ClusterState.CORDONED and not standing:
        raise LookupError(f"nothing to do: {cluster.name} is cordoned, and nothing stands there")


def _weight(application: Application) -> float:
    return sum(group.weight for group in application.users)


def _moves(decision: Decision, cluster: Cluster, standing: Iterable[Placement]) -> tuple[Move, ...]:
    """Return the moves that empty the cluster. One that gathers scattered replicas does too."""
    there = {p.component for p in standing if p.application == decision.application}
    return tuple(
        Move(
            application=action.application,
            component=action.component,
            workload=action.workload,
            source=cluster.name,
            target=action.target,
            replicas=action.replicas,
            pool=action.pool,
        )
        for action in decision.plan.actions
        if isinstance(action, Move) and action.component in there
    )


def _placeless(
    standing: Iterable[Placement],
    moves: Iterable[Move],
    decisions: dict[ApplicationName, Decision],
) -> tuple[str, ...]:
    """Tell what stands there and would find no place elsewhere, and why."""
    moved = {(move.application, move.component) for move in moves}
    return tuple(
        f"{p.application}: {p.component} finds no place{_because(decisions.get(p.application))}"
        for p in standing
        if (p.application, p.component) not in moved
    )


def _because(decision: Decision | None) -> str:
    if decision is None or decision.verdict is Verdict.ACT:
        return ""
    return f": {decision.detail}"


def _staying(applications: Iterable[Application], moves: Iterable[Move]) -> tuple[str, ...]:
    """Tell which applications Act will leave there, since it is not to move them."""
    moved = {move.application for move in moves}
    return tuple(
        f"{application.name} stays there: its autonomy is {application.autonomy}"
        for application in applications
        if application.name in moved and application.autonomy in _UNMOVED
    )
