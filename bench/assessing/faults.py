"""Whether Orient finds the faults of a made-up fleet soon, and names their cause first."""

import copy
import random
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.assessing.cases import CASES, Case
from bench.assessing.deploys import DAY_SECONDS
from bench.assessing.fleet import plan_fleet
from bench.assessing.life import INTERVAL_SECONDS, Life, begin
from bench.report import figure
from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from shared.messages.incident import Incident

WITHIN_TURNS = 2
"""So many cycles after the first that shows a fault in full it must be found."""
TURNS_BETWEEN = 7
"""From one run to the next the fleet lives on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How one fault went."""

    name: str
    case: Case
    found_turns: int | None
    """After the first full sample; negative: before it. None: not in time."""
    is_first: bool
    opened: tuple[Incident, ...]
    """All that was opened."""

    @property
    def others(self) -> int:
        """Return how many incidents are about something else."""
        return sum((i.kind, i.subject) != self.case.entity for i in self.opened)


def try_faults(runs: int, names: list[str], clusters: int, hours: float, seed: int) -> None:
    """Print the shares of faults found and named first, and on stderr those that were not."""
    console = Console(stderr=True)
    life, memory = warm(clusters, hours, seed, console)
    chance = random.Random(seed)
    told: list[Run] = []
    order = [name for _ in range(runs) for name in names]
    for name in track(order, description="faults", console=console):
        for _ in range(TURNS_BETWEEN):
            _, memory = orient(life.turn(), memory)
        told.append(run_one(name, life, memory, chance))
    size = f"{clusters} clusters, {runs} runs of each, seed {seed}"
    for name in names:
        _figures(f"faults_{name}", [r for r in told if r.name == name], size)
    _figures("faults", told, size)
    console.print(_table(told))


def warm(clusters: int, hours: float, seed: int, console: Console) -> tuple[Life, Memory]:
    """Return a fleet, and what Orient remembers of so many calm hours of it."""
    life, memory = begin(plan_fleet(clusters, seed), seed), Memory()
    turns = round(hours * 3600 / INTERVAL_SECONDS)
    # a Monday afternoon: the users are neither most nor least
    life.number = round(DAY_SECONDS / 2 / INTERVAL_SECONDS)
    life.world.seconds = life.number * INTERVAL_SECONDS
    for _ in track(range(turns), description="warm", console=console):
        _, memory = orient(life.turn(), memory)
    return life, memory


def run_one(name: str, life: Life, memory: Memory, chance: random.Random) -> Run:
    """Have a fault in a copy of a fleet, and return what Orient makes of it."""
    life, memory = copy.deepcopy((life, memory))
    life.is_changed = False
    before = {w.incident.id for w in memory.watched}
    case = CASES[name](life, chance)
    opened: dict[str, Incident] = {}
    found: int | None = None
    is_first = False
    for turn in range(1, case.full_turns + WITHIN_TURNS + 1):
        insight, memory = orient(life.turn(), memory)
        now = [i for i in insight.incidents if i.is_open and i.id not in before]
        opened = {i.id: i for i in now} | opened
        about = [i for i in now if is_about(i, case)]
        if about and found is None:
            found = turn - case.full_turns
            is_first = any((i.kind, i.subject) == case.entity for i in about)
    return Run(
        name=name, case=case, found_turns=found, is_first=is_first, opened=tuple(opened.values())
    )


def is_about(incident: Incident, case: Case) -> bool:
    """Tell whether a fault is what an incident tells of, or among what may be behind it."""
    named = {(incident.kind, incident.subject)} | {(s.kind, s.subject) for s in incident.suspects}
    return case.entity in named


def _figures(name: str, told: list[Run], size: str) -> None:
    found = [r.found_turns for r in told if r.found_turns is not None]
    figure(f"{name}_found", len(found) / len(told), "ratio", size)
    figure(f"{name}_first", sum(r.is_first for r in told) / len(told), "ratio", size)
    figure(f"{name}_others", sum(r.others for r in told) / len(told), "incidents a run", size)
    if found:
        figure(f"{name}_delay_median", median(found), "cycles after the first full", size)


def _table(told: list[Run]) -> Table:
    """Return the runs in which something was not as it ought to be."""
    table = Table("fault", "of", "size", "found", "first", "opened instead or beside")
    for run in told:
        if run.is_first and not run.others:
            continue
        others = "; ".join(f"{i.kind} {i.subject}" for i in run.opened)
        found = "no" if run.found_turns is None else str(run.found_turns)
        first = "yes" if run.is_first else "no"
        table.add_row(run.name, run.case.subject, run.case.size, found, first, others)
    return table
