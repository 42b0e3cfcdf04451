"""What is measured about Decide, through its production code.

python -m bench.deciding xr --singles N --eights N
python -m bench.deciding noise --hours N
python -m bench.deciding turn --clusters N --applications N
python -m bench.deciding certify INSTANCE PLACEMENT --seconds N
python -m bench.deciding plots --instances DIR
"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help=__doc__, add_completion=False, no_args_is_help=True)

Seed = Annotated[int, typer.Option(min=0, help="Another seed, another world.")]


@app.command()
def xr(
    singles: Annotated[int, typer.Option(min=1, help="Fleets with one service.")] = 300,
    eights: Annotated[int, typer.Option(min=1, help="Fleets with eight services.")] = 100,
    seed: Seed = 0,
) -> None:
    """Solve XR services on twelve clusters, where it is known that there is a way."""
    from bench.deciding.xr import xr_services  # noqa: PLC0415 only what is asked for

    xr_services(singles, eights, seed)


@app.command()
def noise(
    hours: Annotated[float, typer.Option(min=0.1, help="Simulated.")] = 4.0, seed: Seed = 1
) -> None:
    """Count the moves, and the regret, when nothing is wrong but latencies are noisy."""
    from bench.deciding.noise import noise_hours  # noqa: PLC0415 as above

    noise_hours(hours, seed)


@app.command()
def turn(
    clusters: Annotated[int, typer.Option(min=4, max=1000)] = 100,
    applications: Annotated[int, typer.Option(min=1, max=2000, help="Of 5 components.")] = 200,
    turns: Annotated[int, typer.Option(min=1)] = 10,
    seed: Seed = 1,
) -> None:
    """Measure turns in which only measurements changed."""
    from bench.deciding.large import Size  # noqa: PLC0415 as above
    from bench.deciding.turn import cost_of_turns  # noqa: PLC0415 as above

    size = Size(clusters=clusters, applications=applications, wrong=min(8, applications))
    cost_of_turns(size, turns, seed)


@app.command()
def certify(
    instance: Annotated[Path, typer.Argument(help="decide-instance/1, plain or .gz.")],
    placement: Annotated[Path, typer.Argument(help="decide-placement/1.")],
    seconds: Annotated[float, typer.Option(min=1.0, help="Time for the solver.")] = 60.0,
) -> None:
    """Prove how far a placement of a small instance is from the best: one JSON line."""
    from bench.deciding.certifying import print_gap  # noqa: PLC0415 as above
    from bench.deciding.files import FileError  # noqa: PLC0415 as above

    try:
        print_gap(instance, placement, seconds)
    except FileError as error:
        typer.echo(f"certify: {error}", err=True)
        raise typer.Exit(2) from error


@app.command()
def plots(
    instances: Annotated[Path, typer.Option(help="Folder with M-1-warm.json.gz and others.")],
    generator: Annotated[Path, typer.Option(help="The program that makes instances.")],
    target: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("docs/decide"),
) -> None:
    """Draw quality against budget, and the growth of cost with size."""
    from bench.deciding.plots import plot  # noqa: PLC0415 as above

    for path, is_there in ((instances, instances.is_dir()), (generator, generator.is_file())):
        if not is_there:
            typer.echo(f"plots: {path} does not exist; name what the benchmark came with", err=True)
            raise typer.Exit(2)
    plot(instances, generator, target)


if __name__ == "__main__":
    app()
