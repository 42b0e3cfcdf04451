"""A process starts, answers its probes, stops in order, and tells why it failed."""

import asyncio
import json
import logging
import os
import signal
import socket
from collections.abc import Iterator

import aiohttp
import pytest
import structlog

from shared.runtime import logs, metrics
from shared.runtime.probes import Readiness, serve_probes
from shared.runtime.process import Process, run_service, supervise
from shared.runtime.settings import CommonSettings

SETTINGS = CommonSettings(http_host="127.0.0.1", http_port=0)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    root.handlers[:] = []
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


async def test_work_that_ends_ends_the_process() -> None:
    async def main(process: Process) -> None:
        assert process.name == "decide"

    assert await supervise("decide", SETTINGS, main) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_work_in_order(number: signal.Signals) -> None:
    drained = False

    async def main(_: Process) -> None:
        nonlocal drained
        os.kill(os.getpid(), number)
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            drained = True

    assert await supervise("decide", SETTINGS, main) == 0
    assert drained


async def test_a_failure_nobody_handled_is_logged_and_ends_the_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main(_: Process) -> None:
        raise ZeroDivisionError("no")

    logs.configure("decide", level="info", form="json")
    assert await supervise("decide", SETTINGS, main) == 1
    failure = told(capsys)[-1]
    assert failure["event"] == "process_failed"
    assert failure["error"] == "ZeroDivisionError('no')"
    assert failure["exception"]


async def test_records_of_libraries_go_through_the_same_pipeline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("test", level="info", form="json")
    with logs.bound(cycle="c1"):
        logs.get("observe").info("observation_made", readings=3)
        logging.getLogger("nats").warning("slow %s", "consumer")
    ours, theirs = told(capsys)
    assert (ours["event"], ours["readings"], ours["cycle"]) == ("observation_made", 3, "c1")
    assert (theirs["event"], theirs["library"], theirs["cycle"]) == ("slow consumer", "nats", "c1")
    assert {ours["service"], theirs["service"]} == {"test"}


async def test_probes_say_that_it_lives_and_why_it_is_not_ready() -> None:
    readiness = Readiness()
    readiness.report("bus", "not connected yet")
    readiness.report("inventory")
    async with (
        serve_probes(readiness, host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        async with client.get("/livez") as lives:
            assert lives.status == 200
        async with client.get("/readyz") as not_ready:
            assert not_ready.status == 503
            assert await not_ready.json() == {
                "ready": False,
                "checks": {"bus": "not connected yet", "inventory": "ok"},
            }
        readiness.report("bus")
        async with client.get("/readyz") as ready:
            assert ready.status == 200


async def test_metrics_are_exposed_with_the_prefix() -> None:
    metrics.counter("test_turns_total", "How many turns?", ("kind",)).labels(kind="x").inc()
    async with (
        serve_probes(Readiness(), host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
        client.get("/metrics") as answer,
    ):
        text = await answer.text()
    assert 'crossloop_test_turns_total{kind="x"} 1.0' in text


def test_a_port_that_is_taken_stops_it_like_a_wrong_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def main(_: Process) -> None:
        raise AssertionError("the work must not begin")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = CommonSettings(http_host="127.0.0.1", http_port=port)
        with pytest.raises(SystemExit) as stopped:
            run_service("decide", settings, main)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    where = f"CROSSLOOP_HTTP_HOST='127.0.0.1' CROSSLOOP_HTTP_PORT={port}: cannot listen there: "
    assert line.startswith(where)
    assert "in use" in line
