"""What is promised to decisions that the insight does not show yet, so that there are no herds."""

from collections import defaultdict
from dataclasses import dataclass, field, replace

from services.decide.core.memory import Memory, pending
from services.decide.core.problem import Pair, Spread, Traffic
from services.decide.core.traffic import crossing, summed
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.messages.outcome import Outcome, Status
from shared.model.application import Application
from shared.model.fleet import Fleet
from shared.model.fleet_after import fleet_after
from shared.model.names import ClusterName
from shared.model.plan import Action, Move, Plan, Scale
from shared.model.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Room for new copies on a cluster."""

    cluster: ClusterName
    request: Resources
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """All of them."""

    rooms: tuple[Promise, ...] = ()
    mbps: Traffic = field(default_factory=dict)


def promises(memory: Memory, insight: Insight) -> Promises:
    """Return what pending decisions will take. What they will free is not counted on.

    An action is promised until it is proven, though its pods may be seen before that: better
    charged twice for some cycles than not at all.
    """
    rooms: list[Promise] = []
    loads: dict[Pair, float] = defaultdict(float)
    for decision, outcome in pending(memory.decisions, insight):
        application = insight.fleet.application(decision.application)
        if application is None:
            continue
        actions, fleet = _to_come(decision, outcome), _fleet_of(application, insight.fleet)
        rooms += _rooms(actions, application, fleet)
        for pair, mbps in _more_traffic(actions, application, fleet).items():
            loads[pair] += mbps
    return Promises(rooms=tuple(rooms), mbps=dict(loads))


def _fleet_of(application: Application, fleet: Fleet) -> Fleet:
    """Return the fleet with nothing on it but an application."""
    own = tuple(p for p in fleet.placements if p.application == application.name)
    return replace(fleet, placements=own)


def _to_come(decision: Decision, outcome: Outcome | None) -> tuple[Action, ...]:
    results = outcome.actions if outcome else ()
    done = [result.action for result in results if result.status is Status.SUCCEEDED]
    return tuple(action for action in decision.plan.actions if action not in done)


def _rooms(actions: tuple[Action, ...], application: Application, fleet: Fleet) -> list[Promise]:
    found = []
    requests = {c.name: c.requests for c in application.components}
    for action in actions:
        match action:
            case Move():
                cluster, replicas = action.target, action.replicas
            case Scale():
                standing = fleet.placements_of(action.application, action.component)
                if not standing:
                    continue
                cluster, replicas = standing[0].cluster, action.replicas - action.replicas_before
            case _:
                continue
        request = requests.get(action.component)
        if request is not None and replicas > 0:
            found.append(Promise(cluster=cluster, request=request, replicas=replicas))
    return found


def _more_traffic(
    actions: tuple[Action, ...], application: Application, fleet: Fleet
) -> dict[Pair, float]:
    """Return what is added on each link; what is taken off another is not counted on."""
    before = _loads(application, fleet)
    after = _loads(application, fleet_after(fleet, Plan(actions=actions)))
    more = {pair: mbps - before.get(pair, 0.0) for pair, mbps in after.items()}
    return {pair: mbps for pair, mbps in more.items() if mbps > 0}


def _loads(application: Application, fleet: Fleet) -> dict[Pair, float]:
    spreads: dict[str, Spread] = {
        component.name: tuple(
            (p.cluster, p.replicas) for p in fleet.placements_of(application.name, component.name)
        )
        for component in application.components
    }
    flows = (crossing(f.mbps, spreads[f.source], spreads[f.target]) for f in application.flows)
    return summed(flows)
