"""A provider that Liqo reaches no more: from the sign to the cordon, and to the replacement."""

import asyncio
import tempfile
from pathlib import Path
from statistics import median

from rich.progress import Progress

from bench.acting.fleet import EDGE, FLEET, METRO, Trial, a_decision
from bench.acting.servers import (
    Servers,
    declare,
    deploy,
    foreign_status,
    make_space,
    peer,
    servers,
    stretch,
)
from bench.acting.watching import Rollouts, watching
from bench.report import figure
from console.real.processes import running
from shared.bus.jetstream import JetStreamBus, connect
from shared.model.names import ApplicationName
from shared.runtime import kubernetes
from shared.runtime.clock import monotonic, now
from shared.runtime.kubernetes import KubernetesApi
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings

PEER_PATH = f"/apis/core.liqo.io/v1beta1/foreignclusters/{METRO}/status"
NODE_PATH = f"/api/v1/nodes/{METRO}"
START_SECONDS = 5.0
LONGEST_SECONDS = 60.0


def measure(runs: int, progress: Progress) -> None:
    """Print the seconds from the sign to the cordon, and to replacements that are all ready.

    The decision to replace is published with the sign: Decide is not measured here.
    """
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder), controllers=True) as parts:
        asyncio.run(_measure(parts, runs, progress))


async def _measure(parts: Servers, runs: int, progress: Progress) -> None:
    names = [ApplicationName(f"lost-{i}/arena") for i in range(runs)]
    await asyncio.to_thread(peer, parts.kubernetes, METRO, EDGE)
    settings = CommonSettings(fleet=FLEET, nats_url=(parts.nats_url,))
    cordoned, replaced = [], []
    task = progress.add_task("lost", total=runs)
    async with (
        kubernetes.connect(str(parts.kubernetes.kubeconfig)) as api,
        watching(api) as rollouts,
        connect(settings, name="bench", readiness=Readiness()) as bus,
    ):
        with running(parts.act):
            for name in names:
                await asyncio.to_thread(_set_up, parts, name)
                await rollouts.until_on(name.partition("/")[0], METRO)
                one = await _lose(api, bus, rollouts, name)
                cordoned.append(one[0])
                replaced.append(one[1])
                await _return(api)
                progress.advance(task)
    size = f"{runs} losses, 3 replicas"
    figure("lost_sign_to_cordon_median", median(cordoned), "s", size)
    figure("lost_sign_to_cordon_max", max(cordoned), "s", size)
    figure("lost_sign_to_replacement_ready_median", median(replaced), "s", size)
    figure("lost_sign_to_replacement_ready_max", max(replaced), "s", size)


async def _lose(
    api: KubernetesApi, bus: JetStreamBus, rollouts: Rollouts, name: ApplicationName
) -> tuple[float, float]:
    trial = Trial(places={name: METRO})
    await bus.publish(trial.insight(now(), soak_cycles=0))
    await asyncio.sleep(START_SECONDS)
    await api.merge_patch(PEER_PATH, {"status": foreign_status("Error")}, manager="liqo")
    began = monotonic()
    await bus.publish(a_decision(now(), name, METRO, EDGE))
    space = name.partition("/")[0]
    cordoned, replaced = await asyncio.gather(
        _until_cordoned(api), rollouts.until_serving(space, EDGE)
    )
    return cordoned - began, replaced - began


async def _until_cordoned(api: KubernetesApi) -> float:
    async with asyncio.timeout(LONGEST_SECONDS):
        while not (await api.get(NODE_PATH))["spec"].get("unschedulable"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # nobody tells
    return monotonic()


async def _return(api: KubernetesApi) -> None:
    """Let Liqo reach the provider again, and lift the cordon for the next run."""
    await api.merge_patch(PEER_PATH, {"status": foreign_status("Established")}, manager="liqo")
    await asyncio.sleep(START_SECONDS)
    free = {"spec": {"unschedulable": None}, "metadata": {"annotations": {MARK: None}}}
    await api.merge_patch(NODE_PATH, free, manager="bench")
    await asyncio.sleep(START_SECONDS)


MARK = "crossloop.dev/cordoned"
"""Act's annotation on a node that it cordoned."""


def _set_up(parts: Servers, name: ApplicationName) -> None:
    space = name.partition("/")[0]
    make_space(parts.client, space)
    stretch(parts.client, space, METRO, EDGE)
    declare(parts.client, name)
    deploy(parts.client, space, METRO)
