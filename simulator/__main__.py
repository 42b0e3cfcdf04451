"""Runs a simulated fleet until it is asked to stop: `python -m simulator --help`."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Sequence

from shared.runtime import logs
from simulator.applications import declared
from simulator.scenario import ScenarioError, load
from simulator.settings import parsed
from simulator.simulation import simulate


def main(arguments: Sequence[str]) -> int:
    """Run, and return the exit code: 0 when asked to stop, 2 when it was asked for nonsense."""
    settings = parsed(arguments)
    try:
        scenario = load(settings.scenario, copies=settings.copies)
        examples = declared(copies=settings.copies, speed=settings.speed)
        settings.directory.mkdir(parents=True, exist_ok=True)
    except (ScenarioError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    logs.configure("simulator", level="info", form="json")
    asyncio.run(_until_stopped(simulate(settings, scenario, examples)))
    return 0


async def _until_stopped(work: Coroutine[None, None, None]) -> None:
    """Run until SIGTERM or SIGINT, which end it in good order. Other failures are raised."""
    task = asyncio.create_task(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
