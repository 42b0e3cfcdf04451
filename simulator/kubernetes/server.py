"""The API server on HTTP, with its faults and its kubeconfig."""

import asyncio
from pathlib import Path
from typing import Self

import yaml
from aiohttp import web

from shared.runtime.clock import Clock, now
from simulator.kubernetes.answering import answered, in_json
from simulator.kubernetes.api import Api
from simulator.kubernetes.faults import Fault, Faults
from simulator.kubernetes.status import NoSuchPathError, StatusError
from simulator.kubernetes.store import HISTORY_EVENTS

MOST_BYTES = 3 * 2**20
"""The real server refuses larger bodies too."""
SHUTDOWN_SECONDS = 0.1


class ApiServer:
    """An API server, for as long as the block lasts."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock = now,
        history: int = HISTORY_EVENTS,
    ) -> None:
        """Listen on `port`; 0: any that is free. `history`: so many changes can be watched late."""
        self.api = Api(clock, history=history)
        self.faults = Faults()
        self._host = host
        self._port = port
        application = web.Application(client_max_size=MOST_BYTES)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self._host}:{self._port}"

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.meeting(request.method, request.path)
        try:
            if fault is None:
                return await answered(self.api, request)
            return await self._suffering(fault, request)
        except StatusError as error:
            return in_json(error.body, error.code)
        except NoSuchPathError:
            return web.Response(status=404, text="404 page not found\n")

    async def _suffering(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(fault.delay_seconds)
        if fault.carries_out:
            answer = await answered(self.api, request)
        if fault.drop:
            if request.transport:
                request.transport.abort()
            return web.Response()
        if fault.status is not None:
            raise StatusError(fault.status, fault.reason, "a fault was asked for")
        return answer if fault.carries_out else await answered(self.api, request)


def write_kubeconfig(file: Path, url: str) -> None:
    """Write a kubeconfig that leads to an API server without TLS."""
    name = "simulator"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url}}],
        "users": [{"name": name, "user": {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    file.write_text(yaml.safe_dump(config))
