"""Plan an instance with the production engine, and say how long it took.

python bench/decide.py INSTANCE --budget-ms 1000 --out PLACEMENT

Formats: decide-instance/1 (services/decide/core/instance.py reads it) and decide-placement/1.
Everything else that is measured about Decide: python -m bench.deciding --help
"""

import resource
import sys
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress

from bench.deciding.budget import search_within
from bench.deciding.files import PLACEMENT, FileError, body_of, parsed
from services.decide.compiler import ready
from services.decide.core.instance import Instance, read_instance
from services.decide.core.instance_checks import InstanceError
from services.decide.core.placing.engine import Search, start

LONG_SECONDS = 3.0
"""A longer search shows how far it is."""


app = typer.Typer(add_completion=False)


@app.command()
def plan(
    instance: Annotated[Path, typer.Argument(help="decide-instance/1, plain or .gz.")],
    out: Annotated[Path, typer.Option(help="Where the placement goes (decide-placement/1).")],
    budget_ms: Annotated[float, typer.Option(help="Time for the search.", min=1.0)] = 1000.0,
    iterations: Annotated[
        int | None, typer.Option(help="Instead of a time: same number, same bytes.", min=0)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another search.")] = 1,
    *,
    make_before_break: Annotated[
        bool, typer.Option("--make-before-break", help="Old and new copies both take room.")
    ] = False,
) -> None:
    """Plan an instance: the placement goes to a file, one JSON line with the figures to stdout."""
    kernels = ready()
    try:
        body = body_of(instance)
        begun = perf_counter()
        document = parsed(instance, body)
    except FileError as error:
        raise _failed(str(error)) from error
    read = perf_counter()
    problem = _read(instance, document, make_before_break=make_before_break)
    built = perf_counter()
    if iterations is None:
        search, count = _within(problem, kernels, budget_ms / 1000.0, seed)
    else:
        search, count = start(problem.arrays, kernels, seed=seed), iterations
        search.run(iterations)
    searched = perf_counter()
    _write(out, problem, search)
    score = search.score
    figures = {
        "instance": instance.name,
        "seed": seed,
        "parse_ms": round((read - begun) * 1000.0, 3),
        "build_ms": round((built - read) * 1000.0, 3),
        "search_ms": round((searched - built) * 1000.0, 3),
        "iterations": count,
        "unplaced": score.unplaced,
        "violations": score.violations,
        "usd": round(score.usd, 6),
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0, 1),
        "problems": list(problem.problems),
    }
    sys.stdout.write(orjson.dumps(figures).decode() + "\n")


def _read(file: Path, document: Any, *, make_before_break: bool) -> Instance:
    try:
        problem = read_instance(document, is_home_free=make_before_break)
    except InstanceError as error:
        raise _failed(f"{file}: {error}") from error
    for sentence in problem.problems:
        sys.stderr.write(f"{file}: {sentence}\n")
    return problem


def _within(problem: Instance, kernels: Any, seconds: float, seed: int) -> tuple[Search, int]:
    if seconds < LONG_SECONDS:
        return search_within(problem.arrays, kernels, seconds=seconds, seed=seed)
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("searching", total=1.0)
        return search_within(
            problem.arrays,
            kernels,
            seconds=seconds,
            seed=seed,
            progress=lambda part: bar.update(task, completed=part),
        )


def _write(out: Path, problem: Instance, search: Search) -> None:
    placement = {"format": PLACEMENT, "placement": problem.placement(search.nodes)}
    try:
        out.write_bytes(orjson.dumps(placement))
    except OSError as error:
        raise _failed(f"{out}: {error}") from error


def _failed(sentence: str) -> typer.Exit:
    sys.stderr.write(f"decide: {sentence}\n")
    return typer.Exit(2)


if __name__ == "__main__":
    app()
