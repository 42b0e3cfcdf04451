"""Site and FleetPolicy objects as values."""

import re
from datetime import timedelta

from services.observe.core.fields import FieldError, Fields
from shared.messages.readings import Signal
from shared.model.application import Limits, MaintenanceWindow
from shared.model.names import ClusterName
from shared.model.policy import Detectors, FleetPolicy, Missing, MissingRule, Weights
from shared.model.resources import Resources
from shared.model.site import Access, Growth, Peering, Prices, Site, Template, Tier

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|(24):(00)")


def parse_site(site: Fields) -> Site:
    """Return a Site. FieldError: a field is not as it must be."""
    spec = site.child("spec")
    prices = spec.child("prices")
    return Site(
        name=ClusterName(site.child("metadata").text("name")),
        home=spec.flag("home", default=False),
        tier=spec.choice("tier", Tier.CLOUD),
        region=spec.text("region", ""),
        owner=spec.text("owner", ""),
        lease_ends_at=spec.instant("leaseEndsAt"),
        prices=Prices(
            core_hour=prices.number("coreHourUsd", 0.0),
            gib_hour=prices.number("gibHourUsd", 0.0),
            gpu_hour=prices.number("gpuHourUsd", 0.0),
            gb_egress=prices.number("egressGbUsd", 0.0),
            kwh=prices.number("kwhUsd", 0.0),
        ),
        carbon_grams_per_kwh=spec.number("carbonGramsPerKwh", 0.0),
        watts_per_core=spec.number("wattsPerCore", 0.0),
        access=_access(spec),
        gateway_mbps=spec.maybe_number("gatewayMbps", above=0.0),
        max_cores=spec.maybe_number("maxCores"),
        growth=_growth(spec.child("growth")) if spec.has("growth") else None,
        template=_template(spec.child("template")) if spec.has("template") else None,
        peerings=_peerings(spec),
    )


def _access(spec: Fields) -> tuple[Access, ...]:
    found: dict[str, Access] = {}
    for item in spec.items("access"):
        user_site = item.text("from")
        if user_site in found:
            raise FieldError(item.at("from"), f"names {user_site} a second time")
        found[user_site] = Access(user_site=user_site, latency_ms=item.number("milliseconds"))
    return tuple(found[name] for name in sorted(found))


def _growth(growth: Fields) -> Growth:
    least = growth.whole("minNodes", 0)
    most = growth.whole("maxNodes", least)
    if most < least:
        raise FieldError(growth.at("maxNodes"), f"must be at least minNodes, {least}, not {most}")
    return Growth(
        namespace=growth.text("namespace"),
        machine_deployment=growth.text("machineDeployment"),
        min_nodes=least,
        max_nodes=most,
        expected_minutes=growth.number("expectedMinutes", 5.0),
        node=_node(growth.child("node")) if growth.has("node") else None,
    )


def _template(template: Fields) -> Template:
    return Template(
        name=template.text("name"),
        nodes=template.whole("nodes", 1, least=1),
        node=_node(template.child("node")),
        expected_minutes=template.number("expectedMinutes", 30.0),
    )


def _node(node: Fields) -> Resources:
    return Resources(
        cpu_cores=node.number("cores"),
        memory_bytes=node.number("memoryGib") * 2**30,
        gpus=node.number("gpus", 0.0),
    )


def _peerings(spec: Fields) -> tuple[Peering, ...]:
    found: dict[ClusterName, Peering] = {}
    for item in spec.items("peerings"):
        consumer = ClusterName(item.text("consumer"))
        if consumer in found:
            raise FieldError(item.at("consumer"), f"names {consumer} a second time")
        found[consumer] = Peering(
            consumer=consumer,
            latency_ms=item.number("milliseconds"),
            mbps=item.maybe_number("mbps", above=0.0),
        )
    return tuple(found[name] for name in sorted(found))


def parse_policy(policy: Fields) -> FleetPolicy:
    """Return a FleetPolicy. FieldError: a field is not as it must be."""
    spec, usual = policy.child("spec"), FleetPolicy()
    needed, of = _persistence(spec.child("persistence"), usual)
    return FleetPolicy(
        weights=_weights(spec.child("weights")),
        guard_band_ratio=spec.number("guardBandRatio", usual.guard_band_ratio, most=0.99),
        horizon=_hours(spec, "horizonHours", usual.horizon),
        persistence_needed=needed,
        persistence_of=of,
        improvement_ratio=spec.number("improvementRatio", usual.improvement_ratio),
        default_limits=parse_limits(spec.child("defaultLimits"), usual.default_limits),
        fleet_moves_per_hour=spec.whole("fleetMovesPerHour", usual.fleet_moves_per_hour),
        soak_cycles=spec.whole("soakCycles", usual.soak_cycles),
        move_timeout=_seconds(spec, "moveTimeoutSeconds", usual.move_timeout),
        decision_lifetime=_seconds(spec, "decisionLifetimeSeconds", usual.decision_lifetime),
        approval_lifetime=_seconds(spec, "approvalLifetimeSeconds", usual.approval_lifetime),
        approvers=spec.texts("approvers"),
        capacity_autonomy=spec.choice("capacityAutonomy", usual.capacity_autonomy),
        allow_double_run=spec.flag("allowDoubleRun", default=usual.allow_double_run),
        missing=tuple(_missing(item) for item in spec.items("missing")),
        detectors=_detectors(spec.child("detectors"), usual.detectors),
    )


def _weights(weights: Fields) -> Weights:
    return Weights(
        cost=weights.number("cost", 1.0),
        energy=weights.number("energy", 1.0),
        migration=weights.number("migration", 1.0),
    )


def _persistence(persistence: Fields, usual: FleetPolicy) -> tuple[int, int]:
    of = persistence.whole("of", usual.persistence_of, least=1)
    needed = persistence.whole("needed", min(usual.persistence_needed, of), least=1)
    if needed > of:
        raise FieldError(persistence.at("needed"), f"must be at most of, {of}, not {needed}")
    return needed, of


def _missing(rule: Fields) -> MissingRule:
    signal = rule.text("signal")
    if signal not in {known.value for known in Signal}:
        names = ", ".join(known.value for known in Signal)
        raise FieldError(rule.at("signal"), f"must be one of {names}, not {signal}")
    return MissingRule(signal=signal, meaning=rule.choice("meaning", Missing.HOLD))


def _detectors(detectors: Fields, usual: Detectors) -> Detectors:
    return Detectors(
        node=detectors.choice("node", usual.node),
        link=detectors.choice("link", usual.link),
        component=detectors.choice("component", usual.component),
        cluster=detectors.choice("cluster", usual.cluster),
    )


def _seconds(spec: Fields, name: str, default: timedelta) -> timedelta:
    return timedelta(seconds=spec.number(name, default.total_seconds(), above=0.0, most=1e8))


def _hours(spec: Fields, name: str, default: timedelta) -> timedelta:
    return timedelta(hours=spec.number(name, default / timedelta(hours=1), above=0.0, most=1e5))


def parse_limits(limits: Fields, default: Limits) -> Limits:
    """Return the limits declared; what is not declared is as in `default`."""
    windows = tuple(_window(item) for item in limits.items("maintenanceWindows"))
    cooldown = limits.number("cooldownSeconds", default.cooldown.total_seconds(), most=1e8)
    return Limits(
        moves_per_hour=limits.whole("movesPerHour", default.moves_per_hour),
        cooldown=timedelta(seconds=cooldown),
        windows=windows or default.windows,
    )


def _window(window: Fields) -> MaintenanceWindow:
    names = window.texts("days") or DAYS
    for index, name in enumerate(names):
        if name not in DAYS:
            raise FieldError(
                f"{window.at('days')}[{index}]", f"must be one of {', '.join(DAYS)}, not {name}"
            )
    start, end = _minute(window, "start"), _minute(window, "end")
    if start == end:
        raise FieldError(window.at("end"), "must not be equal to start")
    days = tuple(sorted({DAYS.index(name) for name in names}))
    return MaintenanceWindow(days=days, start_minute=start, end_minute=end)


def _minute(window: Fields, name: str) -> int:
    text = window.text(name)
    if not _TIME_OF_DAY.fullmatch(text):
        raise FieldError(window.at(name), f"must be a time of day as 22:30, not {text}")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
