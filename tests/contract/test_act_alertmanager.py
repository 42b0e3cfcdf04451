"""Act's alerts reach every Alertmanager, whatever becomes of the others."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.act.adapters import alertmanager as adapter
from services.act.core.telling.alerts import Alert
from shared.runtime.probes import Readiness
from simulator.alertmanager import Alertmanager
from tests.support.builders import NOW, later

LABELS = (("alertname", "LinkDegraded"), ("incident", "link:home>metro"))
ALERT = Alert(labels=LABELS, summary="it is slow", starts_at=NOW, ends_at=later(90))


@dataclass(slots=True)
class Replicas:
    """Two Alertmanagers; the first may be made to fail."""

    stores: tuple[Alertmanager, Alertmanager]
    urls: tuple[str, ...] = ()
    fails: bool = False

    def known(self) -> list[list[dict[str, Any]]]:
        """Return what each of them holds."""
        return [store.state() for store in self.stores]


@pytest.fixture
async def replicas() -> AsyncIterator[Replicas]:
    running = Replicas(stores=(Alertmanager(lambda: NOW), Alertmanager(lambda: NOW)))

    @web.middleware
    async def failing(request: web.Request, handler: Any) -> Any:
        return web.Response(status=503) if running.fails else await handler(request)

    first, second = (store.application() for store in running.stores)
    first.middlewares.append(failing)
    async with TestServer(first) as one, TestServer(second) as two:
        running.urls = (str(one.make_url("/")), str(two.make_url("")))
        yield running


async def test_every_replica_gets_every_alert(replicas: Replicas) -> None:
    async with adapter.connect(replicas.urls, readiness=Readiness()) as sink:
        await sink.post((ALERT,))

    for (alert,) in replicas.known():
        assert alert["labels"] == dict(LABELS)
        assert alert["annotations"] == {"summary": "it is slow"}
        assert alert["firing"]


async def test_a_replica_that_fails_does_not_keep_the_alert_from_the_other(
    replicas: Replicas, capfd: pytest.CaptureFixture[str]
) -> None:
    replicas.fails = True
    readiness = Readiness()
    urls = (*replicas.urls, "http://127.0.0.1:9")
    async with adapter.connect(urls, readiness=readiness) as sink:
        for _ in range(3):
            await sink.post((ALERT,))
        assert readiness.is_ready, "one replica is enough"
        replicas.fails = False
        await sink.post((ALERT,))

    assert [len(known) for known in replicas.known()] == [1, 1]
    assert replicas.known()[1][0]["posts"] == 4
    told = capfd.readouterr()
    words = told.out + told.err
    assert (words.count("alertmanager_lost"), words.count("alertmanager_found")) == (2, 1)


async def test_an_alert_that_ends_is_resolved(replicas: Replicas) -> None:
    async with adapter.connect(replicas.urls, readiness=Readiness()) as sink:
        await sink.post((ALERT,))
        await sink.post((replace(ALERT, ends_at=later(0)),))

    assert [known[0]["firing"] for known in replicas.known()] == [False, False]


async def test_an_alertmanager_that_is_not_there_is_noticed_before_there_is_an_alert(
    replicas: Replicas, capfd: pytest.CaptureFixture[str]
) -> None:
    replicas.fails, readiness = True, Readiness()
    async with adapter.connect(replicas.urls[:1], readiness=readiness) as sink:
        problems = [readiness.problems["alertmanager"]]
        for _ in range(2):
            await sink.post(())
        problems.append(readiness.problems["alertmanager"])
        replicas.fails = False
        await sink.post(())
        problems.append(readiness.problems["alertmanager"])

    assert problems == ["not asked yet", f"{replicas.urls[0]}: 503: ", ""]
    told = capfd.readouterr()
    words = told.out + told.err
    assert (words.count("alertmanager_lost"), words.count("alertmanager_found")) == (1, 1)
    assert replicas.known()[0] == []
