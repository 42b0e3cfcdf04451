"""AlertSink over Alertmanager's v2 API: every replica gets everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp

from services.act import telemetry
from services.act.core.ledger_json import written
from services.act.core.telling.alerts import Alert, labels_of
from shared.model.names import FleetName
from shared.runtime.probes import Readiness

TIMEOUT_SECONDS = 5.0
_CHECK = "alertmanager"


@asynccontextmanager
async def connect(
    replicas: tuple[str, ...], *, readiness: Readiness
) -> AsyncIterator["Alertmanagers"]:
    """Give a sink of these replicas (their addresses), and close its connections after."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        yield Alertmanagers(session, replicas, readiness)


class Alertmanagers:
    """All replicas of Alertmanager. They agree among themselves on who notifies.

    Ready as long as one of them takes alerts.
    """

    def __init__(
        self, session: aiohttp.ClientSession, replicas: tuple[str, ...], readiness: Readiness
    ) -> None:
        self._session = session
        self._replicas = replicas
        self._readiness = readiness
        self._lost: dict[str, str] = {}
        if replicas:
            readiness.report(_CHECK, "not asked yet")

    async def post(self, alerts: tuple[Alert, ...]) -> None:
        """Send the alerts to every replica. One that fails is told of once, and stops nothing.

        Where there are none, an empty list asks whether a replica would take one.
        """
        body = [_alert_json(alert) for alert in alerts]
        async with asyncio.TaskGroup() as group:
            for replica in self._replicas:
                group.create_task(self._post_to(replica, body))
        if self._replicas:
            is_heard = len(self._lost) < len(self._replicas)
            self._readiness.report(_CHECK, "" if is_heard else "; ".join(self._lost.values()))

    async def held(self, fleet: FleetName) -> tuple[Alert, ...]:
        """Return the alerts of a fleet that any replica that answers holds, whoever posted them."""
        found = await asyncio.gather(*(self._held_by(r, fleet) for r in self._replicas))
        return tuple({a.labels: a for alerts in found for a in alerts}.values())

    async def _held_by(self, replica: str, fleet: FleetName) -> tuple[Alert, ...]:
        """Ask one replica. One that does not answer holds nothing that could be ended now."""
        url = replica.rstrip("/") + "/api/v2/alerts"
        try:
            async with self._session.get(url, params={"filter": f'fleet="{fleet}"'}) as answer:
                answer.raise_for_status()
                return tuple(map(_alert, await answer.json()))
        except (aiohttp.ClientError, TimeoutError, KeyError, TypeError, ValueError) as error:
            telemetry.alerts_unknown(replica, repr(error))
            return ()

    async def _post_to(self, replica: str, body: list[dict[str, Any]]) -> None:
        """Post to one replica. A batch refused for one bad alert is stored but for that one."""
        url = replica.rstrip("/") + "/api/v2/alerts"
        try:
            async with self._session.post(url, json=body) as answer:
                problem = "" if answer.ok else f"{answer.status}: {(await answer.text())[:500]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = repr(error)
        if problem and replica not in self._lost:
            telemetry.alertmanager_lost(replica, problem)
        if problem:
            self._lost[replica] = f"{replica}: {problem}"
        elif self._lost.pop(replica, None):
            telemetry.alertmanager_found(replica)


def _alert(data: dict[str, Any]) -> Alert:
    return Alert(
        labels=labels_of(**data["labels"]),
        summary=data["annotations"].get("summary", ""),
        description=data["annotations"].get("description", ""),
        starts_at=datetime.fromisoformat(data["startsAt"]),
        ends_at=datetime.fromisoformat(data["endsAt"]),
    )


def _alert_json(alert: Alert) -> dict[str, Any]:
    annotations = {"summary": alert.summary, "description": alert.description}
    return {
        "labels": dict(alert.labels),
        "annotations": {key: text for key, text in annotations.items() if text},
        "startsAt": written(alert.starts_at),
        "endsAt": written(alert.ends_at),
    }
