"""The controllers of the simulated cluster: they work on the API's objects in its process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from simulator.controllers.admission import liqo_admission
from simulator.controllers.cluster_api import ClusterApiWebhooks, cluster_api_controllers
from simulator.controllers.deployments import Deployments
from simulator.controllers.endpoints import EndpointSlices
from simulator.controllers.garbage import Garbage, Namespaces
from simulator.controllers.kubelet import Kubelets
from simulator.controllers.loop import Controller, Time
from simulator.controllers.loop import run as _run_one
from simulator.controllers.nodes import Nodes
from simulator.controllers.replicasets import ReplicaSets
from simulator.controllers.scheduler import Scheduler
from simulator.controllers.statefulsets import StatefulSets
from simulator.controllers.tokens import Tokens
from simulator.controllers.webhooks import LiqoWebhooks
from simulator.kubernetes.api import Api

__all__ = ["run", "running"]


async def run(api: Api, *, speed: float = 1.0) -> None:
    """Run all controllers for ever, and all webhooks, with their delays divided by `speed`."""
    time = Time(speed)
    admission = liqo_admission(api)
    webhooks = (ClusterApiWebhooks(), LiqoWebhooks(api))
    api.admission.append(admission)
    api.webhooks.extend(webhooks)
    try:
        async with asyncio.TaskGroup() as tasks:
            for controller in _controllers(api, time):
                tasks.create_task(_run_one(controller, api, time))
    finally:
        api.admission.remove(admission)
        for webhook in webhooks:
            api.webhooks.remove(webhook)


@asynccontextmanager
async def running(api: Api, *, speed: float = 1.0) -> AsyncIterator[None]:
    """Run all controllers for as long as the block lasts."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(run(api, speed=speed))
        yield
        task.cancel()


def _controllers(api: Api, time: Time) -> tuple[Controller, ...]:
    return (
        Deployments(api, time),
        EndpointSlices(api),
        Garbage(api),
        Kubelets(api, time),
        Namespaces(api),
        Nodes(api, time),
        ReplicaSets(api),
        Scheduler(api),
        StatefulSets(api),
        Tokens(api),
        *cluster_api_controllers(api, time),
    )
