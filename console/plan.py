"""`crossloop plan` and `crossloop replay`: decide on another fleet, and decide once more.

What decides is loaded with the command that needs it: the other commands start without.
"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from console.asking import fail, screen, with_bus
from console.output import as_json
from shared.bus.jetstream import JetStreamBus

File = Annotated[
    str,
    typer.Argument(
        help="An insight (`crossloop status --json` prints one) or an instance file; plain, .gz "
        "or .zst. `-`: standard input."
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--change", help="As link:a-b.latency=+3ms; may be given more than once."),
]
Lost = Annotated[
    list[str] | None,
    typer.Option("--without", metavar="CLUSTER", help="As if this cluster were lost."),
]
Only = Annotated[
    str, typer.Option("--application", metavar="NAME", help="Show this application only.")
]
Certify = Annotated[
    float,
    typer.Option(
        min=0.0,
        metavar="SECONDS",
        help="Of an instance of up to about 35 clusters x 400 components: prove with an exact "
        "model how far from the best the plan can be at most.",
    ),
]
Which = Annotated[
    str, typer.Argument(metavar="DECISION", help="An id, or an application: its newest decision.")
]
Save = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help="Write the insight it was decided on, to plan on."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one object.")]

working = Console(stderr=True)


def plan(
    file: File,
    *,
    change: Changes = None,
    without: Lost = None,
    application: Only = "",
    certify: Certify = 0.0,
    json: AsJson = False,
) -> None:
    """Show what would be decided on a fleet in a file, as it is or with something changed."""
    from console import planning  # noqa: PLC0415 - what decides, loaded when asked for

    try:
        with working.status("deciding"):
            planned = planning.planned(
                file, change or (), without or (), application=application, certify=certify
            )
    except (LookupError, planning.ChangeError, planning.InstanceError) as error:
        fail(str(error.args[0]))
    if json:
        screen.out(as_json(**planned.parts))
    else:
        screen.print(planned.view)


def replay(which: Which, *, save: Save = None, json: AsJson = False) -> None:
    """Make a past decision once more, from the record, and tell whether it is the same."""
    from console import replay as replaying  # noqa: PLC0415 - what decides, loaded when asked for

    async def work(bus: JetStreamBus) -> None:
        with working.status("deciding once more"):
            again = await replaying.replayed(bus, which)
        if save:
            replaying.save(again.insight, save)
        if json:
            screen.out(as_json(**replaying.as_parts(again)))
        else:
            screen.print(replaying.replay_view(again))
        if not again.is_identical:
            raise typer.Exit(1)

    with_bus(work)
