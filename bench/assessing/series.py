"""Series of outside data, as CSV files: each scored by Orient's production code."""

import csv
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf, isfinite, nan
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

from services.orient.core.series.scoring import UNBELIEVABLE, update
from services.orient.core.series.state import OTHER, begin, empty, with_room

Row = tuple[float, float]
"""Unix seconds, value."""
Score = tuple[float, float]
"""Anomaly, alert."""

HEADER = "anomaly_score,alert_score"
OTHER_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
)
"""Those that are not ISO 8601: hours and months of one digit, the order of the United States."""
MOST_SECONDS = 1e11
"""A larger number is told in thousandths of a second, or of what was tried before."""

NO_VALUE = "values that are no numbers"
NO_TIME = "times that cannot be read (their values are left out)"
NOT_LATER = "times not later than one before (scored, not learnt from)"
NO_ROWS = "files without a row"


class BadFileError(ValueError):
    """A file that cannot be read or written; the message says why and what to do."""


def score_folder(in_dir: Path, out_dir: Path) -> None:
    """Write the scores of each CSV file to the same relative path below `out_dir`.

    What is odd in a file is counted on stderr. Exit: 2 where a file cannot be read or written,
    after the others are done.
    """
    paths = _checked(in_dir, out_dir)
    jobs = [(path, out_dir / path.relative_to(in_dir)) for path in paths]
    console, bad = Console(stderr=True), 0
    with _mapping(len(jobs)) as run:
        results = run(_score_one, jobs)
        done = track(results, "series", total=len(jobs), console=console, transient=True)
        for path, (odd, complaint) in zip(paths, done, strict=True):
            for what, number in sorted(odd.items()):
                _complain(f"{path}: {number} {what}")
            if complaint:
                _complain(f"{path}: {complaint}")
                bad += 1
    if bad:
        raise typer.Exit(2)


def _checked(in_dir: Path, out_dir: Path) -> list[Path]:
    """Return the files to score. Exit: 2 where there are none, or they would be overwritten."""
    into = out_dir.resolve()
    found = (p for p in in_dir.rglob("*") if p.suffix.lower() == ".csv" and p.is_file())
    paths = sorted(p for p in found if into not in p.resolve().parents)
    if in_dir.resolve() == into:
        _complain(f"{out_dir}: holds the data; give another folder for the scores")
    elif not paths:
        _complain(f"{in_dir}: no .csv files there; give the folder that holds them")
    else:
        return paths
    raise typer.Exit(2)


Mapping = Callable[
    [Callable[[tuple[Path, Path]], tuple[Counter[str], str]], list[tuple[Path, Path]]],
    Iterator[tuple[Counter[str], str]],
]


@contextmanager
def _mapping(jobs: int) -> Iterator[Mapping]:
    """Give a `map` over the processors that this process may use."""
    workers = min(len(os.sched_getaffinity(0)), jobs)
    if workers == 1:
        yield map
    else:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield pool.map


def _score_one(job: tuple[Path, Path]) -> tuple[Counter[str], str]:
    """Return what was odd, and why the file could not be scored, if so."""
    source, target = job
    try:
        rows, odd = read(source)
        _write(target, score(rows))
    except BadFileError as error:
        return Counter(), str(error)
    return odd, ""


def read(path: Path) -> tuple[list[Row], Counter[str]]:
    """Return the rows of a file as they stand there, and what is odd in them.

    Blank lines are none. BadFileError: the file cannot be opened.
    """
    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            lines = [cells for cells in csv.reader(stream) if cells]
    except (OSError, csv.Error) as error:
        raise BadFileError(f"cannot be read ({error}); write it again") from error
    names = [name.strip().lower() for name in lines[0]] if lines else []
    when = names.index("timestamp") if "timestamp" in names else 0
    what = names.index("value") if "value" in names else 1
    return _rows([(_cell(c, when), _cell(c, what)) for c in lines[1:]])


def _cell(cells: list[str], index: int) -> str:
    return cells[index].strip() if index < len(cells) else ""


def _rows(cells: list[tuple[str, str]]) -> tuple[list[Row], Counter[str]]:
    odd: Counter[str] = Counter()
    rows: list[Row] = []
    latest = -inf
    for time_text, value_text in cells:
        at, value = seconds_of(time_text), _number(value_text)
        odd[NO_VALUE] += not abs(value) < UNBELIEVABLE
        if isfinite(at):
            odd[NOT_LATER] += at <= latest
            latest = max(at, latest)
        else:
            odd[NO_TIME] += 1
            at, value = max(latest, 0.0), nan  # nothing can be learnt from it
        rows.append((at, value))
    odd[NO_ROWS] = int(not rows)
    return rows, +odd


def seconds_of(text: str) -> float:
    """Return the Unix seconds of a time; NaN where it cannot be read. Without a zone it is UTC."""
    number = _number(text)
    if isfinite(number):
        while abs(number) >= MOST_SECONDS:
            number /= 1000.0
        return number
    for parse in (datetime.fromisoformat, *(_parser(form) for form in OTHER_FORMATS)):
        try:
            at = parse(text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return nan


def _parser(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form).replace(tzinfo=UTC)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def score(rows: list[Row]) -> list[Score]:
    """Return the scores of a series, each from its row and what came before it."""
    state, only = with_room(empty(), 1), np.zeros(1, np.int64)
    begin(state, only, np.array([OTHER], np.int16))
    scores = []
    for at, value in rows:
        told = update(state, only, np.array([value]), at_seconds=at)
        scores.append((float(told.anomaly[0]), float(told.alert[0])))
    return scores


def _write(path: Path, scores: list[Score]) -> None:
    lines = [HEADER, *(f"{anomaly:.7g},{alert:.7g}" for anomaly, alert in scores)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise BadFileError(
            f"its scores cannot be written ({error}); give another folder"
        ) from error


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)
