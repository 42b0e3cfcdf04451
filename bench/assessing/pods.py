"""Pods of outside data: their metrics, who calls whom, and when the fault began, from a folder."""

import csv
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

TIMES = ("timestamp", "time", "ts", "datetime", "date", "epoch")
"""Columns that tell when, in lower case without signs; the first of them that is there."""
GRAPHS = ("graph.csv", "graph.json", "call_graph.csv", "call_graph.json")
ONSETS = ("onset.txt", "inject_time.txt")
UNITS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))
"""An epoch above the first is told in that part of a second."""


class BadInputError(ValueError):
    """What cannot be used; the message says what, where, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PodData:
    """The metrics of one pod."""

    name: str
    times: Floats
    """Shape (t,), Unix seconds, growing; of a time told twice the last row counts."""
    metrics: dict[str, Floats]
    """Each of shape (t,); NaN where nothing was told."""


def read_pods(folder: Path, graph: Path | None) -> tuple[PodData, ...]:
    """Return the pods of a folder, one per CSV file, by name."""
    if not folder.is_dir():
        raise BadInputError(f"{folder} is no folder; give the one that holds a CSV file per pod")
    taken = {*GRAPHS, graph.name if graph else ""}
    paths = [p for p in sorted(folder.glob("*.csv")) if p.name not in taken]
    paths = paths or [p for p in sorted(folder.glob("*/*.csv")) if p.name not in taken]
    if not paths:
        raise BadInputError(f"{folder} holds no CSV files; put one with the metrics of each pod")
    return tuple(_read_pod(path) for path in paths)


def _read_pod(path: Path) -> PodData:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise BadInputError(f"{path} is no CSV file with a header; write it again") from error
    when = _time_column(header)
    told = {t: row for row in rows if (t := seconds_of(row[when : when + 1])) is not None}
    if rows and not told:
        raise BadInputError(f"{path} has no time in column {header[when]}; write ISO or epoch")
    times = sorted(told)
    columns = [i for i, name in enumerate(header) if _plain(name) not in TIMES and i != when]
    metrics = {header[i]: np.array([_number(told[t], i) for t in times]) for i in columns}
    return PodData(
        name=path.stem,
        times=np.array(times),
        metrics={name: values for name, values in metrics.items() if np.isfinite(values).any()},
    )


def _time_column(header: list[str]) -> int:
    plain = [_plain(name) for name in header]
    return next((plain.index(name) for name in TIMES if name in plain), 0)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _number(row: list[str], column: int) -> float:
    try:
        value = float(row[column])
    except (ValueError, IndexError):
        return np.nan
    return value if np.isfinite(value) else np.nan


def seconds_of(cells: list[str]) -> float | None:
    """Return a time told in ISO or as an epoch in s, ms, us or ns. None: it is neither."""
    text = cells[0].strip() if cells else ""
    try:
        value = float(text)
    except ValueError:
        return _iso_seconds(text)
    unit = next((unit for above, unit in UNITS if value > above), 1.0)
    return value / unit if np.isfinite(value) else None


def _iso_seconds(text: str) -> float | None:
    for part in (text, text[: len("2026-11-24T07:00:00")]):
        try:
            at = datetime.fromisoformat(part)
        except ValueError:
            continue
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None


def read_calls(folder: Path, graph: Path | None) -> tuple[tuple[str, str], ...]:
    """Return who calls whom, as pairs of names. Empty: no graph is there."""
    path = graph or next((folder / n for n in GRAPHS if (folder / n).is_file()), None)
    if path is None:
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig")
        pairs = _of_json(json.loads(text)) if path.suffix == ".json" else _of_csv(text)
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise BadInputError(
            f"{path} is no call graph; write source,target rows, or a list of pairs as JSON"
        ) from error
    return tuple(pairs)


def _of_csv(text: str) -> list[tuple[str, str]]:
    rows = list(csv.DictReader(text.splitlines()))
    return [(row["source"].strip(), row["target"].strip()) for row in rows]


def _of_json(graph: Any) -> list[tuple[str, str]]:
    if isinstance(graph, dict) and "edges" in graph:
        graph = graph["edges"]
    if isinstance(graph, dict):
        callers = ((caller, called) for caller, called in graph.items() if caller != "onset")
        return [(str(caller), str(callee)) for caller, called in callers for callee in called]
    return [_pair(edge) for edge in graph]


def _pair(edge: Any) -> tuple[str, str]:
    if isinstance(edge, dict):
        return str(edge["source"]), str(edge["target"])
    source, target = edge
    return str(source), str(target)


def read_onset(folder: Path, given: str | None) -> float:
    """Return when the fault began, Unix seconds: as given, or from a file in the folder."""
    for text in (given, *_told_onsets(folder)):
        if text is not None:
            seconds = seconds_of([text])
            if seconds is None:
                raise BadInputError(f"onset {text.strip()!r} is no time; write it in ISO or epoch")
            return seconds
    raise BadInputError(f"{folder} has no {ONSETS[0]}; write the onset there or give --onset")


def _told_onsets(folder: Path) -> Iterable[str]:
    for name in ONSETS:
        if (folder / name).is_file():
            yield (folder / name).read_text(encoding="utf-8-sig")
    try:
        graph = json.loads((folder / "graph.json").read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return
    if isinstance(graph, dict) and isinstance(graph.get("onset"), str | int | float):
        yield str(graph["onset"])
