"""The kernels that change a placement and can take the change back, at the cost of what it touches.

A change begins (`begin`), takes units from where they are (`take`), gives them a node (`give`), and
settles what follows for edges, flows, links and gateways (`settle`). Then it stands, or `undo`
restores every number from the undo buffer exactly, so that errors of addition do not build up.
Plain functions: `compiled` translates them.
"""

import math

from services.decide.core.placing.arrays import (
    NOWHERE,
    Floats,
    Longs,
)
from services.decide.core.placing.layout import (
    ACCESS_MS,
    CARRIES_UDP,
    CHANGED_EDGES,
    CHANGED_FLOWS,
    CHANGED_PIPES,
    CHANGED_UNITS,
    CLOCK,
    CLUSTER,
    CLUSTER_FREE,
    CLUSTER_USD,
    CLUSTERS,
    DEMAND,
    EDGE,
    EDGE_AT,
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
    EDGE_WAS,
    EDGES,
    EDGES_OF,
    EXCESS,
    FIRST_ON,
    FLOW,
    FLOW_ACCESS,
    FLOW_AT,
    FLOW_BAD,
    FLOW_BUDGET_MS,
    FLOW_EXCESS,
    FLOW_PROCESSING_MS,
    FLOW_RETURNS,
    FLOW_WAS,
    FLOW_WEIGHT,
    FLOWS,
    FLOWS_OF,
    FREE,
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
    MILLICORES_LEFT,
    MOST_REPLICAS,
    MOVE_USD,
    MOVE_WITHIN,
    NEXT_ON,
    NODE,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    NODE_USD,
    PATH,
    PATH_OF,
    PIPE,
    PIPE_WAS,
    PREVIOUS_ON,
    STAMP,
    TOTALS,
    TOTALS_WAS,
    TRAFFIC_USD,
    UNIT,
    UNIT_COMPONENT,
    UNIT_FROM,
    UNIT_HOME,
    UNIT_STANDS,
    UNITS_OF,
    UNITS_ON,
    UNPLACED,
    USD,
    VIOLATIONS,
    WAY,
    WRONG,
    WRONG_AT,
    WRONG_COUNT,
)

TOLERANCE_MS = 1e-9
TOLERANCE_RATIO = 1e-12
TOLERANCE_MBPS = 1e-6


def mark(ints: Longs, thing: int, is_wrong: bool) -> None:  # noqa: FBT001 numba has no keywords
    """Put something on the list of what is wrong, or off it."""
    at = ints[ints[WRONG_AT] + thing]
    if is_wrong == (at >= 0):
        return
    if is_wrong:
        count = ints[WRONG_COUNT]
        ints[ints[WRONG] + count] = thing
        ints[ints[WRONG_AT] + thing] = count
        ints[WRONG_COUNT] = count + 1
    else:
        last = ints[WRONG_COUNT] - 1
        moved = ints[ints[WRONG] + last]
        ints[ints[WRONG] + at] = moved
        ints[ints[WRONG_AT] + moved] = at
        ints[ints[WRONG_AT] + thing] = NOWHERE
        ints[WRONG_COUNT] = last


def begin(ints: Longs, reals: Floats) -> None:
    """Start a change."""
    ints[CLOCK] += 1
    ints[CHANGED_UNITS] = 0
    ints[CHANGED_EDGES] = 0
    ints[CHANGED_FLOWS] = 0
    ints[CHANGED_PIPES] = 0
    for column in range(4):
        reals[ints[TOTALS_WAS] + column] = reals[ints[TOTALS] + column]


def first_of_units(ints: Longs) -> int:
    """Return where units begin on the list of what is wrong."""
    return ints[FLOWS] + ints[EDGES] + ints[LINKS] + ints[CLUSTERS]


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


def detach(ints: Longs, reals: Floats, unit: int) -> None:
    """Take a unit off its node: room, lists and money, nothing else."""
    node = ints[ints[NODE] + unit]
    before, after = ints[ints[PREVIOUS_ON] + unit], ints[ints[NEXT_ON] + unit]
    if before >= 0:
        ints[ints[NEXT_ON] + before] = after
    else:
        ints[ints[FIRST_ON] + node] = after
    if after >= 0:
        ints[ints[PREVIOUS_ON] + after] = before
    ints[ints[UNITS_ON] + node] -= 1
    if takes_room(ints, unit, node):
        component = ints[ints[UNIT_COMPONENT] + unit]
        for resource in range(3):
            room = ints[ints[DEMAND] + component * 3 + resource]
            ints[ints[FREE] + node * 3 + resource] += room
            ints[ints[CLUSTER_FREE] + ints[ints[CLUSTER] + unit] * 3 + resource] += room
        ints[ints[MILLICORES_LEFT] + ints[ints[CLUSTER] + unit]] += ints[
            ints[DEMAND] + component * 3 + 0
        ]
    reals[ints[TOTALS] + USD] -= unit_usd(ints, reals, unit, node)
    if ints[ints[UNITS_ON] + node] == 0:
        reals[ints[TOTALS] + USD] -= reals[ints[NODE_IDLE_USD] + node]
    reals[ints[TOTALS] + UNPLACED] += 1.0
    ints[ints[NODE] + unit] = NOWHERE
    ints[ints[CLUSTER] + unit] = NOWHERE


def attach(ints: Longs, reals: Floats, unit: int, node: int) -> None:
    """Put a unit on a node that has room for it."""
    cluster, first = ints[ints[NODE_CLUSTER] + node], ints[ints[FIRST_ON] + node]
    ints[ints[PREVIOUS_ON] + unit] = NOWHERE
    ints[ints[NEXT_ON] + unit] = first
    if first >= 0:
        ints[ints[PREVIOUS_ON] + first] = unit
    ints[ints[FIRST_ON] + node] = unit
    if ints[ints[UNITS_ON] + node] == 0:
        reals[ints[TOTALS] + USD] += reals[ints[NODE_IDLE_USD] + node]
    ints[ints[UNITS_ON] + node] += 1
    if takes_room(ints, unit, node):
        component = ints[ints[UNIT_COMPONENT] + unit]
        for resource in range(3):
            room = ints[ints[DEMAND] + component * 3 + resource]
            ints[ints[FREE] + node * 3 + resource] -= room
            ints[ints[CLUSTER_FREE] + cluster * 3 + resource] -= room
        ints[ints[MILLICORES_LEFT] + cluster] -= ints[ints[DEMAND] + component * 3 + 0]
    reals[ints[TOTALS] + USD] += unit_usd(ints, reals, unit, node)
    reals[ints[TOTALS] + UNPLACED] -= 1.0
    ints[ints[NODE] + unit] = node
    ints[ints[CLUSTER] + unit] = cluster


def take(ints: Longs, reals: Floats, unit: int, network: bool) -> None:  # noqa: FBT001
    """Take a unit off its node, if it has one. `network`: its cluster may change."""
    count = ints[CHANGED_UNITS]
    ints[ints[UNIT] + count] = unit
    ints[ints[UNIT_FROM] + count] = ints[ints[NODE] + unit]
    ints[CHANGED_UNITS] = count + 1
    if network:
        touch(ints, reals, ints[ints[UNIT_COMPONENT] + unit])
    if ints[ints[NODE] + unit] >= 0:
        detach(ints, reals, unit)


def touch(ints: Longs, reals: Floats, component: int) -> None:
    """Note the edges and flows of a component before it changes, and take their load off links."""
    now = ints[CLOCK]
    edges, flows = ints[EDGES], ints[FLOWS]
    mine = edges + flows + ints[LINKS] + ints[CLUSTERS] + component
    if ints[ints[STAMP] + mine] == now:
        return
    ints[ints[STAMP] + mine] = now
    for at in range(ints[ints[EDGES_OF] + component], ints[ints[EDGES_OF] + component + 1]):
        edge = ints[ints[EDGE_AT] + at]
        if ints[ints[STAMP] + edge] != now:
            ints[ints[STAMP] + edge] = now
            count = ints[CHANGED_EDGES]
            ints[ints[EDGE] + count] = edge
            reals[ints[EDGE_WAS] + count * 3 + 0] = reals[ints[EDGE_BAD] + edge]
            reals[ints[EDGE_WAS] + count * 3 + 1] = reals[ints[EDGE_EXCESS] + edge]
            reals[ints[EDGE_WAS] + count * 3 + 2] = reals[ints[EDGE_USD] + edge]
            ints[CHANGED_EDGES] = count + 1
            load_edge(ints, reals, edge, -1.0)
    for at in range(ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]):
        flow = ints[ints[FLOW_AT] + at]
        if ints[ints[STAMP] + edges + flow] != now:
            ints[ints[STAMP] + edges + flow] = now
            count = ints[CHANGED_FLOWS]
            ints[ints[FLOW] + count] = flow
            reals[ints[FLOW_WAS] + count * 2 + 0] = reals[ints[FLOW_BAD] + flow]
            reals[ints[FLOW_WAS] + count * 2 + 1] = reals[ints[FLOW_EXCESS] + flow]
            ints[CHANGED_FLOWS] = count + 1


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


def measure_edge(ints: Longs, reals: Floats, edge: int) -> None:
    """Work out whether an edge is broken, how badly, and what its traffic costs."""
    source, target = ints[ints[EDGE_SOURCE] + edge], ints[ints[EDGE_TARGET] + edge]
    worst, usd, pairs = 0.0, 0.0, 0
    is_bad = False
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
            latency = reals[ints[LATENCY_MS] + here * ints[CLUSTERS] + there]
            if latency > reals[ints[EDGE_LATENCY_MS] + edge] + TOLERANCE_MS:
                is_bad = True
                worst = max(worst, beyond(latency, reals[ints[EDGE_LATENCY_MS] + edge]))
            if here != there and (
                reals[ints[LOSS_RATIO] + here * ints[CLUSTERS] + there]
                > reals[ints[EDGE_LOSS_RATIO] + edge] + TOLERANCE_RATIO
                or reals[ints[JITTER_MS] + here * ints[CLUSTERS] + there]
                > reals[ints[EDGE_JITTER_MS] + edge] + TOLERANCE_MS
                or (
                    ints[ints[EDGE_UDP] + edge]
                    and not ints[ints[CARRIES_UDP] + here * ints[CLUSTERS] + there]
                )
            ):
                is_bad = True
                worst = max(worst, 0.5)
    reals[ints[EDGE_BAD] + edge] = 1.0 if is_bad else 0.0
    reals[ints[EDGE_EXCESS] + edge] = worst
    reals[ints[EDGE_USD] + edge] = usd * reals[ints[EDGE_MBPS] + edge] / pairs if pairs > 0 else 0.0


def measure_flow(ints: Longs, reals: Floats, flow: int) -> None:
    """Work out whether a user group is out of its budget over its slowest replicas.

    Components that stand nowhere are passed over: what is known of the way counts already.
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
    """Return the latency of a flow over its slowest replicas, by dynamic programming along it."""
    access = ints[ints[FLOW_ACCESS] + flow]
    first, end = ints[ints[PATH_OF] + flow], ints[ints[PATH_OF] + flow + 1]
    now, known, last = 0, 0, NOWHERE
    for step in range(first, end):
        component = ints[ints[PATH] + step]
        found = 0
        for unit in range(ints[ints[UNITS_OF] + component], ints[ints[UNITS_OF] + component + 1]):
            cluster = ints[ints[CLUSTER] + unit]
            if cluster < 0:
                continue
            ms = 0.0
            if step == first:
                ms = reals[ints[ACCESS_MS] + access * ints[CLUSTERS] + cluster]
            for other in range(known):
                there = int(reals[ints[WAY] + ((now) * ints[MOST_REPLICAS] + other) * 2 + 0])
                ms = max(
                    ms,
                    reals[ints[WAY] + ((now) * ints[MOST_REPLICAS] + other) * 2 + 1]
                    + reals[ints[LATENCY_MS] + there * ints[CLUSTERS] + cluster],
                )
            reals[ints[WAY] + ((1 - now) * ints[MOST_REPLICAS] + found) * 2 + 0] = cluster
            reals[ints[WAY] + ((1 - now) * ints[MOST_REPLICAS] + found) * 2 + 1] = ms
            found += 1
        if found > 0:
            now, known, last = 1 - now, found, step
    worst = 0.0
    for at in range(known):
        ms = reals[ints[WAY] + ((now) * ints[MOST_REPLICAS] + at) * 2 + 1]
        if last == end - 1 and ints[ints[FLOW_RETURNS] + flow]:
            ms += reals[
                ints[ACCESS_MS]
                + access * ints[CLUSTERS]
                + (int(reals[ints[WAY] + ((now) * ints[MOST_REPLICAS] + at) * 2 + 0]))
            ]
        worst = max(worst, ms)
    return worst + reals[ints[FLOW_PROCESSING_MS] + flow]


def settle(ints: Longs, reals: Floats) -> None:
    """Work out anew what the change touched: edges, flows, links, gateways."""
    flows, edges = ints[FLOWS], ints[EDGES]
    for at in range(ints[CHANGED_EDGES]):
        edge = ints[ints[EDGE] + at]
        load_edge(ints, reals, edge, 1.0)
        measure_edge(ints, reals, edge)
        reals[ints[TOTALS] + VIOLATIONS] += (
            reals[ints[EDGE_BAD] + edge] - reals[ints[EDGE_WAS] + at * 3 + 0]
        )
        reals[ints[TOTALS] + EXCESS] += (
            reals[ints[EDGE_EXCESS] + edge] - reals[ints[EDGE_WAS] + at * 3 + 1]
        )
        reals[ints[TOTALS] + USD] += (
            reals[ints[EDGE_USD] + edge] - reals[ints[EDGE_WAS] + at * 3 + 2]
        )
        mark(ints, flows + edge, reals[ints[EDGE_BAD] + edge] > 0.0)
    for at in range(ints[CHANGED_FLOWS]):
        flow = ints[ints[FLOW] + at]
        measure_flow(ints, reals, flow)
        reals[ints[TOTALS] + VIOLATIONS] += (
            reals[ints[FLOW_BAD] + flow] - reals[ints[FLOW_WAS] + at * 2 + 0]
        )
        reals[ints[TOTALS] + EXCESS] += (
            reals[ints[FLOW_EXCESS] + flow] - reals[ints[FLOW_WAS] + at * 2 + 1]
        )
        mark(ints, flow, reals[ints[FLOW_BAD] + flow] > 0.0)
    for at in range(ints[CHANGED_PIPES]):
        pipe = ints[ints[PIPE] + at]
        was = overload(ints, reals, pipe, reals[ints[PIPE_WAS] + at])
        now = overload(ints, reals, pipe, pipe_load(ints, reals, pipe))
        if now >= 0.0:
            reals[ints[TOTALS] + VIOLATIONS] += 1.0
            reals[ints[TOTALS] + EXCESS] += now
        if was >= 0.0:
            reals[ints[TOTALS] + VIOLATIONS] -= 1.0
            reals[ints[TOTALS] + EXCESS] -= was
        mark(ints, flows + edges + pipe, now >= 0.0)
    first = first_of_units(ints)
    for at in range(ints[CHANGED_UNITS]):
        unit = ints[ints[UNIT] + at]
        mark(ints, first + unit, ints[ints[NODE] + unit] < 0)


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


def undo(ints: Longs, reals: Floats) -> None:
    """Take the change back, settled or not: every number is what it was before `begin`."""
    flows, edges = ints[FLOWS], ints[EDGES]
    first = first_of_units(ints)
    for at in range(ints[CHANGED_UNITS]):
        if ints[ints[NODE] + ints[ints[UNIT] + at]] >= 0:
            detach(ints, reals, ints[ints[UNIT] + at])
    for at in range(ints[CHANGED_UNITS] - 1, -1, -1):
        unit, node = ints[ints[UNIT] + at], ints[ints[UNIT_FROM] + at]
        if node >= 0:
            attach(ints, reals, unit, node)
        mark(ints, first + unit, node < 0)
    for at in range(ints[CHANGED_EDGES]):
        edge = ints[ints[EDGE] + at]
        reals[ints[EDGE_BAD] + edge] = reals[ints[EDGE_WAS] + at * 3 + 0]
        reals[ints[EDGE_EXCESS] + edge] = reals[ints[EDGE_WAS] + at * 3 + 1]
        reals[ints[EDGE_USD] + edge] = reals[ints[EDGE_WAS] + at * 3 + 2]
        mark(ints, flows + edge, reals[ints[EDGE_BAD] + edge] > 0.0)
    for at in range(ints[CHANGED_FLOWS]):
        flow = ints[ints[FLOW] + at]
        reals[ints[FLOW_BAD] + flow] = reals[ints[FLOW_WAS] + at * 2 + 0]
        reals[ints[FLOW_EXCESS] + flow] = reals[ints[FLOW_WAS] + at * 2 + 1]
        mark(ints, flow, reals[ints[FLOW_BAD] + flow] > 0.0)
    links = ints[LINKS]
    for at in range(ints[CHANGED_PIPES]):
        pipe = ints[ints[PIPE] + at]
        if pipe < links:
            reals[ints[LINK_LOAD] + pipe] = reals[ints[PIPE_WAS] + at]
        else:
            reals[ints[GATEWAY_LOAD] + pipe - links] = reals[ints[PIPE_WAS] + at]
        mark(
            ints,
            flows + edges + pipe,
            overload(ints, reals, pipe, reals[ints[PIPE_WAS] + at]) >= 0.0,
        )
    for column in range(4):
        reals[ints[TOTALS] + column] = reals[ints[TOTALS_WAS] + column]
