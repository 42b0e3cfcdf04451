"""AlertSink over Alertmanager's v2 API: every replica gets everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from services.act import telemetry
from services.act.core.alerts import Alert
from services.act.core.ledger_json import written

TIMEOUT_SECONDS = 5.0


@asynccontextmanager
async def connect(replicas: tuple[str, ...]) -> AsyncIterator["Alertmanagers"]:
    """Give a sink of these replicas (their addresses), and close its connections after."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Alertmanagers(session, replicas)


class Alertmanagers:
    """All replicas of Alertmanager. They agree among themselves on who notifies."""

    def __init__(self, session: aiohttp.ClientSession, replicas: tuple[str, ...]) -> None:
        self._session = session
        self._replicas = replicas
        self._lost: set[str] = set()

    async def post(self, alerts: tuple[Alert, ...]) -> None:
        """Send the alerts to every replica. One that fails is told of once, and stops nothing."""
        if not alerts:
            return
        body = [_alert_json(alert) for alert in alerts]
        async with asyncio.TaskGroup() as group:
            for replica in self._replicas:
                group.create_task(self._post_to(replica, body))

    async def _post_to(self, replica: str, body: list[dict[str, Any]]) -> None:
        """Post to one replica. A batch refused for one bad alert is stored but for that one."""
        url = replica.rstrip("/") + "/api/v2/alerts"
        try:
            async with self._session.post(url, json=body) as answer:
                problem = "" if answer.ok else f"{answer.status}: {(await answer.text())[:500]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = repr(error)
        if problem and replica not in self._lost:
            self._lost.add(replica)
            telemetry.alertmanager_lost(replica, problem)
        elif not problem and replica in self._lost:
            self._lost.discard(replica)
            telemetry.alertmanager_found(replica)


def _alert_json(alert: Alert) -> dict[str, Any]:
    annotations = {"summary": alert.summary, "description": alert.description}
    return {
        "labels": dict(alert.labels),
        "annotations": {key: text for key, text in annotations.items() if text},
        "startsAt": written(alert.starts_at),
        "endsAt": written(alert.ends_at),
    }
