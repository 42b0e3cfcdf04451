"""A simulated world with the demo application where it starts, for tests of the simulator."""

from collections.abc import Iterable
from functools import cache

from shared.model.application import Application
from simulator.applications import declared
from simulator.events import Event
from simulator.fleet import NoiseSpec, RhythmSpec
from simulator.pods import Container, Pod
from simulator.scenario import Scenario, load
from simulator.world import World

GIB = 2**30
SIZES = {"ingest": 1, "track": 2, "render": 8, "encode": 2, "sync": 1}


def a_pod(component: str, node: str, number: int = 1, **changes: object) -> Pod:
    """Return a ready pod of a component on a node of home, or on a provider's virtual node."""
    cores = SIZES[component]
    name = f"{component}-{node}-{number}"
    values = {
        "uid": name,
        "namespace": "xr",
        "name": name,
        "workload": component,
        "node": node,
        "ready": True,
        "terminating": False,
        "containers": (
            Container(
                name=component,
                cores=cores,
                memory_bytes=cores * GIB,
                most_cores=cores,
                most_bytes=cores * GIB,
            ),
        ),
    }
    return Pod(**{**values, **changes})  # type: ignore[arg-type]


def pods_at(**where: str) -> tuple[Pod, ...]:
    """Return two pods per component: at home, spread over its nodes, or where told."""
    return tuple(
        a_pod(component, where.get(component, f"home-{number}"), number)
        for component in SIZES
        for number in (1, 2)
    )


@cache
def _examples(speed: float) -> tuple[tuple[Application, ...], dict[tuple[str, str], float]]:
    examples = declared(copies=1, speed=speed)
    return examples.applications(), examples.access_ms()


@cache
def _loaded(scenario: str) -> Scenario:
    return load(scenario)


def a_world(scenario: str = "calm", *, speed: float = 1.0, **where: str) -> World:
    """Return the demo fleet with the arena; render at metro unless told otherwise."""
    return _running(_loaded(scenario), speed, where=where)


def a_world_of(
    events: Iterable[Event], *, step_seconds: float = 1.0, **changes: RhythmSpec | NoiseSpec
) -> World:
    """Return the demo fleet, with changes to it, to which these events happen."""
    fleet = _loaded("calm").fleet.model_copy(update=changes)
    in_order = tuple(sorted(events, key=lambda event: event.at))
    scenario = Scenario(name="mine", about="", fleet=fleet, events=in_order)
    return _running(scenario, 1.0, step_seconds)


def _running(
    scenario: Scenario, speed: float, step_seconds: float = 1.0, where: dict[str, str] | None = None
) -> World:
    applications, access_ms = _examples(speed)
    world = World(scenario, applications, access_ms, speed, step_seconds)
    world.see(pods_at(**{"render": "metro", **(where or {})}))
    return world


def run(world: World, seconds: float) -> None:
    """Run the world for so many simulated seconds."""
    for _ in world.steps_to((world.seconds + seconds) / world.speed):
        pass


def arena(world: World) -> Application:
    """Return the demo application."""
    return world.applications[0]
