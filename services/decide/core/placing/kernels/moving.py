"""The moves: units go to another cluster, alone or together; others give way or change places."""

import math

from services.decide.core.placing.arrays import NOWHERE, Floats, Longs
from services.decide.core.placing.kernels.changing import attach, begin, take
from services.decide.core.placing.kernels.layout import (
    BLOCK,
    CHANGED_UNITS,
    CHOICES_WIDE,
    CLUSTER,
    EDGE_AT,
    EDGE_BAD,
    EDGE_EXCESS,
    EDGE_USD,
    EDGES_OF,
    EXCESS_USD,
    FLOW_AT,
    FLOW_BAD,
    FLOW_EXCESS,
    FLOWS_OF,
    NEAR_WIDE,
    NODE,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    NODES_OF,
    UNIT,
    UNIT_COMPONENT,
    UNITS_ON,
    VIOLATION_USD,
)
from services.decide.core.placing.kernels.measuring import measure_edge, measure_flow, unit_usd
from services.decide.core.placing.kernels.proposing import (
    below,
    fits,
    gather,
    may_leave,
    may_stand,
    node_for,
    partner,
    target_for,
    unit_on,
    victim,
    worth_trying,
)

MOST_IN_BLOCK = 10
MOST_EVICTED = 4
LOOK_AROUND = 4
"""One time in so many those who make room go where they cost least."""


def relocate(ints: Longs, reals: Floats, count: int, target: int, evict: int) -> bool:
    """Move the first `count` units of BLOCK to a cluster; return whether all found a node.

    At most `evict` times a unit, or what hangs together with it there, makes room; it goes where
    the block came from, or elsewhere.
    """
    source = ints[ints[CLUSTER] + ints[ints[BLOCK]]]
    mates = below(ints, MOST_IN_BLOCK) if evict > 0 and below(ints, 2) == 0 else 0
    begin(ints, reals)
    for at in range(count):
        take(ints, reals, ints[ints[BLOCK] + at], True)
    for at in range(count):
        unit = ints[ints[BLOCK] + at]
        if not may_stand(ints, unit, target):
            return False
        node = node_for(ints, reals, unit, target)
        while node < 0 and evict > 0:
            evict -= 1
            make_room(ints, reals, unit, target, mates)
            node = node_for(ints, reals, unit, target)
        if node < 0:
            return False
        attach(ints, reals, unit, node)
    if ints[CHANGED_UNITS] == count:
        return True
    if below(ints, LOOK_AROUND) == 0:
        return resettle_best(ints, reals, count, source)
    return resettle(ints, reals, count, source, mates)


def make_room(ints: Longs, reals: Floats, unit: int, cluster: int, mates: int) -> None:
    """Take a unit of a cluster off it, with up to so many that hang together with it there."""
    other, first = victim(ints, unit, cluster), ints[CHANGED_UNITS]
    if other >= 0:
        end = gather(ints, other, first, 1 + mates, True)
        for at in range(first, end):
            take(ints, reals, ints[ints[BLOCK] + at], True)


def resettle(ints: Longs, reals: Floats, count: int, source: int, mates: int) -> bool:
    """Put those who made room where the block came from, or elsewhere: all after `count`.

    Where the block came from nowhere they may stand nowhere instead.
    """
    place = NOWHERE
    for at in range(count, ints[CHANGED_UNITS]):
        unit = ints[ints[UNIT] + at]
        if place < 0 or mates == 0:
            place = source
            if place < 0 or below(ints, 4) == 0:
                place = target_for(ints, ints[ints[UNIT_COMPONENT] + unit])
        node = NOWHERE
        if place >= 0 and may_stand(ints, unit, place):
            node = node_for(ints, reals, unit, place)
        if node >= 0:
            attach(ints, reals, unit, node)
        elif source >= 0:
            return False
    return True


def resettle_best(ints: Longs, reals: Floats, count: int, source: int) -> bool:
    """Put those who made room where each costs least, one after the other: all after `count`.

    Where the block came from nowhere they may stand nowhere instead.
    """
    for at in range(count, ints[CHANGED_UNITS]):
        unit = ints[ints[UNIT] + at]
        node = best_node(ints, reals, unit)
        if node >= 0:
            attach(ints, reals, unit, node)
        elif source >= 0:
            return False
    return True


def best_node(ints: Longs, reals: Floats, unit: int) -> int:
    """Return a node for a unit in the best of its choices and of the places near its partners."""
    component = ints[ints[UNIT_COMPONENT] + unit]
    there = partner(ints, component)
    best, best_usd = NOWHERE, math.inf
    for at in range(ints[CHOICES_WIDE] + ints[NEAR_WIDE]):
        cluster = worth_trying(ints, component, there, at)
        if cluster < 0 or not may_stand(ints, unit, cluster):
            continue
        node = node_for(ints, reals, unit, cluster)
        if node >= 0:
            usd = guess_usd(ints, reals, unit, node)
            if usd < best_usd:
                best, best_usd = node, usd
    return best


def guess_usd(ints: Longs, reals: Floats, unit: int, node: int) -> float:
    """Return what a unit, taken in this change, would cost on a node: all but links' overload."""
    component = ints[ints[UNIT_COMPONENT] + unit]
    ints[ints[CLUSTER] + unit] = ints[ints[NODE_CLUSTER] + node]
    usd = unit_usd(ints, reals, unit, node)
    if ints[ints[UNITS_ON] + node] == 0:
        usd += reals[ints[NODE_IDLE_USD] + node]
    for at in range(ints[ints[EDGES_OF] + component], ints[ints[EDGES_OF] + component + 1]):
        edge = ints[ints[EDGE_AT] + at]
        measure_edge(ints, reals, edge)
        usd += reals[ints[EDGE_USD] + edge] + reals[ints[EDGE_BAD] + edge] * reals[VIOLATION_USD]
        usd += reals[ints[EDGE_EXCESS] + edge] * reals[EXCESS_USD]
    for at in range(ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]):
        flow = ints[ints[FLOW_AT] + at]
        measure_flow(ints, reals, flow)
        usd += reals[ints[FLOW_BAD] + flow] * reals[VIOLATION_USD]
        usd += reals[ints[FLOW_EXCESS] + flow] * reals[EXCESS_USD]
    ints[ints[CLUSTER] + unit] = NOWHERE
    return usd


def repack(ints: Longs, reals: Floats, unit: int) -> bool:
    """Move a unit to another node of its cluster, or swap it with one there."""
    cluster, home = ints[ints[CLUSTER] + unit], ints[ints[NODE] + unit]
    first, end = ints[ints[NODES_OF] + cluster], ints[ints[NODES_OF] + cluster + 1]
    if end - first == 1:
        return False
    node = first + below(ints, end - first)
    if node == home or not may_stand(ints, unit, cluster):
        return False
    begin(ints, reals)
    take(ints, reals, unit, False)
    if not fits(ints, unit, node):
        other = unit_on(ints, node)
        if other < 0:
            return False
        if not may_leave(ints, other) or not may_stand(ints, other, cluster):
            return False
        take(ints, reals, other, False)
        if not fits(ints, unit, node):
            return False
        attach(ints, reals, unit, node)
        back = home if fits(ints, other, home) else node_for(ints, reals, other, cluster)
        if back < 0:
            return False
        attach(ints, reals, other, back)
        return True
    attach(ints, reals, unit, node)
    return True
