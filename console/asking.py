"""What every command does: join the bus, do its work, and end with a sentence where it cannot."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import NoReturn

from rich.console import Console

from console.follow import joined
from shared.bus.jetstream import JetStreamBus
from shared.runtime import logs
from shared.runtime.settings import CommonSettings, load

screen = Console()


def with_bus(work: Callable[[JetStreamBus], Coroutine[None, None, None]]) -> None:
    """Do a command's work on the fleet's bus. Exit 1, with a sentence, on a LookupError."""
    settings = load(CommonSettings)
    logs.configure("console", level="error", form="console")

    async def run() -> None:
        async with joined(settings) as bus:
            await work(bus)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(130)
    except LookupError as error:
        fail(str(error.args[0]))


def fail(sentence: str) -> NoReturn:
    """End with exit code 1 and a sentence that says what was wrong."""
    sys.stderr.write(f"crossloop: {sentence}\n")
    sys.exit(1)
