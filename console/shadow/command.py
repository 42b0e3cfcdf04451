"""`crossloop shadow`: what would have happened to applications that are only watched."""

import re
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from console.asking import screen, with_bus
from console.output import json_line
from console.shadow.account import Account, told
from console.shadow.report import Report, reports_of
from console.shadow.view import report_view
from shared.bus.port import Bus
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.model.names import ApplicationName
from shared.runtime.clock import now

RECORDED = timedelta(hours=24)
"""How long insights are kept."""
SLICE = timedelta(minutes=10)
"""Insights held in memory at a time."""
UNITS = {"m": "minutes", "h": "hours"}


def look_back(text: str) -> timedelta:
    """Read `90m` or `24h`. BadParameter, with a sentence: it is neither, or longer than a day."""
    read = re.fullmatch(r"([1-9][0-9]{0,3})([mh])", text)
    if read is None:
        raise typer.BadParameter(f"{text!r} is no time to look back: write 90m or 24h")
    time = timedelta(**{UNITS[read[2]]: int(read[1])})
    if time > RECORDED:
        raise typer.BadParameter(f"{text} is too long: insights are kept for 24h")
    return time


def shadow(
    application: Annotated[
        str, typer.Argument(metavar="[APPLICATION]", help="As xr/arena; all if not given.")
    ] = "",
    *,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="How far to look back, as 90m; at most 24h.")
    ] = "24h",
    json: Annotated[bool, typer.Option("--json", help="Print JSON, an object per line.")] = False,
) -> None:
    """Show what would have happened to applications in `shadow` or `advise`, against what did."""
    time = look_back(since)

    async def work(bus: Bus) -> None:
        reports = await reports_since(bus, now() - time)
        shown = chosen(reports, application)
        for report in shown:
            if json:
                screen.out(json_line(report))
            else:
                screen.print(report_view(report))
        if not shown and not json:
            screen.print("no application is in shadow or advise", style="dim")

    with_bus(work)


async def reports_since(bus: Bus, since: datetime) -> tuple[Report, ...]:
    """Return the reports on what the bus holds since an instant."""
    decisions = await bus.replay(of=Decision, since=since)
    account = Account()
    async for insights in insights_since(bus, since):
        account = told(account, decisions, insights)
    return reports_of(told(account, decisions, ()))


async def insights_since(bus: Bus, since: datetime) -> AsyncIterator[tuple[Insight, ...]]:
    """Yield the insights since an instant, oldest first, those of a slice of time at once."""
    end = now()
    errors = Console(stderr=True)
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("reading insights", total=(end - since) / SLICE)
        while since < end:
            if insights := await bus.replay(of=Insight, since=since, until=since + SLICE):
                yield insights
            since += SLICE
            progress.advance(task)


def chosen(reports: tuple[Report, ...], application: str) -> tuple[Report, ...]:
    """Return the report of one application, or all. LookupError, with a sentence: it has none."""
    name = ApplicationName(application.replace("_", "/", 1))
    shown = tuple(report for report in reports if not application or report.application == name)
    if application and not shown:
        known = ", ".join(report.application for report in reports) or "there is none"
        raise LookupError(
            f"{application} was neither in shadow nor in advise in that time: {known}"
        )
    return shown
