"""Metrics over HTTP: the exposition of every cluster, and a Thanos Query over all of them."""

import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any

from aiohttp import web

from shared.runtime.clock import Clock
from simulator.families import exposition
from simulator.queries import UnknownQueryError, answer
from simulator.samples import families_of
from simulator.selects import Vector
from simulator.world import Outage, World

WARNED_SECONDS = 6.25
"""Wall time for which Thanos warns of a dead sidecar. Afterwards it is silent about it."""
REDISCOVERED_SECONDS = 14.0
"""Simulated time from the return of a sidecar until its data show again."""

EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BOOLEANS = frozenset(
    ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
)
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_DURATION = re.compile(r"\d+(\.\d+)?|(\d+(ms|[smhdwy]))+")

WallClock = Callable[[], float]
"""Gives seconds of wall time since the start of the world."""


class Sidecar(Enum):
    """What Thanos makes of the sidecar of one cluster."""

    UP = "up"
    FAILING = "failing"
    """Asked in vain: the answer carries warnings."""
    DROPPED = "dropped"
    """No longer asked: the answer is short, and says nothing of it."""


def sidecar_of(world: World, cluster: str, wall_seconds: float) -> Sidecar:
    """Return the state of a cluster's sidecar at an instant."""
    for outages in (world.clusters_lost, world.metrics_lost):
        outage = outages.get(cluster)
        if outage and _lasts(outage, world.speed, wall_seconds):
            since = wall_seconds - outage.lost_at / world.speed
            return Sidecar.FAILING if since < WARNED_SECONDS else Sidecar.DROPPED
    return Sidecar.UP


def _lasts(outage: Outage, speed: float, wall_seconds: float) -> bool:
    if outage.returned_at is None:
        return True
    return wall_seconds < (outage.returned_at + REDISCOVERED_SECONDS) / speed


def exporters_app(world: World, wall_clock: WallClock) -> web.Application:
    """Return `GET /exporters/<cluster>/metrics`. A dead cluster answers nothing: 503."""

    async def metrics(request: web.Request) -> web.Response:
        cluster = request.match_info["cluster"]
        if cluster not in world.scenario.fleet.clusters:
            raise web.HTTPNotFound(text=f"there is no cluster {cluster}\n")
        if not world.is_alive(cluster):
            raise web.HTTPServiceUnavailable(text=f"{cluster} is dead\n")
        text = exposition(families_of(world, cluster, wall_clock()))
        return web.Response(body=text.encode(), headers={"Content-Type": EXPOSITION_TYPE})

    application = web.Application()
    application.add_routes([web.get("/exporters/{cluster}/metrics", metrics)])
    return application


class Thanos:
    """Answers the Prometheus query API as a Thanos Query over all clusters does."""

    def __init__(self, world: World, *, wall_clock: WallClock, clock: Clock) -> None:
        self._world = world
        self._wall_clock = wall_clock
        self._clock = clock

    def application(self) -> web.Application:
        """Return the HTTP application."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/api/v1/query", self._query),
                web.post("/api/v1/query", self._query),
                web.get("/api/v1/stores", self._stores),
                web.get("/-/ready", _ok),
                web.get("/-/healthy", _ok),
            ]
        )
        return application

    async def _query(self, request: web.Request) -> web.Response:
        parameters = {**request.query, **{k: str(v) for k, v in (await request.post()).items()}}
        complaint = _complaint(parameters)
        if complaint:
            return _error(400, "bad_data", complaint)
        failing = self._warnings()
        if failing and parameters.get("partial_response", "true") in _FALSE:
            text = f"expanding series: proxy Series(): {failing[-1]}"
            return _error(422, "execution", text)
        now = self._clock().timestamp()
        at = _instant(parameters.get("time", "")) or now
        try:
            vector = answer(parameters["query"], self._scrapes(), at=now)
        except UnknownQueryError as error:
            return _error(400, "bad_data", str(error))
        return web.json_response(_success(vector, at=at, warnings=failing))

    async def _stores(self, _: web.Request) -> web.Response:
        sidecars = [self._store(cluster) for cluster in sorted(self._world.scenario.fleet.clusters)]
        return web.json_response({"status": "success", "data": {"sidecar": sidecars}})

    def _store(self, cluster: str) -> dict[str, Any]:
        dropped = self._state(cluster) is Sidecar.DROPPED
        refused = f'dial tcp {_address(cluster)}: connect: connection refused"'
        error = (
            f'rpc error: code = Unavailable desc = connection error: desc = "transport: {refused}'
        )
        return {
            "name": _address(cluster),
            "lastCheck": self._clock().isoformat(),
            "lastError": error if dropped else None,
            "labelSets": [{"cluster": cluster, "replica": "r0"}],
            "minTime": int((self._clock().timestamp() - self._wall_clock()) * 1000),
            "maxTime": 2**63 - 1,
        }

    def _state(self, cluster: str) -> Sidecar:
        return sidecar_of(self._world, cluster, self._wall_clock())

    def _scrapes(self) -> dict[str, tuple[Any, ...]]:
        now = self._wall_clock()
        return {
            cluster: families_of(self._world, cluster, now)
            for cluster in self._world.scenario.fleet.clusters
            if self._state(cluster) is Sidecar.UP
        }

    def _warnings(self) -> list[str]:
        return [
            f'fetch series for {{cluster="{cluster}", replica="r0"}} Addr: {_address(cluster)}'
            f' LabelSets: {{cluster="{cluster}", replica="r0"}}: rpc error: code = Unavailable'
            " desc = connection error: connect: connection refused"
            for cluster in sorted(self._world.scenario.fleet.clusters)
            if self._state(cluster) is Sidecar.FAILING
        ]


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="OK")


def _address(cluster: str) -> str:
    return f"{cluster}.sidecar.invalid:10901"


def _success(vector: Vector, *, at: float, warnings: list[str]) -> dict[str, Any]:
    result = [
        {"metric": dict(labels), "value": [round(at, 3), repr(value)]}
        for labels, value in sorted(vector.items())
    ]
    data = {"resultType": "vector", "result": result, "analysis": {}}
    told = {"warnings": warnings} if warnings else {}
    return {"status": "success", "data": data, **told}


def _error(status: int, kind: str, text: str) -> web.Response:
    return web.json_response({"status": "error", "errorType": kind, "error": text}, status=status)


def _complaint(parameters: dict[str, str]) -> str:
    """Return what Thanos would say about the parameters; empty where nothing."""
    if not parameters.get("query", "").strip():
        return "unknown position: parse error: no expression found in input"
    for name in ("dedup", "partial_response"):
        value = parameters.get(name, "true")
        if value not in _BOOLEANS:
            return f"'{name}' parameter: strconv.ParseBool: parsing \"{value}\": invalid syntax"
    for name in ("timeout", "lookback_delta"):
        value = parameters.get(name, "1s")
        if not _DURATION.fullmatch(value):
            return f'cannot parse "{value}" to a valid duration'
    time = parameters.get("time", "")
    if time and _instant(time) is None:
        return f'invalid parameter "time": cannot parse "{time}" to a valid timestamp'
    return ""


def _instant(text: str) -> float | None:
    """Return Unix seconds or an RFC 3339 instant as Unix seconds. None: it is neither."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
