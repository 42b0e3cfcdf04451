"""What only the simulated API server can be made to do: forget, refuse, dawdle, hang up."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from simulator.kubernetes import ApiServer, Fault, write_kubeconfig

MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with ApiServer(history=5) as server:
        yield server


@pytest.fixture
async def session(server: ApiServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


async def create(session: aiohttp.ClientSession, name: str) -> int:
    async with session.post(MAPS, json={"metadata": {"name": name}}) as answer:
        return answer.status


async def get(session: aiohttp.ClientSession, path: str, **query: str) -> tuple[int, Any]:
    async with session.get(path, params=query) as answer:
        return answer.status, await answer.json()


async def test_a_watch_from_a_forgotten_version_ends_with_an_error(
    session: aiohttp.ClientSession,
) -> None:
    _, listed = await get(session, MAPS)
    for number in range(6):
        await create(session, f"a{number}")
    version = listed["metadata"]["resourceVersion"]
    async with session.get(MAPS, params={"watch": "true", "resourceVersion": version}) as answer:
        lines = [json.loads(line) async for line in answer.content]
    (event,) = lines
    assert (answer.status, event["type"]) == (200, "ERROR")
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith(f"too old resource version: {version}")


async def test_a_page_of_a_forgotten_version_is_expired(session: aiohttp.ClientSession) -> None:
    await create(session, "a")
    await create(session, "b")
    _, first = await get(session, MAPS, limit="1")
    for number in range(6):
        await create(session, f"c{number}")
    token = {"limit": "1", "continue": first["metadata"]["continue"]}
    status, body = await get(session, MAPS, **token)
    assert (status, body["reason"]) == (410, "Expired")


async def test_bookmarks_come_though_others_keep_writing(session: aiohttp.ClientSession) -> None:
    """Else a watch of a quiet kind would hold a version that is long forgotten."""
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "1"}
    async with session.get("/apis/apps/v1/deployments", params=query) as answer:
        for number in range(10):
            await create(session, f"a{number}")
        lines = [json.loads(line) async for line in answer.content]
    _, listed = await get(session, MAPS)
    assert [line["type"] for line in lines] == ["BOOKMARK"]
    bookmark = lines[0]["object"]["metadata"]["resourceVersion"]
    assert bookmark == listed["metadata"]["resourceVersion"]


async def test_a_fault_refuses_so_many_requests(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    fault = Fault(
        meets=lambda method, path: method == "POST" and path.endswith("configmaps"),
        status=429,
        reason="TooManyRequests",
        times=2,
    )
    server.faults.add(fault)
    assert [await create(session, "a") for _ in range(3)] == [429, 429, 201]


async def test_a_fault_can_hang_up_before_or_after_the_work(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    def posts(method: str, _: str) -> bool:
        return method == "POST"

    for name, carries_out in (("a", False), ("b", True)):
        server.faults.add(Fault(meets=posts, drop=True, carries_out=carries_out, times=1))
        with pytest.raises(aiohttp.ClientError):
            await create(session, name)
    _, listed = await get(session, MAPS)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["b"]


async def test_a_fault_can_dawdle_until_it_is_removed(
    server: ApiServer, session: aiohttp.ClientSession
) -> None:
    fault = server.faults.add(Fault(meets=lambda *_: True, delay_seconds=30))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await get(session, MAPS)
    server.faults.remove(fault)
    assert (await get(session, MAPS))[0] == 200


async def test_who_may_is_answered_yes(session: aiohttp.ClientSession) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    async with session.post(path, json={"spec": {}}) as answer:
        assert (answer.status, (await answer.json())["status"]) == (201, {"allowed": True})


async def test_a_body_that_is_no_json_is_refused(session: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    async with session.post(MAPS, data="{", headers=headers) as answer:
        assert answer.status == 400


async def test_open_watches_do_not_hold_the_server_up() -> None:
    async with (
        asyncio.timeout(2),
        ApiServer() as server,
        aiohttp.ClientSession(server.url) as session,
        session.get(MAPS, params={"watch": "true"}) as answer,
    ):
        assert answer.status == 200


def test_a_kubeconfig_leads_to_the_server(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    write_kubeconfig(file, "http://127.0.0.1:1")
    config = yaml.safe_load(file.read_text())
    assert config["clusters"][0]["cluster"] == {"server": "http://127.0.0.1:1"}
    assert config["current-context"] == config["contexts"][0]["name"]
