"""The real servers in tests: how the shared one is set up, manifests, a watch on a rollout."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from console.real.client import Client, Object
from console.real.kubernetes import RealKubernetes
from console.real.kwok import VIRTUAL_TOLERATION, PodTimes, node

ACT = "crossloop-act"
"""Act's field manager."""
NEVER_READY = "never-ready"
"""A node on which pods stay pending."""
AUDITED = ("system:serviceaccount:crossloop:act",)
"""Whose requests are written down: what Act asks for is compared with its roles."""
POD_TIMES = PodTimes(start_seconds=1.0, stop_seconds=0.5, never_ready_on=(NEVER_READY,))


def manifests(folder: Path, pattern: str = "*.yaml") -> Iterator[Object]:
    """Yield all objects of the YAML files in a folder, in the order of the files' names."""
    for file in sorted(folder.glob(pattern)):
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


def namespace(cluster: RealKubernetes, name: str) -> str:
    """Create a namespace and return its name."""
    cluster.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


def create_set(client: Client, space: str, name: str, *, on: str, replicas: int = 3) -> None:
    """Create a StatefulSet that runs on a provider's virtual node; the affinity is Act's."""
    manifest = _deployment(space, name, cores=1)
    spec = {k: v for k, v in manifest["spec"].items() if k != "strategy"}
    spec |= {"serviceName": name, "replicas": 0}
    client.create({**manifest, "kind": "StatefulSet", "spec": spec})
    client.apply({**_pin(space, name, on), "kind": "StatefulSet"}, manager=ACT)
    path = f"/apis/apps/v1/namespaces/{space}/statefulsets/{name}"
    client.patch(path, {"spec": {"replicas": replicas}})


def create_deployment(client: Client, space: str, name: str, *, on: str, replicas: int) -> None:
    """Create a Deployment as `create_set` does: nobody applies its size, so Act may scale it."""
    manifest = _deployment(space, name, cores=1)
    client.create({**manifest, "spec": {**manifest["spec"], "replicas": 0}})
    client.apply(_pin(space, name, on), manager=ACT)
    client.patch(client.path_of(manifest), {"spec": {"replicas": replicas}})


def deploy(
    client: Client, space: str, name: str, *, on: str | None, replicas: int = 3, cores: float = 1
) -> None:
    """Deploy pods that run on a provider's virtual node, or with None at home.

    As after an earlier move: the affinity is Act's, everything else the operator's.
    """
    manifest = _deployment(space, name, cores=cores)
    client.apply({**manifest, "spec": {**manifest["spec"], "replicas": 0}})
    client.apply(_pin(space, name, on), manager=ACT)
    client.apply({**manifest, "spec": {**manifest["spec"], "replicas": replicas}})


def _deployment(space: str, name: str, *, cores: float) -> Object:
    requests = {"cpu": str(cores), "memory": "1Gi"}
    container = {
        "name": name,
        "image": "example.invalid/none",
        "resources": {"requests": requests},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"tolerations": [VIRTUAL_TOLERATION], "containers": [container]},
            },
        },
    }


def _pin(space: str, name: str, on: str | None) -> Object:
    there = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": [on]}
    here = {"key": "liqo.io/type", "operator": "NotIn", "values": ["virtual-node"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [here if on is None else there]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": space},
        "spec": {"template": {"spec": {"affinity": affinity}}},
    }


def virtual_node(cluster: str, *, name: str = "", cores: float = 16) -> Object:
    """Return Liqo's virtual node of a provider, named like it unless told otherwise."""
    return node(name or cluster, cores=cores, remote_cluster=cluster)


@dataclass(slots=True)
class Rollout:
    """What a watch told of one workload and its pods, event by event."""

    events: list[str] = field(default_factory=list)
    serving: list[int] = field(default_factory=list)
    """Pods ready and not terminating, after each event of a pod."""
    ready_replicas: list[int] = field(default_factory=list)
    """`status.readyReplicas`, at each event of the workload."""
    _pods: dict[str, Object] = field(default_factory=dict)

    def take(self, kind: str, live: Object) -> None:
        """Take one event, of a pod or of the workload."""
        if live["kind"] != "Pod":
            self.ready_replicas.append(live.get("status", {}).get("readyReplicas", 0))
            return
        name = live["metadata"]["name"]
        if kind == "DELETED":
            self._pods.pop(name, None)
        else:
            self._pods[name] = live
        self.serving.append(sum(serves(pod) for pod in self._pods.values()))
        self.events.append(
            f"{kind} {name} on {live['spec'].get('nodeName')}: {self.serving[-1]} serve"
        )

    def forget(self) -> None:
        """Forget what was told until now, but not how the pods stand."""
        self.events.clear()
        self.serving.clear()
        self.ready_replicas.clear()

    @property
    def pods(self) -> set[str]:
        """The ids of its pods now."""
        return {pod["metadata"]["uid"] for pod in self._pods.values()}

    @property
    def nodes(self) -> set[str]:
        """Where its pods stand now, told to go or not."""
        return {pod["spec"].get("nodeName", "") for pod in self._pods.values()}


def serves(pod: Object) -> bool:
    """Tell whether a pod is ready and is not told to go."""
    conditions: list[dict[str, Any]] = pod.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


@contextmanager
def watching(
    client: Client, space: str, name: str, plural: str = "deployments"
) -> Iterator[Rollout]:
    """Watch a workload and its pods, in threads of their own, for as long as the block lasts."""
    seen = Rollout()
    stopping = threading.Event()
    paths = {
        f"/apis/apps/v1/namespaces/{space}/{plural}": f"metadata.name={name}",
        f"/api/v1/namespaces/{space}/pods": "",
    }

    def follow(path: str, fields: str) -> None:
        labels = "" if fields else f"app={name}"
        query = {"fieldSelector": fields, "labelSelector": labels}
        listed = client.get(f"{path}?{urlencode(query)}")
        kind = listed["kind"].removesuffix("List")
        for live in listed["items"]:
            seen.take("ADDED", {"kind": kind, **live})
        version = listed["metadata"]["resourceVersion"]
        while not stopping.is_set():
            # short watches one after the other: each goes on where the last ended
            with client.watch(path, **query, resourceVersion=version, timeoutSeconds="1") as events:
                for event in events:
                    version = event["object"]["metadata"]["resourceVersion"]
                    seen.take(event["type"], event["object"])

    with ThreadPoolExecutor(len(paths)) as threads:
        following = [threads.submit(follow, *each) for each in paths.items()]
        try:
            yield seen
        finally:
            stopping.set()
            for each in following:
                each.result()
