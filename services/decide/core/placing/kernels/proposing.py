"""The kernels that choose at random what to try: numbers, clusters, nodes, blocks of units."""

from services.decide.core.placing.arrays import NOWHERE, Floats, Longs
from services.decide.core.placing.kernels.layout import (
    ALLOWED,
    ALLOWED_WIDE,
    BLOCK,
    CHANGED_UNITS,
    CHOICES,
    CHOICES_WIDE,
    CLUSTER,
    CLUSTERS,
    DEMAND,
    EDGE_AT,
    EDGE_SOURCE,
    EDGE_TARGET,
    EDGES_OF,
    FIRST_ON,
    FREE,
    IS_HOME_FREE,
    MILLICORES_LEFT,
    MOST_PER_NODE,
    MOVABLE,
    MOVE_USD,
    MOVE_WITHIN,
    NEAR,
    NEAR_WIDE,
    NEXT_ON,
    NODE,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    NODE_USD,
    NODES_OF,
    RANDOM,
    UNIT,
    UNIT_COMPONENT,
    UNIT_HOME,
    UNIT_STANDS,
    UNITS,
    UNITS_OF,
    UNITS_ON,
)

TARGETS, AT_PARTNER, NEAR_PARTNER, OWN_CHOICE = 20, 7, 12, 19
"""Of so many targets so many are where a partner stands, up to there near it, up to there one of
a component's own choices; the rest is any cluster."""
FEW = 2**20
"""A limit of replicas per node above this is none."""


def draw(ints: Longs) -> int:
    """Return the next number of xorshift32 (Marsaglia 2003), 1 to 2**32 - 1."""
    x = ints[RANDOM]
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    ints[RANDOM] = x
    return x


def below(ints: Longs, count: int) -> int:
    """Return a whole number from 0 to count - 1."""
    return (draw(ints) * count) >> 32


def is_allowed(ints: Longs, component: int, cluster: int) -> bool:
    """Tell whether new copies of a component may come to a cluster."""
    word = ints[ints[ALLOWED] + component * ints[ALLOWED_WIDE] + (cluster >> 5)]
    return ((word >> (cluster & 31)) & 1) > 0


def fits(ints: Longs, unit: int, node: int) -> bool:
    """Tell whether a unit, taken off where it stood, has room on a node.

    What must not move stays, however many replicas stand there with it.
    """
    component = ints[ints[UNIT_COMPONENT] + unit]
    is_home = ints[ints[UNIT_HOME] + unit] == node and ints[ints[UNIT_STANDS] + unit] > 0
    if not is_home and not is_allowed(ints, component, ints[ints[NODE_CLUSTER] + node]):
        return False
    if not (is_home and ints[IS_HOME_FREE] > 0) and not has_resources(ints, component, node):
        return False
    if is_home and ints[ints[MOVABLE] + component] == 0:
        return True
    return has_place(ints, component, node)


def has_resources(ints: Longs, component: int, node: int) -> bool:
    """Tell whether a node and its cluster have the resources for one more unit."""
    for resource in range(3):
        need = ints[ints[DEMAND] + component * 3 + resource]
        if ints[ints[FREE] + node * 3 + resource] < need:
            return False
    cluster = ints[ints[NODE_CLUSTER] + node]
    return ints[ints[MILLICORES_LEFT] + cluster] >= ints[ints[DEMAND] + component * 3]


def has_place(ints: Longs, component: int, node: int) -> bool:
    """Tell whether a node may take one more replica of a component."""
    most = ints[ints[MOST_PER_NODE] + component]
    if most > FEW:
        return True
    count = 0
    for other in range(ints[ints[UNITS_OF] + component], ints[ints[UNITS_OF] + component + 1]):
        if ints[ints[NODE] + other] == node:
            count += 1
    return count < most


def may_stand(ints: Longs, unit: int, cluster: int) -> bool:
    """Tell whether a unit that may leave may be on a cluster: allowed, or standing there."""
    if is_allowed(ints, ints[ints[UNIT_COMPONENT] + unit], cluster):
        return True
    home = ints[ints[UNIT_HOME] + unit]
    return ints[ints[UNIT_STANDS] + unit] > 0 and ints[ints[NODE_CLUSTER] + home] == cluster


def may_leave(ints: Longs, unit: int) -> bool:
    """Tell whether a unit may be elsewhere than where it stands."""
    component = ints[ints[UNIT_COMPONENT] + unit]
    return ints[ints[UNIT_STANDS] + unit] == 0 or ints[ints[MOVABLE] + component] > 0


def node_for(ints: Longs, reals: Floats, unit: int, cluster: int) -> int:
    """Return the node of a cluster for a unit: cheapest, then the tightest fit; NOWHERE: no room.

    One time in eight any that fits, so that packings change.
    """
    first, end = ints[ints[NODES_OF] + cluster], ints[ints[NODES_OF] + cluster + 1]
    if first == end:
        return NOWHERE
    component = ints[ints[UNIT_COMPONENT] + unit]
    wants_gpu = ints[ints[DEMAND] + component * 3 + 2] > 0
    turn = below(ints, 8 * (end - first))
    is_any = turn < end - first
    start = turn % (end - first)
    best, best_key = NOWHERE, 0.0
    for step in range(end - first):
        node = first + (start + step) % (end - first)
        if not fits(ints, unit, node):
            continue
        if is_any:
            return node
        key = 1e-6 * (ints[ints[FREE] + node * 3 + 0] - ints[ints[DEMAND] + component * 3 + 0])
        if not wants_gpu:
            key += 0.01 * ints[ints[FREE] + node * 3 + 2]
        for resource in range(3):
            key += (
                ints[ints[DEMAND] + component * 3 + resource]
                * reals[ints[NODE_USD] + node * 3 + resource]
            )
        if ints[ints[UNITS_ON] + node] == 0:
            key += reals[ints[NODE_IDLE_USD] + node]
        if ints[ints[UNIT_HOME] + unit] >= 0 and ints[ints[UNIT_HOME] + unit] != node:
            key += reals[ints[MOVE_USD] + component] * reals[MOVE_WITHIN]
        if best < 0 or key < best_key:
            best, best_key = node, key
    return best


def partner(ints: Longs, component: int) -> int:
    """Return the cluster of a unit of a component that this one talks to, or NOWHERE."""
    first, end = ints[ints[EDGES_OF] + component], ints[ints[EDGES_OF] + component + 1]
    if first == end:
        return NOWHERE
    edge = ints[ints[EDGE_AT] + first + below(ints, end - first)]
    unit = unit_of(ints, other_end(ints, edge, component))
    return ints[ints[CLUSTER] + unit] if unit >= 0 else NOWHERE


def unit_of(ints: Longs, component: int) -> int:
    """Return a unit of a component at random."""
    first, end = ints[ints[UNITS_OF] + component], ints[ints[UNITS_OF] + component + 1]
    return first + below(ints, end - first) if end > first else NOWHERE


def worth_trying(ints: Longs, component: int, there: int, at: int) -> int:
    """Return one of the places to look through for a component, or NOWHERE.

    First its own choices, then those near `there`, where a partner stands, at last that itself;
    only the choices where it is NOWHERE. There are CHOICES_WIDE + NEAR_WIDE + 1.
    """
    wide = ints[CHOICES_WIDE]
    if at < wide:
        return ints[ints[CHOICES] + component * wide + at]
    if there < 0 or at == wide + ints[NEAR_WIDE]:
        return there
    return ints[ints[NEAR] + there * ints[NEAR_WIDE] + at - wide]


def target_for(ints: Longs, component: int) -> int:
    """Return a cluster worth trying for a component, or NOWHERE.

    Where a partner stands, near there, one of its own choices, or any. `choices`: (C, M),
    `near`: (K, M), both padded with NOWHERE at the end.
    """
    kind = below(ints, TARGETS)
    if kind < NEAR_PARTNER:
        there = partner(ints, component)
        if there >= 0:
            if kind < AT_PARTNER:
                return there
            return ints[ints[NEAR] + there * ints[NEAR_WIDE] + (below(ints, ints[NEAR_WIDE]))]
    if kind < OWN_CHOICE:
        return ints[
            ints[CHOICES] + component * ints[CHOICES_WIDE] + (below(ints, ints[CHOICES_WIDE]))
        ]
    return below(ints, ints[CLUSTERS])


def gather(ints: Longs, unit: int, first: int, most: int, together: bool) -> int:
    """Collect units that hang together with one into BLOCK, from place `first` on; return the end.

    A random growth over edges, at most so many; `together`: only those on its cluster.
    """
    cluster, block = ints[ints[CLUSTER] + unit], ints[BLOCK]
    ints[block + first] = unit
    end, at, most = first + 1, first, min(first + most, ints[UNITS])
    while at < end < most:
        component = ints[ints[UNIT_COMPONENT] + ints[block + at]]
        at += 1
        edges = ints[ints[EDGES_OF] + component]
        count = ints[ints[EDGES_OF] + component + 1] - edges
        turn = below(ints, max(1, count))
        for step in range(count):
            other = other_end(ints, ints[ints[EDGE_AT] + edges + (step + turn) % count], component)
            for mate in range(ints[ints[UNITS_OF] + other], ints[ints[UNITS_OF] + other + 1]):
                if end == most or (together and ints[ints[CLUSTER] + mate] != cluster):
                    break
                if is_changed(ints, mate) or is_in_block(ints, mate, first, end):
                    continue
                if may_leave(ints, mate):
                    ints[block + end] = mate
                    end += 1
    return end


def other_end(ints: Longs, edge: int, component: int) -> int:
    """Return the component that an edge joins with one."""
    source = ints[ints[EDGE_SOURCE] + edge]
    return ints[ints[EDGE_TARGET] + edge] if source == component else source


def is_in_block(ints: Longs, unit: int, first: int, end: int) -> bool:
    """Tell whether a unit is in that part of BLOCK."""
    for at in range(first, end):  # noqa: SIM110 numba has no generators in any()
        if ints[ints[BLOCK] + at] == unit:
            return True
    return False


def is_changed(ints: Longs, unit: int) -> bool:
    """Tell whether a unit is part of the change under way."""
    for at in range(ints[CHANGED_UNITS]):  # noqa: SIM110 numba has no generators in any()
        if ints[ints[UNIT] + at] == unit:
            return True
    return False


def unit_on(ints: Longs, node: int) -> int:
    """Return a unit of a node at random; NOWHERE if there is none."""
    unit = ints[ints[FIRST_ON] + node]
    if unit >= 0:
        for _ in range(below(ints, ints[ints[UNITS_ON] + node])):
            unit = ints[ints[NEXT_ON] + unit]
    return unit


def victim(ints: Longs, unit: int, cluster: int) -> int:
    """Return a unit of a cluster that could make room for another one there, or NOWHERE.

    Where GPUs are short it is one that has some. None of the change itself.
    """
    first, end = ints[ints[NODES_OF] + cluster], ints[ints[NODES_OF] + cluster + 1]
    if first == end:
        return NOWHERE
    node = first + below(ints, end - first)
    count = ints[ints[UNITS_ON] + node]
    if count == 0:
        return NOWHERE
    gpus = ints[ints[DEMAND] + ints[ints[UNIT_COMPONENT] + unit] * 3 + 2]
    is_short = gpus > ints[ints[FREE] + node * 3 + 2]
    other = unit_on(ints, node)
    for _ in range(count):
        gpus = ints[ints[DEMAND] + ints[ints[UNIT_COMPONENT] + other] * 3 + 2]
        if gpus > 0 or not is_short:
            break
        other = ints[ints[NEXT_ON] + other]
        if other < 0:
            other = ints[ints[FIRST_ON] + node]
    if not may_leave(ints, other) or is_changed(ints, other):
        return NOWHERE
    return other
