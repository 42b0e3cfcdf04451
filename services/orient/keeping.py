"""The file in which Orient's memory outlives the process."""

import asyncio
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from services.orient import telemetry
from services.orient.core.memory import Memory
from services.orient.core.saving.pack import pack, unpack
from shared.errors import PermanentError
from shared.runtime.clock import monotonic

SAVE_EVERY_SECONDS = 300.0
MAX_FILE_BYTES = 2 * 1024**3
"""More than any memory of ours: the rows are bounded."""


class Keeper:
    """Saves the memory every few minutes and at the end, without holding up the turns.

    A disk that is full or cannot be written is told, and tried again; it never ends the service.
    """

    def __init__(self, directory: Path, *, fleet: str) -> None:
        self._file = directory / f"orient-{fleet}.npz"
        self._fleet = fleet
        self._due = monotonic() + SAVE_EVERY_SECONDS
        self._saving: asyncio.Task[None] | None = None
        self._is_lost = False

    def restore(self) -> Memory | None:
        """Return what was saved. None: nothing, or nothing of use, which is told and set aside."""
        try:
            memory = unpack(_read(self._file), fleet=self._fleet)
        except FileNotFoundError:
            return None
        except (PermanentError, OSError) as error:
            telemetry.memory_set_aside(reason=str(error))
            _set_aside(self._file)
            return None
        telemetry.memory_restored(series=len(memory.rows.of), learnt_at=memory.learnt_at)
        return memory

    def keep(self, memory: Memory) -> None:
        """Begin to save the memory, if it is time and the last save has ended."""
        if monotonic() >= self._due and (self._saving is None or self._saving.done()):
            self._due = monotonic() + SAVE_EVERY_SECONDS
            arrays = pack(memory, fleet=self._fleet)  # now: it changes in place
            self._saving = asyncio.create_task(self._save(arrays), name="save memory")

    async def close(self, memory: Memory) -> None:
        """Save the memory once more, after what is being saved."""
        if self._saving is not None:
            await self._saving
        await self._save(pack(memory, fleet=self._fleet))

    async def _save(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        started = monotonic()
        try:
            size = await asyncio.to_thread(_write, self._file, arrays)
        except OSError as error:
            if not self._is_lost:
                telemetry.memory_lost(reason=str(error))
            self._is_lost = True
            return
        if self._is_lost:
            telemetry.memory_found()
        self._is_lost = False
        telemetry.memory_saved(size_bytes=size, seconds=monotonic() - started)


def _write(file: Path, arrays: dict[str, npt.NDArray[Any]]) -> int:
    """Put the arrays in the place of the file, whole or not at all. Return its bytes."""
    begun = file.with_suffix(".new")
    with begun.open("wb") as target:
        np.savez(target, allow_pickle=False, **arrays)
        target.flush()
        os.fsync(target.fileno())
        size = target.tell()
    begun.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return size


def _read(file: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays. PermanentError: they cannot be read as they were written."""
    if file.stat().st_size > MAX_FILE_BYTES:
        raise PermanentError(f"it is larger than {MAX_FILE_BYTES} bytes")
    try:
        with zipfile.ZipFile(file) as whole:
            damaged = whole.testzip()
        if damaged is not None:
            raise PermanentError(f"{damaged} in it is damaged")
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise PermanentError(f"it is damaged: {error}") from error


def _set_aside(file: Path) -> None:
    """Keep it beside for who wants to know; of those only the newest."""
    try:
        file.replace(file.with_suffix(".unusable"))
    except OSError as error:
        telemetry.memory_lost(reason=str(error))
