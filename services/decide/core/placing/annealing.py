"""Simulated annealing over shift, swap, chain, block and block-exchange moves (Kirkpatrick 1983)."""

import math

from services.decide.core.placing.arrays import (
    Floats,
    Longs,
    NOWHERE,
)
from services.decide.core.placing.changing import (
    attach,
    begin,
    measure_edge,
    measure_flow,
    overload,
    settle,
    take,
    undo,
    unit_usd,
)
from services.decide.core.placing.layout import (
    BEST,
    BEST_SCORE,
    BLOCK,
    CHANGED_EDGES,
    CHANGED_FLOWS,
    CHANGED_PIPES,
    CHANGED_UNITS,
    CHOICES,
    CHOICES_WIDE,
    CLUSTER,
    CLUSTERS,
    COOLING,
    EDGES_OF,
    EDGE_AT,
    EDGE_BAD,
    EDGE_EXCESS,
    EDGE_USD,
    EDGE_WAS,
    EXCESS,
    EXCESS_USD,
    FIRST_ON,
    FLOWS_OF,
    FLOW_AT,
    FLOW_BAD,
    FLOW_EXCESS,
    FLOW_WAS,
    LOGS,
    LOGS_COUNT,
    NEAR,
    NEAR_WIDE,
    NEXT_ON,
    NODE,
    NODES_OF,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    PIPE,
    PIPE_WAS,
    TEMPERATURE,
    TOTALS,
    TOTALS_WAS,
    UNIT,
    UNITS,
    UNITS_ON,
    UNIT_COMPONENT,
    UNIT_FROM,
    UNPLACED,
    UNPLACED_USD,
    USD,
    VIOLATIONS,
    VIOLATION_USD,
    WRONG,
    WRONG_COUNT,
)
from services.decide.core.placing.proposing import (
    below,
    fits,
    gather,
    may_leave,
    may_stand,
    node_for,
    partner,
    target_for,
    victim,
    wrong_unit,
)


COOLING_EVERY = 128
"""Iterations between two steps of the temperature."""
HOTTER = 20.0
"""A change of something wrong may cost this much more: it is over before money is counted."""
MOST_EVICTED = 4
LOOK_AROUND = 4
"""One time in so many those who make room go where they cost least."""
MOST_IN_BLOCK = 16


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
        return resettle_best(ints, reals, count)
    return resettle(ints, reals, count, source, mates)


def make_room(ints: Longs, reals: Floats, unit: int, cluster: int, mates: int) -> None:
    """Take a unit of a cluster off it, with up to so many that hang together with it there."""
    other, first = victim(ints, unit, cluster), ints[CHANGED_UNITS]
    if other >= 0:
        end = gather(ints, other, first, 1 + mates, True)
        for at in range(first, end):
            take(ints, reals, ints[ints[BLOCK] + at], True)


def resettle(ints: Longs, reals: Floats, count: int, source: int, mates: int) -> bool:
    """Put those who made room where the block came from, or elsewhere: all after `count`."""
    place = NOWHERE
    for at in range(count, ints[CHANGED_UNITS]):
        unit = ints[ints[UNIT] + at]
        if place < 0 or mates == 0:
            place = source
            if place < 0 or below(ints, 4) == 0:
                place = target_for(ints, ints[ints[UNIT_COMPONENT] + unit])
        if place < 0 or not may_stand(ints, unit, place):
            return False
        node = node_for(ints, reals, unit, place)
        if node < 0:
            return False
        attach(ints, reals, unit, node)
    return True


def resettle_best(ints: Longs, reals: Floats, count: int) -> bool:
    """Put those who made room where each costs least, one after the other: all after `count`."""
    for at in range(count, ints[CHANGED_UNITS]):
        unit = ints[ints[UNIT] + at]
        node = best_node(ints, reals, unit)
        if node < 0:
            return False
        attach(ints, reals, unit, node)
    return True


def best_node(ints: Longs, reals: Floats, unit: int) -> int:
    """Return a node for a unit in the best of its choices and of the places near its partners."""
    component, clusters = ints[ints[UNIT_COMPONENT] + unit], ints[CLUSTERS]
    there = partner(ints, component)
    wide, near = ints[CHOICES_WIDE], ints[NEAR_WIDE] if there >= 0 else 0
    best, best_usd = NOWHERE, math.inf
    for at in range(wide + near):
        if at < wide:
            cluster = ints[ints[CHOICES] + component * wide + at]
        else:
            cluster = ints[ints[NEAR] + there * near + at - wide]
        if cluster < 0 or cluster >= clusters or not may_stand(ints, unit, cluster):
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
    if end - first < 2:
        return False
    node = first + below(ints, end - first)
    if node == home or not may_stand(ints, unit, cluster):
        return False
    begin(ints, reals)
    take(ints, reals, unit, False)
    if not fits(ints, unit, node):
        other = ints[ints[FIRST_ON] + node]
        if other < 0:
            return False
        for _ in range(below(ints, ints[ints[UNITS_ON] + node])):
            other = ints[ints[NEXT_ON] + other]
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


def propose(ints: Longs, reals: Floats, mends: bool) -> bool:  # noqa: FBT001
    """Try one move of a random kind; return whether it can be. It still has to settle.

    `mends`: of something that is wrong now.
    """
    begin(ints, reals)
    unit = NOWHERE
    if mends:
        unit = wrong_unit(ints, ints[ints[WRONG] + below(ints, ints[WRONG_COUNT])])
    if unit < 0:
        unit = below(ints, ints[UNITS])
    if not may_leave(ints, unit):
        return False
    cluster, kind = ints[ints[CLUSTER] + unit], below(ints, 16)
    if kind < 2 and cluster >= 0:
        return repack(ints, reals, unit)
    target = target_for(ints, ints[ints[UNIT_COMPONENT] + unit])
    if target < 0 or target == cluster or not may_stand(ints, unit, target):
        return False
    ints[ints[BLOCK]] = unit
    count, evict = 1, 0
    if kind >= 8:
        count = gather(ints, unit, 0, 2 + below(ints, MOST_IN_BLOCK - 1), kind < 14)
    if kind % 4 == 3 or cluster < 0 or mends:
        evict = 1 + below(ints, MOST_EVICTED)
    elif count == 1 and node_for(ints, reals, unit, target) < 0:
        return False
    return relocate(ints, reals, count, target, evict)


def keep_best(ints: Longs) -> None:
    """Store the placement as the best one, as it was before the change under trial."""
    for unit in range(ints[UNITS]):
        ints[ints[BEST] + unit] = ints[ints[NODE] + unit]
    for at in range(ints[CHANGED_UNITS]):
        ints[ints[BEST] + ints[ints[UNIT] + at]] = ints[ints[UNIT_FROM] + at]


def restore_best(ints: Longs, reals: Floats) -> None:
    """Go back to the best placement."""
    begin(ints, reals)
    for unit in range(ints[UNITS]):
        if ints[ints[NODE] + unit] != ints[ints[BEST] + unit]:
            take(ints, reals, unit, True)
    for at in range(ints[CHANGED_UNITS]):
        node = ints[ints[BEST] + ints[ints[UNIT] + at]]
        if node >= 0:
            attach(ints, reals, ints[ints[UNIT] + at], node)
    settle(ints, reals)
    ints[CHANGED_UNITS] = 0


def is_better(ints: Longs, reals: Floats) -> bool:
    """Tell whether the placement is better than the best one: the score in its order."""
    unplaced = round(reals[ints[TOTALS] + UNPLACED])
    if unplaced != reals[ints[BEST_SCORE]]:
        return unplaced < reals[ints[BEST_SCORE]]
    violations = reals[ints[TOTALS] + VIOLATIONS]
    if abs(violations - reals[ints[BEST_SCORE] + 1]) > 1e-6:
        return violations < reals[ints[BEST_SCORE] + 1]
    return reals[ints[TOTALS] + USD] < reals[ints[BEST_SCORE] + 2] - 1e-9


def note_best(ints: Longs, reals: Floats) -> None:
    """Take the score for the best one; the placement is copied before it is left."""
    reals[ints[BEST_SCORE]] = round(reals[ints[TOTALS] + UNPLACED])
    reals[ints[BEST_SCORE] + 1] = reals[ints[TOTALS] + VIOLATIONS]
    reals[ints[BEST_SCORE] + 2] = reals[ints[TOTALS] + USD]


def worth(ints: Longs, reals: Floats) -> float:
    """Return what the settled change costs in USD, with what is wrong in USD too."""
    now, was = ints[TOTALS], ints[TOTALS_WAS]
    return (
        (reals[now + UNPLACED] - reals[was + UNPLACED]) * reals[UNPLACED_USD]
        + (reals[now + VIOLATIONS] - reals[was + VIOLATIONS]) * reals[VIOLATION_USD]
        + (reals[now + EXCESS] - reals[was + EXCESS]) * reals[EXCESS_USD]
        + (reals[now + USD] - reals[was + USD])
    )


def least_worth(ints: Longs, reals: Floats) -> float:
    """Return what the change costs at least, before it is settled: as if all it touched got free.

    Most changes are turned down by this, for a fraction of the work.
    """
    least = worth(ints, reals)
    for at in range(ints[CHANGED_EDGES]):
        was = ints[EDGE_WAS] + at * 3
        least -= reals[was] * reals[VIOLATION_USD]
        least -= reals[was + 1] * reals[EXCESS_USD] + reals[was + 2]
    for at in range(ints[CHANGED_FLOWS]):
        was = ints[FLOW_WAS] + at * 2
        least -= reals[was] * reals[VIOLATION_USD] + reals[was + 1] * reals[EXCESS_USD]
    for at in range(ints[CHANGED_PIPES]):
        over = overload(ints, reals, ints[ints[PIPE] + at], reals[ints[PIPE_WAS] + at])
        if over >= 0.0:
            least -= reals[VIOLATION_USD] + over * reals[EXCESS_USD]
    return least


def anneal(ints: Longs, reals: Floats, iterations: int) -> None:
    """Search so many iterations; BEST holds the best placement seen.

    A change is kept if it costs at most -T ln(u), u evenly spread over (0, 1) (Metropolis 1953).
    """
    is_new = is_better(ints, reals)
    if is_new:
        note_best(ints, reals)
    for turn in range(iterations):
        if turn % COOLING_EVERY == 0:
            reals[TEMPERATURE] *= reals[COOLING]
        mends = ints[WRONG_COUNT] > 0 and below(ints, 2) == 0
        if not propose(ints, reals, mends):
            undo(ints, reals)
            continue
        most = reals[TEMPERATURE] * reals[LOGS + below(ints, LOGS_COUNT)]
        if mends:
            most *= HOTTER
        if least_worth(ints, reals) > most:
            undo(ints, reals)
            continue
        settle(ints, reals)
        if worth(ints, reals) > most:
            undo(ints, reals)
            continue
        if is_better(ints, reals):
            is_new = True
            note_best(ints, reals)
        elif is_new:
            keep_best(ints)
            is_new = False
    ints[CHANGED_UNITS] = 0
    if is_new:
        keep_best(ints)
