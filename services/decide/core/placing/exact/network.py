"""What units say to each other, as columns and rows: products of places, traffic and latency.

A product says that unit r stands on cluster k and unit s on cluster l. Its sums over k and l are
the places of s and r (the reformulation-linearisation technique, Sherali and Adams 1990), so it
is exact for whole places and the strongest bound of its size for broken ones.
"""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np

from services.decide.core.placing.arrays import NOWHERE, Arrays, Flags, Floats, Longs
from services.decide.core.placing.exact.programme import Programme
from services.decide.core.placing.kernels.measuring import (
    TOLERANCE_MBPS,
    TOLERANCE_MS,
    TOLERANCE_RATIO,
)


class Talk(NamedTuple):
    """Pairs of units that talk. A pair is listed once, with the smaller unit first."""

    pairs: Longs
    """(P, 2)"""
    edge: Longs
    """(T,) the edge of each talk: one for each pair of replicas."""
    pair: Longs
    """(T,)"""
    is_turned: Flags
    """(T,) whether the source is the second unit of the pair."""
    numbers: dict[tuple[int, int], int]
    """The number of a pair."""


class Network(NamedTuple):
    """The columns of the network."""

    products: Longs
    """(P, K + 1, K + 1)"""
    edge_bad: Longs
    """(E,)"""
    flow_bad: Longs
    """(F,)"""
    link_over: Longs
    """(L,)"""
    gateway_over: Longs
    """(K,)"""


def talks(arrays: Arrays) -> Talk:
    """Return all pairs of units with an edge between them or a step of a flow."""
    numbers: dict[tuple[int, int], int] = {}
    edge, pair, is_turned = [], [], []
    ends = np.column_stack((arrays.edge_source, arrays.edge_target)).tolist()
    for number, (source, target) in enumerate(ends):
        for one, other in product(units(arrays, source), units(arrays, target)):
            edge.append(number)
            pair.append(numbers.setdefault(_ordered(one, other), len(numbers)))
            is_turned.append(one > other)
    for start, stop in pairwise(arrays.path_of.tolist()):
        for source, target in pairwise(arrays.path[start:stop].tolist()):
            for one, other in product(units(arrays, source), units(arrays, target)):
                numbers.setdefault(_ordered(one, other), len(numbers))
    return Talk(
        pairs=np.array(list(numbers), np.int64).reshape(-1, 2),
        edge=np.array(edge, np.int64),
        pair=np.array(pair, np.int64),
        is_turned=np.array(is_turned, bool),
        numbers=numbers,
    )


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one <= other else (other, one)


def units(arrays: Arrays, component: int) -> range:
    """Return the units of a component."""
    return range(int(arrays.units_of[component]), int(arrays.units_of[component + 1]))


def closed_by_edges(arrays: Arrays, talk: Talk) -> Flags:
    """Return (P, K, K): where a pair of units cannot stand if no edge is broken."""
    closed = np.zeros((len(talk.pairs), *arrays.latency_ms.shape), bool)
    np.logical_or.at(closed, talk.pair, _broken_by(arrays, talk))
    return closed


def add_network(
    programme: Programme, arrays: Arrays, talk: Talk, stands: Longs, closed: Flags | None
) -> Network:
    """Add products of places, and the rows that say what is broken.

    `closed`: (P, K, K) where no pair of units may stand; then nothing may be broken either.
    """
    may_break = [
        np.full(len(things), closed is None)
        for things in (arrays.edge_mbps, arrays.flow_weight, arrays.link_mbps, arrays.gateway_mbps)
    ]
    network = Network(
        _add_products(programme, arrays, talk, stands, closed),
        *(programme.add_columns(mask, is_whole=True) for mask in may_break),
    )
    _add_edges(programme, arrays, talk, network)
    _add_pipes(programme, arrays, talk, network)
    return network


def _spoken_mbps(arrays: Arrays, talk: Talk) -> Floats:
    """Return (2, P): what each pair says, there and back."""
    replicas = np.diff(arrays.units_of)
    shares = arrays.edge_mbps / (replicas[arrays.edge_source] * replicas[arrays.edge_target])
    spoken = np.zeros((2, len(talk.pairs)))
    np.add.at(spoken, (talk.is_turned.astype(int), talk.pair), shares[talk.edge])
    return spoken


def _add_products(
    programme: Programme, arrays: Arrays, talk: Talk, stands: Longs, closed: Flags | None
) -> Longs:
    one, other = stands[talk.pairs[:, 0]], stands[talk.pairs[:, 1]]
    mask = (one != NOWHERE)[:, :, None] & (other != NOWHERE)[:, None, :]
    is_same = talk.pairs[:, 0] == talk.pairs[:, 1]
    places = stands.shape[1]
    mask &= ~is_same[:, None, None] | np.eye(places, dtype=bool)
    if closed is not None:
        mask[:, :-1, :-1] &= ~closed
    there, back = _spoken_mbps(arrays, talk)
    price = np.zeros((places, places))
    price[:-1, :-1] = np.where(np.isfinite(arrays.latency_ms), arrays.traffic_usd, 0.0)
    usd = there[:, None, None] * price + back[:, None, None] * price.T
    products = programme.add_columns(mask, usd=usd)
    row = np.arange(len(products) * places).reshape(-1, places)
    for sums, place in ((row[:, :, None], one), (row[:, None, :], other)):
        programme.add_rows(
            row.size, (sums, products, 1.0), (row, place, -1.0), lower=0.0, upper=0.0
        )
    return products


def _broken_by(arrays: Arrays, talk: Talk) -> Flags:
    """Return (T, K, K): whether a talk breaks what its edge needs, by the clusters of its pair."""
    latency = arrays.edge_latency_ms[:, None, None] + TOLERANCE_MS
    loss = arrays.edge_loss_ratio[:, None, None] + TOLERANCE_RATIO
    jitter = arrays.edge_jitter_ms[:, None, None] + TOLERANCE_MS
    apart = (arrays.loss_ratio > loss) | (arrays.jitter_ms > jitter)
    apart |= arrays.edge_udp[:, None, None] & ~arrays.carries_udp
    apart &= ~np.eye(len(arrays.latency_ms), dtype=bool)
    broken = (apart | (arrays.latency_ms > latency))[talk.edge]
    return np.where(talk.is_turned[:, None, None], broken.swapaxes(1, 2), broken)


def _add_edges(programme: Programme, arrays: Arrays, talk: Talk, network: Network) -> None:
    """Make an edge bad when one pair of its replicas stands on clusters that break it."""
    bad = _broken_by(arrays, talk)
    row = np.arange(len(talk.edge))
    programme.add_rows(
        len(row),
        (row[:, None, None], network.products[talk.pair, :-1, :-1], bad),
        (row, network.edge_bad[talk.edge], -1.0),
        upper=0.0,
    )


def _add_pipes(programme: Programme, arrays: Arrays, talk: Talk, network: Network) -> None:
    """Make a link or gateway over that carries more than it can.

    One that others alone overload is over as soon as anything is added.
    """
    columns = network.products[:, :-1, :-1]
    there, back = (spoken[:, None, None] for spoken in _spoken_mbps(arrays, talk))
    most = float(arrays.edge_mbps.sum())
    on_link = np.where(arrays.link != NOWHERE, columns, NOWHERE)
    back_on_link = np.where(arrays.link.T != NOWHERE, columns, NOWHERE)
    row = np.arange(len(network.link_over))
    programme.add_rows(
        len(row),
        (arrays.link, on_link, there),
        (arrays.link.T, back_on_link, back),
        (row, network.link_over, -most),
        upper=_room(arrays.link_mbps, arrays.link_taken_mbps),
    )
    cluster = np.arange(len(network.gateway_over))
    has_limit = np.isfinite(arrays.gateway_mbps)
    leaves = np.where(has_limit[:, None] & (cluster[:, None] != cluster), columns, NOWHERE)
    enters = np.where(has_limit & (cluster[:, None] != cluster), columns, NOWHERE)
    programme.add_rows(
        len(cluster),
        (cluster[:, None], leaves, there + back),
        (cluster, enters, there + back),
        (cluster, network.gateway_over, -most),
        upper=_room(arrays.gateway_mbps, arrays.gateway_taken_mbps),
    )


def _room(capacity: Floats, taken: Floats) -> Floats:
    return np.maximum(capacity - taken, 0.0) + TOLERANCE_MBPS
