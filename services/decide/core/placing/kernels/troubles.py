"""The kernels that find a unit to move for something that is wrong."""

from services.decide.core.placing.arrays import NOWHERE, Longs
from services.decide.core.placing.kernels.layout import (
    CLUSTER,
    CLUSTERS,
    EDGE_SOURCE,
    EDGE_TARGET,
    EDGES,
    FLOW_AT,
    FLOWS,
    FLOWS_OF,
    LINK,
    LINKS,
    PATH,
    PATH_OF,
    UNIT_COMPONENT,
)
from services.decide.core.placing.kernels.proposing import below, unit_of


def wrong_unit(ints: Longs, thing: int) -> int:
    """Return a unit that something wrong depends on, at random. `thing`: an entry of `wrong`."""
    flows, edges = ints[FLOWS], ints[EDGES]
    pipes = ints[LINKS] + ints[CLUSTERS]
    if thing < flows:
        first, end = ints[ints[PATH_OF] + thing], ints[ints[PATH_OF] + thing + 1]
        return unit_of(ints, ints[ints[PATH] + first + below(ints, end - first)])
    if thing < flows + edges:
        edge = thing - flows
        if below(ints, 2) == 0:
            return unit_of(ints, ints[ints[EDGE_SOURCE] + edge])
        return unit_of(ints, ints[ints[EDGE_TARGET] + edge])
    if thing < flows + edges + pipes:
        return unit_on_pipe(ints, thing - flows - edges)
    return thing - flows - edges - pipes


def unit_on_pipe(ints: Longs, pipe: int) -> int:
    """Return a unit that sends over a link or gateway, from a look at some edges; or NOWHERE."""
    links, edges = ints[LINKS], ints[EDGES]
    if edges == 0:
        return NOWHERE
    edge = below(ints, edges)
    for _ in range(min(edges, 200)):
        edge = edge + 1 if edge + 1 < edges else 0
        a = unit_of(ints, ints[ints[EDGE_SOURCE] + edge])
        b = unit_of(ints, ints[ints[EDGE_TARGET] + edge])
        if a < 0 or b < 0:
            continue
        here, there = ints[ints[CLUSTER] + a], ints[ints[CLUSTER] + b]
        if here < 0 or there < 0 or here == there:
            continue
        if (
            ints[ints[LINK] + here * ints[CLUSTERS] + there] == pipe
            or pipe - links == here
            or pipe - links == there
        ):
            return a if below(ints, 2) == 0 else b
    return NOWHERE


def flow_through(ints: Longs, unit: int) -> int:
    """Return a flow through the component of a unit at random; NOWHERE if there is none."""
    if unit < 0:
        return NOWHERE
    component = ints[ints[UNIT_COMPONENT] + unit]
    first, end = ints[ints[FLOWS_OF] + component], ints[ints[FLOWS_OF] + component + 1]
    return ints[ints[FLOW_AT] + first + below(ints, end - first)] if end > first else NOWHERE
