"""Application objects as values, each for itself. What they refer to is checked elsewhere."""

from collections.abc import Iterable

from services.observe.core.fields import FieldError, Fields
from services.observe.core.parse_site import parse_limits
from shared.messages.outcome import Status
from shared.model.application import (
    Application,
    Autonomy,
    Component,
    Constraints,
    Flow,
    Limits,
    Protocol,
    UserGroup,
    WorkloadKind,
    WorkloadRef,
)
from shared.model.names import ApplicationName, ClusterName, ComponentName, GroupName

MOST_BYTES = 65507
"""The largest payload of a UDP packet over IPv4: 65,535 without the headers of both."""


def name_of(application: Fields) -> ApplicationName:
    """Return `namespace/name`. FieldError: it has none."""
    metadata = application.child("metadata")
    return ApplicationName(f"{metadata.text('namespace')}/{metadata.text('name')}")


def is_under_way(application: Fields) -> bool:
    """Tell whether its status shows a plan that is not finished."""
    phase = application.child("status").child("plan").text("phase", "")
    return phase in {status.value for status in Status if not status.is_final}


def parse_application(application: Fields, default: Limits) -> Application:
    """Return an Application. FieldError: a field is not as it must be.

    What its workloads tell (replicas, requests) and its metrics measure is not in it yet.
    """
    spec = application.child("spec")
    components = tuple(_component(item) for item in spec.items("components"))
    if not components:
        raise FieldError(spec.at("components"), "is missing")
    return Application(
        name=name_of(application),
        components=components,
        flows=tuple(_flow(item) for item in spec.items("flows")),
        users=tuple(_group(item) for item in spec.items("users")),
        autonomy=spec.choice("autonomy", Autonomy.APPROVE),
        limits=parse_limits(spec.child("limits"), default),
    )


def _component(component: Fields) -> Component:
    workload, processing = component.child("workload"), component.child("processing")
    replicas = component.child("replicas")
    least = replicas.whole("min", 1)
    most = replicas.whole("max", 0)
    if replicas.has("max") and most < max(least, 1):
        raise FieldError(replicas.at("max"), f"must be at least {max(least, 1)}, not {most}")
    return Component(
        name=ComponentName(component.text("name")),
        workload=WorkloadRef(
            kind=workload.choice("kind", WorkloadKind.DEPLOYMENT), name=workload.text("name")
        ),
        min_replicas=least,
        max_replicas=most,
        is_elastic=replicas.has("max"),
        processing_ms=_constant(processing, "milliseconds", "metric", needed=False),
        processing_metric=_metric(processing, "metric"),
        movable=component.flag("movable", default=True),
        constraints=_constraints(component.child("placement")),
        state_mib=component.number("stateMiB", 0.0),
    )


def _constraints(placement: Fields) -> Constraints:
    regions, owners = placement.child("regions"), placement.child("owners")
    clusters = placement.child("clusters")
    return Constraints(
        allowed_regions=regions.texts("allow"),
        forbidden_regions=regions.texts("forbid"),
        allowed_owners=owners.texts("allow"),
        forbidden_owners=owners.texts("forbid"),
        allowed_clusters=_clusters(clusters.texts("allow")),
        forbidden_clusters=_clusters(clusters.texts("forbid")),
    )


def _clusters(names: Iterable[str]) -> tuple[ClusterName, ...]:
    return tuple(ClusterName(name) for name in names)


def _flow(flow: Fields) -> Flow:
    return Flow(
        source=ComponentName(flow.text("from")),
        target=ComponentName(flow.text("to")),
        mbps=_constant(flow, "mbps", "mbpsMetric", needed=True),
        mbps_metric=_metric(flow, "mbpsMetric"),
        protocol=flow.choice("protocol", Protocol.UDP),
        max_latency_ms=flow.maybe_number("maxLatencyMs", above=0.0),
        max_loss_ratio=flow.maybe_number("maxLossRatio"),
        max_jitter_ms=flow.maybe_number("maxJitterMs"),
        packet_bytes=_packet_bytes(flow),
    )


def _packet_bytes(flow: Fields) -> int | None:
    """Return the largest payload of a flow's packets, as IPv4 and UDP allow."""
    if not flow.has("packetBytes"):
        return None
    return flow.whole("packetBytes", 1, least=1, most=MOST_BYTES)


def _group(group: Fields) -> UserGroup:
    metric = _metric(group, "siteMetric")
    if metric and group.has("site"):
        raise FieldError(group.at("siteMetric"), "must not be given beside site: give one of them")
    path = _components(group.texts("path"))
    if not path:
        raise FieldError(group.at("path"), "is missing")
    return UserGroup(
        name=GroupName(group.text("group")),
        site="" if metric else group.text("site"),
        site_metric=metric,
        path=path,
        back=_components(group.texts("back")),
        budget_ms=group.number("budgetMs", 15.0, above=0.0),
        weight=group.number("weight", 1.0),
        target_ratio=group.number("targetRatio", 0.99, above=0.0, most=1.0),
    )


def _components(names: Iterable[str]) -> tuple[ComponentName, ...]:
    return tuple(ComponentName(name) for name in names)


def _constant(fields: Fields, name: str, metric: str, *, needed: bool) -> float:
    """Return the constant; 0 where a metric gives it."""
    if fields.has(name) and fields.has(metric):
        raise FieldError(fields.at(metric), f"must not be given beside {name}: give one of them")
    return fields.number(name, None if needed and not fields.has(metric) else 0.0)


def _metric(fields: Fields, name: str) -> str | None:
    return fields.text(name) if fields.has(name) else None
