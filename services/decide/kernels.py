"""The kernels a running Decide searches with: interpreted at once, compiled when that is done."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

from services.decide import telemetry
from services.decide.compiler import folder_in, translated
from services.decide.core.placing.kernels.compiled import interpreted
from shared.errors import PermanentError
from shared.runtime.clock import monotonic

COMPILER = (sys.executable, "-m", "services.decide.compiler")


class Kernels:
    """What to search with now."""

    def __init__(self, kernels_dir: str = "", *, compiler: tuple[str, ...] = COMPILER) -> None:
        self._current = interpreted()
        self._kernels_dir = kernels_dir
        self._compiler = compiler

    def current(self) -> SimpleNamespace:
        """Return them: another set once they are compiled."""
        return self._current

    @asynccontextmanager
    async def compiling(self) -> AsyncIterator[None]:
        """Have them compiled while the block runs; where that fails, say so and go on without."""
        task = asyncio.create_task(self._compile(), name="kernels")
        task.add_done_callback(_tell)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _compile(self) -> None:
        started = monotonic()
        folder = folder_in(self._kernels_dir)
        if not folder.exists():
            await self._run_compiler()
        self._current = await asyncio.to_thread(translated, folder)
        telemetry.kernels_compiled(seconds=monotonic() - started)

    async def _run_compiler(self) -> None:
        """Compile in a process of its own, which ends with ours. PermanentError: it failed."""
        environment = {**os.environ, "CROSSLOOP_KERNELS_DIR": self._kernels_dir}
        child = await asyncio.create_subprocess_exec(
            *self._compiler, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
        )
        try:
            _, said = await child.communicate()
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise PermanentError(f"the compiler ended with {child.returncode}: {last}")


def _tell(task: "asyncio.Task[None]") -> None:
    """Tell why there are no compiled kernels, once."""
    if not task.cancelled() and (failure := task.exception()):
        telemetry.kernels_not_compiled(reason=f"{type(failure).__name__}: {failure}")
