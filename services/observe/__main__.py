"""Start Observe: `python -m services.observe`."""

import asyncio
from contextlib import closing
from datetime import timedelta

from services.observe.adapters.kubernetes import KubernetesInventory
from services.observe.adapters.thanos import ThanosMetrics
from services.observe.service import Rhythm, World, run
from services.observe.settings import Settings
from shared.bus import jetstream
from shared.runtime import kubernetes
from shared.runtime.clock import now
from shared.runtime.process import Process, run_service
from shared.runtime.settings import load


def main() -> None:
    """Read the settings, then run until asked to stop."""
    settings = load(Settings)
    rhythm = Rhythm(
        interval=timedelta(seconds=settings.interval_seconds),
        max_age=timedelta(seconds=settings.max_age_seconds),
    )
    timeout = timedelta(seconds=settings.thanos_timeout_seconds)

    async def work(process: Process) -> None:
        readiness = process.readiness
        async with (
            jetstream.connect(settings, name=process.name, readiness=readiness) as bus,
            kubernetes.connect(settings.kubeconfig) as api,
            asyncio.TaskGroup() as tasks,
        ):
            with closing(ThanosMetrics(settings.thanos_url, timeout=timeout)) as metrics:
                inventory = KubernetesInventory(api, now=now)
                tasks.create_task(inventory.run())
                world = World(metrics=metrics, inventory=inventory)
                await run(bus, world, rhythm, readiness)

    run_service("observe", settings, work)


if __name__ == "__main__":
    main()
