"""The kernels that work out what a placement is worth: units, edges, flows, links, gateways."""

import math

from services.decide.core.placing.arrays import Floats, Longs
from services.decide.core.placing.kernels.layout import (
    ACCESS_MS,
    CARRIES_UDP,
    CHANGED_PIPES,
    CLOCK,
    CLUSTER,
    CLUSTER_USD,
    CLUSTERS,
    DEMAND,
    EDGE_BAD,
    EDGE_EXCESS,
    EDGE_JITTER_MS,
    EDGE_LATENCY_MS,
    EDGE_LOSS_RATIO,
    EDGE_MBPS,
    EDGE_SOURCE,
    EDGE_TARGET,
    EDGE_UDP,
    EDGE_USD,
    EDGES,
    FLOW_ACCESS,
    FLOW_BAD,
    FLOW_BUDGET_MS,
    FLOW_EXCESS,
    FLOW_PROCESSING_MS,
    FLOW_RETURNS,
    FLOW_WEIGHT,
    FLOWS,
    GATEWAY_LOAD,
    GATEWAY_MBPS,
    GATEWAY_TAKEN_MBPS,
    IS_HOME_FREE,
    JITTER_MS,
    LATENCY_MS,
    LINK,
    LINK_LOAD,
    LINK_MBPS,
    LINK_TAKEN_MBPS,
    LINKS,
    LOSS_RATIO,
    MOST_REPLICAS,
    MOVE_USD,
    MOVE_WITHIN,
    NODE_CLUSTER,
    NODE_USD,
    PATH,
    PATH_OF,
    PIPE,
    PIPE_WAS,
    STAMP,
    TRAFFIC_USD,
    UNIT_COMPONENT,
    UNIT_HOME,
    UNIT_STANDS,
    UNITS_OF,
    WAY,
)

TOLERANCE_MS = 1e-9
TOLERANCE_RATIO = 1e-12
TOLERANCE_MBPS = 1e-6


def resources_usd(ints: Longs, reals: Floats, component: int, node: int) -> float:
    """Return what the resources and energy of a unit of a component cost on a node."""
    usd = 0.0
    for resource in range(3):
        usd += (
            ints[ints[DEMAND] + component * 3 + resource]
            * reals[ints[NODE_USD] + node * 3 + resource]
        )
    return usd


def lowest_usd(ints: Longs, reals: Floats, component: int, cluster: int) -> float:
    """Return what the resources of a unit of a component cost on a cluster at least."""
    usd = 0.0
    for resource in range(3):
        usd += (
            ints[ints[DEMAND] + component * 3 + resource]
            * reals[ints[CLUSTER_USD] + cluster * 3 + resource]
        )
    return usd


def unit_usd(ints: Longs, reals: Floats, unit: int, node: int) -> float:
    """Return what one unit costs on a node: resources, energy, and its migration."""
    component, home = ints[ints[UNIT_COMPONENT] + unit], ints[ints[UNIT_HOME] + unit]
    usd = resources_usd(ints, reals, component, node)
    if home >= 0 and home != node:
        usd += reals[ints[MOVE_USD] + component] * (
            reals[MOVE_WITHIN]
            if ints[ints[NODE_CLUSTER] + home] == ints[ints[NODE_CLUSTER] + node]
            else 1.0
        )
    return usd


def takes_room(ints: Longs, unit: int, node: int) -> bool:
    """Tell whether a unit takes room on a node: not at home, where that is free."""
    return not (
        ints[IS_HOME_FREE] > 0
        and ints[ints[UNIT_HOME] + unit] == node
        and ints[ints[UNIT_STANDS] + unit]
    )


def placed(ints: Longs, component: int) -> int:
    """Return how many units of a component stand somewhere."""
    count = 0
    for unit in range(ints[ints[UNITS_OF] + component], ints[ints[UNITS_OF] + component + 1]):
        if ints[ints[CLUSTER] + unit] >= 0:
            count += 1
    return count


def load_edge(ints: Longs, reals: Floats, edge: int, sign: float) -> None:
    """Put what an edge sends on links and gateways, or take it off."""
    source, target = ints[ints[EDGE_SOURCE] + edge], ints[ints[EDGE_TARGET] + edge]
    pairs = placed(ints, source) * placed(ints, target)
    if pairs == 0 or reals[ints[EDGE_MBPS] + edge] == 0.0:
        return
    mbps = sign * reals[ints[EDGE_MBPS] + edge] / pairs
    for a in range(ints[ints[UNITS_OF] + source], ints[ints[UNITS_OF] + source + 1]):
        here = ints[ints[CLUSTER] + a]
        for b in range(ints[ints[UNITS_OF] + target], ints[ints[UNITS_OF] + target + 1]):
            there = ints[ints[CLUSTER] + b]
            if here >= 0 and there >= 0 and here != there:
                links = ints[LINKS]
                link = ints[ints[LINK] + here * ints[CLUSTERS] + there]
                if link >= 0:
                    note_pipe(ints, reals, link)
                    reals[ints[LINK_LOAD] + link] += mbps
                if reals[ints[GATEWAY_MBPS] + here] < math.inf:
                    note_pipe(ints, reals, links + here)
                    reals[ints[GATEWAY_LOAD] + here] += mbps
                if reals[ints[GATEWAY_MBPS] + there] < math.inf:
                    note_pipe(ints, reals, links + there)
                    reals[ints[GATEWAY_LOAD] + there] += mbps


def note_pipe(ints: Longs, reals: Floats, pipe: int) -> None:
    """Note the load of a link (or, after them, gateway) before it changes."""
    at = ints[EDGES] + ints[FLOWS] + pipe
    if ints[ints[STAMP] + at] != ints[CLOCK]:
        ints[ints[STAMP] + at] = ints[CLOCK]
        count = ints[CHANGED_PIPES]
        links = ints[LINKS]
        ints[ints[PIPE] + count] = pipe
        reals[ints[PIPE_WAS] + count] = (
            reals[ints[LINK_LOAD] + pipe]
            if pipe < links
            else reals[ints[GATEWAY_LOAD] + pipe - links]
        )
        ints[CHANGED_PIPES] = count + 1


def beyond(value: float, limit: float) -> float:
    """Return by which part of a limit a value is beyond it, 1 at most."""
    if limit <= 0.0 or value >= 2.0 * limit:
        return 1.0
    return (value - limit) / limit


def pair_excess(ints: Longs, reals: Floats, edge: int, here: int, there: int) -> float:
    """Return how badly an edge is broken between two clusters, 0 where it is not."""
    worst, pair = 0.0, here * ints[CLUSTERS] + there
    latency = reals[ints[LATENCY_MS] + pair]
    if latency > reals[ints[EDGE_LATENCY_MS] + edge] + TOLERANCE_MS:
        worst = beyond(latency, reals[ints[EDGE_LATENCY_MS] + edge])
    if here != there and (
        reals[ints[LOSS_RATIO] + pair] > reals[ints[EDGE_LOSS_RATIO] + edge] + TOLERANCE_RATIO
        or reals[ints[JITTER_MS] + pair] > reals[ints[EDGE_JITTER_MS] + edge] + TOLERANCE_MS
        or (ints[ints[EDGE_UDP] + edge] > 0 and ints[ints[CARRIES_UDP] + pair] == 0)
    ):
        worst = max(worst, 0.5)
    return worst


def measure_edge(ints: Longs, reals: Floats, edge: int) -> None:
    """Work out whether an edge is broken, how badly, and what its traffic costs."""
    source, target = ints[ints[EDGE_SOURCE] + edge], ints[ints[EDGE_TARGET] + edge]
    worst, usd, pairs = 0.0, 0.0, 0
    for a in range(ints[ints[UNITS_OF] + source], ints[ints[UNITS_OF] + source + 1]):
        here = ints[ints[CLUSTER] + a]
        if here < 0:
            continue
        for b in range(ints[ints[UNITS_OF] + target], ints[ints[UNITS_OF] + target + 1]):
            there = ints[ints[CLUSTER] + b]
            if there < 0:
                continue
            pairs += 1
            usd += reals[ints[TRAFFIC_USD] + here * ints[CLUSTERS] + there]
            worst = max(worst, pair_excess(ints, reals, edge, here, there))
    reals[ints[EDGE_BAD] + edge] = 1.0 if worst > 0.0 else 0.0
    reals[ints[EDGE_EXCESS] + edge] = worst
    reals[ints[EDGE_USD] + edge] = usd * reals[ints[EDGE_MBPS] + edge] / pairs if pairs > 0 else 0.0


def measure_flow(ints: Longs, reals: Floats, flow: int) -> None:
    """Work out whether a user group is out of its budget over its slowest replicas.

    What is known of the way counts already, however little of it stands.
    """
    ms = flow_ms(ints, reals, flow)
    budget = reals[ints[FLOW_BUDGET_MS] + flow]
    if ms > budget + TOLERANCE_MS:
        reals[ints[FLOW_BAD] + flow] = reals[ints[FLOW_WEIGHT] + flow]
        reals[ints[FLOW_EXCESS] + flow] = reals[ints[FLOW_WEIGHT] + flow] * beyond(ms, budget)
    else:
        reals[ints[FLOW_BAD] + flow] = 0.0
        reals[ints[FLOW_EXCESS] + flow] = 0.0


def flow_ms(ints: Longs, reals: Floats, flow: int) -> float:
    """Return the latency of a flow over its slowest replicas, by dynamic programming along it.

    A hop from or to a component that stands nowhere takes no time.
    """
    first, end = ints[ints[PATH_OF] + flow], ints[ints[PATH_OF] + flow + 1]
    access = ints[ACCESS_MS] + ints[ints[FLOW_ACCESS] + flow] * ints[CLUSTERS]
    ways, size = ints[WAY], 2 * ints[MOST_REPLICAS]
    now, known, last = 0, 0, first - 1
    for step in range(first, end):
        component, found = ints[ints[PATH] + step], 0
        old, new = ways + now * size, ways + (1 - now) * size
        for unit in range(ints[ints[UNITS_OF] + component], ints[ints[UNITS_OF] + component + 1]):
            cluster = ints[ints[CLUSTER] + unit]
            if cluster < 0:
                continue
            ms = reals[access + cluster] if step == first else 0.0
            for other in range(known):
                way = reals[old + 2 * other + 1]
                if last == step - 1:
                    pair = int(reals[old + 2 * other]) * ints[CLUSTERS] + cluster
                    way += reals[ints[LATENCY_MS] + pair]
                ms = max(ms, way)
            reals[new + 2 * found] = cluster
            reals[new + 2 * found + 1] = ms
            found += 1
        if found > 0:
            now, known, last = 1 - now, found, step
    worst = 0.0
    for at in range(known):
        ms = reals[ways + now * size + 2 * at + 1]
        if last == end - 1 and ints[ints[FLOW_RETURNS] + flow] > 0:
            ms += reals[access + int(reals[ways + now * size + 2 * at])]
        worst = max(worst, ms)
    return worst + reals[ints[FLOW_PROCESSING_MS] + flow]


def overload(ints: Longs, reals: Floats, pipe: int, load: float) -> float:
    """Return how far a link (or, after them, gateway) is overloaded; below 0 where it is not.

    One that others alone overload is not our violation.
    """
    links = ints[LINKS]
    if pipe < links:
        full, taken = reals[ints[LINK_MBPS] + pipe], reals[ints[LINK_TAKEN_MBPS] + pipe]
    else:
        full, taken = (
            reals[ints[GATEWAY_MBPS] + pipe - links],
            reals[ints[GATEWAY_TAKEN_MBPS] + pipe - links],
        )
    if load <= full + TOLERANCE_MBPS or load <= taken + TOLERANCE_MBPS:
        return -1.0
    return beyond(load, full)


def pipe_load(ints: Longs, reals: Floats, pipe: int) -> float:
    """Return what a link, or gateway, carries."""
    links = ints[LINKS]
    return (
        reals[ints[LINK_LOAD] + pipe] if pipe < links else reals[ints[GATEWAY_LOAD] + pipe - links]
    )
