"""The five ways in which a pod stays Pending on a virtual node, as seen of Liqo 1.2."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from shared.runtime.clock import now
from simulator.controllers import running
from simulator.controllers.admission import OFFLOADINGS
from simulator.controllers.kubelet import GONE, START, STOP
from simulator.controllers.nodes import UNAVAILABLE
from simulator.controllers.providers import READINESS, REAL_NODES, STATE
from simulator.kubernetes import Api
from simulator.kubernetes.api import Ref, Writer
from simulator.kubernetes.objects import Object, condition_of, dig, is_true, labels_of, name_of
from simulator.kubernetes.resources import CRDS, DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS
from simulator.start import LIQO_CRDS
from tests.support.real_parts import manifests

BY = Writer(manager="test")
STATUS = Writer(manager="test", subresource="status")
SPEED = 100.0


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An API server with controllers, and the virtual node of a provider."""
    api = Api(now)
    api.create(NAMESPACES, "", {"metadata": {"name": "xr"}}, BY)
    labels = {"liqo.io/remote-cluster-id": "edge", "liqo.io/type": "virtual-node"}
    room = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    status = {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}
    api.create(NODES, "", {"metadata": {"name": "edge", "labels": labels}, "status": status}, BY)
    async with running(api, speed=SPEED):
        yield api


def annotate(api: Api, **annotations: str | None) -> None:
    """Tell how the provider is."""
    wanted = {GONE: "gone", STATE: "state", REAL_NODES: "nodes", READINESS: "readiness"}

    def change(live: Object) -> Object:
        told = {key: value for key, name in wanted.items() if (value := annotations.get(name))}
        return {**live, "metadata": {**live["metadata"], "annotations": told}}

    api.patch(Ref(resource=NODES, name="edge"), change, BY)


def set_ready(api: Api, status: str) -> None:
    """Tell what the Node says of itself."""
    condition = {"type": "Ready", "status": status}
    ref = Ref(resource=NODES, name="edge")
    api.patch(ref, lambda n: {**n, "status": {**n["status"], "conditions": [condition]}}, STATUS)


def deploy(api: Api, replicas: int = 1, cpu: str = "1") -> None:
    """Create a workload whose pods take a while to start."""
    container = {"name": "main", "image": "x.invalid/x:1", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"labels": {"app": "web"}, "annotations": {START: "2", STOP: "1"}}
    template = {"metadata": metadata, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": replicas, "selector": selector, "template": template}
    api.create(DEPLOYMENTS, "xr", {"metadata": {"name": "web"}, "spec": spec}, BY)


def pods(api: Api) -> tuple[Object, ...]:
    return api.store.all(PODS.key, "xr")


def told(api: Api) -> list[tuple[str, str]]:
    """Return type and reason of the Events on pods."""
    return [(event["type"], event["reason"]) for event in api.store.all(EVENTS.key, "xr")]


def shown(pod: Object) -> tuple[str, str, bool]:
    """Return what tells the ways of Pending apart: PodScheduled, its reason, a host."""
    scheduled = condition_of(pod, "PodScheduled")
    return scheduled.get("status", ""), scheduled.get("reason", ""), "hostIP" in pod["status"]


async def until(api: Api, is_so: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await api.store.changed(api.store.version)


def all_ready(api: Api, many: int = 1) -> Callable[[], bool]:
    return lambda: sum(is_true(pod, "Ready") for pod in pods(api)) == many


async def test_a_pod_at_a_provider_without_a_scheduler_has_a_host_and_nothing_else(
    api: Api,
) -> None:
    annotate(api, state="unscheduled")
    deploy(api)
    await until(api, lambda: ("Normal", "SuccessfulReflection") in told(api))
    (pod,) = pods(api)
    assert shown(pod) == ("", "", True)
    annotate(api)
    await until(api, all_ready(api))
    assert shown(pods(api)[0]) == ("True", "", True)


async def test_a_provider_without_room_tells_it_in_its_own_schedulers_words(api: Api) -> None:
    small = {"cpu": 2, "memory": 2**33}
    nodes = {"edge-1": small, "edge-2": {**small, "objection": "node(s) were unschedulable"}}
    annotate(api, nodes=json.dumps(nodes))
    deploy(api, replicas=3)
    await until(api, lambda: ("Warning", "FailedScheduling") in told(api) and all_ready(api, 2)())
    (waiting,) = (pod for pod in pods(api) if not is_true(pod, "Ready"))
    assert shown(waiting) == ("False", "Unschedulable", True)
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable."
    assert condition_of(waiting, "PodScheduled")["message"] == message
    assert waiting["spec"]["nodeName"] == "edge"
    annotate(api, nodes=json.dumps({"edge-1": small, "edge-2": small}))
    await until(api, all_ready(api, 3))


async def test_a_full_provider_takes_nothing_new_and_keeps_what_it_has(api: Api) -> None:
    deploy(api)
    await until(api, all_ready(api))
    annotate(api, state="full")
    ref = Ref(resource=DEPLOYMENTS, name="web", namespace="xr")
    api.patch(ref, lambda live: {**live, "spec": {**live["spec"], "replicas": 2}}, BY)
    await until(api, lambda: ("Warning", "FailedScheduling") in told(api))
    assert sorted(map(shown, pods(api))) == [("False", "Unschedulable", True), ("True", "", True)]
    annotate(api)
    await until(api, all_ready(api, 2))


@pytest.mark.parametrize(
    ("state", "words"), [("cordoned", "user is cordoned"), ("unreachable", "connection refused")]
)
async def test_a_provider_that_does_not_accept_a_pod_leaves_it_without_a_host(
    api: Api, state: str, words: str
) -> None:
    annotate(api, state=state)
    deploy(api)
    await until(api, lambda: ("Warning", "FailedReflection") in told(api))
    (pod,), (event,) = pods(api), api.store.all(EVENTS.key, "xr")
    assert shown(pod) == ("True", "", False)
    assert event["message"].endswith(words)
    involved = {key: event["involvedObject"][key] for key in ("uid", "name", "kind", "namespace")}
    assert involved == {
        "uid": pod["metadata"]["uid"],
        "name": name_of(pod),
        "kind": "Pod",
        "namespace": "xr",
    }
    assert is_true(api.get(Ref(resource=NODES, name="edge")), "Ready")
    annotate(api)
    await until(api, all_ready(api))


def offload(api: Api, ready: str) -> None:
    """Say whether the namespace is at the provider."""
    conditions = {"edge": [{"type": "Ready", "status": ready}]}
    named = {"metadata": {"name": "offloading"}, "spec": {}}
    kind = next(r for r in api.registry.of_group("offloading.liqo.io") if r.key == OFFLOADINGS)
    if api.store.get(OFFLOADINGS, ("xr", "offloading")) is None:
        api.create(kind, "xr", named, BY)
    ref = Ref(resource=kind, name="offloading", namespace="xr")
    api.patch(ref, lambda n: {**n, "status": {"remoteNamespacesConditions": conditions}}, STATUS)


async def test_a_namespace_that_is_not_offloaded_backs_off_and_one_that_goes_aborts(
    api: Api,
) -> None:
    for crd in manifests(LIQO_CRDS.parent, LIQO_CRDS.name):
        api.create(CRDS, "", crd, BY)
    deploy(api)
    await until(api, lambda: pods(api) and dig(pods(api)[0], "status", "reason"))
    (pod,) = pods(api)
    assert shown(pod) == ("False", "OffloadingBackOff", False)
    assert pod["status"]["reason"] == "OffloadingBackOff"
    offload(api, "True")
    await until(api, all_ready(api))
    offload(api, "False")
    await until(api, lambda: any(p["status"]["phase"] == "Failed" for p in pods(api)))
    (lost,) = (p for p in pods(api) if p["status"]["phase"] == "Failed")
    assert (name_of(lost), lost["status"]["reason"]) == (name_of(pod), "OffloadingAborted")
    assert ("Warning", "ReflectionDisabled") in told(api)
    await until(api, lambda: len(pods(api)) == 2)


async def test_pods_of_a_node_that_is_not_heard_of_are_labelled_and_keep_their_time(
    api: Api,
) -> None:
    deploy(api)
    await until(api, all_ready(api))
    since = condition_of(pods(api)[0], "Ready")["lastTransitionTime"]
    annotate(api, state="unreachable")
    set_ready(api, "Unknown")
    await until(api, lambda: labels_of(pods(api)[0]).get(UNAVAILABLE))
    assert condition_of(pods(api)[0], "Ready") == {
        "type": "Ready",
        "status": "False",
        "lastTransitionTime": since,
    }
    set_ready(api, "True")
    annotate(api, state=None)
    await until(api, lambda: all_ready(api)() and UNAVAILABLE not in labels_of(pods(api)[0]))


async def test_readiness_may_be_stale_both_ways(api: Api) -> None:
    deploy(api)
    await until(api, all_ready(api))
    annotate(api, readiness="false")
    await until(api, all_ready(api, 0))
    annotate(api)
    await until(api, all_ready(api))
