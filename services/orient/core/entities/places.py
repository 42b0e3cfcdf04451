"""Which reading belongs to which entity: from the series of a tick to one row per entity."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from services.orient.core.entities.pools import Floats, Numbers, Pool, Seen, admit
from services.orient.core.series.rows import Aligned, SeriesKey
from shared.messages.incident import SubjectKind
from shared.messages.inventory import Inventory
from shared.messages.readings import Signal

SIGNALS: dict[SubjectKind, tuple[Signal, ...]] = {
    SubjectKind.NODE: (
        Signal.NODE_USED_CORES,
        Signal.NODE_REQUESTED_CORES,
        Signal.NODE_USED_BYTES,
        Signal.NODE_SOFTIRQ_CORES,
        Signal.NODE_READY,
    ),
    SubjectKind.LINK: (
        Signal.LINK_RTT_MS,
        Signal.LINK_JITTER_MS,
        Signal.LINK_LOSS_RATIO,
        Signal.LINK_CAPACITY_MBPS,
        Signal.LINK_USED_MBPS,
    ),
    SubjectKind.COMPONENT: (
        Signal.POD_USED_CORES,
        Signal.POD_USED_BYTES,
        Signal.POD_THROTTLED_RATIO,
        Signal.POD_RESTARTS,
        Signal.PROCESSING_MS,
        Signal.FLOW_MBPS,
    ),
}
"""What is looked at together. Several readings of one signal, as of the pods of a component or of
both directions of a link, count by their mean."""
MEMBERS = (*SIGNALS[SubjectKind.NODE], *SIGNALS[SubjectKind.LINK])
"""What is looked at of a cluster: mean and largest of each over its nodes and links."""
NODE, LINK, COMPONENT, CLUSTER = range(4)
LOOK_AGAIN_TICKS = 16
"""Pods of no known component are looked up again after so many ticks."""

_SLOTS = {
    signal.value: (kind, column)
    for kind, signals in enumerate(SIGNALS.values())
    for column, signal in enumerate(signals)
}
_POD_SIGNALS = frozenset(s.value for s in SIGNALS[SubjectKind.COMPONENT] if s.startswith("pod_"))
NOWHERE, POD_UNKNOWN = -1, -2


@dataclass(slots=True, kw_only=True, eq=False)
class Places:
    """Where each series belongs. Changed in place by `settle`."""

    of: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty((3, 0), np.int32))
    """Shape (3, rows): index of the kind or NOWHERE or POD_UNKNOWN, slot of the entity, column."""
    members: Numbers = field(default_factory=lambda: np.empty((0, 3), np.int64))
    """Shape (m, 3), by cluster: index of the kind, slot of the entity, slot of its cluster."""


def settle(
    places: Places,
    pools: tuple[Pool, ...],
    aligned: Aligned,
    keys: list[SeriesKey],
    inventory: Inventory,
) -> None:
    """Give new series their place, and give up the places of those that are gone."""
    missing = len(keys) - places.of.shape[1]
    if missing > 0:
        more = np.full((3, max(missing, places.of.shape[1])), NOWHERE, np.int32)
        places.of = np.concatenate([places.of, more], axis=1)
    places.of[:, aligned.gone] = NOWHERE
    rows = aligned.new.tolist()
    if int(pools[NODE].ticks[0]) % LOOK_AGAIN_TICKS == 0:
        rows += np.flatnonzero(places.of[0] == POD_UNKNOWN).tolist()
    if rows or len(aligned.gone):
        _settle_rows(places, pools, [(row, keys[row]) for row in rows], inventory)


def _settle_rows(
    places: Places,
    pools: tuple[Pool, ...],
    new: list[tuple[int, SeriesKey]],
    inventory: Inventory,
) -> None:
    components = components_of_pods(inventory) if new else {}
    found: list[list[tuple[int, str, int]]] = [[], [], []]
    for row, key in new:
        kind, column = _SLOTS.get(key[0], (NOWHERE, 0))
        subject = subject_of(key, components) if kind != NOWHERE else ""
        if subject:
            found[kind].append((row, subject, column))
        else:
            places.of[0, row] = POD_UNKNOWN if key[0] in _POD_SIGNALS else NOWHERE
    changed = False
    for kind, group in enumerate(found):
        used = np.unique(places.of[1, places.of[0] == kind]).tolist()
        kept = {pools[kind].names[slot] for slot in used}
        before = pools[kind].names
        slots = admit(pools[kind], [name for _, name, _ in group], kept)
        changed |= before != pools[kind].names
        for row, name, column in group:
            places.of[:, row] = (kind, slots[name], column)
    if changed:
        _join_clusters(places, pools)


def subject_of(key: SeriesKey, components: dict[str, str]) -> str:
    """Return the entity of a series, as in `Incident.subject`. Empty: none is known."""
    signal, cluster, subject = key
    if signal.startswith("node_"):
        return f"{cluster}/{subject}"
    if signal.startswith("link_"):
        return link_name(cluster, subject) if cluster != subject else ""
    if signal in _POD_SIGNALS:
        return components.get(subject, "")
    if signal == Signal.FLOW_MBPS:
        return subject.rpartition("/")[0]  # of its source
    return subject


def link_name(one: str, other: str) -> str:
    """Return the name of a link, the same from both ends."""
    return ">".join(sorted((one, other)))


def components_of_pods(inventory: Inventory) -> dict[str, str]:
    """Return the component (`xr/arena/render`) of each pod, by the pod's name."""
    names = {
        (application.namespace, component.workload.name): f"{application.name}/{component.name}"
        for application in inventory.applications
        for component in application.components
    }
    owners = {pod.name: names.get((pod.namespace, pod.workload), "") for pod in inventory.pods}
    return {pod: name for pod, name in owners.items() if name}


def _join_clusters(places: Places, pools: tuple[Pool, ...]) -> None:
    pairs: list[tuple[int, int, str]] = []
    for slot, name in enumerate(pools[NODE].names):
        pairs += [(NODE, slot, name.partition("/")[0])] if name else []
    for slot, name in enumerate(pools[LINK].names):
        pairs += [(LINK, slot, end) for end in name.split(">")] if name else []
    names = [cluster for _, _, cluster in pairs]
    slots = admit(pools[CLUSTER], names, set(names))
    members = [(kind, slot, slots[cluster]) for kind, slot, cluster in pairs]
    members.sort(key=lambda member: member[2])
    places.members = np.array(members, np.int64).reshape(-1, 3)


def gather(
    places: Places, pools: tuple[Pool, ...], rows: Numbers, values: Floats
) -> list[npt.NDArray[np.float64]]:
    """Return the signals of nodes, links and components, shapes (n, s).

    They are means of what was told, NaN where nothing was.
    """
    shapes = [pool.mean.shape for pool in pools[:CLUSTER]]
    starts = np.cumsum([0, *(n * s for n, s in shapes)])
    widths = np.array([s for _, s in shapes])
    kind = places.of[0]
    cell = starts[kind] + places.of[1] * widths[kind] + places.of[2]  # unused where kind < 0
    told = np.isfinite(values) & (kind[rows] >= 0)
    cells = cell[rows[told]]
    sums = np.bincount(cells, values[told], starts[-1])
    counts = np.bincount(cells, minlength=starts[-1])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return [means[i:j].reshape(s) for (i, j), s in zip(pairwise(starts), shapes, strict=True)]


def gather_clusters(places: Places, pool: Pool, members: Iterable[Seen]) -> npt.NDArray[np.float64]:
    """Return the signals of the clusters, shape (n, 2 s): means and largest over the members.

    `members`: the nodes and the links; in standard deviations they can be compared.
    """
    means, most = [], []
    for kind, seen in enumerate(members):
        values = seen.standard
        of = places.members[places.members[:, 0] == kind]  # in the order of the clusters
        of = of[seen.heard[of[:, 1]]]
        clusters, first = np.unique(of[:, 2], return_index=True)
        table = np.full((2, len(pool.names), values.shape[1]), np.nan)
        if len(of):
            counts = np.diff(np.append(first, len(of)))[:, None]
            table[0, clusters] = np.add.reduceat(values[of[:, 1]], first) / counts
            table[1, clusters] = np.maximum.reduceat(values[of[:, 1]], first)
        means.append(table[0])
        most.append(table[1])
    return np.concatenate([*means, *most], axis=1)
