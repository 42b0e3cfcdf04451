"""Simulated annealing (Kirkpatrick 1983) by shift, swap, chain, block and block-exchange moves."""

import math

from services.decide.core.placing.arrays import NOWHERE, Floats, Longs
from services.decide.core.placing.kernels.chaining import chain
from services.decide.core.placing.kernels.changing import begin, settle, undo
from services.decide.core.placing.kernels.judging import (
    is_better,
    keep_best,
    least_worth,
    note_best,
    worth,
)
from services.decide.core.placing.kernels.layout import (
    BLOCK,
    CHANGED_UNITS,
    CHOICES_WIDE,
    CLUSTER,
    CLUSTER_FREE,
    COOLING,
    DEMAND,
    EDGE_AT,
    EDGE_USD,
    EDGES_OF,
    IS_HOME_FREE,
    LOGS,
    LOGS_COUNT,
    MENDING,
    MOVE_USD,
    NODE,
    NODE_CLUSTER,
    NODE_IDLE_USD,
    TEMPERATURE,
    UNIT_COMPONENT,
    UNIT_HOME,
    UNITS,
    UNITS_ON,
    WRONG,
    WRONG_COUNT,
)
from services.decide.core.placing.kernels.measuring import lowest_usd, unit_usd
from services.decide.core.placing.kernels.moving import (
    MOST_EVICTED,
    MOST_IN_BLOCK,
    relocate,
    repack,
)
from services.decide.core.placing.kernels.proposing import (
    below,
    gather,
    may_leave,
    may_stand,
    target_for,
)
from services.decide.core.placing.kernels.troubles import flow_through, wrong_unit

COOLING_EVERY = 128
"""Iterations between two steps of the temperature."""
ATTEMPTS = 4
"""Clusters drawn for a move until one can be."""
KINDS, REPACKS, BLOCKS, TOGETHER = 16, 2, 8, 14
"""Of so many moves so many change nodes within a cluster; from BLOCKS on several units move, from
TOGETHER on wherever they stand."""
EVERY_FOURTH = 4
"""Of all moves so many, at once, may make others give way."""
CHAIN_PAIRS = 36
"""Of the moves for something wrong one in so many moves a whole path as there are times so many
pairs of places to choose from: that is what it costs."""


def propose(ints: Longs, reals: Floats, mends: bool, most: float) -> bool:
    """Try one move of a random kind; return whether it can be. It still has to settle.

    `mends`: of something that is wrong now. `most`: what it may cost.
    """
    begin(ints, reals)
    unit = NOWHERE
    if mends:
        unit = wrong_unit(ints, ints[ints[WRONG] + below(ints, ints[WRONG_COUNT])])
        flow = flow_through(ints, unit)
        if flow >= 0 and below(ints, 1 + ints[CHOICES_WIDE] ** 2 // CHAIN_PAIRS) == 0:
            return chain(ints, reals, flow)
    if unit < 0:
        unit = below(ints, ints[UNITS])
    if not may_leave(ints, unit):
        return False
    kind, is_placed = below(ints, KINDS), ints[ints[CLUSTER] + unit] >= 0
    if kind < REPACKS and is_placed:
        return repack(ints, reals, unit)
    evict = (
        1 + below(ints, MOST_EVICTED) if kind % EVERY_FOURTH == 0 or mends or not is_placed else 0
    )
    ints[ints[BLOCK]] = unit
    count = 1
    if kind >= BLOCKS:
        together = kind < TOGETHER
        count = gather(ints, unit, 0, 2 + below(ints, MOST_IN_BLOCK - 1), together)
    target = find_target(ints, unit, count, evict)
    if target < 0 or (evict == 0 and costs_at_least(ints, reals, count, target) > most):
        return False
    return relocate(ints, reals, count, target, evict)


def find_target(ints: Longs, unit: int, count: int, evict: int) -> int:
    """Return a cluster to which the block around a unit could go, or NOWHERE after some tries."""
    for _ in range(ATTEMPTS):
        target = target_for(ints, ints[ints[UNIT_COMPONENT] + unit])
        if target < 0 or target == ints[ints[CLUSTER] + unit] or not may_stand(ints, unit, target):
            continue
        if evict > 0 or has_room(ints, count, target):
            return target
    return NOWHERE


def has_room(ints: Longs, count: int, target: int) -> bool:
    """Tell whether the nodes of a cluster together have room for those of the block not there."""
    for resource in range(3):
        need = 0
        for at in range(count):
            unit = ints[ints[BLOCK] + at]
            if ints[ints[CLUSTER] + unit] != target and takes_room_on(ints, unit, target):
                need += ints[ints[DEMAND] + ints[ints[UNIT_COMPONENT] + unit] * 3 + resource]
        if need > ints[ints[CLUSTER_FREE] + target * 3 + resource]:
            return False
    return True


def takes_room_on(ints: Longs, unit: int, cluster: int) -> bool:
    """Tell whether a unit is sure to take room on a cluster: not where it is at home for free."""
    home = ints[ints[UNIT_HOME] + unit]
    return not (ints[IS_HOME_FREE] > 0 and home >= 0 and ints[ints[NODE_CLUSTER] + home] == cluster)


def costs_at_least(ints: Longs, reals: Floats, count: int, target: int) -> float:
    """Return what moving the block costs at least: as if all its traffic and troubles ended.

    Most moves are turned down by this before anything is touched. A link that is overloaded now
    may end being so by any move: then nothing is turned down.
    """
    if ints[WRONG_COUNT] > 0:
        return -math.inf
    least = 0.0
    for at in range(count):
        unit = ints[ints[BLOCK] + at]
        node = ints[ints[NODE] + unit]
        if node < 0:
            return -math.inf
        component = ints[ints[UNIT_COMPONENT] + unit]
        least += lowest_usd(ints, reals, component, target)
        home = ints[ints[UNIT_HOME] + unit]
        if home >= 0 and ints[ints[NODE_CLUSTER] + home] != target:
            least += reals[ints[MOVE_USD] + component]
        least -= unit_usd(ints, reals, unit, node)
        if ints[ints[UNITS_ON] + node] <= count:
            least -= reals[ints[NODE_IDLE_USD] + node]
        for edge_at in range(
            ints[ints[EDGES_OF] + component], ints[ints[EDGES_OF] + component + 1]
        ):
            least -= reals[ints[EDGE_USD] + ints[ints[EDGE_AT] + edge_at]]
    return least


def anneal(ints: Longs, reals: Floats, iterations: int) -> None:
    """Search so many iterations; BEST holds the best placement seen.

    A change is kept if it costs at most -T ln(u), u evenly spread over (0, 1) (Metropolis 1953).
    """
    is_new = is_better(ints, reals)
    if is_new:
        note_best(ints, reals)
    for turn in range(iterations if ints[UNITS] > 0 else 0):
        if turn % COOLING_EVERY == 0:
            reals[TEMPERATURE] *= reals[COOLING]
        most = reals[TEMPERATURE] * reals[LOGS + below(ints, LOGS_COUNT)]
        mends = ints[WRONG_COUNT] > 0 and below(ints, 2) == 0
        if mends:
            most *= reals[MENDING]
        if not propose(ints, reals, mends, most):
            undo(ints, reals)
            continue
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
