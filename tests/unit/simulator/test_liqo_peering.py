"""Two clusters become peers by what is written on them, and nothing of it is left afterwards."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.runtime.kubernetes import ApiError
from simulator.kubernetes.objects import annotations_of, dig, is_going, labels_of
from tests.support.peerings import (
    EDGE,
    HOME,
    REMOTE,
    TENANT_EDGE,
    TENANT_HOME,
    Pair,
    account,
    control_plane_secret,
    gateway_client,
    key_of,
    link,
    networks,
    pair,
    peer,
    prepare,
    public_key,
    resource_slice,
    says,
    tenant,
    tenant_namespaces,
)

PHASE, ROLE = ("status", "offloadingPhase"), ("status", "role")


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Pair]:
    async with pair(tmp_path) as clusters:
        yield clusters


async def test_a_granted_slice_becomes_a_virtual_node_that_is_ready(two: Pair) -> None:
    await peer(two)
    granted = two.home.find("ResourceSlice", EDGE, TENANT_EDGE)
    assert (says(granted, "Authentication"), says(granted, "Resources")) == ("Accepted",) * 2
    resources = {"cpu": "8", "memory": "16Gi", "pods": "110", "ephemeral-storage": "20Gi"}
    assert dig(granted, "status", "resources") == resources
    identity = two.home.find("Identity", "resourceslice-edge", TENANT_EDGE)
    secret = dig(identity, "status", "kubeconfigSecretRef", "name")
    assert two.home.find("Secret", secret, TENANT_EDGE)
    virtual = two.home.find("VirtualNode", EDGE, TENANT_EDGE)
    assert [c["type"] for c in virtual["status"]["conditions"]] == ["VirtualKubelet", "Node"] * 2
    node = two.home.find("Node", EDGE)
    assert labels_of(node)[REMOTE] == EDGE
    assert labels_of(node)["liqo.io/type"] == "virtual-node"
    assert node["status"]["allocatable"] == resources
    assert says(node, "NetworkUnavailable") == ""
    assert two.home.find("NamespaceMap", EDGE, TENANT_EDGE)
    (quota,) = two.edge.all("Quota")
    assert quota["spec"]["cordoned"] is False


async def test_both_say_what_they_are_to_each_other(two: Pair) -> None:
    await peer(two)
    for cluster, name in ((two.home, EDGE), (two.edge, HOME)):
        await two.until(lambda c=cluster, n=name: dig(c.find("ForeignCluster", n), *ROLE))
    seen, seeing = two.home.find("ForeignCluster", EDGE), two.edge.find("ForeignCluster", HOME)
    assert (dig(seen, *ROLE), dig(seeing, *ROLE)) == ("Provider", "Consumer")
    assert says(seen, "APIServerStatus") == "Established"
    modules = dig(seen, "status", "modules")
    assert modules["networking"] == {"enabled": False}
    assert modules["offloading"]["enabled"]


async def test_without_a_tenant_nothing_comes_of_a_slice_and_with_one_it_goes_on(two: Pair) -> None:
    for cluster, space in zip((two.home, two.edge), tenant_namespaces(), strict=True):
        await cluster.apply(space)
    await two.edge.apply(*account())
    await two.home.apply(control_plane_secret(two.edge.kubeconfig.read_text()))
    await two.home.apply(resource_slice())
    await asyncio.sleep(0.3)
    assert says(two.home.find("ResourceSlice", EDGE, TENANT_EDGE), "Authentication") == ""
    await two.edge.apply(tenant())
    await two.until(lambda: says(two.home.find("Node", EDGE), "Ready") == "True")
    defaults = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
    assert two.home.find("Node", EDGE)["status"]["allocatable"] == defaults


@pytest.mark.parametrize("wrong", ["label", "annotation", "server", "binding", "token"])
async def test_a_control_plane_secret_that_does_not_lead_there_opens_nothing(
    two: Pair, wrong: str
) -> None:
    await prepare(two)
    kubeconfig = two.edge.kubeconfig.read_text()
    if wrong == "server":
        kubeconfig = two.home.kubeconfig.read_text()
    if wrong == "token":
        kubeconfig = kubeconfig.replace("user: {}", "user: {token: stolen}")
    secret = control_plane_secret(kubeconfig)
    if wrong == "label":
        secret["metadata"]["labels"]["liqo.io/identity-type"] = "ResourceSlice"
    if wrong == "annotation":
        secret["metadata"]["annotations"]["liqo.io/remote-tenant-namespace"] = "default"
    if wrong == "binding":
        await two.edge.delete("RoleBinding", "home-crossloop", TENANT_HOME)
    await two.home.apply(secret)
    await two.home.apply(resource_slice())
    await asyncio.sleep(0.3)
    assert two.edge.all("ResourceSlice") == ()


async def test_a_cordoned_tenant_denies_new_slices_and_keeps_those_it_accepted(two: Pair) -> None:
    await peer(two)
    await two.edge.apply(tenant("Cordoned"))
    await two.until(lambda: two.edge.all("Quota")[0]["spec"]["cordoned"])
    await two.home.apply(resource_slice("more"))
    await two.until(
        lambda: says(two.home.find("ResourceSlice", "more", TENANT_EDGE), "Resources") == "Denied"
    )
    assert says(two.home.find("ResourceSlice", EDGE, TENANT_EDGE), "Resources") == "Accepted"
    assert two.home.find("Node", "more") is None


async def test_a_slice_of_another_class_waits_for_whoever_grants_it(two: Pair) -> None:
    await prepare(two)
    await two.home.apply(resource_slice(resource_class="gpu"))
    await two.until(
        lambda: says(two.home.find("ResourceSlice", EDGE, TENANT_EDGE), "Authentication")
    )
    await asyncio.sleep(0.2)
    assert says(two.home.find("ResourceSlice", EDGE, TENANT_EDGE), "Resources") == ""
    assert two.home.find("VirtualNode", EDGE, TENANT_EDGE) is None


async def test_a_slice_that_grows_makes_its_node_grow(two: Pair) -> None:
    await peer(two)
    await two.home.apply(resource_slice(cpu="16", memory="16Gi"))
    await two.until(lambda: two.home.find("Node", EDGE)["status"]["allocatable"]["cpu"] == "16")


def offloading() -> dict[str, object]:
    return {
        "apiVersion": "offloading.liqo.io/v1beta1",
        "kind": "NamespaceOffloading",
        "metadata": {"name": "offloading", "namespace": "xr"},
        "spec": {"clusterSelector": {"nodeSelectorTerms": []}},
    }


async def stretch(two: Pair) -> None:
    """Offload a namespace and wait until it is at edge."""
    await two.home.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "xr"}})
    await two.home.apply(offloading())
    await two.until(lambda: two.edge.find("Namespace", "xr-home"))


async def test_an_offloaded_namespace_is_at_the_provider_and_goes_with_the_offloading(
    two: Pair,
) -> None:
    await peer(two)
    await stretch(two)
    remote = two.edge.find("Namespace", "xr-home")
    assert annotations_of(remote)["liqo.io/original-name"] == "xr"
    await two.until(
        lambda: dig(two.home.find("NamespaceOffloading", "offloading", "xr"), *PHASE) == "Ready"
    )
    await two.home.delete("NamespaceOffloading", "offloading", "xr")
    await two.until(lambda: two.edge.find("Namespace", "xr-home") is None)
    await two.until(lambda: two.home.find("NamespaceOffloading", "offloading", "xr") is None)


async def test_a_deleted_slice_takes_everything_with_it_but_what_is_known_of_the_other(
    two: Pair,
) -> None:
    await peer(two)
    await stretch(two)
    await two.home.delete("ResourceSlice", EDGE, TENANT_EDGE)
    await two.until(lambda: two.edge.find("Namespace", "xr-home") is None)
    await two.until(lambda: not two.home.all("VirtualNode") and not two.home.all("Node"))
    await two.until(lambda: not two.home.all("NamespaceMap") and not two.home.all("Identity"))
    await two.until(lambda: not two.edge.all("Quota") and not two.edge.all("NamespaceMap"))
    assert two.home.find("Secret", "kubeconfig-resourceslice-edge", TENANT_EDGE) is None
    await two.edge.delete("Tenant", HOME, TENANT_HOME)
    for cluster, name in ((two.home, EDGE), (two.edge, HOME)):
        await two.until(
            lambda c=cluster, n=name: dig(c.find("ForeignCluster", n), *ROLE) == "Unknown"
        )
    assert says(two.home.find("ForeignCluster", EDGE), "APIServerStatus") == "Established"


async def test_a_slice_cannot_go_while_nobody_carries_its_deletion_over(two: Pair) -> None:
    await peer(two)
    await two.home.delete("Secret", "cplane-secret", TENANT_EDGE)
    await two.home.delete("ResourceSlice", EDGE, TENANT_EDGE)
    await asyncio.sleep(0.3)
    held = two.home.find("ResourceSlice", EDGE, TENANT_EDGE)
    assert held is not None
    assert is_going(held)
    await two.home.apply(control_plane_secret(two.edge.kubeconfig.read_text()))
    await two.until(lambda: not two.home.all("ResourceSlice") and not two.edge.all("ResourceSlice"))


def workload() -> dict[str, object]:
    container = {"name": "main", "image": "x.invalid/x:1"}
    term = {"matchExpressions": [{"key": REMOTE, "operator": "In", "values": [EDGE]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    spec = {"containers": [container], "affinity": {"nodeAffinity": required}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "xr"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
        },
    }


def budget(least: int) -> dict[str, object]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "xr"},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "web"}}},
    }


async def test_a_virtual_node_that_is_to_go_waits_for_disruption_budgets(two: Pair) -> None:
    await peer(two)
    await stretch(two)
    await two.home.apply(budget(1), workload())
    await two.until(lambda: any(says(pod, "Ready") == "True" for pod in two.home.all("Pod")))
    await two.home.delete("ResourceSlice", EDGE, TENANT_EDGE)
    await two.until(lambda: dig(two.home.find("Node", EDGE), "spec", "unschedulable"))
    await asyncio.sleep(0.4)
    assert [says(pod, "Ready") for pod in two.home.all("Pod")] == ["True"]
    draining = two.home.find("VirtualNode", EDGE, TENANT_EDGE)["status"]["conditions"]
    assert {c["status"] for c in draining} == {"Draining"}
    await two.home.apply(budget(0))
    await two.until(lambda: two.home.find("Node", EDGE) is None)
    await two.until(lambda: two.edge.find("Namespace", "xr-home") is None)


async def test_webhooks_refuse_a_second_slice_of_a_name_and_a_tenant_elsewhere(two: Pair) -> None:
    await prepare(two)
    elsewhere = tenant()
    elsewhere["metadata"]["namespace"] = "default"
    with pytest.raises(ApiError, match="must be created in a tenant namespace"):
        await two.edge.apply(elsewhere)
    second = tenant()
    second["metadata"]["name"] = "other"
    with pytest.raises(ApiError, match="a Tenant already exists in the tenant namespace"):
        await two.edge.apply(second)
    unlike = tenant()
    unlike["metadata"]["labels"] = {}
    with pytest.raises(ApiError, match="label must match the cluster ID"):
        await two.edge.apply({**unlike, "metadata": {**unlike["metadata"], "name": "x"}})
    await two.home.apply(resource_slice())
    twin = resource_slice()
    twin["metadata"]["namespace"] = "default"
    with pytest.raises(ApiError, match="a resourceslice with the same name already exists"):
        await two.home.apply(twin)


async def test_a_secret_for_an_account_gets_its_token_and_goes_with_it(two: Pair) -> None:
    await prepare(two)
    await two.until(
        lambda: dig(two.edge.find("Secret", "home-crossloop", TENANT_HOME), "data", "token")
    )
    await two.edge.delete("ServiceAccount", "home-crossloop", TENANT_HOME)
    await two.until(lambda: two.edge.find("Secret", "home-crossloop", TENANT_HOME) is None)


async def test_gateways_connect_once_both_know_address_key_and_networks(two: Pair) -> None:
    await prepare(two)
    await networks(two)
    await two.until(lambda: key_of(two.edge, "GatewayServer"))
    server = two.edge.all("GatewayServer")[0]
    endpoint = server["status"]["endpoint"]
    assert (endpoint["port"], endpoint["protocol"]) == (30742, "UDP")
    await two.home.apply(gateway_client(endpoint["addresses"], 30742))
    await two.until(lambda: key_of(two.home, "GatewayClient"))
    await two.home.apply(public_key(TENANT_EDGE, EDGE, key_of(two.edge, "GatewayServer")))
    await two.until(lambda: link(two.home) == "Connecting")
    await two.home.apply(resource_slice())
    await two.until(lambda: says(two.home.find("Node", EDGE), "NetworkUnavailable") == "True")
    assert says(two.home.find("Node", EDGE), "Ready") == "False"
    await two.edge.apply(public_key(TENANT_HOME, HOME, key_of(two.home, "GatewayClient")))
    await two.until(lambda: (link(two.home), link(two.edge)) == ("Connected", "Connected"))
    await two.until(lambda: says(two.home.find("Node", EDGE), "Ready") == "True")
    known = two.home.find("ForeignCluster", EDGE)
    conditions = dig(known, "status", "modules", "networking", "conditions")
    assert {c["type"]: c["status"] for c in conditions} == {
        "NetworkConfigurationStatus": "Ready",
        "NetworkConnectionStatus": "Established",
        "NetworkGatewayClientStatus": "Ready",
    }


async def test_a_key_without_the_label_of_gateways_is_overlooked(two: Pair) -> None:
    await prepare(two)
    await networks(two)
    await two.until(lambda: key_of(two.edge, "GatewayServer"))
    unlabelled = public_key(TENANT_HOME, HOME, "AAAA")
    unlabelled["metadata"]["labels"] = {REMOTE: HOME}
    await two.edge.apply(unlabelled)
    await asyncio.sleep(0.3)
    assert two.edge.all("Connection") == ()


async def test_a_drained_tenant_is_not_gentle(two: Pair) -> None:
    await peer(two)
    await stretch(two)
    await two.edge.apply(tenant("Drained"))
    await two.until(lambda: two.edge.find("Namespace", "xr-home") is None)
    await two.until(lambda: two.edge.all("ResourceSlice") == ())


async def test_a_token_opens_the_way_of_the_account_it_is_of(two: Pair) -> None:
    await prepare(two)
    found = ("Secret", "home-crossloop", TENANT_HOME)
    await two.until(lambda: dig(two.edge.find(*found), "data", "token"))
    token = base64.b64decode(two.edge.find(*found)["data"]["token"]).decode()
    kubeconfig = two.edge.kubeconfig.read_text()
    kubeconfig = kubeconfig.replace("user: {}", f"user: {{token: {token}}}")
    await two.home.apply(control_plane_secret(kubeconfig), resource_slice())
    await two.until(lambda: says(two.home.find("Node", EDGE), "Ready") == "True")
