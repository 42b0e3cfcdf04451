import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest

from services.observe.adapters.kubernetes import PATHS, KubernetesInventory
from services.observe.core.inventory import KINDS, read_inventory
from services.observe.core.reader import Listed
from shared.messages.inventory import Freshness
from shared.runtime.kubernetes import KubernetesApi
from tests.support.builders import FLEET, NOW
from tests.support.fakes_observe import FakeApi, raw_pod, some_objects

SOON = timedelta(seconds=2)


def an_api(**options: Any) -> FakeApi:
    objects = some_objects("metro")
    return FakeApi({PATHS[kind]: objects[kind] for kind in KINDS}, **options)


@asynccontextmanager
async def following(api: FakeApi) -> AsyncIterator[KubernetesInventory]:
    inventory = KubernetesInventory(cast("KubernetesApi", api), now=lambda: NOW)
    task = asyncio.create_task(inventory.run())
    try:
        yield inventory
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


def of(inventory: KubernetesInventory, kind: str) -> Listed:
    return next(listed for listed in inventory.lists() if listed.kind == kind)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(2):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def names(inventory: KubernetesInventory, kind: str) -> list[str]:
    return [item["metadata"]["name"] for item in of(inventory, kind).objects]


def test_every_kind_has_its_path() -> None:
    assert tuple(PATHS) == KINDS
    assert PATHS["Pod"] == "/api/v1/pods"
    assert PATHS["Application"] == "/apis/crossloop.dev/v1alpha1/applications"


async def test_what_is_listed_can_be_read_and_nothing_else_is_kept() -> None:
    api = an_api()
    api.objects[PATHS["Pod"]][0]["metadata"]["managedFields"] = [{"manager": "kubelet"}]
    api.objects[PATHS["Pod"]][0]["spec"]["containers"] = [{"name": "main"}]
    async with following(api) as inventory:
        assert await inventory.synced(within=SOON)
        found = read_inventory(inventory.lists(), FLEET)
        assert found.problems == ()
        assert [a.name for a in found.applications] == ["xr/arena"]
        assert {(k.state, k.synced_at) for k in found.kinds} == {(Freshness.FRESH, NOW)}
        first = of(inventory, "Pod").objects[0]
        assert "managedFields" not in first["metadata"]
        assert first["spec"] == {"nodeName": "home-node-1"}


async def test_changes_are_followed() -> None:
    api, path = an_api(), PATHS["Pod"]
    async with following(api) as inventory:
        await inventory.synced(within=SOON)
        api.tell(path, "ADDED", raw_pod("new", "render", "liqo-metro"))
        await until(lambda: "new" in names(inventory, "Pod"))
        api.tell(path, "MODIFIED", raw_pod("new", "render", "home-node-1"))
        api.tell(path, "DELETED", raw_pod("ingest-77fd9-a", "ingest", ""))
        await until(lambda: len(names(inventory, "Pod")) == 2)
        assert of(inventory, "Pod").objects[1]["spec"]["nodeName"] == "home-node-1"


async def test_a_kind_that_is_not_installed_is_absent_and_delays_nothing() -> None:
    api = an_api(missing=[PATHS["ForeignCluster"]])
    async with following(api) as inventory:
        assert await inventory.synced(within=SOON)
        listed = of(inventory, "ForeignCluster")
        assert listed.state is Freshness.ABSENT
        assert "could not find" in listed.reason
        assert of(inventory, "Pod").state is Freshness.FRESH


async def test_a_lost_server_leaves_what_is_known_but_late() -> None:
    api = an_api()
    async with following(api) as inventory:
        await inventory.synced(within=SOON)
        api.lose()
        await until(lambda: {x.state for x in inventory.lists()} == {Freshness.LATE})
        assert names(inventory, "Application") == ["arena"]
        assert of(inventory, "Pod").reason == "the watch broke"


async def test_a_server_that_was_never_there_leaves_all_absent() -> None:
    api = an_api()
    api.lost = True
    async with following(api) as inventory:
        assert not await inventory.synced(within=timedelta(milliseconds=50))
        assert {x.state for x in inventory.lists()} == {Freshness.ABSENT}
        assert {x.reason for x in inventory.lists()} == {"refused"}
        api.lost = False
        assert await inventory.synced(within=SOON)


@pytest.mark.parametrize("kind", KINDS)
async def test_before_anything_was_heard_all_is_absent(kind: str) -> None:
    inventory = KubernetesInventory(cast("KubernetesApi", an_api()), now=lambda: NOW)
    assert of(inventory, kind).state is Freshness.ABSENT
