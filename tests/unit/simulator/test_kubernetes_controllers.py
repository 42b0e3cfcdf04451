"""What the simulated controllers do that a real cluster shows only in parts, or too slowly."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from shared.runtime.clock import now
from simulator.controllers import running
from simulator.controllers.deployments import REVISION
from simulator.controllers.kubelet import GONE, START, STOP
from simulator.controllers.replicasets import dispensable
from simulator.controllers.scheduler import objections
from simulator.kubernetes import Api
from simulator.kubernetes.api import Ref, Writer
from simulator.kubernetes.crds import resources_of
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    annotations_of,
    condition_of,
    is_going,
    is_true,
    name_of,
)
from simulator.kubernetes.resources import (
    CRDS,
    DEPLOYMENTS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Resource,
)

BY = Writer(manager="test")
STATUS = Writer(manager="test", subresource="status")
SPEED = 100.0


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    api = Api(now)
    api.create(NAMESPACES, "", {"metadata": {"name": "xr"}}, BY)
    async with running(api, speed=SPEED):
        yield api


def add_node(api: Api, name: str, **labels: str) -> None:
    labels = {"liqo.io/remote-cluster-id": name, **labels}
    room = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    body = {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]},
    }
    api.create(NODES, "", body, BY)


def set_ready(api: Api, node: str, status: str) -> None:
    ref = Ref(resource=NODES, name=node)
    condition = {"type": "Ready", "status": status}
    api.patch(ref, lambda n: {**n, "status": {**n["status"], "conditions": [condition]}}, STATUS)


def set_kubelet(api: Api, node: str, *, gone: bool) -> None:
    def change(live: Object) -> Object:
        metadata = {**live["metadata"], "annotations": {GONE: "true"} if gone else {}}
        return {**live, "metadata": metadata}

    api.patch(Ref(resource=NODES, name=node), change, BY)


def workload(name: str = "web", replicas: int = 2, **pod: Any) -> Object:
    container = {
        "name": "main",
        "image": "example.invalid/x:1",
        "resources": {"requests": {"cpu": "1"}},
    }
    metadata = {"labels": {"app": name}, "annotations": {START: "2", STOP: "1"}}
    template = {"metadata": metadata, "spec": {"containers": [container], **pod}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name}, "spec": spec}


def pods(api: Api) -> tuple[Object, ...]:
    return api.store.all(PODS.key, "xr")


async def until(api: Api, is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await api.store.changed(api.store.version)


async def settle() -> None:
    """Give every controller the chance to do what it is not meant to do."""
    await asyncio.sleep(0.1)


def all_ready(api: Api, many: int) -> Callable[[], bool]:
    return lambda: sum(is_true(pod, "Ready") for pod in pods(api)) == many == len(pods(api))


def live(api: Api, resource: Resource, name: str) -> Object:
    return api.get(Ref(resource=resource, name=name, namespace="xr"))


async def test_pods_go_to_the_emptiest_node(api: Api) -> None:
    add_node(api, "one")
    add_node(api, "two")
    api.create(DEPLOYMENTS, "xr", workload(replicas=4), BY)
    await until(api, all_ready(api, 4))
    where = [pod["spec"]["nodeName"] for pod in pods(api)]
    assert sorted(where) == ["one", "one", "two", "two"]


async def test_a_pod_that_does_not_fit_waits_for_room(api: Api) -> None:
    add_node(api, "one")
    big = workload(replicas=1)
    big["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "17"
    api.create(DEPLOYMENTS, "xr", big, BY)
    await until(api, lambda: bool(api.store.all(EVENTS.key, "xr")))
    message = "0/1 nodes are available: 1 Insufficient cpu."
    (pod,) = pods(api)
    assert condition_of(pod, "PodScheduled")["message"] == message
    (event,) = api.store.all(EVENTS.key, "xr")
    assert (event["reason"], event["message"]) == ("FailedScheduling", message)
    room = {"status": {"allocatable": {"cpu": "32", "memory": "64Gi", "pods": "9"}}}
    ref = Ref(resource=NODES, name="one")
    api.patch(ref, lambda n: {**n, "status": {**n["status"], **room["status"]}}, STATUS)
    await until(api, all_ready(api, 1))


async def test_a_dead_kubelet_starts_and_ends_nothing_until_it_is_back(api: Api) -> None:
    add_node(api, "edge")
    api.create(DEPLOYMENTS, "xr", workload(), BY)
    await until(api, all_ready(api, 2))
    set_kubelet(api, "edge", gone=True)
    for pod in pods(api):
        ref = Ref(resource=PODS, name=name_of(pod), namespace="xr")
        api.delete(ref, Deletion())
    await until(api, lambda: len(pods(api)) == 4)
    await settle()
    assert sum(map(is_going, pods(api))) == 2
    hanging = [pod for pod in pods(api) if not is_going(pod)]
    assert [pod["status"].get("hostIP") for pod in hanging] == [None, None]
    assert all(is_true(pod, "PodScheduled") for pod in hanging)
    set_kubelet(api, "edge", gone=False)
    await until(api, all_ready(api, 2))


async def test_a_lost_node_is_tainted_and_its_pods_leave_in_time(api: Api) -> None:
    add_node(api, "edge")
    add_node(api, "home")
    patience = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}
    tolerations = [
        {"key": f"node.kubernetes.io/{key}", **patience} for key in ("unreachable", "not-ready")
    ]
    api.create(DEPLOYMENTS, "xr", workload(tolerations=tolerations), BY)
    await until(api, all_ready(api, 2))
    set_kubelet(api, "edge", gone=True)
    set_ready(api, "edge", "Unknown")
    started = asyncio.get_running_loop().time()
    await until(api, lambda: sum(is_true(pod, "Ready") for pod in pods(api)) == 1)
    taints = api.get(Ref(resource=NODES, name="edge"))["spec"]["taints"]
    assert {(t["key"], t["effect"]) for t in taints} == {
        ("node.kubernetes.io/unreachable", "NoSchedule"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
    }
    assert not any(map(is_going, pods(api)))
    await until(api, lambda: any(map(is_going, pods(api))))
    assert (asyncio.get_running_loop().time() - started) * SPEED >= 30
    await until(api, lambda: sum(is_true(pod, "Ready") for pod in pods(api)) == 2)
    set_kubelet(api, "edge", gone=False)
    set_ready(api, "edge", "True")
    await until(api, all_ready(api, 2))
    assert "taints" not in api.get(Ref(resource=NODES, name="edge"))["spec"]


async def test_pods_of_a_node_that_came_back_are_ready_again(api: Api) -> None:
    add_node(api, "edge")
    api.create(DEPLOYMENTS, "xr", workload(), BY)
    await until(api, all_ready(api, 2))
    set_ready(api, "edge", "Unknown")
    await until(api, lambda: not any(is_true(pod, "Ready") for pod in pods(api)))
    set_ready(api, "edge", "True")
    await until(api, all_ready(api, 2))


async def test_a_rollout_that_stands_still_is_late(api: Api) -> None:
    body = workload(replicas=1)
    body["spec"]["progressDeadlineSeconds"] = 5
    api.create(DEPLOYMENTS, "xr", body, BY)

    def reason() -> str:
        condition = condition_of(live(api, DEPLOYMENTS, "web"), "Progressing")
        return str(condition.get("reason"))

    await until(api, lambda: reason() == "ReplicaSetUpdated")
    await until(api, lambda: reason() == "ProgressDeadlineExceeded")
    add_node(api, "edge")
    await until(api, lambda: reason() == "NewReplicaSetAvailable")


async def test_a_paused_deployment_rolls_nothing_out(api: Api) -> None:
    add_node(api, "edge")
    api.create(DEPLOYMENTS, "xr", workload(), BY)
    await until(api, all_ready(api, 2))
    before = {name_of(pod) for pod in pods(api)}
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")
    template = workload(nodeSelector={"kubernetes.io/os": "linux"})["spec"]["template"]
    change = {"paused": True, "template": template}
    api.patch(ref, lambda d: {**d, "spec": {**d["spec"], **change}}, BY)
    await until(api, lambda: live(api, DEPLOYMENTS, "web")["status"]["observedGeneration"] == 2)
    await settle()
    assert {name_of(pod) for pod in pods(api)} == before


async def test_a_template_that_was_used_before_comes_back_as_the_newest(api: Api) -> None:
    add_node(api, "edge", **{"kubernetes.io/os": "linux"})
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")
    first, second = workload(), workload(nodeSelector={"kubernetes.io/os": "linux"})
    api.create(DEPLOYMENTS, "xr", first, BY)
    await until(api, lambda: has_settled(api.get(ref), 1))
    for generation, body in ((2, second), (3, first)):
        template = {"template": body["spec"]["template"]}
        api.patch(ref, lambda d, new=template: {**d, "spec": {**d["spec"], **new}}, BY)
        await until(api, lambda seen=generation: has_settled(api.get(ref), seen))
    revisions = [
        (annotations_of(each)[REVISION], each["spec"]["replicas"])
        for each in api.store.all(REPLICA_SETS.key)
    ]
    assert sorted(revisions) == [("2", 0), ("3", 2)]
    assert annotations_of(api.get(ref))[REVISION] == "3"


def has_settled(deployment: Object, generation: int) -> bool:
    status = deployment.get("status") or {}
    seen = status.get("observedGeneration"), status.get("updatedReplicas"), status.get("replicas")
    return seen == (generation, 2, 2) and is_true(deployment, "Available")


async def test_recreate_leaves_a_gap(api: Api) -> None:
    add_node(api, "edge", **{"kubernetes.io/os": "linux"})
    body = workload()
    body["spec"]["strategy"] = {"type": "Recreate"}
    api.create(DEPLOYMENTS, "xr", body, BY)
    await until(api, all_ready(api, 2))
    version = api.store.version
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")
    template = workload(nodeSelector={"kubernetes.io/os": "linux"})["spec"]["template"]
    api.patch(ref, lambda d: {**d, "spec": {**d["spec"], "template": template}}, BY)
    await until(
        api,
        lambda: all_ready(api, 2)() and all(pod["spec"].get("nodeSelector") for pod in pods(api)),
    )
    gone = [c.version for c in api.store.since(version) if c.kind == PODS.key and not c.after]
    born = [c.version for c in api.store.since(version) if c.kind == PODS.key and not c.before]
    assert max(gone) < min(born)


async def test_stateful_pods_come_and_go_one_by_one(api: Api) -> None:
    add_node(api, "edge")
    api.create(STATEFUL_SETS, "xr", workload(replicas=3), BY)
    await until(api, all_ready(api, 3))
    created = [c for c in api.store.since(2) if c.kind == PODS.key and c.before is None]
    assert [name_of(c.last) for c in created] == ["web-0", "web-1", "web-2"]
    ref = Ref(resource=STATEFUL_SETS, name="web", namespace="xr")
    api.patch(ref, lambda s: {**s, "spec": {**s["spec"], "replicas": 1}}, BY)
    await until(api, all_ready(api, 1))
    assert [name_of(pod) for pod in pods(api)] == ["web-0"]


async def test_a_stateful_set_rolls_from_its_last_pod_on(api: Api) -> None:
    add_node(api, "edge", **{"kubernetes.io/os": "linux"})
    api.create(STATEFUL_SETS, "xr", workload(replicas=2), BY)
    await until(api, all_ready(api, 2))
    version = api.store.version
    ref = Ref(resource=STATEFUL_SETS, name="web", namespace="xr")
    template = workload(nodeSelector={"kubernetes.io/os": "linux"})["spec"]["template"]
    api.patch(ref, lambda s: {**s, "spec": {**s["spec"], "template": template}}, BY)
    await until(api, lambda: is_rolled_out(live(api, STATEFUL_SETS, "web")))
    changes = api.store.since(version)
    gone = [name_of(c.last) for c in changes if c.kind == PODS.key and c.after is None]
    assert gone == ["web-1", "web-0"]


def is_rolled_out(stateful_set: Object) -> bool:
    status = stateful_set["status"]
    return (status["observedGeneration"], status.get("updatedReplicas")) == (2, 2)


def offloading_kind() -> Object:
    names = {"plural": "namespaceoffloadings", "kind": "NamespaceOffloading"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1beta1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "metadata": {"name": "namespaceoffloadings.offloading.liqo.io"},
        "spec": {
            "group": "offloading.liqo.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }


async def test_a_stretched_namespace_needs_its_offloading(api: Api) -> None:
    """Liqo refuses pods until then, and its provider does not know the namespace until Ready."""
    add_node(api, "edge", **{"liqo.io/type": "virtual-node"})
    crd = api.create(CRDS, "", offloading_kind(), BY)
    (offloadings,) = resources_of(crd)
    labels = {"liqo.io/scheduling-enabled": "true"}
    stretched = {"metadata": {"name": "xr", "labels": labels}}
    api.patch(Ref(resource=NAMESPACES, name="xr"), lambda n: {**n, **stretched}, BY)
    api.create(DEPLOYMENTS, "xr", workload(replicas=1), BY)
    await until(api, lambda: bool(api.store.all(EVENTS.key, "xr")))
    (event,) = api.store.all(EVENTS.key, "xr")
    assert event["message"] == (
        'Error creating: admission webhook "pod.mutate.liqo.io" denied the request: '
        "failed retrieving NamespaceOffloading"
    )
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": ["edge"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    spec = {"podOffloadingStrategy": "LocalAndRemote", "clusterSelector": terms}
    api.create(offloadings, "xr", {"metadata": {"name": "offloading"}, "spec": spec}, BY)
    await until(
        api, lambda: [pod["status"].get("reason") for pod in pods(api)] == ["OffloadingBackOff"]
    )
    assert condition_of(pods(api)[0], "PodScheduled")["status"] == "False"
    ready = {"edge": [{"type": "Ready", "status": "True"}]}
    ref = Ref(resource=offloadings, name="offloading", namespace="xr")
    status = {"remoteNamespacesConditions": ready}
    api.patch(ref, lambda o: {**o, "status": status}, STATUS)
    await until(api, all_ready(api, 1))
    (pod,) = pods(api)
    affinity = pod["spec"]["affinity"]["nodeAffinity"]
    assert affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] == [
        {"matchExpressions": [term]},
        {
            "matchExpressions": [
                {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
            ]
        },
    ]


def a_pod(name: str, **changes: Any) -> Object:
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": changes.get("since", "1")}
    return {
        "metadata": {"name": name, "creationTimestamp": "1", **changes.get("metadata", {})},
        "spec": {"nodeName": changes.get("node", "n"), "containers": []},
        "status": {
            "phase": changes.get("phase", "Running"),
            "conditions": [ready] if changes.get("ready", True) else [],
        },
    }


def test_the_least_useful_pods_go_first() -> None:
    found = [
        a_pod("old"),
        a_pod("young", since="2"),
        a_pod("unready", ready=False),
        a_pod("pending", phase="Pending", ready=False),
        a_pod("unbound", node="", phase="Pending", ready=False),
        a_pod("alone", node="other"),
    ]
    order = [name_of(pod) for pod in dispensable(found)]
    assert order == ["unbound", "pending", "unready", "young", "old", "alone"]


@pytest.mark.parametrize(
    ("tolerations", "objection"),
    [
        ([], ["node(s) had untolerated taint {lost: yes}"]),
        ([{"key": "lost", "operator": "Exists"}], []),
        ([{"key": "lost", "value": "yes", "effect": "NoSchedule"}], []),
        ([{"key": "lost", "value": "no"}], ["node(s) had untolerated taint {lost: yes}"]),
        ([{"operator": "Exists", "effect": "NoExecute"}], None),
        ([{"operator": "Exists"}], []),
    ],
)
def test_taints_keep_pods_away(tolerations: list[Object], objection: list[str] | None) -> None:
    if objection is None:
        objection = ["node(s) had untolerated taint {lost: yes}"]
    node = {
        "metadata": {"name": "n"},
        "spec": {"taints": [{"key": "lost", "value": "yes", "effect": "NoSchedule"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    pod = a_pod("a")
    pod["spec"]["tolerations"] = tolerations
    assert objections(pod, node, {"pods": 1}) == objection


def test_a_cordoned_node_takes_nothing() -> None:
    node = {"metadata": {"name": "n"}, "spec": {"unschedulable": True}}
    assert objections(a_pod("a"), node, {}) == ["node(s) were unschedulable"]
