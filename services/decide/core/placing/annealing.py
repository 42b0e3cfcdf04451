"""Simulated annealing over shift, swap, chain, block and block-exchange moves (Kirkpatrick 1983)."""



from services.decide.core.placing.arrays import (
    Floats,
    Longs,
    NOWHERE,
)
from services.decide.core.placing.changing import (
    attach,
    begin,
    overload,
    settle,
    take,
    undo,
)
from services.decide.core.placing.layout import (
    BEST,
    BEST_SCORE,
    BLOCK,
    CHANGED_EDGES,
    CHANGED_FLOWS,
    CHANGED_PIPES,
    CHANGED_UNITS,
    CLUSTER,
    COOLING,
    EDGE_WAS,
    EXCESS,
    EXCESS_USD,
    FIRST_ON,
    FLOW_WAS,
    LOGS,
    LOGS_COUNT,
    NEXT_ON,
    NODE,
    NODES_OF,
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
    target_for,
    victim,
    wrong_unit,
)


COOLING_EVERY = 128
"""Iterations between two steps of the temperature."""
MOST_EVICTED = 4
MOST_IN_BLOCK = 16


def relocate(ints: Longs, reals: Floats, count: int, target: int, evict: int, mates: int) -> bool:
    """Move the first `count` units of BLOCK to a cluster; return whether all found a node.

    At most `evict` times a unit, with up to `mates` that hang together with it there, makes room:
    it goes where the block came from, or elsewhere.
    """
    source = ints[ints[CLUSTER] + ints[ints[BLOCK]]]
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
            make_room(ints, reals, target, mates)
            node = node_for(ints, reals, unit, target)
        if node < 0:
            return False
        attach(ints, reals, unit, node)
    return resettle(ints, reals, count, source, mates)


def make_room(ints: Longs, reals: Floats, cluster: int, mates: int) -> None:
    """Take a unit of a cluster off it, with up to so many that hang together with it there."""
    unit, first = victim(ints, cluster), ints[CHANGED_UNITS]
    if unit >= 0:
        end = gather(ints, unit, first, 1 + mates, True)
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


def propose(ints: Longs, reals: Floats) -> bool:
    """Try one move of a random kind; return whether it can be. It still has to settle."""
    unit = NOWHERE
    if ints[WRONG_COUNT] > 0 and below(ints, 2) == 0:
        unit = wrong_unit(ints, ints[ints[WRONG] + below(ints, ints[WRONG_COUNT])])
    if unit < 0:
        unit = below(ints, ints[UNITS])
    begin(ints, reals)
    if not may_leave(ints, unit):
        return False
    cluster, kind = ints[ints[CLUSTER] + unit], below(ints, 16)
    if kind < 2 and cluster >= 0:
        return repack(ints, reals, unit)
    target = target_for(ints, ints[ints[UNIT_COMPONENT] + unit])
    if target < 0 or target == cluster or not may_stand(ints, unit, target):
        return False
    ints[ints[BLOCK]] = unit
    count, evict, mates = 1, 0, 0
    if kind >= 8:
        count = gather(ints, unit, 0, 2 + below(ints, MOST_IN_BLOCK - 1), kind < 14)
    if kind % 4 == 3 or cluster < 0:
        evict = 1 + below(ints, MOST_EVICTED)
        if below(ints, 2) == 0:
            mates = below(ints, MOST_IN_BLOCK)
    elif count == 1 and node_for(ints, reals, unit, target) < 0:
        return False
    return relocate(ints, reals, count, target, evict, mates)


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
        if not propose(ints, reals):
            undo(ints, reals)
            continue
        most = reals[TEMPERATURE] * reals[LOGS + below(ints, LOGS_COUNT)]
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
