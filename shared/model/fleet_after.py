"""The fleet that a plan should lead to."""

from dataclasses import replace

from shared.model.fleet import Fleet, Placement
from shared.model.names import ClusterName
from shared.model.plan import Action, Evacuate, Move, Plan, Scale


def fleet_after(fleet: Fleet, plan: Plan) -> Fleet:
    """Return the fleet the plan should lead to, as far as its placements differ."""
    for action in plan.actions:
        fleet = _after(fleet, action)
    return fleet


def _after(fleet: Fleet, action: Action) -> Fleet:
    match action:
        case Evacuate():
            return fleet_after(fleet, Plan(actions=action.moves))
        case Move():
            return _with_placements(fleet, action, ((action.target, action.replicas),))
        case Scale():
            standing = fleet.placements_of(action.application, action.component)
            if not standing:
                return fleet
            first, *others = standing
            rest = sum(p.replicas for p in others)
            spread = (
                (first.cluster, action.replicas - rest),
                *((p.cluster, p.replicas) for p in others),
            )
            return _with_placements(fleet, action, spread)
        case _:
            return fleet


def _with_placements(
    fleet: Fleet, action: Move | Scale, spread: tuple[tuple[ClusterName, int], ...]
) -> Fleet:
    others = tuple(
        p
        for p in fleet.placements
        if (p.application, p.component) != (action.application, action.component)
    )
    new = tuple(
        Placement(
            application=action.application,
            component=action.component,
            cluster=cluster,
            replicas=replicas,
            ready_replicas=replicas,
        )
        for cluster, replicas in spread
        if replicas > 0
    )
    placements = sorted(others + new, key=lambda p: (p.application, p.component, p.cluster))
    return replace(fleet, placements=tuple(placements))
