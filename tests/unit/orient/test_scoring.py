"""What a series learns, from what, and when it is believed."""

from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orient.core.series import learning, scoring
from services.orient.core.series.scoring import Scores, update
from services.orient.core.series.state import OTHER, ROWS, State, begin, empty, with_room
from shared.messages.readings import Signal

START = 1_700_000_000.0
DAY_READINGS = 288
RESTARTS = list(Signal).index(Signal.POD_RESTARTS)
NAN = float("nan")

Values = npt.NDArray[np.float64]


def a_state(*kinds: int) -> State:
    state = with_room(empty(), len(kinds))
    begin(state, np.arange(len(kinds)), np.array(kinds, np.int16))
    return state


def tell(state: State, *values: float, at: float) -> Scores:
    return update(state, np.arange(len(values)), np.array(values), at_seconds=at)


def tell_all(state: State, values: Values, *, start: float = START, step: float = 15.0) -> Scores:
    """Tell `values`, shape (ticks, series); return the scores of the last tick."""
    for number, row in enumerate(values):
        scores = update(state, np.arange(len(row)), row, at_seconds=start + step * number)
    return scores


def noise(ticks: int, rows: int = 1, seed: int = 3) -> Values:
    return 10.0 + np.random.default_rng(seed).normal(0.0, 0.5, (ticks, rows))


def copied(state: State) -> dict[str, Values]:
    return {name: getattr(state, name).copy() for name in ROWS}


def test_a_counter_tells_its_growth_per_second_from_the_second_reading_on() -> None:
    state = a_state(RESTARTS)
    rates = [tell(state, v, at=START + 10.0 * i).value[0] for i, v in enumerate((5.0, 25.0, 30.0))]
    np.testing.assert_allclose(rates, [NAN, 2.0, 0.5])


def test_a_counter_that_was_reset_began_at_zero() -> None:
    state = a_state(RESTARTS)
    tell_all(state, np.array([[1000.0], [1010.0]]), step=10.0)
    assert tell(state, 30.0, at=START + 20.0).value[0] == pytest.approx(3.0)


def test_a_counter_that_was_silent_tells_the_rate_over_its_silence() -> None:
    state = a_state(RESTARTS)
    tell_all(state, np.array([[10.0], [20.0], [NAN], [NAN]]), step=10.0)
    assert tell(state, 50.0, at=START + 40.0).value[0] == pytest.approx(1.0)


def test_a_counter_told_again_for_the_same_instant_has_no_rate_and_no_reset() -> None:
    state = a_state(RESTARTS)
    tell_all(state, np.array([[10.0], [20.0]]), step=10.0)
    tell(state, 5.0, at=START + 10.0)
    assert tell(state, 30.0, at=START + 20.0).value[0] == pytest.approx(1.0)


LEARNT = ("level", "spread", "error", "profile", "interval", "count", "seen_at", "tail_start")


@pytest.mark.parametrize("value", [NAN, float("inf"), -float("inf"), 1e300, -1e15])
def test_what_is_no_measurement_freezes_its_row(value: float) -> None:
    state = a_state(OTHER)
    tell_all(state, noise(60))
    before = copied(state)
    scores = tell(state, value, at=START + 15.0 * 60)
    for name in LEARNT:
        np.testing.assert_array_equal(getattr(state, name), before[name], err_msg=name)
    assert np.isnan(scores.value[0])
    assert np.isnan(scores.deviation[0])
    assert scores.alert[0] == 0.0


def test_a_series_that_is_not_told_is_frozen_as_one_told_as_nan() -> None:
    told, left_out = a_state(OTHER, OTHER), a_state(OTHER, OTHER)
    tell_all(told, noise(60, 2))
    tell_all(left_out, noise(60, 2))
    tell(told, 10.0, NAN, at=START + 900.0)
    update(left_out, np.array([0]), np.array([10.0]), at_seconds=START + 900.0)
    for name in ROWS:
        np.testing.assert_array_equal(getattr(told, name), getattr(left_out, name), err_msg=name)


def test_readings_far_apart_teach_as_much_as_many() -> None:
    often, rarely = a_state(OTHER), a_state(OTHER)
    for state in (often, rarely):
        tell_all(state, noise(200))
    end = START + 15.0 * 200
    tell_all(often, np.full((8, 1), 11.0), start=end)
    tell(rarely, 11.0, at=end + 15.0 * 7)
    moved = [state.level[0] - 10.0 for state in (often, rarely)]
    assert moved[1] == pytest.approx(moved[0], rel=0.25)


def test_the_usual_interval_is_learnt() -> None:
    state = a_state(OTHER)
    tell_all(state, noise(50), step=15.0)
    assert state.interval[0] == pytest.approx(15.0)
    tell_all(state, noise(300), start=START + 1000.0, step=60.0)
    assert state.interval[0] == pytest.approx(60.0, rel=0.05)


def test_a_new_series_borrows_the_spread_of_its_kind() -> None:
    grown, begun = np.arange(20), np.array([20, 21])
    state = a_state(*[0] * 20, 0, OTHER)
    for number, values in enumerate(noise(100, 20)):
        update(state, grown, values, at_seconds=START + 15.0 * number)
    for number in range(100, 104):
        at = START + 15.0 * number
        scores = update(state, begun, np.array([5.0, 5.0]), at_seconds=at)
    assert scores.spread[0] == pytest.approx(0.5, rel=0.4)
    assert scores.spread[1] < 0.01


def test_what_was_borrowed_is_given_back_once_the_series_is_grown() -> None:
    state = a_state(*[0] * 20, 0)
    values = np.hstack([noise(100, 20), 0.01 * noise(100)])
    scores = tell_all(state, values)
    assert scores.spread[-1] < 0.02


def days(number: int) -> tuple[Values, Values]:
    """Return a daily rhythm and none, with the same noise, shape (readings, 2); and the days."""
    at = np.arange(number * DAY_READINGS) / DAY_READINGS
    rhythm = np.stack([5.0 * np.sin(2 * np.pi * at), np.zeros_like(at)], axis=1)
    return rhythm + noise(len(at), 2), at


def test_a_rhythm_is_believed_from_the_third_day_on_where_it_pays() -> None:
    state, (values, at) = a_state(OTHER, OTHER), days(5)
    rows, believed, missed = np.arange(2), [], []
    for number, row in enumerate(values):
        level = state.level.copy()
        scores = update(state, rows, row, at_seconds=START + 300.0 * number)
        believed.append(np.abs(scores.expected - level) > 1e-3)
        missed.append(np.abs(row - scores.expected))
    third = at >= scoring.SEASONAL_DAYS
    assert not np.array(believed)[~third].any()
    assert np.array(believed)[third].mean(0) == pytest.approx([1.0, 0.0], abs=0.05)
    error = np.array(missed)
    assert error[at >= 4].mean(0)[0] < 0.7 * error[(at >= 1) & ~third].mean(0)[0]
    gain = state.profile_error / state.level_error
    assert gain[0] < scoring.SEASONAL_GAIN < gain[1]


def test_a_level_left_for_long_is_left_for_good() -> None:
    state = a_state(OTHER)
    tell_all(state, noise(200))
    end, far = START + 15.0 * 200, 10_000.0
    tell_all(state, noise(learning.ESCAPE_READINGS - 1) + far, start=end)
    assert state.level[0] < far / 2
    tell_all(state, noise(2) + far, start=end + 15.0 * (learning.ESCAPE_READINGS - 1))
    assert state.level[0] == pytest.approx(far + 10.0, rel=0.01)


def test_a_way_out_that_turns_begins_anew() -> None:
    state = a_state(OTHER)
    tell_all(state, noise(200))
    end = START + 15.0 * 200
    tell_all(state, np.full((50, 1), 500.0), start=end)
    assert state.shifted[0] == 50.0
    tell(state, -500.0, at=end + 750.0)
    assert state.shifted[0] == -1.0
    tell(state, 10.0, at=end + 765.0)
    assert state.shifted[0] == 0.0


def test_a_series_has_no_say_before_it_is_grown() -> None:
    wild = np.where(np.arange(scoring.WARM_UP_READINGS) % 7 == 6, 1e6, 10.0)
    state = a_state(OTHER)
    for number, value in enumerate(wild):
        scores = tell(state, value, at=START + 15.0 * number)
        assert (scores.anomaly[0], scores.alert[0]) == (0.0, 0.0)


def test_a_row_that_begins_anew_has_forgotten() -> None:
    used, fresh = a_state(OTHER, OTHER), a_state(OTHER, OTHER)
    tell_all(used, noise(100, 2))
    begin(used, np.array([1]), np.array([RESTARTS], np.int16))
    begin(fresh, np.array([1]), np.array([RESTARTS], np.int16))
    for name in ROWS:
        used_row, fresh_row = getattr(used, name)[..., 1], getattr(fresh, name)[..., 1]
        np.testing.assert_array_equal(used_row, fresh_row, err_msg=name)
    assert used.count[0] == 100


def test_what_was_moved_on_purpose_is_normal_at_once() -> None:
    state, rows = a_state(OTHER, OTHER), np.arange(2)
    tell_all(state, noise(200, 2))
    scores = tell(state, 50.0, 50.0, at=START + 3000.0)
    scoring.follow(state, rows, scores, np.array([True, False]))
    after = tell(state, 50.0, 50.0, at=START + 3015.0)
    assert after.expected[0] == pytest.approx(50.0, rel=0.02)
    assert after.expected[1] == pytest.approx(10.0, rel=0.1)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts, values = a_state(*[OTHER] * 7), a_state(*[OTHER] * 7), noise(80, 7)
    tell_all(whole, values)
    monkeypatch.setattr(scoring, "BLOCK_ROWS", 3)
    tell_all(parts, values)
    for field in fields(State):
        ours, theirs = getattr(parts, field.name), getattr(whole, field.name)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6, err_msg=field.name)


def test_a_million_values_that_are_none_leave_the_state_as_large_as_it_was() -> None:
    state = a_state(*[OTHER] * 1000)
    size = sum(getattr(state, name).nbytes for name in ROWS)
    for number in range(1000):
        update(state, np.arange(1000), np.full(1000, NAN), at_seconds=START + number)
    assert sum(getattr(state, name).nbytes for name in ROWS) == size
    assert not state.count.any()


def test_room_that_is_there_is_not_made_again() -> None:
    state = a_state(OTHER)
    assert with_room(state, 1) is state
    assert with_room(state, 5).level.shape == (5,)


anything = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([0.0, 1.0, 1e300, -1e300, 9e14, 1e-300, NAN]),
)
steps = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-6, 15.0, 300.0, 86400.0]))


@settings(max_examples=60, deadline=None)
@given(
    told=st.lists(st.tuples(anything, steps), min_size=1, max_size=80),
    kind=st.sampled_from([OTHER, RESTARTS]),
    age=st.sampled_from([0.0, 200.0]),
)
def test_whatever_comes_scores_stay_in_range_and_the_state_finite(
    told: list[tuple[float, float]], kind: int, age: float
) -> None:
    state, at = a_state(kind), START
    state.count[:] = age
    for value, step in told:
        at += step
        scores = tell(state, value, at=at)
        assert np.isfinite(scores.anomaly[0])
        assert scores.anomaly[0] >= 0.0
        assert 0.0 <= scores.alert[0] <= 1.0
        assert scores.spread[0] > 0.0
    for name in ROWS:
        column = getattr(state, name)
        assert np.isfinite(column[~np.isnan(column)]).all(), name
        assert name == "profile" or not np.isnan(column).any(), name


@settings(max_examples=30, deadline=None)
@given(told=st.lists(st.tuples(anything, steps), min_size=2, max_size=40), cut=st.integers(1, 39))
def test_what_comes_later_changes_no_score(told: list[tuple[float, float]], cut: int) -> None:
    def run(part: list[tuple[float, float]]) -> list[tuple[float, ...]]:
        state, at, rows = a_state(OTHER), START, []
        for value, step in part:
            at += step
            scores = tell(state, value, at=at)
            rows.append(tuple(float(getattr(scores, f.name)[0]) for f in fields(Scores)))
        return rows

    np.testing.assert_array_equal(run(told[:cut]), run(told)[:cut])
