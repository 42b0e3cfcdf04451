"""What people are warned of when a component moves, and what its Services lead to."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.live import Live
from services.act.core.moving.endpoints import why_not_reached, why_old_reached
from services.act.core.moving.topology import DIRECT, warnings_of
from shared.messages.insight import Insight
from shared.model.application import Flow, Protocol
from shared.model.names import ApplicationName, ClusterName, ComponentName
from tests.support.builders import (
    NOW,
    a_component,
    a_placement,
    an_application,
    an_insight,
)
from tests.support.builders import a_fleet as fleet_of
from tests.support.objects_act import (
    a_deployment,
    a_move,
    a_node,
    a_pod,
    a_pod_of_set,
    a_service,
    a_slice,
    a_stateful_set,
)

HOME = ClusterName("home")
NEW = tuple(a_pod(f"render-5d9c-n{n}", "edge-north") for n in range(2))
OLD = tuple(a_pod(f"render-5d9c-o{n}", "metro") for n in range(2))
TO_EDGE = a_move("metro", "edge-north")


def live(**changes: Any) -> Live:
    """Return render on edge-north, behind a Service of its own."""
    return replace(
        Live(
            home=HOME,
            workload=a_deployment("render", replicas=2),
            pods=NEW,
            nodes=(a_node("metro", "metro"), a_node("edge-north", "edge-north")),
            services=(a_service(),),
            slices=(a_slice(*NEW),),
        ),
        **changes,
    )


def seeing(ingest_on: str, **flow: Any) -> Insight:
    """Return an insight with a flow from ingest, which stands there, to render."""
    names = {"source": ComponentName("ingest"), "target": ComponentName("render")}
    declared = Flow(**{**names, "mbps": 10.0, **flow})
    application = an_application(
        components=(a_component("ingest"), a_component("render")), flows=(declared,)
    )
    placements = (a_placement("ingest", ingest_on), a_placement("render", "metro"))
    fleet = fleet_of(at=NOW, applications=(application,), placements=placements)
    return an_insight(fleet)


def test_a_move_that_starves_nothing_warns_of_nothing() -> None:
    direct = a_service()
    direct["metadata"]["annotations"] = {DIRECT: "true"}

    assert warnings_of(TO_EDGE, live(), seeing("home")) == ()
    assert warnings_of(TO_EDGE, live(services=(direct,)), seeing("metro")) == ()
    assert warnings_of(TO_EDGE, live(), seeing("edge-north", packet_bytes=1400)) == ()


def test_a_service_that_keeps_traffic_on_its_node_is_warned_of() -> None:
    local = a_service(internalTrafficPolicy="Local")

    (warning,) = warnings_of(TO_EDGE, live(services=(local,)), seeing("home"))

    assert warning == (
        "Service render has internalTrafficPolicy Local: ingest will not reach render on edge-north"
    )


def test_a_service_that_prefers_close_endpoints_is_warned_of() -> None:
    close = a_service(trafficDistribution="PreferSameZone")

    (warning,) = warnings_of(TO_EDGE, live(services=(close,)), seeing("home"))

    assert warning.startswith("Service render has trafficDistribution PreferSameZone: whether")


def test_traffic_between_two_providers_that_goes_through_home_is_warned_of() -> None:
    (warning,) = warnings_of(TO_EDGE, live(), seeing("metro"))

    assert warning == (
        "the flow ingest>render between edge-north and metro goes through home: "
        'Service render lacks the annotation liqo.io/use-direct-connections: "true"'
    )


def test_the_service_of_a_component_that_is_sent_to_is_found_by_what_stands_behind_it() -> None:
    back = {"source": ComponentName("render"), "target": ComponentName("ingest")}
    behind = a_slice(a_pod("ingest-7f-x", "metro"), service="front")
    seen = live(services=(a_service("front"), a_service("other")), slices=(behind,))

    (warning,) = warnings_of(TO_EDGE, seen, seeing("metro", **back))

    assert "Service front lacks" in warning


@pytest.mark.parametrize(
    ("size", "protocol", "warns"),
    [
        (1300, Protocol.UDP, False),
        (1301, Protocol.UDP, True),
        (1301, Protocol.TCP, False),
        (None, Protocol.UDP, False),
    ],
)
def test_udp_packets_too_large_for_the_tunnel_are_warned_of(
    size: int | None, protocol: Protocol, warns: bool
) -> None:
    insight = seeing("home", packet_bytes=size, protocol=protocol)

    warnings = warnings_of(TO_EDGE, live(), insight)

    assert bool(warnings) is warns
    if warns:
        assert warnings[0] == (
            "the flow ingest>render sends UDP packets of 1301 bytes and will cross clusters, "
            "where those above 1300 bytes are dropped"
        )


def test_without_an_application_or_a_workload_nothing_is_known_to_warn_of() -> None:
    foreign = replace(TO_EDGE, application=ApplicationName("xr/other"))

    assert warnings_of(foreign, live(), seeing("home", packet_bytes=1400)) == ()
    assert warnings_of(TO_EDGE, live(workload=None), seeing("home", packet_bytes=1400)) == ()


def test_a_flow_to_a_component_that_stands_nowhere_crosses_nothing() -> None:
    insight = seeing("home", packet_bytes=1400)
    fleet = replace(insight.fleet, placements=insight.fleet.placements[1:])

    assert warnings_of(TO_EDGE, live(), replace(insight, fleet=fleet)) == ()


@pytest.mark.parametrize(
    ("slices", "missing", "old"),
    [
        ((a_slice(*NEW),), "", ""),
        ((a_slice(NEW[0]), a_slice(NEW[1])), "", ""),
        ((a_slice(NEW[0]),), "does not lead to render-5d9c-n1 yet", ""),
        ((), "does not lead to render-5d9c-n0 yet", ""),
        ((a_slice(*NEW, OLD[0]),), "", "still leads to render-5d9c-o0"),
        ((a_slice(*NEW, a_pod("render-canary-5d9c-x", "metro")),), "", ""),
        ((a_slice(*NEW), a_slice(OLD[0], service="other")), "", ""),
        ((a_slice(NEW[0], a_pod("render-5d9c-n1", "edge-north", ready=False)),), "n1 yet", ""),
        ((a_slice(NEW[0], a_pod("render-5d9c-n1", "metro")),), "n1 yet", ""),
    ],
)
def test_services_lead_to_the_new_pods_and_to_them_alone(
    slices: tuple[dict[str, Any], ...], missing: str, old: str
) -> None:
    seen, workload = live(slices=slices), a_deployment("render", replicas=2)

    assert missing in why_not_reached(workload, seen)
    assert old in why_old_reached(workload, seen)
    assert bool(missing) is bool(why_not_reached(workload, seen))
    assert bool(old) is bool(why_old_reached(workload, seen))


def test_a_component_behind_no_service_has_nothing_to_prove() -> None:
    unselected = ({**a_service(), "spec": {}}, a_service("other"))
    seen = live(services=unselected, slices=(a_slice(*OLD),))

    assert why_not_reached(a_deployment("render"), seen) == ""
    assert why_old_reached(a_deployment("render"), seen) == ""


def test_pods_of_a_stateful_set_are_known_by_their_numbers() -> None:
    pod = a_pod_of_set("render-0", "edge-north")
    one_more = a_pod_of_set("render-3", "metro")
    workload = a_stateful_set("render", replicas=1)

    seen = live(workload=workload, pods=(pod,), slices=(a_slice(pod, one_more),))

    assert why_not_reached(workload, seen) == ""
    assert "still leads to render-3" in why_old_reached(workload, seen)
