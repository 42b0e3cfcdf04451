"""Start Orient: `python -m services.orient`."""

from pathlib import Path

from services.orient import telemetry
from services.orient.keeping import Keeper
from services.orient.service import run
from services.orient.settings import Settings
from shared.bus.jetstream import connect
from shared.runtime.process import Process, run_service
from shared.runtime.settings import load


def keeper_of(settings: Settings) -> Keeper | None:
    """Return what keeps the memory, or None and say so."""
    if not settings.memory_dir:
        telemetry.memory_not_kept()
        return None
    return Keeper(Path(settings.memory_dir), fleet=settings.fleet)


def main() -> None:
    """Read the settings, then run until asked to stop."""
    settings = load(Settings)

    async def work(process: Process) -> None:
        async with connect(settings, name=process.name, readiness=process.readiness) as bus:
            await run(bus, keeper_of(settings))

    run_service("orient", settings, work)


if __name__ == "__main__":
    main()
