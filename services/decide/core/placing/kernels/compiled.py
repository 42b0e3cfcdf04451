"""One source of the kernels, two ways to run them: translated by numba, or by the interpreter.

Both give the same bytes. The interpreter needs no compiler and starts at once; it is some hundred
times slower.
"""

from collections.abc import Callable
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from services.decide.core.placing.arrays import Floats, Longs
from services.decide.core.placing.kernels import (
    annealing,
    chaining,
    changing,
    judging,
    measuring,
    moving,
    proposing,
    starting,
    troubles,
)

MODULES: tuple[ModuleType, ...] = (
    measuring,
    changing,
    proposing,
    troubles,
    chaining,
    moving,
    judging,
    annealing,
    starting,
)
"""In the order of their imports."""


def interpreted() -> SimpleNamespace:
    """Return the kernels as they stand, and lists for buffers: Python reads them faster."""
    return SimpleNamespace(**_functions(), buffers=_as_lists)


def translated(translate: Callable[[FunctionType], Any]) -> SimpleNamespace:
    """Return the kernels translated, each calling the others in their translated form."""
    done: dict[str, Any] = {}
    for module in MODULES:
        names = {**vars(module)}
        for name, kernel in vars(module).items():
            if isinstance(kernel, FunctionType) and kernel.__module__ == module.__name__:
                done[name] = names[name] = translate(
                    FunctionType(kernel.__code__, names, name, kernel.__defaults__)
                )
            elif name in done:
                names[name] = done[name]
    return SimpleNamespace(**done, buffers=_as_arrays)


def _functions() -> dict[str, Any]:
    return {
        name: kernel
        for module in MODULES
        for name, kernel in vars(module).items()
        if isinstance(kernel, FunctionType) and kernel.__module__ == module.__name__
    }


def _as_lists(ints: Longs, reals: Floats) -> tuple[list[int], list[float]]:
    return ints.tolist(), reals.tolist()


def _as_arrays(ints: Longs, reals: Floats) -> tuple[Longs, Floats]:
    return ints, reals
