"""An API server that says what a test tells it to: one script of answers per kind of request."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web


@dataclass(slots=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class ScriptedApi:
    """Answers lists and watches from scripts, each answer once; the last watch stays open."""

    lists: deque[web.Response] = field(default_factory=deque)
    watches: deque[list[Any]] = field(default_factory=deque)
    """Each a list of events; an int is a status to answer with, `BREAK` cuts the connection."""
    calls: deque[web.Response | None] = field(default_factory=deque)
    """None: never answer."""
    asked: list[Asked] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer as scripted."""
        text = await request.text()
        body = json.loads(text) if text else None
        query = dict(request.query)
        self.asked.append(Asked(request.method, request.path, query, dict(request.headers), body))
        if query.get("watch"):
            return await self._watch(request)
        if request.method == "GET" and "limit" in query:
            return self.lists.popleft()
        answer = self.calls.popleft()
        if answer is None:
            await asyncio.sleep(60)
        return answer or web.Response()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if not self.watches:
            return web.Response(status=503)
        events = self.watches.popleft()
        if events and isinstance(events[0], int):
            return status(events[0])
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            if event == BREAK:
                assert request.transport is not None
                request.transport.close()
                break
            line = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            await response.write(line)
        return response


BREAK = "break"


def an_object(name: str, version: str = "1") -> dict[str, Any]:
    """Return an object with a name and a resource version."""
    return {"metadata": {"name": name, "resourceVersion": version}}


def an_event(of: str, name: str, version: str) -> dict[str, Any]:
    """Return a watch event: `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`."""
    return {"type": of, "object": an_object(name, version)}


def a_page(*names: str, version: str = "1", more: str = "") -> web.Response:
    """Return one answer of a list."""
    metadata = {"resourceVersion": version} | ({"continue": more} if more else {})
    return web.json_response({"items": [an_object(name) for name in names], "metadata": metadata})


def status(code: int, reason: str = "", message: str = "so it is") -> web.Response:
    """Return a failure as the API server tells it."""
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    return web.json_response(body, status=code)


@asynccontextmanager
async def serving(script: ScriptedApi, folder: Path) -> AsyncIterator[str]:
    """Serve the script on loopback, and give the path of a kubeconfig for it."""
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", script.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield str(_kubeconfig(folder, f"http://{host}:{port}"))
    finally:
        await runner.cleanup()


def _kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": "secret"}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    }
    path.write_text(json.dumps(content))
    return path
