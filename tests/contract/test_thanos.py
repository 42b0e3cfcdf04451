import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from services.observe.adapters.thanos import ThanosMetrics
from services.observe.core.answers import Answer, Answers, Question, Sample, Store
from shared.runtime import clock
from tests.support.builders import NOW

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
UP = Question(promql="up", labels=("cluster", "node"))
WARNING = 'fetch series for {cluster="edge-b"} Addr: 127.0.0.1:19113 Error: connection refused'
ROWS = [
    {"metric": {"cluster": "edge-a", "node": "n1", "x": "y"}, "value": [1795497127.646, "1.5"]},
    {"metric": {"cluster": "edge-a"}, "value": [1795497127.646, "NaN"]},
]
SECONDS = 0.4


def success(result: Any, kind: str = "vector", **more: Any) -> dict[str, Any]:
    data = {"resultType": kind, "result": result, "analysis": {}}
    return {"status": "success", "data": data, **more}


@asynccontextmanager
async def served(
    query: Handler, stores: Handler | None = None, *, path: str = ""
) -> AsyncIterator[ThanosMetrics]:
    application = web.Application()
    application.add_routes([web.get(f"{path}/api/v1/query", query)])
    if stores:
        application.add_routes([web.get("/api/v1/stores", stores)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://user:secret@127.0.0.1:{runner.addresses[0][1]}{path}/"
    metrics = ThanosMetrics(url, timeout=timedelta(seconds=SECONDS))
    try:
        yield metrics
    finally:
        metrics.close()
        await runner.cleanup()


def always(body: Any, status: int = 200, content_type: str = "application/json") -> Handler:
    text = body if isinstance(body, str) else json.dumps(body)

    async def handle(_: web.Request) -> web.Response:
        return web.Response(text=text, status=status, content_type=content_type)

    return handle


async def ask(metrics: ThanosMetrics, *questions: Question, within: float = 5.0) -> Answers:
    return await metrics.ask(questions or (UP,), at=NOW, within=timedelta(seconds=within))


async def answer_to(query: Handler) -> Answer:
    async with served(query) as metrics:
        (answer,) = (await ask(metrics)).answers
    return answer


async def assert_left_in_time(query: Handler) -> None:
    """Check that a server which does not get done is given up after 0.4 s."""
    started = clock.monotonic()
    answer = await answer_to(query)
    assert clock.monotonic() - started < 2.0
    assert answer.failure.endswith("does not answer within 0.4 s")


async def test_samples_come_with_the_labels_asked_for_and_the_warnings() -> None:
    note = "PromQL info: metric might not be a counter"
    answer = await answer_to(always(success(ROWS, warnings=[WARNING, note])))
    assert answer.failure == ""
    assert answer.warnings == (WARNING, note)
    first, second = answer.samples
    assert first == Sample(("edge-a", "n1"), 1.5)
    assert second.labels == ("edge-a", "")
    assert second.value != second.value


async def test_a_scalar_is_a_sample_without_labels() -> None:
    answer = await answer_to(always(success([1795497127.646, "7"], "scalar")))
    assert answer.samples == (Sample(("", ""), 7.0),)


async def test_all_is_asked_as_of_one_instant_over_few_connections() -> None:
    seen: list[tuple[str, str, str | None]] = []
    connections = set()

    async def query(request: web.Request) -> web.Response:
        asked = request.query
        seen.append((asked["query"], asked["time"], asked.get("lookback_delta")))
        assert request.transport is not None
        connections.add(request.transport.get_extra_info("peername"))
        assert request.headers["Authorization"].startswith("Basic ")
        return web.json_response(success([]))

    questions = [Question(promql=f"m{n}") for n in range(30)]
    recent = Question(promql='x{a="b c"}', lookback=timedelta(seconds=45))
    async with served(query, path="/prometheus") as metrics:
        answers = await ask(metrics, *questions, recent)
    assert {a.question for a in answers.answers} == {*questions, recent}
    time = f"{NOW.timestamp():.3f}"
    assert sorted(seen, key=str) == sorted(
        [*((q.promql, time, None) for q in questions), (recent.promql, time, "45000ms")], key=str
    )
    assert len(connections) <= 6


ERROR = {"status": "error", "errorType": "execution", "error": "a store is down"}


@pytest.mark.parametrize(
    ("query", "failure"),
    [
        (always(ERROR, 422), "it answers with status 422: a store is down"),
        (always(ERROR, 400), "it answers with status 400: a store is down"),
        (always(ERROR, 503), "it answers with status 503: a store is down"),
        (always(ERROR), "it answers with status 200: a store is down"),
        (always("404 page not found", 404, "text/plain"), "it answers with status 404"),
        (always("Bad Gateway", 502, "text/html"), "it answers with status 502"),
        (always("<html>", content_type="text/html"),
         "its answer is not JSON, or cut off (text/html; charset=utf-8)"),
        (always('{"status":"succ'),
         "its answer is not JSON, or cut off (application/json; charset=utf-8)"),
        (always([]), "its answer is no JSON object"),
        (always({"status": "success"}), "its answer is not as the API has it"),
        (always({"status": "success", "data": []}), "its answer is not as the API has it"),
        (always(success([], "matrix")), "the query gives no instant vector but matrix"),
        (always(success([{"metric": {}, "histogram": []}])),
         "the query gives native histograms, not numbers"),
        (always(success([{"metric": {}, "value": [1]}])),
         "a row of the answer is not as the API has it"),
        (always(success([{"metric": {}, "value": [1, "x"]}])), "the answer holds 'x' for a number"),
    ],
)  # fmt: skip
async def test_what_is_no_answer_is_told_in_a_sentence(query: Handler, failure: str) -> None:
    answer = await answer_to(query)
    assert answer.samples == ()
    assert answer.failure.endswith(failure)
    assert "secret" not in answer.failure


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    async with served(always({})) as metrics:
        pass
    started = clock.monotonic()
    answers = await ask(metrics, *(Question(promql=f"m{n}") for n in range(26)))
    assert clock.monotonic() - started < 1.0
    assert answers.unreachable.endswith("cannot be reached: Connection refused")
    assert "secret" not in answers.unreachable
    assert len(answers.answers) == 26
    assert answers.stores is None


async def test_a_server_that_hangs_is_left_in_time() -> None:
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    await assert_left_in_time(hang)


async def test_an_answer_that_trickles_in_is_left_in_time() -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10000"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.1)
        return response

    await assert_left_in_time(trickle)


async def test_an_answer_that_breaks_off_is_told() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "10000"})
        await response.prepare(request)
        await response.write(b'{"status":')
        assert request.transport is not None
        request.transport.abort()
        return response

    answer = await answer_to(break_off)
    assert "broke off" in answer.failure or "cannot be reached" in answer.failure


async def test_one_bad_answer_spoils_no_other() -> None:
    async def query(request: web.Request) -> web.Response:
        if request.query["query"] == "bad":
            return web.json_response(ERROR, status=422)
        return web.json_response(success(ROWS))

    bad = Question(promql="bad")
    async with served(query) as metrics:
        answers = await ask(metrics, UP, bad)
    found = {a.question.promql: (len(a.samples), bool(a.failure)) for a in answers.answers}
    assert found == {"up": (2, False), "bad": (0, True)}
    assert answers.unreachable == ""


async def test_what_there_was_no_time_for_is_not_asked() -> None:
    async with served(always(success([]))) as metrics:
        (answer,) = (await ask(metrics, within=0.0)).answers
    assert answer.failure == "the time of the cycle was used up before it was asked"


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert (await answer_to(always(success(ROWS)))).failure == ""


async def test_stores_with_current_data_say_how_they_are() -> None:
    current, ends = 9223372036854775807, int((NOW - timedelta(hours=2)).timestamp() * 1000)
    sets = [{"cluster": "edge-b", "replica": "r0"}, {"replica": "r0"}]
    body = {
        "status": "success",
        "data": {
            "sidecar": [
                {"name": "b:10901", "lastError": None, "labelSets": sets, "maxTime": current},
                {"name": "a:10901", "lastError": "refused",
                 "labelSets": [{"cluster": "edge-a"}], "maxTime": current},
            ],
            "store": [{"name": "s:10901", "lastError": None, "labelSets": sets, "maxTime": ends}],
            "rule": None,
            "query": [{"name": 7}, "odd"],
        },
    }  # fmt: skip
    async with served(always(success([])), always(body)) as metrics:
        answers = await ask(metrics)
    assert answers.stores == (
        Store(name="b:10901", clusters=("edge-b",)),
        Store(name="a:10901", clusters=("edge-a",), last_error="refused"),
    )


async def test_a_plain_prometheus_has_no_stores() -> None:
    async with served(always(success([]))) as metrics:
        assert (await ask(metrics)).stores is None
