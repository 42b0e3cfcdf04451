"""Which series are forecast, and the ceiling that each must not pass."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from shared.messages.inventory import Inventory
from shared.messages.readings import Readings, Signal
from shared.messages.texts import as_texts
from shared.model.fleet import Fleet

Key = tuple[str, str, str]
"""Signal, cluster, subject."""

PLAIN = (Signal.LINK_USED_MBPS, Signal.LINK_RTT_MS, Signal.USERS)
NODES = (Signal.NODE_USED_CORES, Signal.NODE_USED_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """The series of one tick: columns of equal length n."""

    readings: Readings
    """A sum over a cluster has the subject empty; of a component the cluster is empty, the subject
    `application/component`, and the value the cores that its pods use together."""
    ceilings: dict[Key, float]
    """What a series must not pass, where there is such a thing and it is known."""


def collect_demand(fleet: Fleet, readings: Readings, inventory: Inventory) -> Demand:
    """Return what is forecast, as measured at this tick.

    A sum of which a part is NaN is left out: it would look like a fall.
    """
    values: dict[Key, float] = {}
    for signal in PLAIN:
        values |= _plain(readings, signal)
    for signal in NODES:
        of_nodes = _plain(readings, signal)
        values |= of_nodes
        for (name, cluster, _), value in of_nodes.items():
            values[name, cluster, ""] = values.get((name, cluster, ""), 0.0) + value
    values |= _component_cores(readings, fleet, inventory)
    signals, clusters, subjects = zip(*values, strict=True) if values else ((), (), ())
    told = np.fromiter(values.values(), np.float64, len(values))
    return Demand(
        readings=Readings(
            signals=as_texts(signals),
            clusters=as_texts(clusters),
            subjects=as_texts(subjects),
            values=told,
            ages_seconds=np.zeros(len(told)),
        ),
        ceilings=_ceilings(fleet),
    )


def _plain(readings: Readings, signal: Signal) -> dict[Key, float]:
    rows = readings.of(signal)
    keys = zip(rows.signals.tolist(), rows.clusters.tolist(), rows.subjects.tolist(), strict=True)
    return dict(zip(keys, rows.values.tolist(), strict=True))


def _component_cores(readings: Readings, fleet: Fleet, inventory: Inventory) -> dict[Key, float]:
    """Add up the pods of each component, wherever they stand."""
    component_of = {
        (application.namespace, component.workload.name): f"{application.name}/{component.name}"
        for application in fleet.applications
        for component in application.components
    }
    of_pod = {p.name: component_of.get((p.namespace, p.workload)) for p in inventory.pods}
    sums: dict[Key, float] = defaultdict(float)
    for (signal, _, pod), value in _plain(readings, Signal.POD_USED_CORES).items():
        if component := of_pod.get(pod):
            sums[signal, "", component] += value
    return dict(sums)


def _ceilings(fleet: Fleet) -> dict[Key, float]:
    """Return what nodes and clusters offer, links carry, and components asked for."""
    ceilings: dict[Key, float] = {}
    for cluster in fleet.clusters:
        for node in cluster.nodes:
            offered = (node.allocatable.cpu_cores, node.allocatable.memory_bytes)
            for signal, amount in zip(NODES, offered, strict=True):
                ceilings[signal, cluster.name, node.name] = amount
                whole = (signal, cluster.name, "")
                ceilings[whole] = ceilings.get(whole, 0.0) + amount
    for link in fleet.links:
        if link.capacity_mbps is not None:
            ceilings[Signal.LINK_USED_MBPS, link.source, link.target] = link.capacity_mbps
    for application in fleet.applications:
        for component in application.components:
            key = (Signal.POD_USED_CORES, "", f"{application.name}/{component.name}")
            ceilings[key] = component.replicas * component.requests.cpu_cores
    return {key: ceiling for key, ceiling in ceilings.items() if ceiling > 0}
