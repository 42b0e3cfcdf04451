"""Plays how a VirtualNode becomes a Node, and how it is drained before it goes."""

from shared.errors import TransientError
from shared.runtime.kubernetes import ApiError
from simulator.kubernetes.objects import Object, dig, is_going, labels_of, name_of, namespace_of
from simulator.liqo_objects import VIRTUAL_TAINT, node_conditions, virtual_node_status
from simulator.liqo_peering.networks import is_connected, uses_network
from simulator.liqo_peering.replicating import is_copy
from simulator.liqo_peering.sides import NOT_FOUND, REMOTE, Side, made
from simulator.objects import LIQO, path_of

FINALIZER = "virtualnode-controller.liqo.io/finalizer"


async def play_nodes(consumer: Side, provider: Side, at: str) -> None:
    """Bring the virtual nodes of a provider on, one way or the other."""
    for each in consumer.of("VirtualNode", provider.name):
        if is_going(each):
            await _drain(consumer, each, provider.name, at)
        else:
            await consumer.hold(each, FINALIZER, held=True)
            await _run(consumer, provider, each, at)


def node_labels(consumer: Side) -> dict[str, dict[str, str]]:
    """Return the labels of virtual nodes, by provider: that of the first where there are more."""
    found: dict[str, dict[str, str]] = {}
    for each in consumer.all("VirtualNode"):
        if not is_going(each):
            found.setdefault(labels_of(each).get(REMOTE, ""), _labels(each))
    return found


async def _run(consumer: Side, provider: Side, each: Object, at: str) -> None:
    secret = dig(each, "spec", "kubeconfigSecretRef", "name") or ""
    if consumer.get("Secret", secret, namespace_of(each)) is None:
        return
    node = made("Node", name_of(each), **_labels(each))
    await consumer.apply({**node, "spec": {"taints": [VIRTUAL_TAINT]}})
    if not each.get("status"):
        await consumer.tell(each, virtual_node_status(at))
    found = consumer.get("Node", name_of(each))
    if found is None:
        return
    is_ready = bool(
        dig(each, "spec", "disableNetworkCheck")
        or not uses_network(consumer, provider)
        or is_connected(consumer, provider)
    )
    amounts = dig(each, "spec", "resourceQuota", "hard") or {}
    if dig(found, "status", "allocatable") != amounts or _says_ready(found) != is_ready:
        status = {**(found.get("status") or {}), "capacity": amounts, "allocatable": amounts}
        told = _conditions(uses_network(consumer, provider), at, is_ready=is_ready)
        await consumer.tell(found, {**status, "conditions": told})


def _labels(each: Object) -> dict[str, str]:
    cluster = str(dig(each, "spec", "clusterID"))
    return {
        "liqo.io/type": "virtual-node",
        REMOTE: cluster,
        "kubernetes.io/role": "agent",
        "kubernetes.io/hostname": name_of(each),
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "storage.liqo.io/available": "false",
        **(dig(each, "spec", "labels") or {}),
    }


def _says_ready(node: Object) -> bool | None:
    for condition in dig(node, "status", "conditions") or ():
        if condition["type"] == "Ready":
            return bool(condition["status"] == "True")
    return None


def _conditions(has_network: bool, at: str, *, is_ready: bool) -> list[Object]:  # noqa: FBT001
    """Return a Node's conditions; that of the network is there only where one is used."""
    told: list[Object] = node_conditions(ready=True, at=at)["conditions"]
    if not is_ready:
        bad = {"status": "False", "reason": "KubeletNotReady", "message": "the network is down"}
        told = [{**each, **(bad if each["type"] == "Ready" else {})} for each in told]
    if has_network:
        words = ("False", "LiqoNetworkingUp") if is_ready else ("True", "LiqoNetworkingDown")
        times = {"lastTransitionTime": at, "lastHeartbeatTime": at}
        network = {"type": "NetworkUnavailable", "status": words[0], "reason": words[1]}
        told = [*told, {**network, "message": "", **times}]
    return told


async def _drain(consumer: Side, each: Object, provider: str, at: str) -> None:
    """Cordon, evict, wait for as long as it takes; then let Node and NamespaceMap go."""
    node = consumer.get("Node", name_of(each))
    status = virtual_node_status(at)["conditions"]
    if node is not None:
        if not dig(node, "spec", "unschedulable"):
            await consumer.change(node, {"spec": {"unschedulable": True}})
        draining = [{**condition, "status": "Draining"} for condition in status]
        if not _says(each, "Draining"):
            await consumer.tell(each, {"conditions": draining})
        if await _evict_all(consumer, name_of(each)):
            return
        await consumer.delete("Node", [node])
        return
    others = [n for n in consumer.of("VirtualNode", provider) if name_of(n) != name_of(each)]
    if not others:
        maps = consumer.of("NamespaceMap", provider)
        await consumer.delete("NamespaceMap", [each for each in maps if not is_copy(each)])
    await consumer.hold(each, FINALIZER, held=False)


def _says(each: Object, status: str) -> bool:
    return any(c["status"] == status for c in dig(each, "status", "conditions") or ())


async def _evict_all(consumer: Side, node: str) -> int:
    """Ask the pods of a node to go, as far as their disruption budgets allow; return how many are.

    A refusal (429) is no failure: it is asked again.
    """
    pods, _ = await consumer.api.list(path_of("v1", "Pod"), fields=f"spec.nodeName={node}")
    for pod in map(dict, pods):
        if is_going(pod):
            continue
        metadata = {"name": name_of(pod), "namespace": namespace_of(pod)}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
        path = path_of("v1", "Pod", namespace=namespace_of(pod), name=name_of(pod))
        try:
            await consumer.api.create(f"{path}/eviction", eviction, manager=LIQO)
        except TransientError:
            continue
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise
    return len(pods)
