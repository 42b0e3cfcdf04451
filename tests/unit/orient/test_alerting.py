"""Alerts of series: once per event, again for a greater one, and never from what comes later."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.orient.core.series.alerting import HELD_READINGS, WARM_UP_READINGS, update
from services.orient.core.series.state import OTHER, Floats, State, begin, empty, with_room

CALM = 1200
"""Readings that teach a series its tails."""
TOLD = 0.9
"""A score that is surely an alert in these tests."""


def a_state(rows: int = 1) -> State:
    state = with_room(empty(), rows)
    begin(state, np.arange(rows), np.full(rows, OTHER, np.int16))
    return state


def alerts(state: State, ranked: Floats, ratio: Floats | None = None) -> Floats:
    """Return the scores of `ranked`, shape (ticks, rows), counting readings as scoring does."""
    weights = np.ones_like(ranked) if ratio is None else ratio
    told = np.empty_like(ranked)
    for tick, weight in enumerate(weights):
        update(state, ranked[tick], weight, told[tick])
        state.count += weight > 0
    return told


def noise(ticks: int, rows: int = 1, seed: int = 7) -> Floats:
    return np.random.default_rng(seed).normal(size=(ticks, rows)).astype(np.float32)


def test_a_spike_far_beyond_the_past_is_told() -> None:
    ranked = noise(CALM)
    ranked[-1] = 40.0
    told = alerts(a_state(), ranked)
    assert told[-1, 0] > TOLD
    assert told[-1, 0] == told.max()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_both_directions_count_the_same(sign: float) -> None:
    ranked = noise(CALM)
    ranked[-1] = 40.0
    upright, turned = alerts(a_state(), ranked), alerts(a_state(), sign * ranked)
    assert turned[-1] == pytest.approx(upright[-1])


def test_an_event_that_lasts_is_told_once() -> None:
    ranked = noise(CALM + 100)
    ranked[CALM:] = 40.0
    told = alerts(a_state(), ranked)[CALM:, 0]
    is_told = told > TOLD
    onsets = int(is_told[0]) + int((is_told[1:] & ~is_told[:-1]).sum())
    assert onsets == 1
    assert not is_told[50:].any()


def test_the_same_spike_soon_after_is_held_off() -> None:
    ranked = noise(CALM + 60)
    ranked[CALM] = ranked[-1] = 40.0
    told = alerts(a_state(), ranked)
    assert told[CALM, 0] > TOLD
    assert told[-1, 0] < TOLD


def test_a_much_greater_spike_breaks_through() -> None:
    ranked = noise(CALM + 60)
    ranked[CALM], ranked[-1] = 40.0, 40.0e3
    told = alerts(a_state(), ranked)
    assert told[CALM, 0] > TOLD
    assert told[-1, 0] > TOLD


def test_what_was_told_is_half_forgotten_after_the_time_it_is_held() -> None:
    state = a_state()
    state.count[:] = WARM_UP_READINGS
    state.held[:] = 8.0
    quiet = np.zeros((int(HELD_READINGS), 1), np.float32)
    alerts(state, quiet)
    assert state.held[0] == pytest.approx(4.0, rel=1e-3)


def test_nothing_is_told_before_the_series_was_watched_for_a_while() -> None:
    ranked = noise(WARM_UP_READINGS)
    ranked[-1] = 1e6
    assert not alerts(a_state(), ranked).any()


def test_a_reading_that_does_not_count_is_not_told_and_teaches_nothing() -> None:
    state = a_state()
    alerts(state, noise(CALM))
    before = {f.name: getattr(state, f.name).copy() for f in fields(State)}
    told = alerts(state, np.full((1, 1), 40.0, np.float32), np.zeros((1, 1), np.float32))
    assert told[0, 0] == 0.0
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(state, name), column, err_msg=name)


def test_heavy_tails_are_told_less_of_the_same_spike() -> None:
    light = noise(CALM)
    heavy = np.random.default_rng(7).standard_cauchy((CALM, 1)).astype(np.float32)
    light[-1] = heavy[-1] = 40.0
    assert alerts(a_state(), heavy)[-1, 0] < alerts(a_state(), light)[-1, 0]


MOST = float(np.float32(1e15))
streams = st.lists(st.floats(-MOST, MOST, width=32), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None)
@given(values=streams)
def test_scores_and_what_is_learnt_stay_finite_and_scores_within_0_and_1(
    values: list[float],
) -> None:
    state = a_state()
    state.count[:] = WARM_UP_READINGS
    told = alerts(state, np.array(values, np.float32)[:, None])
    assert np.isfinite(told).all()
    assert ((told >= 0) & (told <= 1)).all()
    for name in ("smooth", "tail_start", "tail_excess", "tail_count", "held"):
        assert np.isfinite(getattr(state, name)).all(), name


@settings(max_examples=40, deadline=None)
@given(values=streams, cut=st.integers(1, 60))
def test_later_readings_change_no_score(values: list[float], cut: int) -> None:
    ranked = np.array(values, np.float32)[:, None]
    whole, short = a_state(), a_state()
    whole.count[:] = short.count[:] = WARM_UP_READINGS
    np.testing.assert_array_equal(alerts(short, ranked[:cut]), alerts(whole, ranked)[:cut])


def test_a_series_is_scored_the_same_alone_and_among_others() -> None:
    ranked = noise(CALM // 4, rows=3)
    together = alerts(a_state(3), ranked)
    alone = [alerts(a_state(), ranked[:, [row]]) for row in range(3)]
    np.testing.assert_allclose(together, np.hstack(alone), rtol=1e-5, atol=1e-6)
