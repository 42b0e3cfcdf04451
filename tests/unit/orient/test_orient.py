"""The entry: the same observation and memory always give the same insight."""

from services.orient.core.memory import Memory
from services.orient.core.orient import orient, remember
from shared.messages.insight import IncidentState
from shared.messages.observation import Coverage, CoverageState, Observation
from shared.messages.readings import Reading, Readings, Signal
from shared.model.names import ClusterName
from tests.support.builders import an_observation, later


def a_cycle(number: int, rtt_ms: float) -> Observation:
    rows = [Reading(Signal.LINK_RTT_MS, "home", "metro", rtt_ms, 1.0)]
    return an_observation(at=later(15 * number), readings=Readings.from_rows(rows))


def after(*rtts_ms: float) -> Memory:
    memory = Memory()
    for number, rtt_ms in enumerate(rtts_ms):
        _, memory = orient(a_cycle(number, rtt_ms), memory)
    return memory


def test_deciding_twice_on_the_same_gives_the_same() -> None:
    memory = after(2.0, 2.0, 2.0)
    assert orient(a_cycle(3, 20.0), memory)[0] == orient(a_cycle(3, 20.0), memory)[0]


def test_only_coverage_that_is_not_fresh_is_passed_on() -> None:
    rows = tuple(
        Coverage(cluster=ClusterName(name), signal=Signal.LINK_RTT_MS, state=state)
        for name, state in (("home", CoverageState.FRESH), ("metro", CoverageState.ABSENT))
    )
    insight, _ = orient(an_observation(coverage=rows), Memory())
    assert insight.coverage == rows[1:]


def test_a_restart_keeps_an_open_incident_under_its_id() -> None:
    memory = after(2.0, 2.0, 2.0, 2.0, 20.0)
    before, _ = orient(a_cycle(5, 20.0), memory)
    again, _ = orient(a_cycle(6, 20.0), remember(before))
    assert [i.id for i in again.incidents] == [i.id for i in before.incidents]
    assert again.incidents[0].state is IncidentState.OPEN


def test_without_an_earlier_insight_orient_starts_cold() -> None:
    assert remember(None).watched == ()
