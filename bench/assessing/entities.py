"""Entities of outside data, as `.npz` files: each judged by Orient's production code."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.progress import track

from services.orient.core.entities.pools import admit, empty_pool
from services.orient.core.entities.watch import judge_values

Table = npt.NDArray[np.float64]
DIMENSIONS = 2


class BadFileError(ValueError):
    """A file that cannot be judged; the message says why and what to do."""


def score_folder(in_dir: Path, out_dir: Path) -> None:
    """Write `<name>.csv` with a column `anomaly_score` for each `<name>.npz`.

    Exit: 2 where a file cannot be judged, after the others are done.
    """
    paths = sorted(in_dir.glob("*.npz"))
    if not paths:
        _complain(f"{in_dir}: no .npz files there; give the folder that holds them")
        raise typer.Exit(2)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _complain(f"{out_dir}: cannot be made ({error.strerror}); give another folder")
        raise typer.Exit(2) from error
    bad = 0
    for path in track(paths, "entities", console=Console(stderr=True), transient=True):
        try:
            scores = score(*read(path))
        except BadFileError as error:
            _complain(f"{path}: {error}")
            bad += 1
        else:
            _write(out_dir / f"{path.stem}.csv", scores)
    if bad:
        raise typer.Exit(2)


def read(path: Path) -> tuple[Table, Table]:
    """Return what to learn from and what to judge, shapes (t, d). BadFileError: why not."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ("train", "test") if name in file.files}
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
        raise BadFileError("is not a readable .npz file of numbers; write it again") from error
    for name in ("train", "test"):
        if name not in arrays:
            raise BadFileError(f"has no array {name}; write arrays train and test")
    train, test = _table("train", arrays["train"]), _table("test", arrays["test"])
    if train.shape[1] != test.shape[1]:
        raise BadFileError(
            f"train has {train.shape[1]} columns and test {test.shape[1]}; give both the same"
        )
    return train, test


def _table(name: str, array: npt.NDArray[np.generic]) -> Table:
    if array.ndim != DIMENSIONS or array.shape[1] == 0:
        raise BadFileError(f"{name} has shape {array.shape}; it must be rows times columns")
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise BadFileError(f"{name} holds {array.dtype}; it must hold numbers")
    if np.issubdtype(array.dtype, np.complexfloating):
        raise BadFileError(f"{name} holds complex numbers; it must hold real ones")
    return array.astype(np.float64)


def score(train: Table, test: Table) -> npt.NDArray[np.float32]:
    """Return the score of each row of `test`, shape (t,), from what came before it alone."""
    pool = empty_pool(train.shape[1])
    admit(pool, ["it"], {"it"})
    for row in train:
        judge_values(pool, row[None, :])
    scores = [judge_values(pool, row[None, :])[0].score[0] for row in test]
    return np.array(scores, np.float32)


def _write(path: Path, scores: npt.NDArray[np.float32]) -> None:
    lines = ["anomaly_score", *(f"{value:.6g}" for value in scores.tolist())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _complain(sentence: str) -> None:
    print(sentence, file=sys.stderr)
