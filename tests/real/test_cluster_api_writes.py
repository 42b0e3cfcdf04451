"""What Act writes of Cluster API's kinds, the real API server takes, or refuses as Act expects."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from console.real.kubernetes import RealKubernetes
from services.act.adapters.kubernetes import KubernetesCluster, connect
from services.act.adapters.templates import TemplateFolders
from services.act.core.cluster_api.hooks import hook, unhook
from services.act.core.cluster_api.kinds import CLUSTER, MACHINE_DEPLOYMENT
from services.act.core.cluster_api.manifests import in_order, ref_of
from services.act.core.cluster_api.removal import removal
from services.act.core.cluster_api.sizes import Intent, holder_of, intent_on, note, resize, seat_of
from services.act.core.cluster_api.templates import render
from services.act.core.objects import Manner, Object, Write, dig, version_of
from services.act.core.site import ClusterTemplate
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName, DecisionId
from shared.runtime.probes import Readiness
from tests.support.cluster_api import definitions
from tests.support.real_parts import namespace

pytestmark = pytest.mark.real

FOLDER = Path(__file__).parents[2] / "deploy" / "examples" / "templates"
NETWORK = "11111111-2222-4333-8444-555555555555"
CLOUD = {"CREDENTIALS": "clouds", "EXTERNAL_NETWORK": NETWORK, "IMAGE": "ubuntu", "SSH_KEY": "ops"}
VALUES: dict[str, dict[str, Any]] = {
    "in-memory": {},
    "openstack-kubeadm": CLOUD,
    "openstack-k3s": CLOUD,
}
DECISION = DecisionId("20261124T070000000Z__capacity")


@pytest.fixture(scope="module")
def server(real_kubernetes: RealKubernetes) -> RealKubernetes:
    """The API server with Cluster API's kinds, without its controllers and webhooks."""
    real_kubernetes.install_crds([deepcopy(crd) for crd in definitions()])
    for space in (*VALUES, "sizes"):
        namespace(real_kubernetes, space)
    return real_kubernetes


@pytest.fixture
async def api(server: RealKubernetes) -> AsyncIterator[KubernetesCluster]:
    """Act's own client."""
    async with connect(str(server.kubeconfig), readiness=Readiness()) as cluster:
        yield cluster


def rendered(name: str, space: str) -> tuple[Object, ...]:
    template = ClusterTemplate(
        site=ClusterName("metro"), name=name, namespace=space, nodes=2, values=VALUES[name]
    )
    return in_order(render(TemplateFolders(FOLDER).load(name), template))


def application(manifest: Object, **spec: Any) -> Write:
    body = {**manifest, "spec": {**manifest["spec"], **spec}}
    return Write(ref=ref_of(manifest), manner=Manner.APPLY, body=body, purpose="try")


@pytest.mark.parametrize("name", VALUES)
async def test_an_example_is_taken_twice_and_is_the_same(api: KubernetesCluster, name: str) -> None:
    for manifest in rendered(name, name):
        first = await api.write(application(manifest))
        assert version_of(await api.write(application(manifest))) == version_of(first)


async def test_an_unknown_field_is_refused_for_good(api: KubernetesCluster) -> None:
    with pytest.raises(PermanentError, match="field not declared in schema"):
        await api.write(application(rendered("in-memory", "sizes")[-1], bogus=1))


async def test_a_size_is_noted_and_changed_once(
    api: KubernetesCluster, server: RealKubernetes
) -> None:
    manifest = rendered("in-memory", "sizes")[-1]
    made = await api.write(application(manifest))
    seat = seat_of(made, None)
    intent = Intent(decision=DECISION, before=2, target=4, machines=("a",))
    noted = seat_of(await api.write(note(seat, intent)), None)
    assert intent_on(noted, DECISION) == intent
    with pytest.raises(TransientError):
        await api.write(resize(seat, 4))
    await api.write(resize(noted, 4))
    found = await api.get(noted.ref)
    assert found is not None
    grown = seat_of(found, None)
    assert (grown.replicas, holder_of(grown)) == (4, "")
    await _scaled_by(server, "autoscaler", 5)
    found = await api.get(noted.ref)
    assert found is not None
    assert holder_of(seat_of(found, None)) == "autoscaler"


async def _scaled_by(server: RealKubernetes, manager: str, replicas: int) -> None:
    group = f"{MACHINE_DEPLOYMENT.group}/{MACHINE_DEPLOYMENT.version}"
    path = f"/apis/{group}/namespaces/sizes/machinedeployments/metro-md-0/scale"
    body = {"spec": {"replicas": replicas}}
    server.client.patch(f"{path}?fieldManager={manager}", body)


async def test_the_size_in_a_topology_is_changed_and_the_rest_stays(
    api: KubernetesCluster, server: RealKubernetes
) -> None:
    pools = [
        {"class": "w", "name": "other", "replicas": 1},
        {"class": "w", "name": "pool", "replicas": 2},
    ]
    topology = {
        "classRef": {"name": "in-memory"},
        "version": "v1.35.0",
        "workers": {"machineDeployments": pools},
    }
    cluster = {
        "apiVersion": CLUSTER.api_version,
        "kind": "Cluster",
        "metadata": {"name": "topo", "namespace": "sizes"},
        "spec": {"topology": topology},
    }
    made = server.client.apply(cluster, manager="argo")
    labels = {
        "topology.cluster.x-k8s.io/owned": "",
        "topology.cluster.x-k8s.io/deployment-name": "pool",
    }
    seat = seat_of({"metadata": {"labels": labels}}, made)
    assert (seat.kind, seat.replicas, holder_of(seat)) == (CLUSTER, 2, "argo")
    changed = await api.write(resize(seat, 4))
    found = dig(changed, "spec", "topology", "workers", "machineDeployments")
    assert [(pool["name"], pool["replicas"]) for pool in found] == [("other", 1), ("pool", 4)]


async def test_a_machine_is_held_and_let_go(api: KubernetesCluster, server: RealKubernetes) -> None:
    machine = {
        "apiVersion": CLUSTER.api_version,
        "kind": "Machine",
        "metadata": {"name": "m", "namespace": "sizes"},
        "spec": rendered("in-memory", "sizes")[-1]["spec"]["template"]["spec"],
    }
    made = server.client.create(machine)
    held = await api.write(hook(made))
    assert len(held["metadata"]["annotations"]) == 1
    assert "annotations" not in (await api.write(unhook(held)))["metadata"]


async def test_only_the_very_object_is_removed(api: KubernetesCluster) -> None:
    manifest = rendered("in-memory", "sizes")[0]
    ref, made = ref_of(manifest), await api.write(application(manifest))
    other = {"metadata": {"uid": "8f5a2ee4-0000-4000-8000-000000000000"}}
    with pytest.raises(TransientError):
        await api.write(removal(ref, other))
    assert await api.get(ref) is not None
    await api.write(removal(ref, made))
    assert await api.get(ref) is None
    await api.write(removal(ref, made))
