"""The whole programme of a placement problem, and the way from placements to its columns and back.

The formulas are in docs/decide.md.
"""

from typing import NamedTuple

import numpy as np

from services.decide.core.placing.arrays import NOWHERE, Arrays, Floats, Ints
from services.decide.core.placing.exact.flows import add_flows, closed_by_flows, ways_of_flows
from services.decide.core.placing.exact.network import add_network, closed_by_edges, talks
from services.decide.core.placing.exact.packing import Packing, add_packing
from services.decide.core.placing.exact.programme import Programme
from services.decide.core.placing.score import with_fewest_moves


class Model(NamedTuple):
    """A programme, what its columns mean, and the three things to minimise."""

    programme: Programme
    packing: Packing
    unplaced: Floats
    """(columns,) 1 for each unit that stands nowhere."""
    violations: Floats
    """(columns,) what each violation counts."""
    limits: tuple[int, ...]
    """The rows that limit the two."""


def build(arrays: Arrays, *, is_strict: bool) -> Model:
    """Write the programme.

    `is_strict`: all units stand somewhere and nothing is violated, so that there are columns only
    for what keeps to that.
    """
    programme = Programme()
    packing = add_packing(programme, arrays, is_strict=is_strict)
    stands, talk = packing.stands, talks(arrays)
    ways = ways_of_flows(arrays, talk, stands[:, :-1] != NOWHERE)
    closed = None
    if is_strict:
        closed = closed_by_flows(ways, len(talk.pairs), len(arrays.latency_ms))
        closed |= closed_by_edges(arrays, talk)
    network = add_network(programme, arrays, talk, stands, closed)
    add_flows(programme, arrays, ways, network, stands)
    unplaced, violations = np.zeros((2, programme.columns))
    if not is_strict:
        unplaced[stands[:, -1]] = 1.0
        violations[np.concatenate(network[1:])] = 1.0
        violations[network.flow_bad] = arrays.flow_weight
    every = np.arange(programme.columns)
    limits = tuple(
        programme.add_rows(1, (every * 0, every, part)) for part in (unplaced, violations)
    )
    return Model(programme, packing, unplaced, violations, limits)


def nodes_of(arrays: Arrays, model: Model, values: Floats) -> Ints:
    """Return the placement (R,) that column values stand for, with the fewest and nearest moves."""
    counts = np.zeros((len(arrays.demand), len(arrays.node_cluster)), np.int64)
    for columns in model.packing.on_nodes:
        counts += np.where(columns != NOWHERE, np.rint(values[columns]), 0.0).astype(np.int64)
    nodes = np.full(len(arrays.unit_home), NOWHERE, np.int32)
    for component in range(len(counts)):
        slots = np.repeat(np.arange(counts.shape[1]), counts[component])
        first = arrays.units_of[component]
        nodes[first : first + len(slots)] = slots
    return with_fewest_moves(arrays, nodes)
