"""The kernels of a running Decide: it decides at once, whatever becomes of the compiler."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
import structlog

from services.decide.compiler import folder_in, ready
from services.decide.core.placing.kernels.compiled import interpreted
from services.decide.kernels import Kernels
from services.decide.service import run
from shared.bus.memory import MemoryBus
from shared.messages.decision import Decision
from tests.support.builders import FLEET, NOW
from tests.unit.decide.test_service import handled, insight


def compiler(code: str) -> tuple[str, ...]:
    """Return a compiler that does what a line of Python says."""
    return (sys.executable, "-c", code)


async def until_told(told: list[structlog.typing.EventDict], event: str) -> dict[str, object]:
    """Wait for an event and return it."""
    async with asyncio.timeout(20):
        while not (found := [entry for entry in told if entry["event"] == event]):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (only,) = found
    return dict(only)


def is_interpreted(kernels: Kernels) -> bool:
    """Tell whether kernels are plain functions."""
    return vars(kernels.current()) == vars(interpreted())


async def test_it_begins_interpreted_and_goes_on_compiled() -> None:
    ready()
    kernels = Kernels()
    assert is_interpreted(kernels)
    with structlog.testing.capture_logs() as told:
        async with kernels.compiling():
            event = await until_told(told, "kernels_compiled")
    assert event["log_level"] == "info"
    assert not is_interpreted(kernels)
    assert vars(kernels.current()).keys() == vars(interpreted()).keys()


async def test_a_compiler_that_fails_is_told_once_and_it_decides_all_the_same(
    tmp_path: Path,
) -> None:
    failing = compiler("import sys; sys.exit('Traceback:\\nOSError: no space left')")
    kernels = Kernels(str(tmp_path), compiler=failing)
    bus = MemoryBus(fleet=FLEET, now=lambda: NOW)
    with structlog.testing.capture_logs() as told:
        async with kernels.compiling():
            event = await until_told(told, "kernels_not_compiled")
            task = asyncio.create_task(run(bus, now=lambda: NOW, kernels=kernels.current))
            await asyncio.sleep(0)
            decisions = await handled(bus, insight(0, bad=True))
            task.cancel()
            await asyncio.wait({task})
    assert event["log_level"] == "error"
    assert event["reason"] == "PermanentError: the compiler ended with 1: OSError: no space left"
    assert is_interpreted(kernels)
    assert all(isinstance(decision, Decision) for decision in decisions)
    assert decisions


async def test_a_folder_that_cannot_be_loaded_is_told_too(tmp_path: Path) -> None:
    folder = folder_in(str(tmp_path))
    folder.parent.mkdir(exist_ok=True)
    folder.touch()
    kernels = Kernels(str(tmp_path))
    with structlog.testing.capture_logs() as told:
        async with kernels.compiling():
            event = await until_told(told, "kernels_not_compiled")
    assert str(folder) in str(event["reason"])
    assert is_interpreted(kernels)


async def test_the_compiler_ends_with_the_service(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    slow = compiler(
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    with structlog.testing.capture_logs() as told:
        async with Kernels(str(tmp_path), compiler=slow).compiling(), asyncio.timeout(20):
            while not (pid_file.exists() and pid_file.read_text()):  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
    assert told == []
