"""Puts one run together: the API server, the world in front of it, and what serves it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from shared.runtime import clock
from shared.runtime.kubernetes import KubernetesApi, connect
from simulator import telemetry
from simulator.alertmanager import Alertmanager
from simulator.applications import Declared, custom_resources
from simulator.controllers import running
from simulator.kubernetes import ApiServer, write_kubeconfig
from simulator.kubernetes.objects import Object
from simulator.liqo import Liqo
from simulator.objects import follow_kind
from simulator.pods import pod_from
from simulator.prometheus import Thanos, exporters_app
from simulator.scenario import Scenario
from simulator.settings import HOST, Settings
from simulator.start import deploy, install_kinds
from simulator.truth import Record
from simulator.world import World

FASTEST_TICK_SECONDS = 0.02


@dataclass(slots=True)
class Simulation:
    """One world, its account, and its time. Time stands still at 0 until `start`."""

    world: World
    record: Record
    alertmanager: Alertmanager
    _started_at: float | None = None

    def wall_seconds(self) -> float:
        """Return seconds of wall time since the start."""
        return 0.0 if self._started_at is None else clock.monotonic() - self._started_at

    def seconds(self) -> float:
        """Return simulated seconds since the start."""
        return self.wall_seconds() * self.world.speed

    def start(self) -> None:
        """Let time run, if it does not yet. What was before does not count."""
        if self._started_at is not None:
            return
        self._started_at = clock.monotonic()
        self.record = Record(self.world)

    def see_pods(self, pods: Mapping[str, Object]) -> None:
        """Take note of the pods of the cluster."""
        found = (pod_from(obj) for obj in pods.values())
        self.world.see((pod for pod in found if pod), self.wall_seconds())
        self.record.see_pods()

    async def run(self) -> None:
        """Step for ever."""
        tick = max(FASTEST_TICK_SECONDS, self.world.step_seconds / self.world.speed / 2)
        while True:
            for events in self.world.steps_to(self.wall_seconds()):
                self.record.see_step()
                for event in events:
                    telemetry.event_happened(event, seconds=self.world.seconds)
            await asyncio.sleep(tick)

    def state(self) -> Object:
        """Return the truth as JSON."""
        return {**self.record.state(), "alerts": self.alertmanager.state()}


async def simulate(settings: Settings, scenario: Scenario, declared: Declared) -> None:
    """Run until cancelled. `endpoints.json` is written when all is ready, and gone at the end."""
    file = settings.directory / "endpoints.json"
    file.unlink(missing_ok=True)  # of a run that was killed
    world = World(scenario, declared.applications(), declared.access_ms(), settings.speed)
    run = Simulation(world, Record(world), Alertmanager(clock.now))
    async with AsyncExitStack() as stack:
        kubeconfig = await stack.enter_async_context(_kubernetes(settings))
        api = await stack.enter_async_context(connect(str(kubeconfig)))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        endpoints = {
            "kubernetes": api.url,
            "kubeconfig": str(kubeconfig.resolve()),
            **await _serve_all(stack, settings, run),
        }
        await _begin(api, run, declared, tasks, real=settings.kubeconfig is not None)
        if not settings.hold:
            run.start()
        stack.enter_context(_told(file, endpoints))
        telemetry.world_started(scenario.name, speed=settings.speed, copies=settings.copies)
        await asyncio.get_running_loop().create_future()


async def _begin(
    api: KubernetesApi, run: Simulation, declared: Declared, tasks: asyncio.TaskGroup, *, real: bool
) -> None:
    """Bring the API server to where the demo begins, and play from there."""
    liqo = Liqo(api, run.world, seconds=run.seconds, clock=clock.now, kwok=real)
    await install_kinds(api, custom_resources())
    await liqo.peer()
    tasks.create_task(liqo.run())
    tasks.create_task(follow_kind(api, "Pod", "v1", run.see_pods))
    await deploy(api, declared, tolerate=real)
    tasks.create_task(run.run())


async def _serve_all(stack: AsyncExitStack, settings: Settings, run: Simulation) -> Object:
    """Serve the world, Thanos and Alertmanager, and return where."""
    world = exporters_app(run.world, run.wall_seconds)
    world.router.add_get("/state", _state(run))
    world.router.add_post("/start", _start(run))
    thanos = Thanos(run.world, wall_clock=run.wall_seconds, clock=clock.now).application()
    alertmanager = run.alertmanager.application()
    urls = [
        await stack.enter_async_context(_served(application, settings.port(offset)))
        for offset, application in ((1, world), (2, thanos), (3, alertmanager))
    ]
    clusters = run.world.scenario.fleet.clusters
    return {
        "exporters": {name: f"{urls[0]}/exporters/{name}/metrics" for name in clusters},
        "state": f"{urls[0]}/state",
        "start": f"{urls[0]}/start",
        "thanos": urls[1],
        "alertmanager": urls[2],
    }


def _state(run: Simulation) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(run.state())

    return state


def _start(run: Simulation) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def start(_: web.Request) -> web.Response:
        run.start()
        return web.json_response({})

    return start


@asynccontextmanager
async def _served(application: web.Application, port: int) -> AsyncIterator[str]:
    """Serve while the block runs, and give it the URL."""
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"http://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def _told(file: Path, endpoints: Object) -> Iterator[None]:
    """Have the file there, complete from the first moment, while the block runs."""
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(endpoints, indent=1))
    unfinished.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@asynccontextmanager
async def _kubernetes(settings: Settings) -> AsyncIterator[Path]:
    """Give the block the kubeconfig of the API server asked for, or of one of our own."""
    if settings.kubeconfig:
        yield settings.kubeconfig
        return
    async with ApiServer(host=HOST, port=settings.port(0)) as server:
        file = settings.directory / "kubeconfig"
        write_kubeconfig(file, server.url)
        async with running(server.api, speed=settings.speed):
            yield file
