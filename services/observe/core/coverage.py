"""How far the data of each cluster can be believed: what ought to answer against what did.

The list of those who ought to is our own (the Sites): after some seconds Thanos no longer says that
a cluster is gone, it answers without it. So no data are never fresh.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.observe.core.answers import Store
from services.observe.core.memory import Complete, Memory
from services.observe.core.peers import expected_peers, lost_peers
from services.observe.core.queries import QUERIES, Subject
from services.observe.core.readings import Heard
from services.observe.core.stores import doubt_of, error_of
from shared.messages.inventory import Inventory
from shared.messages.observation import Coverage, CoverageState
from shared.messages.readings import Signal
from shared.model.names import ClusterName

FORGOTTEN_AFTER = timedelta(minutes=5)
"""A node or link that has been missing for so long is no longer waited for."""

REQUESTED = frozenset({Signal.NODE_REQUESTED_CORES, Signal.NODE_REQUESTED_BYTES})
OF_PODS = REQUESTED | {s for s, query in QUERIES.items() if query.subject is Subject.POD}
"""They come and go with pods: a cluster without any has nothing to say."""
LINGERING = frozenset({Signal.POD_USED_CORES, Signal.POD_THROTTLED_RATIO})
"""Rates over a minute: they tell of a pod for as long after it went."""

NODES = Signal.NODE_ALLOCATABLE_CORES
"""The signal that tells which nodes there are."""

_NAMES_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that coverage is judged by."""

    heard: Mapping[Signal, Heard]
    inventory: Inventory
    stores: tuple[Store, ...] | None
    answered: frozenset[Signal]
    complete: Mapping[tuple[Signal, str], Complete]
    peers: Mapping[str, set[str]]
    at: datetime
    max_age: timedelta


def set_scene(
    heard: Mapping[Signal, Heard],
    inventory: Inventory,
    stores: tuple[Store, ...] | None,
    memory: Memory,
    *,
    at: datetime,
    max_age: timedelta,
) -> Scene:
    """Put together what coverage is judged by."""
    return Scene(
        heard=heard,
        inventory=inventory,
        stores=stores,
        answered=memory.answered | {s for s, h in heard.items() if h.values},
        complete={(c.signal, c.cluster): c for c in memory.complete},
        peers=expected_peers(inventory, heard),
        at=at,
        max_age=max_age,
    )


def cover(scene: Scene) -> tuple[Coverage, ...]:
    """Return the coverage of every site and signal. Of links: only where one is to be expected."""
    return tuple(
        coverage
        for site in scene.inventory.sites
        for signal in QUERIES
        if (coverage := _judge(scene, signal, site.name)) is not None
    )


def _judge(scene: Scene, signal: Signal, cluster: ClusterName) -> Coverage | None:
    heard = scene.heard[signal]
    if signal in OF_PODS and _has_no_pods(scene, signal, cluster):
        nodes = _judge(scene, NODES, cluster)
        return replace(nodes, signal=signal) if nodes else None
    if signal is Signal.POD_THROTTLED_RATIO and not (heard.measured(cluster) or heard.failure):
        # nothing is throttled where no container has a limit: cAdvisor is there if it tells of use
        use = _judge(scene, Signal.POD_USED_CORES, cluster)
        return replace(use, signal=signal) if use else None
    if not heard.measured(cluster):
        if QUERIES[signal].subject is Subject.PEER and not _expected(scene, signal, cluster):
            return None
        return Coverage(
            cluster=cluster,
            signal=signal,
            state=CoverageState.ABSENT,
            reason=_why_absent(scene, heard, cluster),
        )
    age = heard.ages_seconds.get(cluster)
    doubts = tuple(_doubts(scene, heard, cluster))
    lateness = _lateness(scene, cluster, age)
    if doubts:
        state = CoverageState.PARTIAL
    else:
        state = CoverageState.LATE if lateness else CoverageState.FRESH
    return Coverage(
        cluster=cluster,
        signal=signal,
        state=state,
        age_seconds=None if age is None else max(age, 0.0),
        reason="; ".join((*doubts, *filter(None, (lateness,)))),
    )


def _why_absent(scene: Scene, heard: Heard, cluster: str) -> str:
    signal = heard.signal
    if heard.failure:
        return f"{signal} could not be asked: {heard.failure}"
    if heard.nameless:
        return f"{signal} comes without the external label `cluster`"
    if signal not in scene.answered:
        exporter = QUERIES[signal].exporter
        return f"no cluster answers {signal}: {exporter.value} does not seem to be installed"
    said = error_of(cluster, scene.stores) or doubt_of(cluster, heard.warnings, scene.stores)
    return f"{cluster} does not answer {signal}" + (f": {said}" if said else "")


def _doubts(scene: Scene, heard: Heard, cluster: str) -> Iterator[str]:
    """Yield why what came may not be all."""
    missing = sorted(_expected(scene, heard.signal, cluster) - heard.measured(cluster))
    if missing:
        more = f" and {len(missing) - _NAMES_TOLD} more" if len(missing) > _NAMES_TOLD else ""
        names = ", ".join(missing[:_NAMES_TOLD])
        yield f"{cluster} does not answer {heard.signal} for {names}{more}"
    said = doubt_of(cluster, heard.warnings, scene.stores) or error_of(cluster, scene.stores)
    if said:
        yield said
    if cluster not in heard.ages_seconds:
        why = f": {heard.age_failure}" if heard.age_failure else ""
        yield f"how old {heard.signal} of {cluster} is cannot be told{why}"


def _lateness(scene: Scene, cluster: str, age: float | None) -> str:
    allowed = scene.max_age.total_seconds()
    if age is None or -allowed <= age <= allowed:
        return ""
    if age < 0:
        return f"the clock of {cluster} is {-age:.0f} s ahead of ours"
    return f"the newest sample of {cluster} is {age:.0f} s old, allowed are {allowed:.0f} s"


def _expected(scene: Scene, signal: Signal, cluster: str) -> set[str]:
    """Return the nodes or peers that a cluster ought to answer for."""
    subject = QUERIES[signal].subject
    if signal in OF_PODS:
        return set()
    remembered = scene.complete.get((signal, cluster))
    known = set(remembered.subjects) if remembered and not _is_old(scene, remembered) else set()
    if subject is Subject.NODE:
        return known | scene.heard[NODES].measured(cluster)
    sites = {site.name for site in scene.inventory.sites}
    known &= sites - lost_peers(cluster, scene.inventory, scene.heard)
    return known | scene.peers.get(cluster, set())


def _is_old(scene: Scene, complete: Complete) -> bool:
    return scene.at - complete.at > FORGOTTEN_AFTER


def _has_no_pods(scene: Scene, signal: Signal, cluster: str) -> bool:
    """Tell whether a cluster whose nodes are known has no pod with requests on any of them.

    A rate may still tell of the last one: no sample of now is behind it.
    """
    heard, requested = scene.heard[signal], scene.heard[Signal.NODE_REQUESTED_CORES]
    lingers = signal in LINGERING and cluster not in heard.ages_seconds
    return (
        signal in scene.answered
        and (lingers or not heard.measured(cluster))
        and not (heard.failure or heard.age_failure or requested.failure)
        and not requested.measured(cluster)
        and bool(scene.heard[NODES].measured(cluster))
    )


def remember_complete(scene: Scene) -> tuple[Complete, ...]:
    """Return what each cluster answers for now, or did when it last was complete."""
    return tuple(
        remembered
        for site in scene.inventory.sites
        for signal in QUERIES
        if signal not in OF_PODS
        if (remembered := _remember(scene, signal, site.name)) is not None
    )


def _remember(scene: Scene, signal: Signal, cluster: str) -> Complete | None:
    before = scene.complete.get((signal, cluster))
    now = frozenset(scene.heard[signal].measured(cluster))
    if not now:
        return before
    if before is None or before.subjects <= now or _is_old(scene, before):
        return Complete(signal=signal, cluster=cluster, subjects=now, at=scene.at)
    return Complete(signal=signal, cluster=cluster, subjects=before.subjects | now, at=before.at)
