"""Brings a fresh API server to where a demo begins: peered, stretched, deployed and settled."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

import yaml

from shared.runtime.kubernetes import KubernetesApi
from simulator.applications import Declared
from simulator.kubernetes.objects import Object, is_true
from simulator.liqo_namespaces import VERSION as OFFLOADING_VERSION
from simulator.liqo_objects import REMOTE_CLUSTER, SCHEDULING_LABEL, VIRTUAL_TAINT
from simulator.objects import ACT, OWNER, path_of_object

LIQO_CRDS = Path(__file__).parent / "liqo_crds.yaml"
ELSEWHERE = {"render": "metro"}
"""Components that do not start at home."""
POLL_SECONDS = 0.1


async def install_kinds(api: KubernetesApi, crds: Iterable[Object]) -> None:
    """Apply CustomResourceDefinitions, ours and those of Liqo, and wait until they are served."""
    liqo = yaml.safe_load_all(LIQO_CRDS.read_text())
    for crd in [*crds, *liqo]:
        await _apply(api, crd, manager=OWNER)
        await _until(api, crd, _is_established)


async def deploy(api: KubernetesApi, declared: Declared, *, tolerate: bool) -> None:
    """Apply the fleet's objects and the applications, and wait until every workload is settled.

    `tolerate`: write into the pod templates the toleration that Liqo's webhook adds to pods, where
    none is played. Deployments get their replicas last, so that no pod starts in a wrong place.
    """
    for obj in declared.fleet:
        await _apply(api, obj, manager=OWNER)
    for obj in declared.arenas:
        match obj["kind"]:
            case "Namespace":
                await _apply(api, obj, manager=OWNER)
                await _stretch(api, obj["metadata"]["name"])
            case "Deployment":
                await _deploy(api, _tolerating(obj) if tolerate else obj)
            case _:
                await _apply(api, obj, manager=OWNER)
    for obj in declared.arenas:
        if obj["kind"] == "Deployment":
            await _until(api, obj, _is_settled)


async def _stretch(api: KubernetesApi, namespace: str) -> None:
    """Offload a namespace to the clusters that components start on, and wait until it is there."""
    selected = {"key": REMOTE_CLUSTER, "operator": "In", "values": sorted(ELSEWHERE.values())}
    offloading = {
        "apiVersion": OFFLOADING_VERSION,
        "kind": "NamespaceOffloading",
        "metadata": {"name": "offloading", "namespace": namespace},
        "spec": {
            "clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [selected]}]},
            "namespaceMappingStrategy": "DefaultName",
            "podOffloadingStrategy": "LocalAndRemote",
        },
    }
    labelled = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "labels": {SCHEDULING_LABEL: "true"}},
    }
    await _apply(api, labelled, manager=ACT)
    await _apply(api, offloading, manager=ACT)
    await _until(api, offloading, _is_stretched)


async def _deploy(api: KubernetesApi, deployment: Object) -> None:
    without = {**deployment, "spec": {**deployment["spec"], "replicas": 0}}
    await _apply(api, without, manager=OWNER)
    await _apply(api, _pinned(deployment), manager=ACT)
    await _apply(api, deployment, manager=OWNER)


def _pinned(deployment: Object) -> Object:
    """Return the part of a Deployment that Act writes: where its pods must run."""
    cluster = ELSEWHERE.get(deployment["metadata"]["name"])
    if cluster:
        where = {"key": REMOTE_CLUSTER, "operator": "In", "values": [cluster]}
    else:
        where = {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [where]}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    metadata = {key: deployment["metadata"][key] for key in ("name", "namespace")}
    return {
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": metadata,
        "spec": {"template": {"spec": {"affinity": {"nodeAffinity": required}}}},
    }


def _tolerating(deployment: Object) -> Object:
    toleration = {"key": VIRTUAL_TAINT["key"], "operator": "Exists", "effect": "NoExecute"}
    template = deployment["spec"]["template"]
    pod = template["spec"]
    pod = {**pod, "tolerations": [*pod.get("tolerations", ()), toleration]}
    spec = {**deployment["spec"], "template": {**template, "spec": pod}}
    return {**deployment, "spec": spec}


async def _apply(api: KubernetesApi, obj: Object, *, manager: str) -> None:
    await api.apply(path_of_object(obj), obj, manager=manager)


async def _until(api: KubernetesApi, obj: Object, is_so: Callable[[Object], bool]) -> None:
    """Wait until the live object is as told."""
    while True:
        if is_so(dict(await api.get(path_of_object(obj)))):
            return
        await asyncio.sleep(POLL_SECONDS)


def _is_settled(deployment: Object) -> bool:
    wanted, status = deployment["spec"]["replicas"], deployment.get("status", {})
    counts = [status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")]
    is_seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return bool(is_seen and counts == [wanted] * 3)


def _is_stretched(offloading: Object) -> bool:
    return bool(offloading.get("status", {}).get("offloadingPhase") == "Ready")


def _is_established(crd: Object) -> bool:
    return is_true(crd, "Established")
