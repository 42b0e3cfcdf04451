"""How far readings are from normal, and what bad ones do."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.assessing.series import (
    NO_TIME,
    NO_VALUE,
    NOT_LATER,
    read,
    score,
    score_folder,
    seconds_of,
)
from services.orient.core.series.scoring import Scores, update
from services.orient.core.series.state import OTHER, ROWS, State, begin, empty, with_room
from shared.messages.readings import Signal

START = 1_700_000_000.0
MOST_BYTES_OF_A_SERIES = 1300


def series(rows: int = 1, kind: int = OTHER) -> State:
    state = with_room(empty(), rows)
    begin(state, np.arange(rows), np.full(rows, kind, np.int16))
    return state


def tell(state: State, values: list[float], at: float) -> Scores:
    return update(state, np.arange(len(values)), np.array(values), at_seconds=at)


def after(*values: float, state: State | None = None) -> tuple[State, Scores]:
    state = state or series()
    for number, value in enumerate(values):
        scores = tell(state, [value], START + 15.0 * number)
    return state, scores


def steady(readings: int) -> list[float]:
    return list(10.0 + np.random.default_rng(1).normal(0.0, 0.5, readings))


def test_a_jump_stands_out_and_the_level_before_it_is_expected() -> None:
    _, calm = after(*steady(300))
    _, jump = after(*steady(300), 30.0)
    assert jump.anomaly[0] > 5 * calm.anomaly[0]
    assert jump.deviation[0] > 10
    assert abs(jump.expected[0] - 10.0) < 0.5


def test_one_wild_value_moves_the_level_little() -> None:
    state, _ = after(*steady(300), 1e9)
    assert abs(state.level[0] - 10.0) < 0.5


def test_a_level_that_stays_shifted_is_normal_in_the_end() -> None:
    shifted = [value + 20.0 for value in steady(300)]
    _, scores = after(*steady(300), *shifted)
    assert abs(scores.expected[0] - 30.0) < 1.0


def test_a_counter_becomes_a_rate_and_a_reset_is_no_jump() -> None:
    kind = list(Signal).index(Signal.POD_RESTARTS)
    _, scores = after(100.0, 130.0, 160.0, 30.0, state=series(kind=kind))
    assert scores.value[0] == 2.0


def test_a_series_that_falls_silent_is_unusual_and_a_gappy_one_is_not() -> None:
    _, present = after(*steady(300), *[float("nan")] * 5)
    gaps = [v if i % 2 else float("nan") for i, v in enumerate(steady(4000))]
    _, gappy = after(*gaps, *[float("nan")] * 5)
    assert present.anomaly[0] > 3.0
    assert gappy.anomaly[0] < present.anomaly[0] / 2


@pytest.mark.parametrize("step", [0.0, -60.0, -172_800.0])
def test_an_instant_that_is_not_later_teaches_nothing(step: float) -> None:
    state, _ = after(*steady(50))
    level, newest = state.level[0], state.seen_at[0]
    tell(state, [500.0], newest + step)
    assert (state.level[0], state.seen_at[0]) == (level, newest)


def test_rows_in_any_order_are_scored_as_in_theirs() -> None:
    one, other, order = series(5), series(5), np.array([3, 0, 4, 1, 2])
    values = np.arange(5.0)
    for number in range(60):
        at = START + 15.0 * number
        first = update(one, np.arange(5), values + number % 3, at_seconds=at)
        second = update(other, order, (values + number % 3)[order], at_seconds=at)
    assert np.array_equal(first.deviation[order], second.deviation, equal_nan=True)


def test_the_state_of_a_series_is_small() -> None:
    state = series(100)
    assert sum(getattr(state, name).nbytes for name in ROWS) / 100 <= MOST_BYTES_OF_A_SERIES


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(allow_nan=True, allow_infinity=True), st.floats(-200_000, 200_000)),
        max_size=60,
    )
)
def test_no_value_and_no_instant_breaks_the_state(told: list[tuple[float, float]]) -> None:
    state, at = series(), START
    for value, step in told:
        at += step
        tell(state, [value], at)
    for field in fields(State):
        if field.name not in (*("pool_spread",), "profile"):
            assert np.isfinite(getattr(state, field.name)).all(), field.name


def test_times_are_read_in_the_usual_forms() -> None:
    forms = ("2018-05-10 01:00:00", "2018-05-10T01:00:00.000Z", "1525914000", "1525914000000")
    assert {seconds_of(form) for form in (*forms, "5/10/2018 1:00")} == {1525914000.0}
    assert np.isnan(seconds_of("yesterday"))


def test_odd_rows_are_scored_and_counted(tmp_path: Path) -> None:
    text = "timestamp,value,label\n10,1\n20,2\nx,3\n15,many\n40\n50,inf\n"
    (tmp_path / "odd.csv").write_text(text)
    rows, odd = read(tmp_path / "odd.csv")
    assert len(score(rows)) == 6
    assert odd == {NO_TIME: 1, NO_VALUE: 3, NOT_LATER: 1}


def test_the_scores_of_a_prefix_are_those_of_the_whole() -> None:
    rows = [(START + 300.0 * i, v) for i, v in enumerate(steady(400))]
    assert score(rows[:250]) == score(rows)[:250]


def test_each_file_gets_its_scores_at_the_same_place(tmp_path: Path) -> None:
    source = tmp_path / "in" / "deep" / "a.csv"
    source.parent.mkdir(parents=True)
    source.write_text("timestamp,value\n10,1\n20,2\n")
    score_folder(tmp_path / "in", tmp_path / "out")
    lines = (tmp_path / "out" / "deep" / "a.csv").read_text().splitlines()
    assert (lines[0], len(lines)) == ("anomaly_score,alert_score", 3)


def test_a_folder_without_series_is_told(tmp_path: Path) -> None:
    with pytest.raises(typer.Exit) as told:
        score_folder(tmp_path, tmp_path / "out")
    assert told.value.exit_code == 2
