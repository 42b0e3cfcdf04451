"""Which deviations are told: far enough, in the bad direction, for long enough, and rare enough."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orient.core.incidents.control import MOST_TOLD, Control, find_anomalies
from services.orient.core.incidents.watches import BAD, EFFECT, WATCHES
from services.orient.core.series.rows import Rows, align
from services.orient.core.series.scoring import Scores
from shared.messages.incident import Anomaly
from shared.messages.readings import Reading, Readings, Signal
from tests.support.builders import later

KIND = {signal: kind for kind, signal in enumerate(Signal)}


class Fleet:
    """Some series of one signal, with what is expected of them."""

    def __init__(self, signal: Signal, size: int, *, expected: float, spread: float) -> None:
        self.signal, self.size, self.expected, self.spread = signal, size, expected, spread
        self.rows, self.control, self.cycle = Rows(), Control(), 0

    def tick(self, values: np.ndarray | float) -> tuple[Anomaly, ...]:
        told = np.broadcast_to(np.asarray(values, np.float32), self.size)
        readings = Readings.from_rows(
            Reading(self.signal, "a", f"s{i:05}", float(v), 1.0) for i, v in enumerate(told)
        )
        at_seconds = later(15 * self.cycle).timestamp()
        self.cycle += 1
        aligned = align(self.rows, readings, at_seconds=at_seconds)
        full = np.ones(self.size, np.float32)
        scores = Scores(
            value=told,
            anomaly=full,
            alert=full,
            deviation=(told - self.expected) / self.spread,
            expected=self.expected * full,
            spread=self.spread * full,
        )
        kinds = np.full(self.size, KIND[self.signal], np.int16)
        return find_anomalies(self.control, aligned, scores, kinds, at_seconds=at_seconds)


def rtts(size: int = 20) -> Fleet:
    return Fleet(Signal.LINK_RTT_MS, size, expected=2.0, spread=0.05)


def one_at(value: float, size: int = 20, normal: float = 2.0) -> np.ndarray:
    values = np.full(size, normal, np.float32)
    values[3] = value
    return values


def test_a_series_is_told_when_it_is_bad_for_the_second_time_with_when_it_began() -> None:
    links = rtts()
    assert links.tick(one_at(14.0)) == ()
    (found,) = links.tick(one_at(14.0))
    assert (found.signal, found.cluster, found.subject) == ("link_rtt_ms", "a", "s00003")
    assert (found.value, found.expected) == (14.0, 2.0)
    assert found.score == pytest.approx(72.0), "in sixths of the 1 ms that matter"
    assert found.onset_at == later(0)
    assert found.p_value is not None
    assert found.p_value < 1e-15


def test_two_of_three_ticks_are_enough_and_one_is_not() -> None:
    links = rtts()
    told = [links.tick(one_at(v)) for v in (14.0, 2.0, 14.0, 2.0, 2.0, 2.0, 14.0)]
    assert [len(t) for t in told] == [0, 0, 1, 0, 0, 0, 0]
    assert links.control.pool_beyond.sum() == pytest.approx(1.0, rel=1e-3), "a spell is learnt"


@pytest.mark.parametrize("value", [2.9, -14.0, 0.1])
def test_what_is_below_what_matters_or_good_is_not_told(value: float) -> None:
    links = rtts()
    for _ in range(4):
        assert links.tick(one_at(value)) == ()


def test_falling_is_bad_where_the_signal_says_so() -> None:
    capacities = Fleet(Signal.LINK_CAPACITY_MBPS, 20, expected=10_000.0, spread=50.0)
    capacities.tick(one_at(3000.0, normal=10_000.0))
    (found,) = capacities.tick(one_at(3000.0, normal=10_000.0))
    assert found.score < 0
    assert capacities.tick(one_at(20_000.0, normal=10_000.0)) == ()


def test_a_signal_that_often_swings_so_far_is_told_less() -> None:
    rng = np.random.default_rng(1)
    calm, wild = rtts(200), rtts(200)
    for _ in range(200):
        calm.tick(2.0 + rng.normal(0, 0.1, 200))
        wild.tick(2.0 + 0.3 * rng.standard_t(2, 200))
    size = one_at(3.5, 200)
    assert [len(calm.tick(size)), len(calm.tick(size))] == [0, 1]
    assert [len(wild.tick(size)), len(wild.tick(size))] == [0, 0]


def test_what_lasts_is_not_learnt_and_an_outlier_alone_says_nothing() -> None:
    links = rtts(10)
    for value in (14.0, 2.0, 2.0, 2.0):
        links.tick(one_at(value, 10))
    assert links.control.pool_beyond.sum() == 0
    for _ in range(6):
        links.tick(one_at(14.0, 10))
    links.tick(2.0)
    assert links.control.pool_beyond.sum() == 0


def test_of_many_series_more_is_wanted_than_of_few() -> None:
    few, many = rtts(10), rtts(50_000)
    for links, size in ((few, 10), (many, 50_000)):
        links.tick(2.0)
        links.tick(one_at(3.1, size))
    assert len(few.tick(one_at(3.1, 10))) == 1
    many.control.pool_seen[:] = few.control.pool_seen  # else it knows more of how links swing
    assert many.tick(one_at(3.1, 50_000)) == ()


def test_when_all_is_bad_the_worst_stand_for_all() -> None:
    links = rtts(MOST_TOLD + 100)
    links.tick(30.0)
    assert len(links.tick(30.0)) == MOST_TOLD


def test_a_new_series_in_the_row_of_another_has_no_strikes() -> None:
    links = rtts(5)
    links.tick(one_at(14.0, 5))
    links.tick(one_at(14.0, 5))
    links.rows.last = None
    row = links.rows.of.pop(("link_rtt_ms", "a", "s00003"))
    links.rows.keys[row] = ("", "", "")
    links.rows.free.append(row)
    links.rows.seen_at[row] = np.inf
    assert links.tick(one_at(14.0, 5)) == ()


def test_a_reading_of_which_nothing_is_expected_is_not_judged() -> None:
    links = Fleet(Signal.LINK_RTT_MS, 3, expected=float("nan"), spread=1.0)
    for _ in range(3):
        assert links.tick(50.0) == ()
    assert links.control.pool_seen.sum() == 0


def test_every_watch_has_a_direction_and_an_effect_in_the_tables() -> None:
    for signal, watch in WATCHES.items():
        assert BAD[KIND[signal]] == watch.bad
        assert EFFECT[KIND[signal]] == watch.effect
    assert np.isnan(BAD[KIND[Signal.NODE_ALLOCATABLE_CORES]])
    assert np.isnan(BAD[-1]), "outside data is not judged"


@given(st.lists(st.floats(width=32, allow_nan=True), min_size=1, max_size=12))
def test_whatever_is_read_the_tails_stay_finite(values: list[float]) -> None:
    links = rtts(1)
    with np.errstate(all="ignore"):
        for value in values:
            links.tick(value)
    for pool in (links.control.pool_seen, links.control.pool_beyond, links.control.pool_excess):
        assert np.isfinite(pool).all()
        assert (pool >= 0).all()
