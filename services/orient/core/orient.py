"""The entry: an Observation becomes an Insight."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from services.orient.core.assemble import assemble
from services.orient.core.entities.watch import watch_entities
from services.orient.core.forecasts.forecast import forecast
from services.orient.core.incidents.changes import follow_changes, unsettled_clusters
from services.orient.core.incidents.control import find_anomalies
from services.orient.core.incidents.graph import graph_of
from services.orient.core.incidents.life import follow_incidents
from services.orient.core.incidents.suspects import Evidences
from services.orient.core.incidents.watched import Watched
from services.orient.core.incidents.watches import NODE_USE
from services.orient.core.memory import Memory
from services.orient.core.quality import assess_quality
from services.orient.core.series.rows import Aligned, SeriesKey, align
from services.orient.core.series.scoring import follow, update
from services.orient.core.series.state import State, begin, with_room
from services.orient.core.unseen import unseen_in
from services.orient.core.usual import usual_round_trips
from shared.messages.incident import Anomaly
from shared.messages.insight import Insight
from shared.messages.inventory import Freshness, is_blind
from shared.messages.observation import CoverageState, Observation
from shared.messages.readings import Reading, Readings, Signal
from shared.model.fleet import Fleet


def orient(observation: Observation, memory: Memory) -> tuple[Insight, Memory]:
    """Say what an observation means, from it and from what came before it alone.

    One that could not see the fleet ends no incident and teaches nothing. The arrays of `memory`
    are changed in place: it is used up.
    """
    if is_blind(observation.inventory.kinds):
        insight = _without_judgement(observation, assemble(observation))
        going_on = tuple(w.incident for w in memory.watched if w.is_open)
        return replace(insight, incidents=going_on), memory
    unseen = unseen_in(observation)
    at_seconds = observation.at.timestamp()
    aligned = align(
        memory.rows,
        observation.readings,
        at_seconds=at_seconds,
        is_hidden=unseen.hides_series,
    )
    series = _with_new(memory, aligned)
    scores = update(series, aligned.rows, aligned.readings.values, at_seconds=at_seconds)
    usual, steady_rows = usual_round_trips(aligned, scores, series, memory.steady_rows)
    fleet = assemble(observation, usual)
    insight = _without_judgement(observation, fleet)
    inventory, keys = observation.inventory, memory.rows.keys
    graph, changes = graph_of(fleet, inventory), follow_changes(observation, memory.changes)
    unsettled = unsettled_clusters(changes, graph.clusters_of)
    kinds = series.kind[aligned.rows]
    follow(series, aligned.rows, scores, _works_anew(aligned.readings, kinds, unsettled))
    anomalies = find_anomalies(memory.control, aligned, scores, kinds, at_seconds=at_seconds)
    _, unusual = watch_entities(memory.entities, aligned, scores, keys, inventory)
    qualities, verdicts = assess_quality(fleet, insight.policy, memory.verdicts)
    seen = Evidences(
        fleet=fleet,
        graph=graph,
        anomalies=anomalies,
        qualities=qualities,
        changes=changes,
        unusual=unusual,
        unsettled=unsettled,
    )
    incidents, watched = follow_incidents(seen, memory.watched, unseen)
    forecasts, forecast_memory = forecast(fleet, observation, memory.forecasts)
    next_memory = Memory(
        learnt_at=observation.at,
        rows=memory.rows,
        series=series,
        steady_rows=steady_rows,
        control=memory.control,
        changes=changes,
        entities=memory.entities,
        forecasts=forecast_memory,
        watched=watched,
        verdicts=verdicts,
        tally=aligned.tally,
    )
    insight = replace(insight, qualities=qualities, incidents=incidents, forecasts=forecasts)
    return insight, next_memory


def _with_new(memory: Memory, aligned: Aligned) -> State:
    """Return the series with room for all rows, those that are new begun."""
    series = with_room(memory.series, memory.rows.capacity)
    begin(series, aligned.new, kinds_of(aligned.new_keys))
    return series


def _works_anew(
    readings: Readings, kinds: npt.NDArray[np.int16], unsettled: frozenset[str]
) -> npt.NDArray[np.bool_]:
    """Return which readings are of the use of nodes where work was moved on purpose."""
    works = np.isin(kinds, _NODE_USE)
    is_there = np.zeros(len(kinds), np.bool_)
    for cluster in unsettled:
        is_there |= readings.clusters == cluster
    return works & is_there


def _without_judgement(observation: Observation, fleet: Fleet) -> Insight:
    """Return what is known without looking back."""
    inventory = observation.inventory
    return Insight(
        cycle=observation.cycle,
        fleet_name=observation.fleet,
        at=observation.at,
        interval_seconds=observation.interval_seconds,
        fleet=fleet,
        policy=inventory.policy,
        coverage=tuple(c for c in observation.coverage if c.state is not CoverageState.FRESH),
        kinds=tuple(k for k in inventory.kinds if k.state is not Freshness.FRESH),
        problems=inventory.problems,
        outcomes=observation.outcomes,
        under_way=inventory.under_way,
        stretched=inventory.offloadings,
    )


def remember(insight: Insight | None, memory: Memory | None = None) -> Memory:
    """Return what can be known of the past after a restart.

    `insight`: the newest that was published. `memory`: what was saved, some minutes older. The
    incidents of the insight go on under their ids, measured against what was normal before them.
    """
    memory = memory or Memory()
    if insight is None or (memory.learnt_at is not None and memory.learnt_at >= insight.at):
        return memory
    known = {w.incident.id: w for w in memory.watched if w.is_open}
    watched = tuple(
        replace(known[i.id], incident=i)
        if i.id in known
        else Watched(incident=i, bad_cycles=1, is_open=True)
        for i in insight.incidents
        if i.is_open
    )
    series = _recall([a for w in watched for a in w.incident.anomalies], insight, memory)
    return replace(memory, watched=watched, series=series)


RECALLED_READINGS = 40
"""Readings of what was normal that a series begins with: past any warm-up."""


def _recall(anomalies: list[Anomaly], insight: Insight, memory: Memory) -> State:
    """Return the series with what was normal for those that went wrong and are not known."""
    unknown = [a for a in anomalies if (a.signal, a.cluster, a.subject) not in memory.rows.of]
    normal = Readings.from_rows(
        Reading(Signal(a.signal), a.cluster, a.subject, a.expected, 0.0) for a in unknown
    )
    at_seconds, step = insight.at.timestamp(), insight.interval_seconds
    aligned = align(memory.rows, normal, at_seconds=at_seconds)
    series = _with_new(memory, aligned)
    for ago in range(RECALLED_READINGS, 0, -1):
        values = aligned.readings.values
        update(series, aligned.rows, values, at_seconds=at_seconds - ago * step)
    return series


_KIND = {signal.value: index for index, signal in enumerate(Signal)}
_NODE_USE = [_KIND[signal] for signal in NODE_USE]


def kinds_of(keys: tuple[SeriesKey, ...]) -> npt.NDArray[np.int16]:
    """Return the index of each series' signal."""
    return np.array([_KIND[signal] for signal, _, _ in keys], dtype=np.int16)
