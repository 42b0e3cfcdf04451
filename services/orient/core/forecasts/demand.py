"""Which series are forecast, and the ceiling that each must not pass."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from services.orient.core.entities.places import components_of_pods
from services.orient.core.series.layout import Layout, Numbers, layout_of
from services.orient.core.series.rows import MAX_NAME_CHARACTERS, SeriesKey
from shared.messages.inventory import Inventory
from shared.messages.readings import Readings, Signal
from shared.messages.texts import Texts
from shared.model.fleet import Fleet

PLAIN = (Signal.LINK_USED_MBPS, Signal.LINK_RTT_MS, Signal.USERS)
NODES = (Signal.NODE_USED_CORES, Signal.NODE_USED_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """Which readings make which of n series; holds while the same ones come in the same order.

    A sum over a cluster has the subject empty; of a component the cluster is empty, the subject
    `application/component`, and the value the cores that its pods use together.
    """

    layout: Layout
    component_of: dict[str, str]
    """Of each pod that belongs to one."""
    taken: Numbers
    """Positions of readings, and in `series` the series that each is added to."""
    series: Numbers
    columns: tuple[Texts, Texts, Texts]
    """Signal, cluster, subject, shape (n,) each."""

    def gather(self, readings: Readings) -> Readings:
        """Return the n series at this tick. A sum of which a part is NaN is NaN."""
        signals, clusters, subjects = self.columns
        count = len(signals)
        values = np.zeros(count)
        np.add.at(values, self.series, readings.values[self.taken])
        return Readings(
            signals=signals,
            clusters=clusters,
            subjects=subjects,
            values=values,
            ages_seconds=np.zeros(count),
        )


def find_demand(last: Demand | None, readings: Readings, inventory: Inventory) -> Demand:
    """Return what is forecast of these readings: as at the last tick, if nothing came or went."""
    component_of = components_of_pods(inventory)
    if last and last.component_of == component_of and last.layout.is_of(readings):
        return last
    return _arranged(readings, component_of)


def _arranged(readings: Readings, component_of: dict[str, str]) -> Demand:
    layout = layout_of(readings, MAX_NAME_CHARACTERS)
    signals, clusters, subjects = layout.columns
    cluster_words, nowhere = _with(clusters.words, ("",))
    subject_words, code_of = _with(subjects.words, ("", *component_of.values()))
    component = np.array([code_of[component_of.get(pod, "")] for pod in subjects.words], np.int64)
    alone, nodes = _of(layout, (*PLAIN, *NODES)), _of(layout, NODES)
    pods = _of(layout, (Signal.POD_USED_CORES,))
    pods = pods[component[subjects.codes[pods]] != code_of[""]] if len(pods) else pods
    parts = (
        (alone, clusters.codes[alone], subjects.codes[alone]),
        (nodes, clusters.codes[nodes], np.full(len(nodes), code_of[""])),
        (pods, np.full(len(pods), nowhere[""]), component[subjects.codes[pods]]),
    )
    taken, at, of = np.concatenate([np.array(each, np.int64) for each in parts], axis=1)
    codes = (signals.codes[taken].astype(np.int64), at, of)
    sizes = (max(len(signals.words), 1), len(cluster_words), len(subject_words))
    numbers = np.ravel_multi_index(codes, sizes)
    _, first, series = np.unique(numbers, return_index=True, return_inverse=True)
    columns = zip(codes, (signals.words, cluster_words, subject_words), strict=True)
    by_signal, by_cluster, by_subject = (
        Texts(codes=each[first].astype(np.int32), words=words) for each, words in columns
    )
    return Demand(
        layout=layout,
        component_of=component_of,
        taken=taken,
        series=series,
        columns=(by_signal, by_cluster, by_subject),
    )


def _with(words: tuple[str, ...], more: Iterable[str]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Return the words with more of them at the end, none twice, and the code of each."""
    code_of = {word: code for code, word in enumerate(dict.fromkeys((*words, *more)))}
    return tuple(code_of), code_of


def _of(layout: Layout, wanted: tuple[Signal, ...]) -> Numbers:
    """Return the positions of the readings of these signals that count."""
    signals = layout.columns[0]
    codes = [code for code, word in enumerate(signals.words) if word in wanted]
    return layout.kept[np.isin(signals.codes[layout.kept], codes)]


def find_ceilings(fleet: Fleet) -> dict[SeriesKey, float]:
    """Return what nodes and clusters offer, links carry, and components asked for, where known."""
    ceilings: dict[SeriesKey, float] = {}
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
