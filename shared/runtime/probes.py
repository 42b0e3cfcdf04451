"""Whether a process lives, is ready, and how it does: /livez, /readyz and /metrics over HTTP."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from aiohttp import web

from shared.errors import PermanentError
from shared.runtime import metrics


class Readiness:
    """Named checks, each either good or with a sentence that says what is wrong."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}

    def report(self, check: str, problem: str = "") -> None:
        """Set what is wrong with one check; an empty text means that it is good."""
        self._problems[check] = problem

    @property
    def problems(self) -> Mapping[str, str]:
        """The state of each check; an empty text is a good one."""
        return self._problems

    @property
    def is_ready(self) -> bool:
        """Tell whether all checks are good."""
        return not any(self._problems.values())


@asynccontextmanager
async def serve_probes(readiness: Readiness, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve the probes while the block runs, and give it the port listened on.

    PermanentError: nothing can listen there.
    """
    application = web.Application()
    application.add_routes(
        [
            web.get("/livez", _livez),
            web.get("/readyz", partial(_readyz, readiness)),
            web.get("/metrics", _metrics),
        ]
    )
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, host, port))
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(site: web.TCPSite) -> None:
    try:
        await site.start()
    except OSError as error:
        raise PermanentError(f"cannot listen there: {error.strerror or error}") from error


async def _livez(_: web.Request) -> web.Response:
    return web.Response(text="alive")


async def _readyz(readiness: Readiness, _: web.Request) -> web.Response:
    checks = {name: problem or "ok" for name, problem in sorted(readiness.problems.items())}
    return web.json_response(
        {"ready": readiness.is_ready, "checks": checks}, status=200 if readiness.is_ready else 503
    )


async def _metrics(_: web.Request) -> web.Response:
    return web.Response(body=metrics.exposition(), headers={"Content-Type": metrics.CONTENT_TYPE})
