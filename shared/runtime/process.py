"""Run one service from start to end: logs, probes, the work itself, and an orderly stop."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import NoReturn

from shared.errors import PermanentError
from shared.runtime import logs, telemetry
from shared.runtime.probes import Readiness, serve_probes
from shared.runtime.settings import PREFIX, WRONG_SETTINGS, CommonSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the main coroutine of a service gets from the process that runs it."""

    name: str
    readiness: Readiness


Main = Callable[[Process], Coroutine[None, None, None]]


def run_service(name: str, settings: CommonSettings, main: Main) -> NoReturn:
    """Run `main` until it ends or the process is asked to stop, then exit.

    SIGTERM and SIGINT cancel it: it finishes or leaves its message, drains its connections, and
    the exit code is 0. A failure that nobody handled is logged, and the exit code is 1. Where the
    probes cannot listen, which comes before all else, it is that of wrong settings.
    """
    logs.configure(name, level=settings.log_level, form=settings.log_format)
    try:
        code = asyncio.run(supervise(name, settings, main))
    except PermanentError as error:
        where = f"{PREFIX}HTTP_HOST={settings.http_host!r} {PREFIX}HTTP_PORT={settings.http_port}"
        sys.stderr.write(f"{where}: {error}\n")
        code = WRONG_SETTINGS
    sys.exit(code)


async def supervise(name: str, settings: CommonSettings, main: Main) -> int:
    """Run `main` with probes and signal handlers around it, and return the exit code.

    PermanentError: the probes cannot listen where the settings say.
    """
    process = Process(name=name, readiness=Readiness())
    host, port = settings.http_host, settings.http_port
    async with serve_probes(process.readiness, host=host, port=port) as listening:
        telemetry.process_started(fleet=settings.fleet, http_port=listening)
        work = asyncio.create_task(main(process), name=name)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        await asyncio.wait({work})
    return _exit_code(work)


def _exit_code(work: "asyncio.Task[None]") -> int:
    """Tell how the work ended."""
    if work.cancelled():
        telemetry.process_stopped()
        return 0
    failure = work.exception()
    if failure is not None:
        telemetry.process_failed(failure)
        return 1
    telemetry.process_ended()
    return 0
