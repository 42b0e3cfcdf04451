"""The kernel that moves a whole path at once, cluster by cluster, back where it cannot go on."""

import numpy as np

from services.decide.core.placing.arrays import Floats, Longs
from services.decide.core.placing.kernels.changing import attach, detach, take
from services.decide.core.placing.kernels.layout import (
    CHOICES,
    CHOICES_WIDE,
    CLUSTER,
    CLUSTERS,
    EDGE_AT,
    EDGE_MBPS,
    EDGE_SOURCE,
    EDGE_TARGET,
    EDGES_OF,
    FLOW_AT,
    FLOW_BUDGET_MS,
    FLOWS_OF,
    LINK,
    LINK_LOAD,
    NODE,
    PATH,
    PATH_OF,
    UNIT_COMPONENT,
    UNITS_OF,
)
from services.decide.core.placing.kernels.measuring import (
    TOLERANCE_MS,
    flow_ms,
    overload,
    pair_excess,
)
from services.decide.core.placing.kernels.proposing import (
    below,
    is_changed,
    may_leave,
    may_stand,
    node_for,
)

FEWEST, DOUBLINGS = 16, 8
"""Places looked at before a path is given up: at least so many, doubled up to so many times."""


def chain(ints: Longs, reals: Floats, flow: int) -> bool:
    """Put all components of a flow's path where nothing is wrong; return whether that was found.

    Depth-first over the path, each component at its choices from a random one on, only as long as
    what stands so far keeps to budgets, edges, links and room: partial paths are evaluated.
    Replicated and bound components stay where they are.
    """
    first, end = ints[ints[PATH_OF] + flow], ints[ints[PATH_OF] + flow + 1]
    wide = ints[CHOICES_WIDE]
    units, tried, turn = np.zeros((3, end - first), np.int64)
    count = take_path(ints, reals, first, end, units)
    left = FEWEST << below(ints, DOUBLINGS)
    depth = 0
    if count > 0:
        turn[0] = below(ints, wide)
    while 0 <= depth < count and left > 0:
        unit = units[depth]
        if ints[ints[NODE] + unit] >= 0:
            detach(ints, reals, unit)
        if tried[depth] == wide:
            tried[depth] = 0
            depth -= 1
            continue
        component = ints[ints[UNIT_COMPONENT] + unit]
        at = (turn[depth] + tried[depth]) % wide
        cluster = ints[ints[CHOICES] + component * wide + at]
        tried[depth] += 1
        left -= 1
        if cluster < 0 or not may_stand(ints, unit, cluster):
            continue
        node = node_for(ints, reals, unit, cluster)
        if node < 0:
            continue
        attach(ints, reals, unit, node)
        if is_sound(ints, reals, component):
            depth += 1
            if depth < count:
                turn[depth] = below(ints, wide)
    return 0 < count == depth


def take_path(ints: Longs, reals: Floats, first: int, end: int, units: Longs) -> int:
    """Take off the components of a path that are one unit each and may leave; return how many."""
    count = 0
    for at in range(first, end):
        component = ints[ints[PATH] + at]
        unit = ints[ints[UNITS_OF] + component]
        if ints[ints[UNITS_OF] + component + 1] - unit != 1 or not may_leave(ints, unit):
            continue
        if not is_changed(ints, unit):
            take(ints, reals, unit, True)
            units[count] = unit
            count += 1
    return count


def is_sound(ints: Longs, reals: Floats, component: int) -> bool:
    """Tell whether nothing is wrong with what stands of the edges and flows of a component."""
    for at in range(ints[ints[EDGES_OF] + component], ints[ints[EDGES_OF] + component + 1]):
        edge = ints[ints[EDGE_AT] + at]
        source, target = ints[ints[EDGE_SOURCE] + edge], ints[ints[EDGE_TARGET] + edge]
        for a in range(ints[ints[UNITS_OF] + source], ints[ints[UNITS_OF] + source + 1]):
            for b in range(ints[ints[UNITS_OF] + target], ints[ints[UNITS_OF] + target + 1]):
                here, there = ints[ints[CLUSTER] + a], ints[ints[CLUSTER] + b]
                if here >= 0 and there >= 0 and not carries(ints, reals, edge, here, there):
                    return False
    for at in range(ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]):
        flow = ints[ints[FLOW_AT] + at]
        if flow_ms(ints, reals, flow) > reals[ints[FLOW_BUDGET_MS] + flow] + TOLERANCE_MS:
            return False
    return True


def carries(ints: Longs, reals: Floats, edge: int, here: int, there: int) -> bool:
    """Tell whether an edge is not broken between two clusters, and its link has room for it."""
    if pair_excess(ints, reals, edge, here, there) > 0.0:
        return False
    link = ints[ints[LINK] + here * ints[CLUSTERS] + there]
    if here == there or link < 0:
        return True
    load = reals[ints[LINK_LOAD] + link] + reals[ints[EDGE_MBPS] + edge]
    return overload(ints, reals, link, load) < 0.0
