"""Where series go, and when they meet their ceiling."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.assessing.forecast import (
    Task,
    forecasts,
    read_horizons,
    read_task,
    run_forecast,
    score_lines,
)
from services.orient.core.forecasts.buckets import close, learn, take
from services.orient.core.forecasts.crossing import find_reach
from services.orient.core.forecasts.projection import State, begin, empty, outlooks, with_room

HOURS = 3600.0


def taught(
    values: npt.NDArray[np.float64], horizons: tuple[int, ...] = (3, 12), bucket: float = HOURS
) -> State:
    """Return the state after these rows, (T,) or (T, N)."""
    table = values[:, None] if values.ndim == 1 else values
    rows = np.arange(table.shape[1])
    state = with_room(empty(horizons, bucket), len(rows))
    begin(state, rows, np.zeros(len(rows), np.int16))
    for number, row in enumerate(table):
        take(state, rows, row, at_seconds=number * bucket)
        close(state)
    return state


finite_or_nan = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(float("nan")))


@settings(deadline=None, max_examples=10)
@given(arrays.arrays(np.float64, (60, 2), elements=finite_or_nan))
def test_quantiles_are_finite_and_in_order_whatever_comes(values: npt.NDArray[np.float64]) -> None:
    ahead = outlooks(taught(values))
    seen = np.isfinite(values).any(axis=0)
    assert np.isfinite(ahead[seen]).all()
    assert (np.diff(ahead[seen], axis=2) >= 0).all()


def test_a_series_with_a_rhythm_is_forecast_with_its_rhythm() -> None:
    hours = np.arange(24 * 10)
    values = 10 + 5 * np.sin(2 * np.pi * hours / 24)
    ahead = outlooks(taught(values))[0]
    expected = 10 + 5 * np.sin(2 * np.pi * (hours[-1] + np.array([3, 12])) / 24)
    assert ahead[:, 1] == pytest.approx(expected, abs=0.5)


def test_a_level_that_shifts_is_followed() -> None:
    noise = np.random.default_rng(0).normal(size=24 * 14)
    values = np.where(np.arange(24 * 14) < 24 * 11, 10.0, 30.0) + noise
    assert outlooks(taught(values))[0, :, 1] == pytest.approx(30, abs=3)


def test_a_series_that_pauses_is_forecast_as_it_was() -> None:
    values = 10 + np.random.default_rng(0).normal(size=24 * 5)
    paused = taught(np.concatenate([values, np.full(5, np.nan)]))
    assert paused.level == pytest.approx(taught(values).level)
    assert np.isfinite(outlooks(paused)).all()


def test_a_time_that_does_not_advance_teaches_nothing() -> None:
    state = taught(np.arange(30.0))
    before = state.level.copy()
    for at_seconds in (29 * HOURS, 5.0, float("nan")):
        take(state, np.arange(1), np.array([99.0]), at_seconds=at_seconds)
    assert not close(state)
    assert state.level == before


def test_ticks_of_seconds_teach_what_their_mean_in_a_bucket_does() -> None:
    values = np.random.default_rng(0).normal(size=300)
    rows = np.arange(1)
    fine = with_room(empty((1, 2)), 1)
    begin(fine, rows, np.zeros(1, np.int16))
    for number, value in enumerate(values):
        take(fine, rows, np.array([value]), at_seconds=15.0 * number)
    close(fine)
    coarse = taught(values.reshape(-1, 20).mean(axis=1), (1, 2), 300.0)
    assert outlooks(fine) == pytest.approx(outlooks(coarse), rel=1e-5)


def test_a_gap_in_time_judges_no_forecast_made_for_other_times() -> None:
    state = taught(np.arange(20.0))
    before = state.errors.copy()
    take(state, np.arange(1), np.array([5.0]), at_seconds=HOURS * 1000)
    close(state)
    assert (state.errors == before).all()


def test_a_young_series_borrows_the_interval_of_its_kind() -> None:
    noise = np.random.default_rng(0).normal(size=(24 * 10, 2))
    noise[:-5, 1] = np.nan
    ahead = outlooks(taught(noise))
    assert 1.0 < ahead[1, 0, 2] - ahead[1, 0, 0] < 12.0


def test_a_gap_longer_than_what_is_kept_leaves_a_forecast_after_the_next_bucket() -> None:
    state = taught(np.arange(20.0))
    take(state, np.arange(1), np.array([np.nan]), at_seconds=HOURS * 1000)
    close(state)
    assert np.isfinite(outlooks(state)).all()


def test_a_constant_that_jumps_once_widens_its_band() -> None:
    values = np.where(np.arange(24 * 8) % 96 < 95, 5.0, 9.0)
    state = taught(values)
    assert (state.size > 0).all()
    assert (state.spread > 0).all()


def test_a_row_that_begins_anew_knows_nothing() -> None:
    state = taught(np.arange(30.0))
    begin(state, np.arange(1), np.ones(1, np.int16))
    assert np.isnan(outlooks(state)).all()
    assert state.horizons.tolist() == [3, 12]


def test_a_ramp_reaches_its_ceiling_when_it_does() -> None:
    horizons = np.array([3, 12, 48])
    middle = 50.0 + horizons
    ahead = np.stack([middle - 1, middle, middle + 1], axis=1)[None]
    shape = np.zeros((1, 48))
    odds, buckets = find_reach(ahead, shape, horizons, np.array([74.5]))
    assert odds[0] == 15
    assert buckets[0] == 25


def test_a_peak_between_two_horizons_is_seen() -> None:
    horizons = np.array([3, 12, 48])
    shape = np.full((1, 48), 10.0)
    shape[0, 30] = 20.0
    ahead = np.full((1, 3, 3), 10.0) + np.array([-0.5, 0.0, 0.5])
    odds, buckets = find_reach(ahead, shape, horizons, np.array([15.0]))
    assert odds[0] == 15
    assert buckets[0] == 31


def saved(folder: Path, **arrays_: object) -> Path:
    """Write an npz and return where."""
    path = folder / "in.npz"
    np.savez(path, **arrays_)  # type: ignore[arg-type]
    return path


def test_common_rows_of_a_prefix_are_forecast_alike(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(120, 3))
    texts = []
    for rows in (100, 120):
        source = saved(tmp_path, values=values[:rows], interval_seconds=3600)
        run_forecast(source, tmp_path / "out.csv", "1,4", series_first=False)
        texts.append((tmp_path / "out.csv").read_text().splitlines())
    assert texts[0] == texts[1][: len(texts[0])]
    assert texts[0][0] == "series,row,horizon,forecast,p05,p50,p95"


def test_train_and_test_are_one_series_forecast_from_the_end_of_train(tmp_path: Path) -> None:
    task = read_task(
        saved(tmp_path, train=np.ones((50, 2)), test=np.ones((20, 2)), label=np.zeros(20)),
        series_first=False,
    )
    assert task.values.shape == (70, 2)
    assert task.origins[0] == 49


def test_arrays_of_other_shapes_stand_side_by_side(tmp_path: Path) -> None:
    source = saved(tmp_path, a=np.ones(9), b=np.ones((2, 7)), origins=np.array([3]))
    task = read_task(source, series_first=True)
    assert task.names == ("a", "b/0", "b/1")
    assert np.isnan(task.values[8, 1])
    assert task.origins.tolist() == [3]


@pytest.mark.parametrize(
    "said",
    [
        {"names": np.array(["a"])},
        {"a": np.ones(9), "origins": np.array([9])},
        {"a": np.ones(9), "interval_seconds": np.array(0)},
        {"a": np.ones(9), "start": np.array([1, 2])},
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, said: dict[str, object]) -> None:
    with pytest.raises(typer.BadParameter, match=r"in\.npz"):
        read_task(saved(tmp_path, **said), series_first=False)


@pytest.mark.parametrize("text", ["", "0", "a", "30"])
def test_horizons_are_rows_up_to_a_day(tmp_path: Path, text: str) -> None:
    task = read_task(
        saved(tmp_path, a=np.ones(9), interval_seconds=3600, train=4), series_first=False
    )
    with pytest.raises(typer.BadParameter, match="--horizons"):
        read_horizons(text, task)


def test_the_score_stands_beside_the_day_before(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=24 * 8)
    task = read_task(saved(tmp_path, a=values, interval_seconds=3600), series_first=False)
    lines = list(score_lines(task, "1"))
    assert '"ratio_mean": 0.' in lines[0]


def test_the_score_says_how_often_what_was_told_came_true(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(24 * 14, 3))
    task = read_task(saved(tmp_path, a=values, interval_seconds=3600), series_first=False)
    bins = [json.loads(line) for line in list(score_lines(task, "1,4"))[2:]]
    assert sum(b["number"] for b in bins) > 1000
    assert all(b["told_from"] <= b["told"] <= b["told_to"] for b in bins)
    assert all(abs(b["told"] - b["came_true"]) < 0.1 for b in bins if b["number"] > 300)


def test_a_series_without_a_reading_has_no_score(tmp_path: Path) -> None:
    values = np.array([[np.nan, 1.0]] * 100)
    task = read_task(saved(tmp_path, a=values, interval_seconds=3600), series_first=False)
    (line,) = score_lines(task, "1")
    assert '"ratio_mean": null' in line


@settings(deadline=None, max_examples=10)
@given(arrays.arrays(np.float64, (40, 3), elements=finite_or_nan), st.integers(1, 39))
def test_what_is_told_does_not_depend_on_what_comes_later(
    values: npt.NDArray[np.float64], rows: int
) -> None:
    changed = values.copy()
    changed[rows:] = 7.0
    tasks = [
        Task(names=("a",) * 3, values=v, origins=np.arange(40), interval_seconds=3600.0, start=0.0)
        for v in (values, changed)
    ]
    told, other = (dict(forecasts(task, (1, 4))) for task in tasks)
    for row in range(rows):
        assert np.array_equal(told[row], other[row], equal_nan=True)


def test_rows_that_learn_in_turns_learn_what_they_learn_at_once() -> None:
    values = np.random.default_rng(0).normal(size=(80, 5))
    at_once = taught(values)
    in_turns = with_room(empty((3, 12), HOURS), 5)
    begin(in_turns, np.arange(5), np.zeros(5, np.int16))
    shares = []
    for number, row in enumerate(values):
        take(in_turns, np.arange(5), row, at_seconds=number * HOURS)
        shares = [learn(in_turns, 2) for _ in range(4 if number % 2 else 1)]
    close(in_turns)
    assert shares == [slice(0, 2), slice(2, 4), slice(4, 5), slice(0, 0)]
    assert outlooks(in_turns) == pytest.approx(outlooks(at_once))
