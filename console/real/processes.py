"""Child processes that are started, waited for, killed and never left behind."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep
from typing import TypeVar

from shared.runtime.clock import monotonic

T = TypeVar("T")

POLL_SECONDS = 0.05
STOP_SECONDS = 10.0


class NotReadyError(Exception):
    """A process ended, or did not answer in time; the text ends with its last words."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return that many different loopback ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return tuple(each.getsockname()[1] for each in sockets)


class Child:
    """One process of ours, in its own session; what it says goes to `<directory>/<name>.log`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        directory: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = directory / f"{name}.log"
        self._command = [str(part) for part in command]
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. RuntimeError if it was never started."""
        if self._process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for a signal; None while it runs or was never started."""
        return None if self._process is None else self._process.poll()

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, or start it again with the same command; its log goes on."""
        if self.is_alive:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )

    def stop(self, grace_seconds: float = STOP_SECONDS) -> None:
        """End it by SIGTERM, by SIGKILL where that does not help, and reap it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it by SIGKILL, and reap it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def last_words(self, lines: int = 20) -> str:
        """Return the end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


@contextmanager
def running(*children: Child) -> Iterator[None]:
    """Start children in order and stop them in the opposite one, however the block ends."""
    with ExitStack() as stack:
        for child in children:
            stack.callback(child.stop)
            child.start()
        yield


def wait_until(
    condition: Callable[[], T], *, what: str, seconds: float, children: Sequence[Child] = ()
) -> T:
    """Poll until the condition is true, and return its value.

    NotReadyError: time is up, or one of the children it depends on has ended.
    """
    deadline = monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        ended = [child for child in children if not child.is_alive]
        if ended or monotonic() > deadline:
            why = f"{ended[0].name} ended with {ended[0].exit_code}" if ended else "time is up"
            words = "\n".join(f"--- {c.name}\n{c.last_words()}" for c in ended or children)
            raise NotReadyError(f"{what}: {why} (allowed: {seconds:g} s)\n{words}")
        sleep(POLL_SECONDS)
