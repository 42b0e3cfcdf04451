"""What one turn of Decide costs at size: the building of the problems, and the decisions."""

import copy
import statistics
import tracemalloc
from time import perf_counter

from rich.console import Console
from rich.progress import track

from bench.deciding.large import Size, an_insight, measured_again
from bench.report import figure
from services.decide.compiler import ready
from services.decide.core.decide import decide
from services.decide.core.framing import framed, problem_of
from services.decide.core.ground import ground_of
from services.decide.core.memory import Memory
from services.decide.core.promises import Promises
from shared.messages.insight import Insight

WARM_TURNS = 2
"""After them what is wrong is wrong for long enough to be acted on."""


def cost_of_turns(size: Size, turns: int, seed: int) -> None:
    """Print what turns cost in which only measurements changed since the one before."""
    first = an_insight(size, seed)
    insights = [received(measured_again(first, turn, seed)) for turn in range(WARM_TURNS + turns)]
    kernels, memory = ready(), Memory()
    for insight in insights[: WARM_TURNS - 1]:
        _, memory = decide(insight, memory)
    building, deciding = list[float](), list[float]()
    for insight in track(insights[WARM_TURNS - 1 :], "turns", console=Console(stderr=True)):
        building.append(_building_ms(insight, memory))
        began = perf_counter()
        decisions, _ = decide(insight, memory, kernels=kernels)
        deciding.append(1000.0 * (perf_counter() - began))
    acts = sum(bool(decision.plan.actions) for decision in decisions)
    figure("building", statistics.median(building), "ms", str(size))
    figure("decide", statistics.median(deciding), "ms", str(size))
    figure("decide, slowest", max(deciding), "ms", str(size))
    figure("decisions that act", acts, "decisions", str(size))
    figure("memory of a turn", _peak_mib(insights[-1], memory), "MiB", str(size))


def received(insight: Insight) -> Insight:
    """Return an equal insight that shares nothing with another, as from the bus."""
    return copy.deepcopy(insight)


def _building_ms(insight: Insight, memory: Memory) -> float:
    began = perf_counter()
    ground, nothing = framed(insight, ground_of(insight), memory.frames), Promises()
    for application in insight.fleet.applications:
        problem_of(insight, ground, application, nothing)
    return 1000.0 * (perf_counter() - began)


def _peak_mib(insight: Insight, memory: Memory) -> float:
    tracemalloc.start()
    decide(insight, memory)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20
