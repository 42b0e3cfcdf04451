"""Child processes in tests: those of the console, and a wait that lets other tasks run."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from console.real.processes import Child, NotReadyError, free_ports, running, wait_until
from shared.runtime.clock import monotonic

__all__ = ["Child", "NotReadyError", "eventually", "free_ports", "running", "wait_until"]

T = TypeVar("T")


async def eventually(condition: Callable[[], T], *, what: str, seconds: float) -> T:
    """Poll until the condition is true, and return its value. AssertionError: time is up."""
    deadline = monotonic() + seconds
    while not (value := condition()):
        if monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.05)
    return value
