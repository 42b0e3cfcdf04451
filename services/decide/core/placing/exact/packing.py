"""Who stands on which node, as columns and rows: room, ceilings, idle nodes and migration."""

from typing import NamedTuple

import numpy as np

from services.decide.core.placing.arrays import BOUNDLESS, NOWHERE, Arrays, Ints, Longs
from services.decide.core.placing.exact.programme import Programme


class Packing(NamedTuple):
    """The columns of the packing, NOWHERE where there is none."""

    stands: Longs
    """(R, K + 1) a unit on a cluster, 0 or 1; the last column: nowhere."""
    arrives: Longs
    """(C, N) how many units of a component come to a node."""
    stays: Longs
    """(C, N) how many of those that stand there stay."""
    returns: Longs
    """(C, N) how many of those at home there start there again, as their copy does not work."""
    used: Longs
    """(N,) whether the node is used, where that costs something."""
    near: Longs
    """(C, K) how many units that stood on a cluster are still there."""
    far: Longs
    """(C,) how many units changed their cluster."""

    @property
    def on_nodes(self) -> tuple[Longs, Longs, Longs]:
        """The three ways to be on a node."""
        return self.arrives, self.stays, self.returns


def counted(arrays: Arrays, nodes: Ints) -> Longs:
    """Return (C, N): how many units of a component are on a node. `nodes`: (R,)."""
    counts = np.zeros((len(arrays.demand), len(arrays.node_cluster)), np.int64)
    is_on = nodes != NOWHERE
    np.add.at(counts, (arrays.unit_component[is_on], nodes[is_on]), 1)
    return counts


def standing(arrays: Arrays) -> Longs:
    """Return (C, N): how many units of a component stand on a node and may stay."""
    return counted(arrays, np.where(arrays.unit_stands, arrays.unit_home, NOWHERE))


def per_cluster(arrays: Arrays, by_node: Longs) -> Longs:
    """Return (C, K) sums of (C, N)."""
    sums = np.zeros((len(by_node), len(arrays.gateway_mbps)), by_node.dtype)
    np.add.at(sums.T, arrays.node_cluster, by_node.T)
    return sums


def add_packing(programme: Programme, arrays: Arrays, *, is_strict: bool) -> Packing:
    """Add the columns that say who stands where, and the rows that keep it possible.

    `is_strict`: every unit stands somewhere.
    """
    packing = _columns(programme, arrays, is_strict=is_strict)
    _add_assignment(programme, arrays, packing)
    _add_spread(programme, arrays, packing)
    _add_room(programme, arrays, packing)
    _add_migration(programme, arrays, packing)
    return packing


def _columns(programme: Programme, arrays: Arrays, *, is_strict: bool) -> Packing:
    home, stand, fixed = counted(arrays, arrays.unit_home), standing(arrays), _fixed(arrays)
    may_come = np.diff(arrays.units_of) - fixed.sum(axis=1)
    comes = np.minimum(_most_that_fit(arrays), may_come[:, None])
    returns = np.minimum(comes, home - stand)
    can_stand = per_cluster(arrays, comes + stand) > 0
    at_home = per_cluster(arrays, home)
    moves = (home.sum(axis=1) > 0) & (arrays.move_usd > 0)
    usd = arrays.demand @ arrays.node_usd.T
    within = arrays.move_within * arrays.move_usd[:, None]
    can_stand = np.hstack((can_stand, np.full((len(home), 1), not is_strict)))
    return Packing(
        stands=programme.add_columns(can_stand[arrays.unit_component], is_whole=True),
        arrives=programme.add_columns(comes > 0, upper=comes, usd=usd, is_whole=True),
        stays=programme.add_columns(
            stand > 0, lower=fixed, upper=stand, usd=usd - within, is_whole=True
        ),
        returns=programme.add_columns(returns > 0, upper=returns, usd=usd - within, is_whole=True),
        used=programme.add_columns(
            arrays.node_idle_usd > 0, usd=arrays.node_idle_usd, is_whole=True
        ),
        near=programme.add_columns((at_home > 0) & moves[:, None], upper=at_home, usd=within),
        far=programme.add_columns(moves, upper=np.diff(arrays.units_of), usd=arrays.move_usd),
    )


def _fixed(arrays: Arrays) -> Longs:
    """Return (C, N): how many units may not leave a node."""
    return np.where(arrays.movable[:, None], 0, standing(arrays))


def _most_that_fit(arrays: Arrays) -> Longs:
    """Return (C, N): how many new units of a component an empty node takes."""
    most = np.minimum(arrays.most_per_node, np.diff(arrays.units_of)).astype(np.int64)
    fits = np.where(arrays.allowed[:, arrays.node_cluster], most[:, None], 0)
    for resource in range(arrays.demand.shape[1]):
        need = arrays.demand[:, resource, None]
        room = np.maximum(arrays.node_room[None, :, resource], 0)
        fits = np.where(need > 0, np.minimum(fits, room // np.maximum(need, 1)), fits)
    return fits


def _add_assignment(programme: Programme, arrays: Arrays, packing: Packing) -> None:
    """Each unit stands once; clusters and nodes agree; units of a component are in order."""
    units, places = packing.stands.shape
    rows = np.arange(units)[:, None]
    programme.add_rows(units, (rows, packing.stands, 1.0), lower=1.0, upper=1.0)
    components, clusters = arrays.allowed.shape
    cell = np.arange(components * clusters).reshape(components, clusters)
    on_node = cell[:, arrays.node_cluster]
    programme.add_rows(
        cell.size,
        (cell[arrays.unit_component], packing.stands[:, :-1], -1.0),
        *((on_node, columns, 1.0) for columns in packing.on_nodes),
        lower=0.0,
        upper=0.0,
    )
    twins = np.flatnonzero(arrays.unit_component[1:] == arrays.unit_component[:-1])
    order = np.arange(places, dtype=np.float64)
    twin_rows = np.arange(len(twins))[:, None]
    programme.add_rows(
        len(twins),
        (twin_rows, packing.stands[twins], order),
        (twin_rows, packing.stands[twins + 1], -order),
        upper=0.0,
    )


def _add_spread(programme: Programme, arrays: Arrays, packing: Packing) -> None:
    """Keep units of a component on different nodes, and let only used nodes take any."""
    most = np.maximum(arrays.most_per_node[:, None], _fixed(arrays))
    most = np.minimum(most, np.diff(arrays.units_of)[:, None])
    cell = np.arange(most.size).reshape(most.shape)
    programme.add_rows(
        cell.size,
        *((cell, columns, 1.0) for columns in packing.on_nodes),
        (cell, packing.used, -most),
        upper=np.where(packing.used != NOWHERE, 0, most).ravel(),
    )


def _add_room(programme: Programme, arrays: Arrays, packing: Packing) -> None:
    """Keep nodes and clusters within their room."""
    takers: tuple[Longs, ...] = packing.on_nodes
    if arrays.is_home_free:
        takers = (packing.arrives, packing.returns)
    node = np.arange(len(arrays.node_cluster))
    for resource in range(arrays.demand.shape[1]):
        need, room = arrays.demand[:, resource, None], arrays.node_room[:, resource]
        programme.add_rows(
            len(node),
            *((node, columns, need) for columns in takers),
            (node, packing.used, -room),
            upper=np.where(packing.used != NOWHERE, 0, room),
        )
    ceiling = np.where(arrays.cluster_millicores < BOUNDLESS, arrays.cluster_millicores, np.inf)
    programme.add_rows(
        len(ceiling),
        *((arrays.node_cluster, columns, arrays.demand[:, :1]) for columns in takers),
        upper=ceiling,
    )


def _add_migration(programme: Programme, arrays: Arrays, packing: Packing) -> None:
    """Count who left a cluster: of units at home there, those that are not there any more."""
    at_home = counted(arrays, arrays.unit_home).sum(axis=1)
    cell = np.arange(packing.near.size).reshape(packing.near.shape)
    is_counted = (packing.near != NOWHERE)[arrays.unit_component]
    programme.add_rows(
        cell.size,
        (cell, packing.near, 1.0),
        (
            cell[arrays.unit_component],
            np.where(is_counted, packing.stands[:, :-1], NOWHERE),
            -1.0,
        ),
        upper=0.0,
    )
    component = np.arange(len(at_home))
    programme.add_rows(
        len(at_home),
        (component, packing.far, 1.0),
        (component[:, None], packing.near, 1.0),
        (arrays.unit_component, packing.stands[:, -1], 1.0),
        lower=np.where(packing.far != NOWHERE, at_home, 0),
    )
