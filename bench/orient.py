"""Orient on outside data and at size, through its production code.

python bench/orient.py series IN_DIR OUT_DIR
python bench/orient.py entities IN_DIR OUT_DIR
python bench/orient.py forecast IN.npz OUT.csv --horizons 12,48
python bench/orient.py causes DIR
python bench/orient.py cost --series N
python bench/orient.py calm --days N
python bench/orient.py faults --runs N
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)


@app.callback()
def choose() -> None:
    """Keep the names of the commands, however many there are."""


@app.command()
def series(in_dir: Path, out_dir: Path) -> None:
    """Score each CSV (timestamp,value[,label]) of a folder: columns anomaly_score,alert_score."""
    from bench.assessing.series import score_folder  # noqa: PLC0415 only what is asked for

    score_folder(in_dir, out_dir)


@app.command()
def entities(in_dir: Path, out_dir: Path) -> None:
    """Score the rows of `test` in each .npz file: column anomaly_score."""
    from bench.assessing.entities import score_folder  # noqa: PLC0415 only what is asked for

    score_folder(in_dir, out_dir)


@app.command()
def forecast(
    source: Path,
    target: Path,
    horizons: str = "12,48",
    *,
    series_first: bool = False,
    score: bool = False,
) -> None:
    """Forecast the series of an .npz: series,row,horizon,forecast,p05,p50,p95."""
    from bench.assessing.forecast import run_forecast, score_lines  # noqa: PLC0415 as above

    task = run_forecast(source, target, horizons, series_first=series_first)
    for line in score_lines(task, horizons) if score else ():
        typer.echo(line)


@app.command()
def causes(folder: Path, graph: Path | None = None, onset: str | None = None) -> None:
    """Rank the pods of a folder (a metrics CSV each) by how likely they are the cause."""
    from bench.assessing.causes import print_causes  # noqa: PLC0415 as above

    print_causes(folder, graph, onset)


@app.command()
def cost(series: Annotated[int, typer.Option(min=100, max=262_144)] = 100_000) -> None:
    """Measure turns of a fleet with so many series: CPU and memory, one JSON line per figure."""
    from bench.assessing.cost import kernel, whole_turn  # noqa: PLC0415 as above

    kernel(series)
    whole_turn(series)


@app.command()
def calm(
    days: Annotated[float, typer.Option(min=0.01)] = 7.0,
    clusters: Annotated[int, typer.Option(min=6, max=100)] = 20,
    seed: int = 1,
) -> None:
    """Count the incidents that are opened on a fleet where nothing is wrong."""
    from bench.assessing.calm import calm_days  # noqa: PLC0415 as above

    calm_days(days, clusters, seed)


@app.command()
def faults(
    runs: Annotated[int, typer.Option(min=1)] = 20,
    kinds: Annotated[str, typer.Option(help="with commas; all if empty")] = "",
    clusters: Annotated[int, typer.Option(min=6, max=100)] = 20,
    hours: Annotated[float, typer.Option(min=0.25, help="calm before the faults")] = 2.0,
    seed: int = 1,
) -> None:
    """Count the scripted faults that are found in time, and named as the cause."""
    from bench.assessing.cases import CASES  # noqa: PLC0415 as above
    from bench.assessing.faults import try_faults  # noqa: PLC0415 as above

    names = [name for name in kinds.split(",") if name] or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        message = f"--kinds: there is no {unknown[0]!r}; there are {', '.join(CASES)}"
        typer.echo(message, err=True)
        raise typer.Exit(2)
    try_faults(runs, names, clusters, hours, seed)


if __name__ == "__main__":
    app()
