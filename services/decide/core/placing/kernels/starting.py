"""The kernels before the search: what stands stays, and a greedy placement of what does not."""

import math

import numpy as np

from services.decide.core.placing.arrays import NOWHERE, Floats, Longs
from services.decide.core.placing.kernels.changing import (
    attach,
    begin,
    first_of_units,
    mark,
    settle,
    take,
    undo,
)
from services.decide.core.placing.kernels.judging import worth
from services.decide.core.placing.kernels.layout import (
    ACCESS_MS,
    CHOICES,
    CHOICES_WIDE,
    CLUSTER_USD,
    CLUSTERS,
    COMPONENTS,
    FLOW_ACCESS,
    FLOW_AT,
    FLOW_BUDGET_MS,
    FLOW_PROCESSING_MS,
    FLOWS_OF,
    LATENCY_MS,
    NEAR,
    NEAR_WIDE,
    NODE,
    NODES_OF,
    UNIT_COMPONENT,
    UNIT_HOME,
    UNIT_STANDS,
    UNITS,
)
from services.decide.core.placing.kernels.measuring import lowest_usd
from services.decide.core.placing.kernels.proposing import (
    fits,
    is_allowed,
    may_leave,
    may_stand,
    node_for,
    partner,
    worth_trying,
)

FARTHEST_MS = 1e9
"""Where users do not reach a cluster; what is in the midst of a path may still stand there."""


def stand(ints: Longs, reals: Floats) -> None:
    """Leave every unit that stands at home, as far as there is room, and score the whole.

    What must not move comes first.
    """
    begin(ints, reals)
    for unit in range(ints[UNITS]):
        take(ints, reals, unit, True)
        stay(ints, reals, unit, False)
    first = first_of_units(ints)
    for unit in range(ints[UNITS]):
        stay(ints, reals, unit, True)
        mark(ints, first + unit, ints[ints[NODE] + unit] < 0)
    settle(ints, reals)


def stay(ints: Longs, reals: Floats, unit: int, movable: bool) -> None:
    """Attach a unit to its home where it stands, if it is movable or not, and fits."""
    home = ints[ints[UNIT_HOME] + unit]
    if (
        ints[ints[UNIT_STANDS] + unit] > 0
        and may_leave(ints, unit) == movable
        and fits(ints, unit, home)
    ):
        attach(ints, reals, unit, home)


def settle_down(ints: Longs, reals: Floats) -> None:
    """Place what stands nowhere, one unit after the other in the order given by services.

    Each goes to the cluster that costs least with what is placed already: partial paths count.
    """
    for unit in range(ints[UNITS]):
        if ints[ints[NODE] + unit] < 0 and may_leave(ints, unit):
            put_best(ints, reals, unit)


def put_best(ints: Longs, reals: Floats, unit: int) -> None:
    """Put a unit where it costs least among its choices and the places near its partners."""
    component = ints[ints[UNIT_COMPONENT] + unit]
    there = partner(ints, component)
    best, best_usd = NOWHERE, math.inf
    for at in range(ints[CHOICES_WIDE] + ints[NEAR_WIDE] + 1):
        cluster = worth_trying(ints, component, there, at)
        if cluster < 0 or not may_stand(ints, unit, cluster):
            continue
        node = node_for(ints, reals, unit, cluster)
        if node < 0:
            continue
        begin(ints, reals)
        take(ints, reals, unit, True)
        attach(ints, reals, unit, node)
        settle(ints, reals)
        usd = worth(ints, reals)
        if usd < best_usd:
            best, best_usd = node, usd
        undo(ints, reals)
    if best >= 0:
        begin(ints, reals)
        take(ints, reals, unit, True)
        attach(ints, reals, unit, best)
        settle(ints, reals)


def find_choices(ints: Longs, reals: Floats) -> None:
    """Fill CHOICES: clusters where a component is cheap and near its users, then the nearest.

    Padded by repeating.

    Out of reach: twice the access latency and the processing are over the budget of a flow.
    """
    clusters, width = ints[CLUSTERS], ints[CHOICES_WIDE]
    usd, far = np.empty(clusters), np.empty(clusters)
    for component in range(ints[COMPONENTS]):
        for cluster in range(clusters):
            usd[cluster] = math.inf
            far[cluster] = math.inf
            first = ints[ints[NODES_OF] + cluster]
            if not is_allowed(ints, component, cluster):
                continue
            if first == ints[ints[NODES_OF] + cluster + 1]:
                continue
            far[cluster] = min(FARTHEST_MS, reach_ms(ints, reals, component, cluster))
            if is_in_reach(ints, reals, component, cluster):
                usd[cluster] = lowest_usd(ints, reals, component, cluster)
        row = ints[CHOICES] + component * width
        count = pick_smallest(ints, usd, row, 0, (width * 2) // 3)
        for at in range(count):
            far[ints[row + at]] = math.inf
        count = pick_smallest(ints, far, row, count, width)
        repeat(ints, row, count, width)


def repeat(ints: Longs, row: int, count: int, width: int) -> None:
    """Fill a row of which `count` are known by repeating them, with NOWHERE where there is none."""
    for at in range(count, width):
        ints[row + at] = ints[row + at % count] if count > 0 else NOWHERE


def reach_ms(ints: Longs, reals: Floats, component: int, cluster: int) -> float:
    """Return the access latency of the farthest users of a component."""
    worst = 0.0
    for at in range(ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]):
        flow = ints[ints[FLOW_AT] + at]
        access = ints[ints[FLOW_ACCESS] + flow] * ints[CLUSTERS] + cluster
        worst = max(worst, reals[ints[ACCESS_MS] + access])
    return worst


def is_in_reach(ints: Longs, reals: Floats, component: int, cluster: int) -> bool:
    """Tell whether the budgets of all flows of a component bear the access twice."""
    for at in range(ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]):
        flow = ints[ints[FLOW_AT] + at]
        access = ints[ints[FLOW_ACCESS] + flow] * ints[CLUSTERS] + cluster
        ms = 2.0 * reals[ints[ACCESS_MS] + access] + reals[ints[FLOW_PROCESSING_MS] + flow]
        if ms > reals[ints[FLOW_BUDGET_MS] + flow]:
            return False
    return True


def pick_smallest(ints: Longs, values: Floats, row: int, count: int, most: int) -> int:
    """Append the indices of the smallest finite values to a row until there are `most`.

    In ascending order, by insertion; those taken become inf. Returns how many there are then.
    """
    start, end = row + count, row + count
    for index in range(len(values)):
        value = values[index]
        if value == math.inf or (end == row + most and value >= values[ints[end - 1]]):
            continue
        at = end
        if end == row + most:
            at = end - 1
        else:
            end += 1
        while at > start and values[ints[at - 1]] > value:
            ints[at] = ints[at - 1]
            at -= 1
        ints[at] = index
    for at in range(start, end):
        values[ints[at]] = math.inf
    return end - row


def find_near(ints: Longs, reals: Floats) -> None:
    """Fill NEAR: of each cluster those with the least latency, itself too, and the cheapest."""
    clusters, width = ints[CLUSTERS], ints[NEAR_WIDE]
    ms, usd = np.empty(clusters), np.empty(clusters)
    for cluster in range(clusters):
        for other in range(clusters):
            first = ints[ints[NODES_OF] + other]
            ms[other] = reals[ints[LATENCY_MS] + cluster * clusters + other]
            usd[other] = math.inf
            if first < ints[ints[NODES_OF] + other + 1] and ms[other] < math.inf:
                usd[other] = reals[ints[CLUSTER_USD] + other * 3]
        row = ints[NEAR] + cluster * width
        count = pick_smallest(ints, ms, row, 0, width // 2)
        count = pick_smallest(ints, usd, row, count, width)
        repeat(ints, row, count, width)
