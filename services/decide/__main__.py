"""Start Decide: `python -m services.decide`."""

from services.decide.kernels import Kernels
from services.decide.service import run
from services.decide.settings import Settings
from shared.bus.jetstream import connect
from shared.runtime.clock import now
from shared.runtime.process import Process, run_service
from shared.runtime.settings import load


def main() -> None:
    """Read the settings, then run until asked to stop."""
    settings = load(Settings)

    async def work(process: Process) -> None:
        kernels = Kernels(settings.kernels_dir)
        async with (
            connect(settings, name=process.name, readiness=process.readiness) as bus,
            kernels.compiling(),
        ):
            await run(bus, now=now, kernels=kernels.current)

    run_service("decide", settings, work)


if __name__ == "__main__":
    main()
