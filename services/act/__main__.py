"""Put Act together and run it: settings, Kubernetes, Alertmanager, the bus."""

from services.act import service
from services.act.adapters import alertmanager, fleet, kubernetes
from services.act.adapters.dry_run import DryRunClusterApi
from services.act.adapters.templates import TemplateFolders
from services.act.board import Board
from services.act.checking import checking
from services.act.grounding import Ground
from services.act.service import NAME, Pace
from services.act.settings import Settings
from shared.bus import jetstream
from shared.runtime import clock
from shared.runtime.process import Process, run_service
from shared.runtime.settings import load


def main() -> None:
    """Run Act until the process is asked to stop."""
    settings = load(Settings)
    pace = Pace(
        step_seconds=settings.step_interval_seconds,
        alert_seconds=settings.alert_interval_seconds,
        dry_run=settings.dry_run,
    )

    async def act(process: Process) -> None:
        readiness = process.readiness
        async with (
            kubernetes.connect(settings.kubeconfig, readiness=readiness) as cluster,
            alertmanager.connect(settings.alertmanager_urls, readiness=readiness) as sink,
            jetstream.connect(settings, name=NAME, readiness=readiness) as bus,
        ):
            board = Board(fleet=bus.fleet)
            ground = Ground(
                templates=TemplateFolders(settings.templates_dir), namespace=settings.namespace
            )
            async with (
                checking(cluster, board, ground),
                fleet.connect(cluster, sites=lambda: board.sites) as whole,
            ):
                api = DryRunClusterApi(whole) if settings.dry_run else whole
                await service.run(
                    bus,
                    api,
                    sink,
                    ground=ground,
                    now=clock.now,
                    pace=pace,
                    board=board,
                )

    run_service(NAME, settings, act)


if __name__ == "__main__":
    main()
