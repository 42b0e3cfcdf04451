"""How a process speaks to an API server, against one that follows a script."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from shared.errors import PermanentError, TransientError
from shared.runtime.following import Absent, Changed, Fresh, Late, Listed, News, follow, pause_after
from shared.runtime.kubernetes import ApiError, KubernetesApi, connect, path_of
from tests.support.apiserver import (
    BREAK,
    ScriptedApi,
    a_page,
    an_event,
    an_object,
    serving,
    status,
)

PODS = path_of(version="v1", plural="pods")


@dataclass(slots=True)
class Server:
    script: ScriptedApi
    api: KubernetesApi


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    script = ScriptedApi()
    async with (
        serving(script, tmp_path) as kubeconfig,
        connect(kubeconfig, call_seconds=0.5) as api,
    ):
        yield Server(script, api)


async def news_of(server: Server, count: int) -> list[News]:
    """Follow the pods until that much was told."""
    told: list[News] = []
    async with asyncio.timeout(10), aclosing(follow(server.api, PODS, pause=lambda _: 0)) as news:
        async for item in news:
            told.append(item)
            if len(told) == count:
                break
    return told


def resumed_at(server: Server) -> list[str]:
    watches = [asked for asked in server.script.asked if asked.query.get("watch")]
    return [asked.query["resourceVersion"] for asked in watches]


def names(listed: News) -> list[str]:
    assert isinstance(listed, Listed)
    return [item["metadata"]["name"] for item in listed.objects]


async def test_a_list_comes_page_by_page(server: Server) -> None:
    server.script.lists.extend([a_page("a", "b", more="page2"), a_page("c", version="7")])
    objects, version = await server.api.list(PODS, labels="app=x")
    assert [item["metadata"]["name"] for item in objects] == ["a", "b", "c"]
    assert version == "7"
    assert [asked.query.get("continue") for asked in server.script.asked] == [None, "page2"]
    assert {asked.query["limit"] for asked in server.script.asked} == {"500"}
    assert {asked.query["labelSelector"] for asked in server.script.asked} == {"app=x"}
    assert {asked.headers["Authorization"] for asked in server.script.asked} == {"Bearer secret"}


async def test_a_list_is_followed_by_its_changes(server: Server) -> None:
    server.script.lists.append(a_page("a", version="5"))
    server.script.watches.append(
        [an_event("ADDED", "b", "6"), an_event("MODIFIED", "a", "7"), an_event("DELETED", "b", "8")]
    )
    listed, *rest = await news_of(server, 5)
    assert names(listed) == ["a"]
    assert rest == [
        Fresh(),
        Changed(object=an_object("b", "6")),
        Changed(object=an_object("a", "7")),
        Changed(object=an_object("b", "8"), gone=True),
    ]


async def test_a_watch_that_ends_goes_on_from_the_last_bookmark_without_a_word(
    server: Server,
) -> None:
    server.script.lists.append(a_page("a", version="5"))
    server.script.watches.append([an_event("BOOKMARK", "", "40")])
    server.script.watches.append([an_event("ADDED", "b", "41")])
    server.script.watches.append([an_event("ADDED", "c", "42")])
    told = await news_of(server, 4)
    assert told[1:] == [
        Fresh(),
        Changed(object=an_object("b", "41")),
        Changed(object=an_object("c", "42")),
    ]
    assert resumed_at(server) == ["5", "40", "41"]


async def test_a_watch_that_breaks_makes_the_list_late_until_it_goes_on(server: Server) -> None:
    server.script.lists.append(a_page("a", version="5"))
    server.script.watches.append([an_event("ADDED", "b", "6"), BREAK])
    server.script.watches.append([503])
    server.script.watches.append([an_event("ADDED", "c", "7")])
    told = await news_of(server, 6)
    assert [type(news) for news in told] == [Listed, Fresh, Changed, Late, Fresh, Changed]
    assert resumed_at(server) == ["5", "6", "6"]


@pytest.mark.parametrize(
    "gone",
    [[410], [{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "old"}}]],
)
async def test_a_version_too_old_is_listed_anew(server: Server, gone: list[Any]) -> None:
    server.script.lists.extend([a_page("a", version="5"), a_page("b", version="90")])
    server.script.watches.extend([gone, [an_event("ADDED", "c", "91")]])
    told = await news_of(server, 5 if gone == [410] else 6)
    fresh_first = [] if gone == [410] else [Fresh]
    assert [type(news) for news in told] == [Listed, *fresh_first, Late, Listed, Fresh, Changed]
    assert names(told[-3]) == ["b"]
    assert resumed_at(server) == ["5", "90"]


@pytest.mark.parametrize("code", [404, 403])
async def test_a_kind_that_cannot_be_listed_is_absent_and_asked_again(
    server: Server, code: int
) -> None:
    server.script.lists.extend([status(code, "Why"), status(code, "Why"), a_page("a")])
    server.script.watches.append([an_event("ADDED", "b", "2")])
    absent, listed, fresh, _ = await news_of(server, 4)
    assert absent == Absent(reason=f"{code} Why: so it is")
    assert names(listed) == ["a"]
    assert fresh == Fresh()


async def test_a_list_that_was_refused_stays_absent_until_it_is_listed_again(
    server: Server,
) -> None:
    server.script.lists.extend([a_page("a"), status(503), a_page("b")])
    server.script.watches.append([401])
    told = await news_of(server, 3)
    assert [type(news) for news in told] == [Listed, Absent, Listed]


async def test_a_watch_that_answers_with_something_else_is_not_believed(server: Server) -> None:
    server.script.lists.append(a_page("a", version="5"))
    server.script.watches.append([b"<html>please log in</html>"])
    told = await news_of(server, 3)
    assert [type(news) for news in told] == [Listed, Fresh, Late]


async def test_a_server_that_cannot_be_listed_yet_is_absent_with_the_reason(server: Server) -> None:
    server.script.lists.extend([status(503), a_page("a")])
    absent, listed = await news_of(server, 2)
    assert absent == Absent(reason="GET /api/v1/pods: 503 so it is")
    assert names(listed) == ["a"]


async def test_an_event_longer_than_a_buffer_is_read(server: Server) -> None:
    long = an_object("a", "6") | {"data": "x" * 3_000_000}
    server.script.lists.append(a_page(version="5"))
    server.script.watches.append([{"type": "ADDED", "object": long}])
    assert (await news_of(server, 3))[-1] == Changed(object=long)


async def test_an_apply_names_its_manager_and_never_forces(server: Server) -> None:
    server.script.calls.append(web.json_response({"ok": True}))
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}
    assert await server.api.apply(f"{PODS}/a", body, manager="crossloop-act") == {"ok": True}
    (asked,) = server.script.asked
    assert (asked.method, asked.body) == ("PATCH", body)
    assert asked.query == {"fieldManager": "crossloop-act", "force": "false"}
    assert asked.headers["Content-Type"] == "application/apply-patch+yaml"


async def test_a_status_is_merged_into_its_subresource(server: Server) -> None:
    server.script.calls.append(web.json_response({}))
    await server.api.patch_status(f"{PODS}/a", {"status": {"phase": "x"}}, manager="m")
    (asked,) = server.script.asked
    assert (asked.path, asked.query) == (f"{PODS}/a/status", {"fieldManager": "m"})
    assert asked.headers["Content-Type"] == "application/merge-patch+json"


async def test_objects_are_created_read_and_deleted(server: Server) -> None:
    server.script.calls.extend(web.json_response({"n": n}) for n in range(3))
    await server.api.create(PODS, {"metadata": {"name": "a"}}, manager="m")
    await server.api.get(f"{PODS}/a")
    await server.api.delete(f"{PODS}/a")
    assert [(asked.method, asked.path) for asked in server.script.asked] == [
        ("POST", PODS),
        ("GET", f"{PODS}/a"),
        ("DELETE", f"{PODS}/a"),
    ]


@pytest.mark.parametrize("code", [403, 404, 409, 422])
async def test_a_refusal_says_what_the_server_said(server: Server, code: int) -> None:
    server.script.calls.append(status(code, "Conflict", "field owned by helm"))
    with pytest.raises(ApiError) as caught:
        await server.api.get(f"{PODS}/a")
    error = caught.value
    assert (error.status, error.reason, error.message) == (code, "Conflict", "field owned by helm")


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_a_busy_or_failing_server_is_a_transient_failure(server: Server, code: int) -> None:
    server.script.calls.append(status(code))
    with pytest.raises(TransientError, match=f"{code} so it is"):
        await server.api.get(f"{PODS}/a")


@pytest.mark.parametrize(("told", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None)])
async def test_a_busy_server_says_how_long_to_leave_it_alone(
    server: Server, told: str, seconds: float | None
) -> None:
    busy = status(429)
    busy.headers["Retry-After"] = told
    server.script.calls.append(busy)
    with pytest.raises(TransientError) as caught:
        await server.api.get(f"{PODS}/a")
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "message",
    [
        "failed to create typed patch object (xr/a): .spec.x",
        ".spec.x: field not declared in schema",
    ],
)
async def test_an_apply_with_an_unknown_field_is_no_transient_failure(
    server: Server, message: str
) -> None:
    server.script.calls.append(status(500, message=message))
    with pytest.raises(ApiError) as caught:
        await server.api.apply(f"{PODS}/a", {}, manager="test")
    assert caught.value.status == 500


async def test_a_server_that_is_not_there_is_a_transient_failure(tmp_path: Path) -> None:
    script = ScriptedApi()
    async with serving(script, tmp_path) as kubeconfig:
        pass
    async with connect(kubeconfig) as api:
        with pytest.raises(TransientError):
            await api.get(PODS)


async def test_a_server_that_does_not_answer_in_time_is_a_transient_failure(server: Server) -> None:
    server.script.calls.append(None)
    with pytest.raises(TransientError, match=f"GET {PODS}"):
        await server.api.get(PODS)


async def test_a_kubeconfig_that_cannot_be_read_is_a_permanent_failure(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="kubeconfig"):
        async with connect(str(tmp_path / "missing")):
            pass


def test_pauses_double_up_to_half_a_minute() -> None:
    assert all(0.25 <= pause_after(0) <= 0.5 for _ in range(20))
    assert all(15 <= pause_after(100) <= 30 for _ in range(20))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/api/v1/nodes", {"version": "v1", "plural": "nodes"}),
        (
            "/apis/apps/v1/namespaces/xr/deployments/render/scale",
            {
                "group": "apps",
                "version": "v1",
                "namespace": "xr",
                "plural": "deployments",
                "name": "render",
                "subresource": "scale",
            },
        ),
    ],
)
def test_a_path_is_where_the_api_serves_it(path: str, parts: dict[str, str]) -> None:
    assert path_of(**parts) == path
