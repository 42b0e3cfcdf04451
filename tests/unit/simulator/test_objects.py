import asyncio
from pathlib import Path

import pytest

from shared.runtime.kubernetes import connect
from simulator.kubernetes import ApiServer, write_kubeconfig
from simulator.kubernetes.objects import Object, labels_of, name_of
from simulator.objects import OWNER, follow_kind, path_of, path_of_object


def a_node(name: str, **labels: str) -> Object:
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata}


@pytest.mark.parametrize(
    ("version", "kind", "path"),
    [
        ("v1", "Pod", "/api/v1/pods"),
        ("apps/v1", "Deployment", "/apis/apps/v1/deployments"),
        ("crossloop.dev/v1alpha1", "FleetPolicy", "/apis/crossloop.dev/v1alpha1/fleetpolicies"),
    ],
)
def test_all_objects_of_a_kind_are_where_the_api_lists_them(
    version: str, kind: str, path: str
) -> None:
    assert path_of(version, kind) == path


def test_an_object_is_where_the_api_serves_it() -> None:
    metadata = {"name": "render", "namespace": "xr"}
    render = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}
    assert path_of_object(a_node("metro")) == "/api/v1/nodes/metro"
    assert path_of_object(render) == "/apis/apps/v1/namespaces/xr/deployments/render"


async def test_all_objects_of_a_kind_are_told_now_and_after_each_change(tmp_path: Path) -> None:
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    def see(objects: dict[str, Object]) -> None:
        told.put_nowait({name_of(obj): labels_of(obj).get("at", "") for obj in objects.values()})

    async with ApiServer() as server:
        write_kubeconfig(tmp_path / "kubeconfig", server.url)
        async with connect(str(tmp_path / "kubeconfig")) as api, asyncio.timeout(10):
            one, two = a_node("one"), a_node("two")
            await api.apply(path_of_object(one), one, manager=OWNER)
            following = asyncio.create_task(follow_kind(api, "Node", "v1", see))
            assert await told.get() == {"one": ""}
            await api.apply(path_of_object(two), two, manager=OWNER)
            assert await told.get() == {"one": "", "two": ""}
            await api.apply(path_of_object(one), a_node("one", at="edge"), manager=OWNER)
            assert await told.get() == {"one": "edge", "two": ""}
            await api.delete(path_of_object(two))
            assert await told.get() == {"one": "edge"}
            following.cancel()
            await asyncio.wait({following})
