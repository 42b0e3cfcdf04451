"""What the simulator writes as Liqo, the real API server takes by Liqo's own definitions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.real.client import Object
from console.real.kubernetes import RealKubernetes
from simulator.kubernetes.objects import clone, namespace_of
from tests.support.peerings import (
    EDGE,
    HOME,
    TENANT_EDGE,
    TENANT_HOME,
    Cluster,
    definitions,
    gateway_client,
    key_of,
    link,
    networks,
    pair,
    peer,
    public_key,
)
from tests.support.real_parts import namespace

pytestmark = pytest.mark.real

OF_THE_SERVER = (
    "creationTimestamp",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
)
SPACES = ("liqo", "xr", TENANT_EDGE, TENANT_HOME)


@pytest.fixture(scope="module")
def server(real_kubernetes: RealKubernetes) -> RealKubernetes:
    """The API server with Liqo's kinds and the namespaces of a peering."""
    real_kubernetes.install_crds([clone(dict(crd)) for crd in definitions()])
    for name in SPACES:
        namespace(real_kubernetes, name)
    return real_kubernetes


async def peered(folder: Path) -> list[tuple[str, Object]]:
    """Return all of Liqo's objects of two clusters that are peered completely, with a namespace."""
    async with pair(folder) as two:
        await peer(two)
        await networks(two)
        await two.until(lambda: key_of(two.edge, "GatewayServer"))
        endpoint = two.edge.all("GatewayServer")[0]["status"]["endpoint"]
        await two.home.apply(gateway_client(endpoint["addresses"], endpoint["port"]))
        await two.until(lambda: key_of(two.home, "GatewayClient"))
        await two.home.apply(
            public_key(TENANT_EDGE, EDGE, key_of(two.edge, "GatewayServer")),
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "xr"}},
            {
                "apiVersion": "offloading.liqo.io/v1beta1",
                "kind": "NamespaceOffloading",
                "metadata": {"name": "offloading", "namespace": "xr"},
                "spec": {},
            },
        )
        await two.edge.apply(public_key(TENANT_HOME, HOME, key_of(two.home, "GatewayClient")))
        await two.until(lambda: (link(two.home), link(two.edge)) == ("Connected", "Connected"))
        await two.until(lambda: two.edge.find("Namespace", "xr-home"))
        return [(c.name, obj) for c in (two.home, two.edge) for obj in written(c)]


def written(cluster: Cluster) -> Iterator[Object]:
    """Yield what a real server is to take: of Liqo's kinds, and nothing a server adds itself."""
    for definition in definitions():
        for obj in cluster.all(definition["spec"]["names"]["kind"]):
            kept = clone(obj)
            for name in OF_THE_SERVER:
                kept["metadata"].pop(name, None)
            kept["metadata"].pop("finalizers", None)
            yield kept


async def test_the_real_server_takes_every_object_of_a_peering(
    server: RealKubernetes, tmp_path: Path
) -> None:
    found = await peered(tmp_path)
    kinds = {obj["kind"] for _, obj in found}
    assert kinds == {d["spec"]["names"]["kind"] for d in definitions()}
    for cluster, obj in found:
        if obj["kind"] != "ForeignCluster" and namespace_of(obj) not in SPACES:
            continue
        take(server, cluster, obj)


def take(server: RealKubernetes, cluster: str, obj: Object) -> None:
    """Create an object and write its status, with every field known and valid."""
    client, status = server.client, obj.pop("status", None)
    obj["metadata"]["name"] += f"-{cluster}" * (obj["kind"] != "NamespaceOffloading")
    path = client.path_of(obj, named=False)
    created = client.call("POST", f"{path}?fieldValidation=Strict", obj)
    if status is None:
        return
    whole = {**created, "status": status}
    kept = client.call("PUT", f"{client.path_of(created)}/status?fieldValidation=Strict", whole)
    assert kept["status"] == status
