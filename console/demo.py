"""`crossloop demo`: the whole loop on one machine, and what it does, as it does it."""

import asyncio
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from console.follow import joined, stories
from console.narrate import narrate
from console.real.processes import NotReadyError
from console.render import live_view
from console.settled import Summary, is_settled, summary_of
from console.stack import Stack, simulated_stack
from console.story import Story
from shared.messages.subjects import Message
from shared.runtime import logs
from shared.runtime.clock import monotonic
from shared.runtime.settings import CommonSettings
from simulator.scenario import names

screen = Console()
START_SECONDS = 60.0
"""How long the services may take until the bus is there: a machine may be busy."""
WAIT_SECONDS = 1.0
"""Between two looks at the world while no message comes."""


def _known(scenario: str) -> str:
    """Refuse a scenario that is not there, before anything is started."""
    if scenario not in names() and not Path(scenario).is_file():
        raise typer.BadParameter(f"there are {', '.join(names())}, or the path of a .yaml file")
    return scenario


def demo(
    *,
    scenario: Annotated[
        str, typer.Option(callback=_known, help=f"{', '.join(names())}, or a .yaml file.")
    ] = "link-degrades",
    speed: Annotated[
        float, typer.Option(min=0.5, max=20.0, help="How much faster the world's clock runs.")
    ] = 5.0,
    real: Annotated[
        bool,
        typer.Option("--real", help="Real Kubernetes, Prometheus, Thanos, Alertmanager."),
    ] = False,
    until_settled: Annotated[
        bool,
        typer.Option(
            "--until-settled",
            help="End by itself when all is well again; exit code 0 only then.",
        ),
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="End after this long in any case. 0: at Ctrl-C.")
    ] = 0.0,
    json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Run nats-server, the simulated fleet and the four services here, and show what they do."""
    logs.configure("demo", level="error", form="console")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # as Ctrl-C: the children are ended
    limit = seconds or (600.0 if until_settled else float("inf"))
    with tempfile.TemporaryDirectory(prefix="crossloop-") as folder:
        try:
            with _stack(Path(folder), scenario=scenario, speed=speed, real=real) as stack:
                title = f"crossloop · {scenario} · {speed:g}x"
                summary = asyncio.run(
                    _show(stack, title, until_settled=until_settled, limit=limit, quiet=json)
                )
        except KeyboardInterrupt:
            screen.print("stopped")
            return
        except (NotReadyError, FileNotFoundError, LookupError) as error:
            sys.stderr.write(f"crossloop demo: {error}\n")
            sys.exit(1)
    screen.out(summary.to_json() if json else summary.to_text())
    if until_settled and not summary.is_good:
        sys.exit(1)


def _stack(
    folder: Path, *, scenario: str, speed: float, real: bool
) -> AbstractContextManager[Stack]:
    if not real:
        return simulated_stack(folder, scenario=scenario, speed=speed)
    from console.real.stack import real_stack  # noqa: PLC0415 - only where the parts are

    return real_stack(folder, scenario=scenario, speed=speed)


async def _show(
    stack: Stack, title: str, *, until_settled: bool, limit: float, quiet: bool
) -> Summary:
    """Show the story until it is settled, time is up, or a process of the demo has ended."""
    deadline = monotonic() + limit
    settings = CommonSettings(nats_url=(stack.nats_url,), fleet="default")
    story = Story()
    joining = joined(settings, patience_seconds=START_SECONDS)
    async with joining as bus, _ticking(stories(bus)) as turns:
        with _display(title, quiet=quiet) as show:
            async for turn in turns:
                if turn is not None:
                    story, message = turn
                    show(story, message)
                    if story.met_cycles == 1:
                        stack.start_world()
                stack.check_alive()
                if until_settled and is_settled(story, stack.ground_truth()):
                    break
                if monotonic() > deadline:
                    break
    return summary_of(story, stack.ground_truth())


Turn = tuple[Story, Message | None]


@asynccontextmanager
async def _ticking(turns: AsyncIterator[Turn]) -> AsyncIterator[AsyncIterator[Turn | None]]:
    """Give the turns, and None each second in which none came."""
    arrived: asyncio.Queue[Turn] = asyncio.Queue()

    async def pump() -> None:
        async for turn in turns:
            arrived.put_nowait(turn)

    async def ticks() -> AsyncIterator[Turn | None]:
        while not pumping.done():
            try:
                async with asyncio.timeout(WAIT_SECONDS):
                    turn: Turn | None = await arrived.get()
            except TimeoutError:
                turn = None
            yield turn
        pumping.result()

    async with asyncio.TaskGroup() as group:
        pumping = group.create_task(pump())
        yield ticks()
        pumping.cancel()


Show = Callable[[Story, Message | None], None]


@contextmanager
def _display(title: str, *, quiet: bool) -> Iterator[Show]:
    """Give the function that shows a turn: a live view on a terminal, lines elsewhere."""
    if quiet:
        yield lambda story, message: None  # noqa: ARG005
    elif screen.is_terminal:
        with Live(live_view(Story(), title), console=screen, refresh_per_second=4) as live:
            yield lambda story, message: live.update(live_view(story, title))  # noqa: ARG005
    else:
        before = Story()

        def tell(story: Story, message: Message | None) -> None:
            nonlocal before
            for line in narrate(before, story, message):
                screen.print(line, soft_wrap=True)
            before = story

        yield tell
