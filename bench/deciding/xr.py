"""How many XR services over twelve clusters the engine solves in milliseconds, one or eight.

Exhaustive search knows for each single service whether there is a way. That there is one for eight
is known from services put one after the other, each on one of its ways, until a try succeeds.
Whoever writes the placement is checked without the engine's scorer.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter, process_time
from types import SimpleNamespace

import numpy as np
from rich.console import Console
from rich.progress import track

from bench.deciding.budget import search_within
from bench.deciding.xr_fleet import document
from bench.deciding.xr_truth import Left, planted, solutions, solved
from bench.report import figure
from services.decide.compiler import ready
from services.decide.core.instance import read_instance
from services.decide.core.placing.arrays import Arrays
from services.decide.warming import warm

SINGLE_MS, EIGHT_MS = (3.0, 10.0), (5.0, 20.0)
"""Budgets: what is aimed at, and what must be."""
PLANTINGS = 12
"""Orders tried before a fleet is left out because no way for eight was found."""


@dataclass(slots=True)
class Tally:
    """What became of the services of some instances within a budget."""

    services: int = 0
    good: int = 0
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    """Seeds of the instances with a service that was not solved."""

    def add(self, seed: int, arrays: Arrays, kernels: SimpleNamespace, budget_ms: float) -> None:
        """Search, and count what is solved."""
        wall, cpu = perf_counter(), process_time()
        search, _ = search_within(arrays, kernels, seconds=budget_ms / 1000.0)
        nodes = search.nodes
        self.wall_ms.append(1000.0 * (perf_counter() - wall))
        self.cpu_ms.append(1000.0 * (process_time() - cpu))
        good = solved(arrays, nodes)
        self.services += len(good)
        self.good += int(good.sum())
        if not good.all():
            self.failed.append(seed)


def single_problem(seed: int) -> Arrays | None:
    """Return a fleet and one service for which there is a way; None if there is none."""
    arrays = read_instance(document(seed)).arrays
    return arrays if len(solutions(Left(arrays), 0)) else None


def eight_problem(seed: int) -> Arrays | None:
    """Return a fleet and eight services for which a way was found; None if none was."""
    arrays = read_instance(document(seed, services=8)).arrays
    chance = np.random.default_rng(seed)
    tries = (planted(arrays, chance.permutation(8).tolist(), chance) for _ in range(PLANTINGS))
    return arrays if any(left is not None for left in tries) else None


def xr_services(singles: int, eights: int, first: int) -> None:
    """Print the share of services solved and the time it took, per budget."""
    kernels = ready()
    warm(kernels)
    _measure("single", single_problem, range(first, first + singles), kernels, SINGLE_MS)
    _measure("eight", eight_problem, range(first, first + eights), kernels, EIGHT_MS)


def _measure(
    name: str,
    problem: Callable[[int], Arrays | None],
    seeds: range,
    kernels: SimpleNamespace,
    budgets_ms: tuple[float, ...],
) -> None:
    tallies = {budget: Tally() for budget in budgets_ms}
    for seed in track(seeds, description=name, console=Console(stderr=True)):
        arrays = problem(seed)
        if arrays is not None:
            for budget, tally in tallies.items():
                tally.add(seed, arrays, kernels, budget)
    for budget, tally in tallies.items():
        if tally.services:
            _tell(
                f"xr_{name}",
                tally,
                f"{len(seeds)} fleets, {len(tally.wall_ms)} with a way, {budget:g} ms",
            )


def _tell(name: str, tally: Tally, size: str) -> None:
    figure(f"{name}_solved", 100.0 * tally.good / tally.services, "% of services", size)
    figure(f"{name}_wall", statistics.median(tally.wall_ms), "ms", size)
    figure(f"{name}_cpu", statistics.median(tally.cpu_ms), "ms", size)
    if tally.failed:
        Console(stderr=True).print(f"{name}, {size}: not solved with seeds {tally.failed}")
