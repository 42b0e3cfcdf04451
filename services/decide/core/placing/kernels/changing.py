"""The kernels that change a placement and can take the change back, at the cost of what it touches.

A change begins (`begin`), takes units from where they are (`take`), gives them a node (`give`), and
settles what follows for edges, flows, links and gateways (`settle`). Then it stands, or `undo`
restores every number from the undo buffer exactly, so that errors of addition do not build up.
Plain functions: `compiled` translates them.
"""

from services.decide.core.placing.arrays import NOWHERE, Floats, Longs
from services.decide.core.placing.kernels.layout import (
    CHANGED_EDGES,
    CHANGED_FLOWS,
    CHANGED_PIPES,
    CHANGED_UNITS,
    CLOCK,
    CLUSTER,
    CLUSTER_FREE,
    CLUSTERS,
    DEMAND,
    EDGE,
    EDGE_AT,
    EDGE_BAD,
    EDGE_EXCESS,
    EDGE_USD,
    EDGE_WAS,
    EDGES,
    EDGES_OF,
    EXCESS,
    FIRST_ON,
    FLOW,
    FLOW_AT,
    FLOW_BAD,
    FLOW_EXCESS,
    FLOW_WAS,
    FLOWS,
    FLOWS_OF,
    FREE,
    GATEWAY_LOAD,
    LINK_LOAD,
    LINKS,
    MILLICORES_LEFT,
    NEXT_ON,
    NODE,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    PIPE,
    PIPE_WAS,
    PREVIOUS_ON,
    STAMP,
    TOTALS,
    TOTALS_WAS,
    UNIT,
    UNIT_COMPONENT,
    UNIT_FROM,
    UNITS_ON,
    UNPLACED,
    USD,
    VIOLATIONS,
    WRONG,
    WRONG_AT,
    WRONG_COUNT,
)
from services.decide.core.placing.kernels.measuring import (
    load_edge,
    measure_edge,
    measure_flow,
    overload,
    pipe_load,
    takes_room,
    unit_usd,
)


def mark(ints: Longs, thing: int, is_wrong: bool) -> None:
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


def take(ints: Longs, reals: Floats, unit: int, network: bool) -> None:
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
