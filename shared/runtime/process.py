"""Run one service from start to end: logs, probes, the work itself, and an orderly stop."""

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import NoReturn

from shared.runtime import logs
from shared.runtime.probes import Readiness, serve_probes
from shared.runtime.settings import CommonSettings

_log = logs.get("process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What the main coroutine of a service gets from the process that runs it."""

    name: str
    readiness: Readiness


Main = Callable[[Process], Coroutine[None, None, None]]


def run_service(name: str, settings: CommonSettings, main: Main) -> NoReturn:
    """Run `main` until it ends or the process is asked to stop, then exit.

    SIGTERM and SIGINT cancel it: it finishes or leaves its message, drains its connections, and
    the exit code is 0. A failure that nobody handled is logged, and the exit code is 1.
    """
    logs.configure(name, level=settings.log_level, form=settings.log_format)
    sys.exit(asyncio.run(supervise(name, settings, main)))


async def supervise(name: str, settings: CommonSettings, main: Main) -> int:
    """Run `main` with probes and signal handlers around it, and return the exit code."""
    process = Process(name=name, readiness=Readiness())
    host, port = settings.http_host, settings.http_port
    async with serve_probes(process.readiness, host=host, port=port) as listening:
        _log.info("process_started", fleet=settings.fleet, http_port=listening)
        work = asyncio.create_task(main(process), name=name)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, work.cancel)
        await asyncio.wait({work})
    return _exit_code(work)


def _exit_code(work: "asyncio.Task[None]") -> int:
    """Tell how the work ended."""
    if work.cancelled():
        _log.info("process_stopped")
        return 0
    failure = work.exception()
    if failure is not None:
        _log.error("process_failed", error=repr(failure), exc_info=failure)
        return 1
    _log.info("process_ended")
    return 0
