"""Two clusters with Liqo, each an API server of the simulator, and what peers write by hand."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.runtime.kubernetes import KubernetesApi, connect
from simulator.controllers import running
from simulator.kubernetes import ApiServer, write_kubeconfig
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import Object, clone, dig
from simulator.kubernetes.resources import CRDS as DEFINITIONS
from simulator.liqo_peering import peering
from simulator.objects import path_of_object

CRDS = Path(__file__).parents[3] / "shared" / "crds" / "liqo"
KINDS = (
    "authentication.liqo.io_identities",
    "authentication.liqo.io_resourceslices",
    "authentication.liqo.io_tenants",
    "core.liqo.io_foreignclusters",
    "ipam.liqo.io_networks",
    "networking.liqo.io_configurations",
    "networking.liqo.io_connections",
    "networking.liqo.io_gatewayclients",
    "networking.liqo.io_gatewayservers",
    "networking.liqo.io_publickeies",
    "offloading.liqo.io_namespacemaps",
    "offloading.liqo.io_namespaceoffloadings",
    "offloading.liqo.io_quotas",
    "offloading.liqo.io_virtualnodes",
)
BY = Writer(manager="test")
SPEED = 50.0
HOME, EDGE = "home", "edge"
TENANT_EDGE, TENANT_HOME = "liqo-tenant-edge", "liqo-tenant-home"
REMOTE = "liqo.io/remote-cluster-id"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One of the two: in this process, and as clients reach it."""

    name: str
    local: Api
    api: KubernetesApi
    kubeconfig: Path

    def find(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, if it is there."""
        resource = next(r for r in self.local.registry if r.kind == kind)
        return self.local.store.get(resource.key, (namespace, name))

    def all(self, kind: str) -> tuple[Object, ...]:
        """Return all objects of a kind."""
        resource = next(r for r in self.local.registry if r.kind == kind)
        return self.local.store.all(resource.key)

    async def apply(self, *objects: Object) -> None:
        """Write objects, as a peer does by hand."""
        for obj in objects:
            await self.api.apply(path_of_object(obj), obj, manager="operator")

    async def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete an object."""
        found = self.find(kind, name, namespace)
        assert found is not None, f"there is no {kind} {namespace}/{name}"
        await self.api.delete(path_of_object(found))


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clusters, not peered yet: `home` is to use `edge`."""

    home: Cluster
    edge: Cluster

    async def until(self, is_so: Callable[[], Any], seconds: float = 5.0) -> None:
        """Wait until something is the case. TimeoutError: it never is."""
        async with asyncio.timeout(seconds):
            while True:
                if is_so():
                    return
                await asyncio.sleep(0.01)


@cache
def definitions() -> tuple[Object, ...]:
    """Return Liqo's definitions. Where they are not at hand, the test is skipped."""
    if not CRDS.is_dir():
        pytest.skip("Liqo's definitions (shared/crds/liqo) are not at hand")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return tuple(yaml.load((CRDS / f"{k}.yaml").read_text(), loader) for k in KINDS)


@asynccontextmanager
async def pair(folder: Path) -> AsyncIterator[Pair]:
    """Give two clusters with Liqo."""
    async with AsyncExitStack() as stack:
        home, edge = [await _cluster(stack, folder, name) for name in (HOME, EDGE)]
        playing = peering(home.api, edge.api, names=(HOME, EDGE), speed=SPEED)
        await stack.enter_async_context(playing)
        yield Pair(home, edge)


async def _cluster(stack: AsyncExitStack, folder: Path, name: str) -> Cluster:
    server = await stack.enter_async_context(ApiServer())
    await stack.enter_async_context(running(server.api, speed=SPEED))
    for definition in definitions():
        server.api.create(DEFINITIONS, "", clone(definition), BY)
    file = folder / f"{name}.kubeconfig"
    write_kubeconfig(file, server.url)
    return Cluster(name, server.api, await stack.enter_async_context(connect(str(file))), file)


# ---- what peers write


def tenant_namespaces() -> tuple[Object, Object]:
    """Return the tenant namespaces: for edge at home, for home at edge."""
    return _space(TENANT_EDGE, EDGE), _space(TENANT_HOME, HOME)


def _space(name: str, cluster: str) -> Object:
    labels = {REMOTE: cluster, "liqo.io/tenant-namespace": "true"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }


def account() -> tuple[Object, ...]:
    """Return what lets home in at edge: an account, its token, and what it may do."""
    metadata = {"name": "home-crossloop", "namespace": TENANT_HOME}
    subject = {"kind": "ServiceAccount", **metadata}
    role = {"kind": "ClusterRole", "name": "liqo-remote-controlplane"}
    return (
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {
                **metadata,
                "annotations": {"kubernetes.io/service-account.name": "home-crossloop"},
            },
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", **role},
            "subjects": [subject],
        },
    )


def tenant(condition: str = "Active") -> Object:
    """Return what edge says of home."""
    return {
        "apiVersion": "authentication.liqo.io/v1beta1",
        "kind": "Tenant",
        "metadata": {"name": HOME, "namespace": TENANT_HOME, "labels": {REMOTE: HOME}},
        "spec": {
            "clusterID": HOME,
            "authzPolicy": "TolerateNoHandshake",
            "tenantCondition": condition,
        },
    }


def control_plane_secret(kubeconfig: str) -> Object:
    """Return the Secret by which home's Liqo reaches edge."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "cplane-secret",
            "namespace": TENANT_EDGE,
            "labels": {"liqo.io/identity-type": "ControlPlane", REMOTE: EDGE},
            "annotations": {"liqo.io/remote-tenant-namespace": TENANT_HOME},
        },
        "data": {"kubeconfig": base64.b64encode(kubeconfig.encode()).decode()},
    }


def resource_slice(
    name: str = EDGE, *, resource_class: str = "default", **resources: str
) -> Object:
    """Return what home asks edge for."""
    return {
        "apiVersion": "authentication.liqo.io/v1beta1",
        "kind": "ResourceSlice",
        "metadata": {
            "name": name,
            "namespace": TENANT_EDGE,
            "annotations": {"liqo.io/create-virtual-node": "true"},
            "labels": {REMOTE: EDGE, "liqo.io/remoteID": EDGE, "liqo.io/replication": "true"},
        },
        "spec": {"class": resource_class, "providerClusterID": EDGE, "resources": resources},
    }


async def prepare(two: Pair) -> None:
    """Write all that comes before a ResourceSlice."""
    for cluster, space in zip((two.home, two.edge), tenant_namespaces(), strict=True):
        await cluster.apply(space)
    await two.edge.apply(*account(), tenant())
    await two.home.apply(control_plane_secret(two.edge.kubeconfig.read_text()))


async def peer(two: Pair) -> None:
    """Peer them completely, and wait until the virtual node is ready."""
    await prepare(two)
    await two.home.apply(resource_slice(cpu="8", memory="16Gi"))
    await two.until(lambda: says(two.home.find("Node", EDGE), "Ready") == "True")
    await two.until(lambda: two.edge.find("NamespaceMap", EDGE, TENANT_HOME))


def says(obj: Object | None, kind: str) -> str:
    """Return the status of a condition; empty where it, or the object, is not there."""
    conditions: Iterable[Object] = dig(obj, "status", "conditions") or ()
    return next((c["status"] for c in conditions if c["type"] == kind), "")


# ---- their network


def gateway_server() -> Object:
    """Return edge's end of the tunnel."""
    template = {"kind": "WgGatewayServerTemplate", "name": "wireguard-server", "namespace": "liqo"}
    endpoint = {"port": 51840, "serviceType": "NodePort", "nodePort": 30742}
    gateway = _networking("GatewayServer", "server", TENANT_HOME, HOME)
    reference = {"apiVersion": gateway["apiVersion"], **template}
    return {**gateway, "spec": {"endpoint": endpoint, "mtu": 1340, "serverTemplateRef": reference}}


def gateway_client(addresses: list[str], port: int) -> Object:
    """Return home's end of the tunnel."""
    template = {"kind": "WgGatewayClientTemplate", "name": "wireguard-client", "namespace": "liqo"}
    endpoint = {"addresses": addresses, "port": port, "protocol": "UDP"}
    gateway = _networking("GatewayClient", "client", TENANT_EDGE, EDGE)
    reference = {"apiVersion": gateway["apiVersion"], **template}
    return {**gateway, "spec": {"endpoint": endpoint, "mtu": 1340, "clientTemplateRef": reference}}


def public_key(namespace: str, cluster: str, key: str) -> Object:
    """Return what one end knows of the other's key."""
    known = _networking("PublicKey", "theirs", namespace, cluster)
    known["metadata"]["labels"]["networking.liqo.io/gateway-resource"] = "true"
    return {**known, "spec": {"publicKey": key}}


async def networks(two: Pair) -> None:
    """Write what comes before the client: the other's networks on both, and the server."""
    for here, there, namespace in (
        (two.home, two.edge, TENANT_EDGE),
        (two.edge, two.home, TENANT_HOME),
    ):
        found = {n["metadata"]["name"]: n["status"]["cidr"] for n in there.all("Network")}
        cidr = {"pod": [found["pod-cidr"]], "external": [found["external-cidr"]]}
        known = _networking("Configuration", there.name, namespace, there.name)
        await here.apply({**known, "spec": {"remote": {"cidr": cidr}}})
    await two.edge.apply(gateway_server())


def key_of(cluster: Cluster, kind: str) -> str:
    """Return the public key of a cluster's gateway, once it has one."""
    for gateway in cluster.all(kind):
        reference = dig(gateway, "status", "secretRef")
        if reference:
            secret = cluster.find("Secret", reference["name"], reference["namespace"])
            return str(dig(secret, "data", "publicKey"))
    return ""


def link(cluster: Cluster) -> str:
    """Return what a cluster says of the tunnel."""
    return next((c["status"]["value"] for c in cluster.all("Connection") if "status" in c), "")


def _networking(kind: str, name: str, namespace: str, cluster: str) -> Object:
    metadata = {"name": name, "namespace": namespace, "labels": {REMOTE: cluster}}
    return {"apiVersion": "networking.liqo.io/v1beta1", "kind": kind, "metadata": metadata}
