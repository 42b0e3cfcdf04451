"""The simulator's Alertmanager receiver, against what a real one was seen to do."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from simulator.alertmanager import Alertmanager
from tests.support.builders import NOW, later


@dataclass(slots=True)
class Receiver:
    """An Alertmanager with a clock that a test sets."""

    server: Alertmanager
    client: Any = None
    now: datetime = NOW

    async def post(self, *alerts: Any) -> tuple[int, str]:
        answer = await self.client.post("/api/v2/alerts", json=list(alerts))
        return answer.status, await answer.text()

    async def firing(self) -> list[dict[str, Any]]:
        alerts: list[dict[str, Any]] = await (await self.client.get("/api/v2/alerts")).json()
        return alerts


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    running = Receiver(server=Alertmanager(lambda: running.now))
    async with TestClient(TestServer(running.server.application())) as running.client:
        yield running


def an_alert(start: float = 0, end: float | None = 90, **changes: Any) -> dict[str, Any]:
    alert: dict[str, Any] = {
        "labels": {"alertname": "Incident", "incident": "link:home>metro"},
        "annotations": {"summary": "The link is slow."},
        "startsAt": later(start).isoformat(),
    }
    if end is not None:
        alert["endsAt"] = later(end).isoformat()
    return {**alert, **changes}


async def test_an_alert_posted_again_is_one_alert_that_lasts_longer(receiver: Receiver) -> None:
    await receiver.post(an_alert(end=90))
    receiver.now = later(30)
    again = an_alert(start=20, end=120, annotations={"summary": "It is slow still."})
    assert await receiver.post(again) == (200, "")
    (alert,) = await receiver.firing()
    assert alert["startsAt"] == NOW.isoformat()
    assert alert["endsAt"] == later(120).isoformat()
    assert alert["annotations"] == {"summary": "It is slow still."}
    assert alert["status"]["state"] == "active"
    assert [told["posts"] for told in receiver.server.state()] == [2]


async def test_an_end_in_the_future_never_comes_nearer_and_one_that_is_now_resolves(
    receiver: Receiver,
) -> None:
    await receiver.post(an_alert(end=90))
    await receiver.post(an_alert(end=60))
    assert [alert["endsAt"] for alert in await receiver.firing()] == [later(90).isoformat()]
    receiver.now = later(10)
    await receiver.post(an_alert(end=10))
    assert await receiver.firing() == []
    assert [told["firing"] for told in receiver.server.state()] == [False]


async def test_an_alert_nobody_posts_again_is_gone_at_its_end(receiver: Receiver) -> None:
    await receiver.post(an_alert(end=90), an_alert(end=None, labels={"alertname": "Other"}))
    receiver.now = later(91)
    assert [alert["labels"]["alertname"] for alert in await receiver.firing()] == ["Other"]


async def test_alerts_of_other_labels_are_other_alerts(receiver: Receiver) -> None:
    await receiver.post(an_alert(), an_alert(labels={"alertname": "Incident", "incident": "b"}))
    assert len({alert["fingerprint"] for alert in await receiver.firing()}) == 2


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ({"labels": {"bad-name": "x"}}, 'invalid label set: invalid name \\"bad-name\\"'),
        ({"labels": {}}, "at least one label pair required"),
        ({"labels": {"alertname": 7}}, "Alert.labels of type string"),
        (an_alert(start=90, end=10), "start time must be before end time"),
        (an_alert(startsAt="yesterday"), "parsing startsAt date-time failed"),
        (an_alert(startsAt="2026-11-24T07:00:00"), "has no time zone"),
    ],
)
async def test_a_bad_alert_is_refused_and_the_good_ones_beside_it_are_stored(
    receiver: Receiver, bad: dict[str, Any], complaint: str
) -> None:
    status, text = await receiver.post(bad, an_alert(labels={"alertname": "Good"}))
    assert status == 400
    assert complaint in text
    assert [alert["labels"] for alert in await receiver.firing()] == [{"alertname": "Good"}]


@pytest.mark.parametrize("body", ["{}", "[1]", "not json"])
async def test_a_body_that_is_no_list_of_alerts_is_refused(receiver: Receiver, body: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await receiver.client.post("/api/v2/alerts", data=body, headers=headers)
    assert answer.status == 400
