"""What round trips usually are, and when a measurement is believed as it is."""

import random

import pytest

from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from shared.messages.readings import Reading, Readings, Signal
from shared.model.fleet import Link
from shared.model.names import ClusterName
from tests.support.builders import an_observation, later
from tests.unit.orient.test_assemble import an_inventory


def links_after(*round_trips_ms: float | None, end: str = "home") -> list[Link]:
    """Return the link from home to metro after each cycle; None: `end` tells nothing."""
    memory, found = Memory(), []
    peer = "metro" if end == "home" else "home"
    for number, ms in enumerate(round_trips_ms):
        rows = [Reading(Signal.LINK_CAPACITY_MBPS, "home", "metro", 1000.0, 1.0)]
        if ms is not None:
            rows.append(Reading(Signal.LINK_RTT_MS, end, peer, ms, 1.0))
        at = later(15.0 * number)
        observation = an_observation(
            at, inventory=an_inventory(), readings=Readings.from_rows(rows)
        )
        insight, memory = orient(observation, memory)
        link = insight.fleet.link(ClusterName("home"), ClusterName("metro"))
        assert link is not None
        found.append(link)
    return found


def noisy(count: int) -> list[float]:
    chance = random.Random(1)
    return [10.0 + chance.gauss(0.0, 1.0) for _ in range(count)]


def test_amid_noise_the_usual_latency_stands_beside_the_measured_one() -> None:
    told = noisy(300)
    newest = links_after(*told)[-1]
    assert newest.latency_ms == told[-1] / 2
    assert newest.steady_latency_ms == newest.usual_latency_ms == pytest.approx(5.0, abs=0.2)


@pytest.mark.parametrize("end", ["home", "metro"])
def test_a_jump_is_believed_as_it_is_whichever_end_measures_it(end: str) -> None:
    newest = links_after(*noisy(300), 22.0, end=end)[-1]
    assert newest.usual_latency_ms is None
    assert newest.steady_latency_ms == 11.0


def test_what_lasts_becomes_usual_though_no_reading_alone_is_believed() -> None:
    lasting = links_after(*noisy(300), *([13.0] * 100))[300:]
    steady = [link.steady_latency_ms or 0.0 for link in lasting]
    assert steady[0] == pytest.approx(5.0, abs=0.2)
    assert steady == sorted(steady)
    assert steady[-1] == pytest.approx(6.5, abs=0.3)


def test_of_a_link_seen_for_the_first_time_and_one_not_measured_nothing_is_usual() -> None:
    new, silent = links_after(2.0), links_after(*noisy(300), None)
    assert (new[-1].steady_latency_ms, new[-1].usual_latency_ms) == (1.0, None)
    assert (silent[-1].steady_latency_ms, silent[-1].usual_latency_ms) == (None, None)
