"""Act: what a move costs beside a plain rollout, what it asks for when idle, how it survives.

python -m bench.act moves [--moves N] [--at-once N]
python -m bench.act idle [--applications N] [--seconds N]
python -m bench.act lost [--runs N]
python -m bench.act surviving
python -m bench.act                       all four

All but the last need the real servers: REAL_PARTS names their folder.
"""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from bench.acting import idling, losing, moves, surviving
from shared.runtime import logs

app = typer.Typer(help=__doc__, add_completion=False, invoke_without_command=True)


@app.callback()
def everything(context: typer.Context) -> None:
    """Measure all, when no command is given."""
    logs.configure("bench", level="error", form="console")
    if context.invoked_subcommand is None:
        move()
        idle()
        lost()
        survive()


@app.command("moves")
def move(
    number: Annotated[int, typer.Option("--moves", min=1)] = 200,
    at_once: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    """Move three replicas between two virtual nodes, beside the same rollouts without Act."""
    with _progress() as progress:
        moves.measure(number, at_once, progress)


@app.command()
def idle(
    applications: Annotated[int, typer.Option(min=1)] = 1000,
    seconds: Annotated[int, typer.Option(min=30)] = 180,
) -> None:
    """Measure requests and memory of an Act that has nothing to do but tell jittering numbers."""
    with _progress() as progress:
        idling.measure(applications, seconds, progress)


@app.command()
def lost(runs: Annotated[int, typer.Option(min=1)] = 5) -> None:
    """Measure from Liqo's sign that a cluster is lost to the cordon, and to the replacement."""
    with _progress() as progress:
        losing.measure(runs, progress)


@app.command("surviving")
def survive() -> None:
    """Count the runs of the tests that kill Act at every call, and let every call fail."""
    surviving.measure()


def _progress() -> Progress:
    return Progress(console=Console(stderr=True))


if __name__ == "__main__":
    app()
