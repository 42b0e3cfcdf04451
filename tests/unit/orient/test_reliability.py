"""Whether what is told of ceilings comes true."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.orient.core.forecasts.buckets import close, take
from services.orient.core.forecasts.crossing import Crossing, foresee_crossings
from services.orient.core.forecasts.projection import State, begin, empty, outlooks, with_room
from services.orient.core.forecasts.reliability import MIDDLES, forget_answers, growing, map_of

WINDOW = 4
BUCKET = 300.0


def state_of(many: int, ceiling: float) -> State:
    """Return the state of series that begin, with a ceiling."""
    state = with_room(empty((1, WINDOW), BUCKET), many)
    begin(state, np.arange(many), np.zeros(many, np.int16))
    state.ceiling[:] = ceiling
    return state


def told_of(state: State, values: npt.NDArray[np.float64], bucket: int) -> Crossing:
    """Return what is told after one more bucket."""
    rows = np.arange(len(values))
    take(state, rows, values, at_seconds=bucket * BUCKET)
    close(state)
    return foresee_crossings(state, rows, outlooks(state))


def test_what_is_told_comes_true() -> None:
    noise = np.random.default_rng(0).standard_t(2.0, size=(1200, 6))
    state, told = state_of(6, 4.0), []
    for bucket, values in enumerate(noise):
        told.append(told_of(state, values, bucket).probability)
    windows = np.lib.stride_tricks.sliding_window_view(noise[1:], WINDOW, axis=0)
    true = windows.max(axis=-1)[600:] > 4.0
    assert np.mean(told[600 : 600 + len(true)]) == pytest.approx(true.mean(), abs=0.02)


def test_a_value_that_stays_at_its_ceiling_does_not_pass_it() -> None:
    state = state_of(1, 5.0)
    told = [told_of(state, np.array([5.0]), bucket).probability[0] for bucket in range(400)]
    assert told[-1] < 0.05


def test_a_pause_leaves_what_was_asked_without_an_answer() -> None:
    state = state_of(WINDOW, 5.0)
    for bucket in range(3 * WINDOW):
        told_of(state, np.ones(WINDOW), bucket)
    before = state.answers.copy()
    told_of(state, np.ones(WINDOW), 100)
    assert (before == 2).any()
    assert (state.answers == before).all()
    assert np.isnan(state.asked).sum() == WINDOW - 1


def test_readings_that_are_missing_leave_no_answer() -> None:
    state = state_of(1, 5.0)
    for bucket in range(40):
        told_of(state, np.array([np.nan if bucket % 2 else 1.0]), bucket)
    assert state.answers[0] == 0
    assert state.pool_odds.sum() == 0


def test_another_ceiling_begins_anew() -> None:
    state = state_of(1, 5.0)
    for bucket in range(40):
        told_of(state, np.array([9.0]), bucket)
    assert state.came[0] == 1
    forget_answers(state, np.array([0]))
    assert state.answers[0] == 0
    assert np.isnan(state.asked[0])


def test_without_a_ceiling_nothing_is_told_and_nothing_asked() -> None:
    state = state_of(1, np.nan)
    told = told_of(state, np.ones(1), 0)
    assert np.isnan(told.of(0)).all()
    assert np.isnan(state.asked).all()


def test_the_map_begins_with_softer_odds() -> None:
    odds, rates = map_of(np.zeros((len(MIDDLES), 3), np.float32))
    assert odds == pytest.approx(MIDDLES)
    assert rates == pytest.approx(1 / (1 + np.exp(-0.6 * MIDDLES)))


@given(arrays.arrays(np.float64, 6, elements=st.floats(0, 1)))
def test_rates_that_grow_stay_and_others_are_pooled(rates: npt.NDArray[np.float64]) -> None:
    grown = growing(rates, np.ones(6))
    assert (np.diff(grown) >= -1e-12).all()
    assert grown.sum() == pytest.approx(rates.sum())
    assert growing(np.sort(rates), np.ones(6)) == pytest.approx(np.sort(rates))
