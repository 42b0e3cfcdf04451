"""The entry: the same observation and memory always give the same insight."""

import copy
from dataclasses import replace

from services.orient.core.memory import Memory
from services.orient.core.orient import orient, remember
from shared.messages.incident import IncidentState
from shared.messages.inventory import Freshness, Inventory, KindFreshness
from shared.messages.observation import Coverage, CoverageState, Observation
from shared.messages.readings import Reading, Readings, Signal
from shared.model.names import ClusterName
from tests.support.builders import an_observation, later

NORMAL = (2.0,) * 60
"""Enough for any warm-up."""
N = len(NORMAL)


def a_cycle(number: int, rtt_ms: float) -> Observation:
    rows = [Reading(Signal.LINK_RTT_MS, "home", "metro", rtt_ms, 1.0)]
    return an_observation(at=later(15 * number), readings=Readings.from_rows(rows))


def after(*rtts_ms: float) -> Memory:
    memory = Memory()
    for number, rtt_ms in enumerate(rtts_ms):
        _, memory = orient(a_cycle(number, rtt_ms), memory)
    return memory


def test_equal_observation_and_equal_memory_give_an_equal_insight() -> None:
    memory = after(*NORMAL, 20.0)
    again = copy.deepcopy(memory)
    insight, _ = orient(a_cycle(N + 1, 20.0), memory)
    assert len(insight.incidents) == 1
    assert orient(a_cycle(N + 1, 20.0), again)[0] == insight


def test_only_coverage_that_is_not_fresh_is_passed_on() -> None:
    rows = tuple(
        Coverage(cluster=ClusterName(name), signal=Signal.LINK_RTT_MS, state=state)
        for name, state in (("home", CoverageState.FRESH), ("metro", CoverageState.ABSENT))
    )
    insight, _ = orient(an_observation(coverage=rows), Memory())
    assert insight.coverage == rows[1:]


def test_a_restart_keeps_an_open_incident_under_its_id() -> None:
    memory = after(*NORMAL, 20.0)
    before, _ = orient(a_cycle(N + 1, 20.0), memory)
    again, _ = orient(a_cycle(N + 2, 20.0), remember(before))
    assert [i.id for i in again.incidents] == [i.id for i in before.incidents]
    assert again.incidents[0].state is IncidentState.OPEN


def test_what_was_saved_before_an_incident_goes_on_with_it() -> None:
    saved = copy.deepcopy(memory := after(*NORMAL))
    _, memory = orient(a_cycle(N, 20.0), memory)
    newest, memory = orient(a_cycle(N + 1, 20.0), memory)
    restored = remember(newest, saved)
    assert restored.rows.of == saved.rows.of
    again, _ = orient(a_cycle(N + 2, 20.0), restored)
    assert [i.id for i in again.incidents] == [i.id for i in newest.incidents]


def test_an_incident_that_ended_after_the_memory_was_saved_stays_closed() -> None:
    memory = after(*NORMAL, 20.0, 20.0)
    saved = copy.deepcopy(memory)
    for number in range(N + 2, N + 6):
        newest, memory = orient(a_cycle(number, 2.0), memory)
    assert remember(newest, saved).watched == ()


def test_a_memory_as_new_as_the_newest_insight_is_taken_as_it_is() -> None:
    newest, memory = orient(a_cycle(N, 20.0), after(*NORMAL))
    assert remember(newest, memory) is memory


def test_without_an_earlier_insight_orient_starts_cold() -> None:
    assert remember(None).watched == ()


def test_while_the_api_server_cannot_be_asked_nothing_ends_and_nothing_is_forgotten() -> None:
    memory = after(*NORMAL, 20.0)
    before, memory = orient(a_cycle(N + 1, 20.0), memory)
    kinds = tuple(
        KindFreshness(kind=kind, state=Freshness.ABSENT, reason="cannot be reached")
        for kind in ("Application", "Site", "Node")
    )
    for number in range(N + 2, N + 8):
        blind = an_observation(at=later(15 * number), inventory=Inventory(kinds=kinds))
        insight, memory = orient(blind, memory)
        assert [(i.id, i.state) for i in insight.incidents] == [
            (i.id, IncidentState.OPEN) for i in before.incidents
        ]
    seeing, _ = orient(a_cycle(N + 8, 20.0), memory)
    assert [i.id for i in seeing.incidents] == [i.id for i in before.incidents]


def test_a_kind_that_need_not_be_installed_blinds_nobody() -> None:
    memory = after(*NORMAL, 20.0)
    _, memory = orient(a_cycle(N + 1, 20.0), memory)
    kinds = (KindFreshness(kind="ForeignCluster", state=Freshness.ABSENT, reason="404"),)
    for number in range(N + 2, N + 5):
        healed = replace(a_cycle(number, 2.0), inventory=Inventory(kinds=kinds))
        insight, memory = orient(healed, memory)
    assert [i.state for i in insight.incidents] == [IncidentState.CLOSED]


def without_data(number: int, *clusters: str) -> Observation:
    """Return a cycle in which Thanos tells nothing of these clusters."""
    gaps = tuple(
        Coverage(cluster=ClusterName(name), signal=Signal.LINK_RTT_MS, state=CoverageState.ABSENT)
        for name in clusters
    )
    return an_observation(at=later(15 * number), coverage=gaps)


def test_an_incident_is_not_over_because_nobody_tells_of_it() -> None:
    memory = after(*NORMAL, 20.0, 20.0)
    for number in range(N + 2, N + 8):
        insight, memory = orient(without_data(number, "home"), memory)
        assert [i.state for i in insight.incidents] == [IncidentState.OPEN]
    for number in range(N + 8, N + 11):
        insight, memory = orient(a_cycle(number, 20.0), memory)
        assert [i.state for i in insight.incidents] == [IncidentState.OPEN], "the normal is known"
    for number in range(N + 11, N + 14):
        insight, memory = orient(a_cycle(number, 2.0), memory)
    assert [i.state for i in insight.incidents] == [IncidentState.CLOSED]


def test_an_incident_ends_where_the_end_that_saw_it_tells_that_it_is_over() -> None:
    memory = after(*NORMAL, 20.0, 20.0)
    for number in range(N + 2, N + 5):
        healed = replace(a_cycle(number, 2.0), coverage=without_data(number, "metro").coverage)
        insight, memory = orient(healed, memory)
    assert [i.state for i in insight.incidents] == [IncidentState.CLOSED]
