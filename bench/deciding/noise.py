"""What noise alone makes Decide do: nothing is wrong, and every move is one too many.

What is measured of each link's latency wanders as an AR(1) process around what it is, so that
budgets that hold look broken at times. The fleet begins as it stands best. Told are the moves per
application and hour, and the regret: what the run cost beyond that placement.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise, product

from rich.console import Console
from rich.progress import track

from bench.deciding.closed import INTERVAL, STEP_SECONDS, Loop, arenas
from bench.report import figure
from services.decide.core.memory import Memory
from services.decide.core.money import GB_PER_HOUR, GIB, MOVE_USD, STATE_USD_PER_MIB
from shared.model.application import Application, Autonomy, Component, Constraints, UserGroup
from shared.model.names import ClusterName
from shared.model.site import Site
from simulator.fleet import FleetSpec
from simulator.scenario import load
from simulator.truth import Record

Spread = tuple[str, ...]
"""The cluster of each component of an application."""

SIGMA_MS = 1.5
"""Standard deviation of what is measured of a link, one way."""
REMEMBERED = 0.8
"""Correlation from one cycle to the next: the noise is remembered for a minute."""
FASTEST_MS = 0.1
"""No measurement is below that."""
OUTSIDE_FACTOR = 10.0
"""A minute out of its budget counts as so many minutes of what a group's application costs."""
KNOWN_MINUTES = 62.0
"""So long Orient has known the noise at the start, as after a start with what it saved."""
COPIES = 4
HOME_NODES = 4
"""So many that home has room for all but render."""
MOST_WEIGHED = 12
"""Placements of each application that are put together with those of the others."""


@dataclass(slots=True)
class Wander:
    """AR(1): each value is a part of the last one, and something new.

    Box, Jenkins, Reinsel, Ljung: Time Series Analysis (5th ed.), 3.2.3.
    """

    chance: random.Random
    least_ms: float
    _ms: float = 0.0

    def __post_init__(self) -> None:
        self._ms = self.chance.gauss(0.0, SIGMA_MS)

    def __call__(self) -> float:
        """Return the next value."""
        new = SIGMA_MS * math.sqrt(1.0 - REMEMBERED**2)
        self._ms = REMEMBERED * self._ms + self.chance.gauss(0.0, new)
        return max(self._ms, self.least_ms)


@dataclass(slots=True, kw_only=True)
class Account:
    """What a run has cost by now: minutes in which groups were out of their budgets, and money."""

    loop: Loop
    sites: dict[str, Site]
    usd: float = 0.0
    """Of resources, energy and traffic."""
    hosts: dict[str, Spread] = field(default_factory=dict)
    """Where each application stood last."""

    def note(self) -> None:
        """Take note of a step."""
        world = self.loop.world
        for application in world.applications:
            now = tuple(_most(world.serving(application, c.name)) for c in application.components)
            if all(now):
                self.hosts[application.name] = now
            spread = self.hosts[application.name]
            self.usd += usd_per_hour(application, spread, self.sites) * STEP_SECONDS / 3600.0

    @property
    def moved_usd(self) -> float:
        """What the moves cost, as Decide has it."""
        applications = self.loop.inventory.applications
        parts = {(a.name, c.name): c for a in applications for c in a.components}
        states = [
            (move.replicas, parts[move.application, move.component].state_mib)
            for _, move in self.loop.hands.moves
        ]
        return sum(many * (MOVE_USD + STATE_USD_PER_MIB * state) for many, state in states)

    @property
    def minutes(self) -> float:
        """How long groups truly were out of their budgets, added up."""
        groups = self.loop.record.state()["groups"].values()
        return sum(float(group["outside_seconds"]) for group in groups) / 60.0


def noise_hours(hours: float, seed: int) -> None:
    """Print the moves per application-hour, and the regret against the best that stands still."""
    console = Console(stderr=True)
    loop, best_usd = noisy(seed)
    _know(loop)
    account = Account(loop=loop, sites={str(s.name): s for s in loop.inventory.sites})
    loop.watches.append(account.note)
    turns = round(hours * 3600 / INTERVAL.total_seconds())
    for _ in track(range(turns), description="noise", console=console):
        loop.turn()
    applications = loop.inventory.applications
    groups = sum(len(a.users) for a in applications)
    best = best_usd * turns * INTERVAL.total_seconds() / 3600.0
    fine = account.minutes * OUTSIDE_FACTOR * best / (60.0 * hours * groups)
    ours = account.usd + account.moved_usd + fine
    components = sum(len(a.components) for a in applications)
    clusters = len(loop.world.scenario.fleet.clusters)
    size = f"{clusters} clusters, {components} components, {hours:g} h, seed {seed}"
    moves = len(loop.hands.moves) / (len(applications) * hours)
    figure("noise_moves", moves, "per application-hour", size)
    figure("noise_regret", 100.0 * (ours / best - 1.0), "%", size)
    figure("noise_outside", account.minutes / (0.6 * hours * groups), "% of time", size)


def _know(loop: Loop) -> None:
    """Have Orient see the noise for a while before anything may be done about it."""
    for autonomy in (Autonomy.SHADOW, Autonomy.AUTO):
        applications = tuple(replace(a, autonomy=autonomy) for a in loop.inventory.applications)
        loop.inventory = replace(loop.inventory, applications=applications)
        if autonomy is Autonomy.SHADOW:
            loop.run(KNOWN_MINUTES)
    loop.decided, loop.record = Memory(), Record(loop.world)


def noisy(seed: int) -> tuple[Loop, float]:
    """Return arenas where they stand best, and what they cost there in USD per hour.

    Each has to cross a link: cameras bring their pictures home, where there is nothing to render
    with, and no other cluster has room for all that may leave home.
    """
    fleet = _fleet(load("calm").fleet, seed)
    plain = arenas(COPIES, fleet=fleet)
    bound = tuple(_bound(a) for a in plain.inventory.applications)
    sites = {str(s.name): s for s in plain.inventory.sites}
    best = best_standing(plain, bound, sites)
    homes = {
        (a.namespace, c.workload.name): cluster
        for a, spread in zip(bound, best, strict=True)
        for c, cluster in zip(a.components, spread, strict=True)
    }
    loop = arenas(COPIES, fleet=fleet, homes=homes)
    loop.inventory = replace(loop.inventory, applications=bound)
    for ends, link in loop.world.links.items():
        chance = random.Random(f"{seed}/{'/'.join(sorted(ends))}")
        loop.sight.off_ms[ends] = Wander(chance, FASTEST_MS - link.spec.milliseconds)
    usd = sum(usd_per_hour(a, spread, sites) for a, spread in zip(bound, best, strict=True))
    return loop, usd


def _bound(application: Application) -> Application:
    elsewhere = Constraints(forbidden_clusters=(ClusterName("home"),))
    return replace(
        application,
        components=tuple(
            replace(
                c,
                movable=c.name != "ingest",
                constraints=elsewhere if c.name == "render" else c.constraints,
            )
            for c in application.components
        ),
    )


def _fleet(fleet: FleetSpec, seed: int) -> FleetSpec:
    clusters = {
        name: spec.model_copy(update={"nodes": HOME_NODES if spec.home else 2 * spec.nodes})
        for name, spec in fleet.clusters.items()
    }
    links = tuple(link.model_copy(update={"gbps": COPIES * link.gbps}) for link in fleet.links)
    return fleet.model_copy(update={"seed": seed, "clusters": clusters, "links": links})


def usd_per_hour(application: Application, spread: Spread, sites: dict[str, Site]) -> float:
    """Return what an application costs that stands so: Decide's money but for migration."""
    usd = 0.0
    where = {c.name: cluster for c, cluster in zip(application.components, spread, strict=True)}
    for component in application.components:
        site, asked = sites[where[component.name]], component.requests
        prices = site.prices
        each = asked.cpu_cores * (prices.core_hour + site.watts_per_core / 1000.0 * prices.kwh)
        usd += component.replicas * (each + asked.memory_bytes / GIB * prices.gib_hour)
    for flow in application.flows:
        if where[flow.source] != where[flow.target]:
            usd += flow.mbps * GB_PER_HOUR * sites[where[flow.source]].prices.gb_egress
    return usd


def _most(serving: dict[str, int]) -> str:
    return max(serving, key=lambda name: (serving[name], name), default="")


# ------------------------------------------------------------------ what stands still


def best_standing(
    loop: Loop, applications: tuple[Application, ...], sites: dict[str, Site]
) -> list[Spread]:
    """Return the cheapest placement that holds all budgets less the guard band, and has room.

    Of each application all replicas of a component stand together. The best of each are put
    together in all ways; what has no room by cores is left out.
    """
    names = sorted(loop.world.scenario.fleet.clusters)
    lists = []
    for application in applications:
        places = [[n for n in names if _may(c, n)] for c in application.components]
        good = (
            (usd_per_hour(application, spread, sites), spread)
            for spread in product(*places)
            if all(_holds(loop, application, g, spread) for g in application.users)
        )
        lists.append(sorted(good)[:MOST_WEIGHED])
    room = {
        name: float(spec.nodes * spec.cores_per_node)
        for name, spec in loop.world.scenario.fleet.clusters.items()
    }
    _, best = min(_together(lists, applications, room))
    return best


def _may(component: Component, cluster: str) -> bool:
    """Tell whether a component of these may stand on a cluster."""
    if not component.movable:
        return cluster == "home"
    return cluster not in component.constraints.forbidden_clusters


def _holds(loop: Loop, application: Application, group: UserGroup, spread: Spread) -> bool:
    world, guard = loop.world, loop.inventory.policy.guard_band_ratio
    where = {c.name: cluster for c, cluster in zip(application.components, spread, strict=True)}
    way = [where[name] for name in group.round_trip]
    site, _ = world.users[group.name]
    ms = world.access_ms[site, way[0]] + world.access_ms[site, way[-1]]
    ms += sum(application.component(name).processing_ms for name in group.round_trip)
    for one, other in pairwise(way):
        if one != other:
            ms += world.links[frozenset((one, other))].spec.milliseconds
    return ms <= group.budget_ms * (1.0 - guard)


def _together(
    lists: list[list[tuple[float, Spread]]],
    applications: tuple[Application, ...],
    room: dict[str, float],
) -> Iterator[tuple[float, list[Spread]]]:
    """Yield one placement of each application with their cost, as far as there is room for all."""
    if not lists:
        yield 0.0, []
        return
    for usd, spread in lists[0]:
        left = dict(room)
        for component, cluster in zip(applications[0].components, spread, strict=True):
            left[cluster] -= component.replicas * component.requests.cpu_cores
        if min(left.values()) >= 0:
            for more, rest in _together(lists[1:], applications[1:], left):
                yield usd + more, [spread, *rest]
