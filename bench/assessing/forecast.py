"""`forecast`: forecasts of outside series, by the code that runs in Orient, and their score."""

import csv
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track

from services.orient.core.forecasts.buckets import close, take
from services.orient.core.forecasts.crossing import foresee_crossings
from services.orient.core.forecasts.projection import DAY_SECONDS, State, begin, empty, outlooks
from services.orient.core.forecasts.projection import with_room as with_rows

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

WHOLE = ("values", "series", "data")
"""An array of one of these names is all the data there is."""
CEILINGS = (0.9, 0.97, 0.99)
"""Quantiles of a series up to the first origin: ceilings to be told of in the score."""
TOLD_BINS = (0.0, 0.01, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)
SAID = ("interval_seconds", "start", "origins", "label", "labels", "timestamp", "timestamps")
"""Arrays that are not series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The series of one file, and the rows from which forecasts are wanted."""

    names: tuple[str, ...]
    values: Floats
    """(T, N)."""
    origins: Numbers
    interval_seconds: float
    start: float


def run_forecast(source: Path, target: Path, horizons: str, *, series_first: bool) -> Task:
    """Write `series,row,horizon,forecast,p05,p50,p95`, with what the rows up to `row` say alone."""
    task = read_task(source, series_first=series_first)
    steps = read_horizons(horizons, task)
    try:
        with target.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("series", "row", "horizon", "forecast", "p05", "p50", "p95"))
            for row, ahead in forecasts(task, steps):
                for number, name in enumerate(task.names):
                    for horizon, (low, middle, high) in zip(
                        steps, ahead[number].tolist(), strict=True
                    ):
                        table.writerow((name, row, horizon, middle, low, middle, high))
    except OSError as error:
        raise typer.BadParameter(f"{target} cannot be written: {error.strerror}") from error
    return task


def forecasts(task: Task, horizons: tuple[int, ...]) -> Iterator[tuple[int, Floats]]:
    """Yield each origin with the quantiles (N, H, 3), told before the next row is seen."""
    wanted = set(task.origins.tolist())
    for row, state in _learning(task, horizons):
        if row in wanted:
            yield row, outlooks(state).astype(np.float64)


def _learning(task: Task, horizons: tuple[int, ...]) -> Iterator[tuple[int, State]]:
    """Yield each row with what is known after it."""
    many = task.values.shape[1]
    rows = np.arange(many)
    state = with_rows(empty(horizons, task.interval_seconds), many)
    begin(state, rows, np.zeros(many, np.int16))
    progress = track(task.values, "forecast", console=Console(stderr=True))
    for row, values in enumerate(progress):
        # the middle of the bucket, so that rounding cannot move a row into the one beside it
        at_seconds = task.start + (row + 0.5) * task.interval_seconds
        take(state, rows, values, at_seconds=at_seconds)
        close(state)
        yield row, state


def read_horizons(text: str, task: Task) -> tuple[int, ...]:
    """Read `12,48`: rows ahead, growing, at most a day."""
    day = round(DAY_SECONDS / task.interval_seconds)
    try:
        steps = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise typer.BadParameter(f"--horizons is {text!r}: give rows ahead as 12,48") from error
    if steps[0] < 1 or steps[-1] > day:
        raise typer.BadParameter(f"--horizons is {text!r}: give rows from 1 to {day}, a day ahead")
    return steps


def read_task(source: Path, *, series_first: bool) -> Task:
    """Read an npz; docs/orient.md says what may be in it. BadParameter says what is wrong."""
    try:
        with np.load(source, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError) as error:
        raise typer.BadParameter(
            f"{source} cannot be read as an npz of numbers: write it with numpy.savez"
        ) from error
    interval = _scalar(found, "interval_seconds", 300.0, source)
    if interval <= 0 or DAY_SECONDS % interval:
        raise typer.BadParameter(
            f"{source}: interval_seconds is {interval:g}: give one that divides a day"
        )
    arrays, trained = _arrays(found, series_first=series_first)
    if not arrays:
        raise typer.BadParameter(f"{source} has no series: give arrays (T,) or (T, N) of numbers")
    names, values = _joined(arrays)
    return Task(
        names=names,
        values=values,
        origins=_origins(found, len(values), trained, round(DAY_SECONDS / interval), source),
        interval_seconds=interval,
        start=_scalar(found, "start", 0.0, source),
    )


def _scalar(
    found: dict[str, npt.NDArray[np.generic]], name: str, default: float, source: Path
) -> float:
    if name not in found:
        return default
    value = found[name]
    if value.size != 1 or value.dtype.kind not in "iuf" or not np.isfinite(float(value.item())):
        raise typer.BadParameter(f"{source}: {name} is not one number")
    return float(value.item())


def _arrays(
    found: dict[str, npt.NDArray[np.generic]], *, series_first: bool
) -> tuple[dict[str, Floats], int]:
    """Return the series by name, each (T, N), and after how many rows forecasts are wanted."""
    usable = {
        name: array.astype(np.float64)
        for name, array in found.items()
        if name not in SAID and array.dtype.kind in "iuf" and array.ndim in (1, 2) and array.size
    }
    whole = [name for name in WHOLE if name in usable]
    chosen = {name: usable[name] for name in (whole[:1] or usable)}
    shaped = {
        name: (a[:, None] if a.ndim == 1 else a.T if series_first else a)
        for name, a in chosen.items()
    }
    if set(shaped) == {"train", "test"} and shaped["train"].shape[1] == shaped["test"].shape[1]:
        joined = np.concatenate([shaped["train"], shaped["test"]])
        return {"values": joined}, len(shaped["train"])
    train = found.get("train")
    count = int(train.item()) if train is not None and train.size == 1 else 0
    return {n: a for n, a in shaped.items() if n != "train" or a.size > 1}, count


def _joined(arrays: dict[str, Floats]) -> tuple[tuple[str, ...], Floats]:
    """Put all series side by side; a shorter one ends with NaN."""
    length = max(len(a) for a in arrays.values())
    padded = [
        np.pad(a, ((0, length - len(a)), (0, 0)), constant_values=np.nan) for a in arrays.values()
    ]
    columns = [(n, a.shape[1]) for n, a in arrays.items()]
    alone = len(columns) == 1
    names = tuple(
        str(i) if alone else n if many == 1 else f"{n}/{i}"
        for n, many in columns
        for i in range(many)
    )
    return names, np.concatenate(padded, axis=1)


def _origins(
    found: dict[str, npt.NDArray[np.generic]], length: int, trained: int, day: int, source: Path
) -> Numbers:
    """Return the rows to forecast from: those told, or from the third day on, or the last half."""
    if "origins" in found:
        told = found["origins"]
        if told.dtype.kind not in "iu" or told.size == 0 or told.min() < 0 or told.max() >= length:
            raise typer.BadParameter(f"{source}: origins are not rows from 0 to {length - 1}")
        return np.unique(told).astype(np.int64)
    first = trained - 1 if trained else 2 * day if length > 2 * day else length // 2
    return np.arange(min(max(first, 0), length - 1), length)


def score_lines(task: Task, horizons: str) -> Iterator[str]:
    """Yield JSON: per horizon the error beside that of the day before, and what the bands cover."""
    steps, day = read_horizons(horizons, task), round(DAY_SECONDS / task.interval_seconds)
    told = dict(forecasts(task, steps))
    origins = np.array(sorted(told))
    for number, step in enumerate(steps):
        rows = origins[(origins + step < len(task.values)) & (origins + step >= day)]
        if not len(rows):
            continue
        ahead = np.stack([told[row][:, number] for row in rows.tolist()])
        real, naive = task.values[rows + step], task.values[rows + step - day]
        both = np.isfinite(real) & np.isfinite(naive) & np.isfinite(ahead[..., 1])
        error = np.where(both, np.abs(real - ahead[..., 1]), 0).sum(axis=0)
        usual = np.where(both, np.abs(real - naive), 0).sum(axis=0)
        inside = both & (real >= ahead[..., 0]) & (real <= ahead[..., 2])
        moving = usual > 0
        ratios = error[moving] / usual[moving]
        covered = inside.sum(axis=0) / np.maximum(both.sum(axis=0), 1)
        yield json.dumps(
            {
                "horizon": step,
                "series": int(moving.sum()),
                "ratio_mean": round(float(ratios.mean()), 4) if len(ratios) else None,
                "ratio_median": round(float(np.median(ratios)), 4) if len(ratios) else None,
                "coverage": round(float(inside.sum() / max(both.sum(), 1)), 4),
                "coverage_10_90": [round(float(x), 4) for x in np.quantile(covered, (0.1, 0.9))],
            }
        )
    yield from _reliability_lines(task, steps)


def _reliability_lines(task: Task, steps: tuple[int, ...]) -> Iterator[str]:
    """Yield JSON per bin: probabilities told to pass a ceiling, and how often that came true.

    Every series with each of the ceilings that it does not pass at that row.
    """
    first, window = int(task.origins[0]), steps[-1]
    before = task.values[: first + 1]
    moves = np.isfinite(before).any(axis=0) & (
        np.nanmax(before, axis=0, initial=-np.inf) > np.nanmin(before, axis=0, initial=np.inf)
    )
    ceilings = np.nanquantile(before[:, moves], CEILINGS, axis=0).ravel()
    table = np.tile(task.values[:, moves], len(CEILINGS))
    tiled, origins = replace(task, values=table), range(first, len(table) - window)
    pairs = list(_told_and_true(tiled, steps, ceilings, origins))
    told, true = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0))
    for low, high in pairwise(TOLD_BINS):
        inside = (told >= low) & ((told < high) | (high == 1))
        if inside.any():
            yield json.dumps(
                {
                    "told_from": low,
                    "told_to": high,
                    "told": round(float(told[inside].mean()), 4),
                    "came_true": round(float(true[inside].mean()), 4),
                    "number": int(inside.sum()),
                }
            )


def _told_and_true(
    task: Task, steps: tuple[int, ...], ceilings: Floats, origins: range
) -> Iterator[Floats]:
    """Yield (2, n): the probabilities told at a row, and 1 where the ceiling was passed."""
    rows = np.arange(len(ceilings))
    for row, state in _learning(task, steps):
        if row not in origins:
            continue
        state.ceiling[:] = ceilings
        told = foresee_crossings(state, rows, outlooks(state)).probability
        later = task.values[row + 1 : row + 1 + steps[-1]]
        scored = np.isfinite(later).all(axis=0) & np.isfinite(told) & (task.values[row] <= ceilings)
        yield np.array([told, (later > ceilings).any(axis=0)], np.float64)[:, scored]
