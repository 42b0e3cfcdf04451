"""What people are warned of when a component moves: traffic that its new place would starve."""

from collections.abc import Iterator, Mapping

from services.act.core.live import Live
from services.act.core.moving.endpoints import SERVICE_LABEL, services_of
from services.act.core.objects import Object, dig, name_of
from shared.messages.insight import Insight
from shared.model.application import Application, Flow, Protocol
from shared.model.names import ClusterName, ComponentName
from shared.model.plan import Move

DIRECT = "liqo.io/use-direct-connections"
"""Lets pods of a Service on one provider be reached from another without the way through home."""
UDP_LIMIT_BYTES = 1300
"""Liqo's tunnel has an MTU of 1,340 bytes, and only TCP is told so: larger datagrams get lost."""

Places = Mapping[ComponentName, frozenset[ClusterName]]


def warnings_of(move: Move, live: Live, insight: Insight) -> tuple[str, ...]:
    """Return what a person should know of the traffic of a component that moves."""
    application = insight.fleet.application(move.application)
    if application is None or live.workload is None:
        return ()
    places = _places_after(move, insight)
    crossing = [f for f in _flows_of(move, application) if _crosses(f, places)]
    return (
        *_of_local_traffic(move, live.workload, live, crossing),
        *_of_detours(move, live, application, crossing, places),
        *_of_large_packets(crossing),
    )


def _of_local_traffic(
    move: Move, workload: Object, live: Live, crossing: list[Flow]
) -> Iterator[str]:
    """Warn of Services that keep traffic close while their clients are far."""
    clients = sorted({flow.source for flow in crossing if flow.target == move.component})
    for service in services_of(workload, live) if clients else ():
        name, told = name_of(service), ", ".join(clients)
        if dig(service, "spec", "internalTrafficPolicy") == "Local":
            yield (
                f"Service {name} has internalTrafficPolicy Local: {told} will not reach "
                f"{move.component} on {move.target}"
            )
        preference = dig(service, "spec", "trafficDistribution")
        if preference:
            yield (
                f"Service {name} has trafficDistribution {preference}: whether {told} reaches "
                f"{move.component} on {move.target} depends on zones"
            )


def _of_detours(
    move: Move, live: Live, application: Application, crossing: list[Flow], places: Places
) -> Iterator[str]:
    """Warn of traffic between two providers that goes through home."""
    for flow in crossing:
        ends = places[flow.source] | places[flow.target]
        if live.home in ends:
            continue
        for service in _services_behind(flow.target, move, live, application):
            if dig(service, "metadata", "annotations", DIRECT) != "true":
                yield (
                    f"the flow {flow.source}>{flow.target} between {' and '.join(sorted(ends))} "
                    f"goes through {live.home}: Service {name_of(service)} lacks the annotation "
                    f'{DIRECT}: "true"'
                )


def _of_large_packets(crossing: list[Flow]) -> Iterator[str]:
    for flow in crossing:
        size = flow.packet_bytes or 0
        if flow.protocol is Protocol.UDP and size > UDP_LIMIT_BYTES:
            yield (
                f"the flow {flow.source}>{flow.target} sends UDP packets of {size} bytes and will "
                f"cross clusters, where those above {UDP_LIMIT_BYTES} bytes are dropped"
            )


def _services_behind(
    component: ComponentName, move: Move, live: Live, application: Application
) -> list[Object]:
    """Return the Services that lead to a component: by selector, or by who stands behind them."""
    if component == move.component and live.workload is not None:
        return list(services_of(live.workload, live))
    workload = application.component(component).workload.name
    behind = {
        dig(each, "metadata", "labels", SERVICE_LABEL)
        for each in live.slices
        for endpoint in each.get("endpoints") or ()
        if str(dig(endpoint, "targetRef", "name")).startswith(f"{workload}-")
    }
    return [s for s in live.services if name_of(s) in behind]


def _places_after(move: Move, insight: Insight) -> Places:
    """Return where each component stands once the move is done."""
    found: dict[ComponentName, set[ClusterName]] = {}
    for placement in insight.fleet.placements:
        if placement.application == move.application:
            found.setdefault(placement.component, set()).add(placement.cluster)
    places = {component: frozenset(clusters) for component, clusters in found.items()}
    return {**places, move.component: frozenset((move.target,))}


def _flows_of(move: Move, application: Application) -> list[Flow]:
    return [f for f in application.flows if move.component in (f.source, f.target)]


def _crosses(flow: Flow, places: Places) -> bool:
    """Tell whether a flow will have its ends on different clusters, as far as is known."""
    source, target = places.get(flow.source), places.get(flow.target)
    return source is not None and target is not None and len(source | target) > 1
