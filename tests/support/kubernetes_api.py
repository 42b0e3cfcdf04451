"""An API server as a suite sees it, simulated or real: plain requests, watches, nodes, widgets."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import aiohttp

from console.real.kubernetes import RealKubernetes
from console.real.kwok import VIRTUAL_TOLERATION, is_ready, node
from simulator.controllers import running
from simulator.controllers.kubelet import START, STOP
from simulator.kubernetes import ApiServer

Object = dict[str, Any]

MEDIA: Mapping[str, str] = {
    "json": "application/json",
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json-patch": "application/json-patch+json",
}
SPEED = 10.0
"""Of the simulator's controllers."""
WIDGETS = "/apis/contract.example.dev/v1"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    status: int
    body: Object

    @property
    def reason(self) -> str:
        """Return the reason of a refusal."""
        return str(self.body.get("reason", ""))

    @property
    def causes(self) -> dict[str, str]:
        """Return what is wrong with each field, by its path."""
        causes = self.body.get("details", {}).get("causes", ())
        return {cause["field"]: cause["message"] for cause in causes}

    @property
    def version(self) -> str:
        """Return the version of the object, or of the list."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """Return the names in a list."""
        return [item["metadata"]["name"] for item in self.body["items"]]

    def managed_by(self, manager: str, subresource: str = "") -> Object | None:
        """Return the fields of a manager, if it has some."""
        for entry in self.body["metadata"].get("managedFields", ()):
            if (entry["manager"], entry.get("subresource", "")) == (manager, subresource):
                fields: Object = entry["fieldsV1"]
                return fields
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An API server, and a namespace that is the test's own."""

    session: aiohttp.ClientSession
    url: str
    space: str
    is_real: bool

    def path(self, plural: str, name: str = "", *, group: str = "") -> str:
        """Return the path of a collection of the namespace, or of an object in it."""
        root = f"/apis/{group}" if group else "/api/v1"
        return f"{root}/namespaces/{self.space}/{plural}" + (f"/{name}" if name else "")

    async def call(
        self, method: str, path: str, body: Any = None, *, media: str = "json", **query: str
    ) -> Answer:
        """Make a request. `media`: a key of `MEDIA`."""
        async with self.session.request(
            method,
            self.url + path,
            data=None if body is None else json.dumps(body),
            params=query,
            headers={"Content-Type": MEDIA[media], "User-Agent": "suite/1.0"},
        ) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, json.loads(text) if is_json else {"text": text})

    async def get(self, path: str, **query: str) -> Answer:
        """Get what is at a path."""
        return await self.call("GET", path, **query)

    async def post(self, path: str, body: Any, **query: str) -> Answer:
        """Create something."""
        return await self.call("POST", path, body, **query)

    async def merge(self, path: str, body: Any, **query: str) -> Answer:
        """Merge a change into what is at a path."""
        return await self.call("PATCH", path, body, media="merge", **query)

    async def apply(self, path: str, body: Any, manager: str = "act", **query: str) -> Answer:
        """Apply a configuration at a path."""
        return await self.call("PATCH", path, body, media="apply", fieldManager=manager, **query)

    @asynccontextmanager
    async def watch(
        self, path: str, *, seconds: int = 5, **query: str
    ) -> AsyncIterator[AsyncIterator[Object]]:
        """Give the events of a watch of so many seconds."""
        query |= {"watch": "true", "timeoutSeconds": str(seconds)}
        async with self.session.get(self.url + path, params=query) as answer:
            assert answer.status == 200
            yield (json.loads(line) async for line in answer.content)
            if answer.connection and answer.connection.transport:
                # at once: TLS would take its time to say goodbye, and the loop may end before
                answer.connection.transport.abort()

    async def until(
        self, path: str, is_so: Callable[[Answer], bool], *, seconds: float = 20.0, **query: str
    ) -> Answer:
        """Get what is at a path until it is as told. TimeoutError: it never is."""
        async with asyncio.timeout(seconds):
            while True:
                answer = await self.get(path, **query)
                if is_so(answer):
                    return answer
                await asyncio.sleep(0.02)

    async def add_node(self, name: str) -> str:
        """Create the virtual node of a provider of the test's own, and wait until it takes pods.

        Return the name of both.
        """
        name = f"{self.space}-{name}"
        manifest = node(name, remote_cluster=name, cores=16)
        path = f"/api/v1/nodes/{name}"
        assert (await self.post("/api/v1/nodes", manifest)).status == 201
        if not self.is_real:
            # on the real one kwok says so
            ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
            await self.merge(f"{path}/status", ready)
        await self.until(path, lambda answer: is_ready(answer.body))
        return name


@asynccontextmanager
async def simulated() -> AsyncIterator[Server]:
    """Give the simulator's API server and its controllers."""
    async with (
        ApiServer() as server,
        running(server.api, speed=SPEED),
        aiohttp.ClientSession(read_bufsize=2**20) as session,
    ):
        yield await _with_space(session, server.url, is_real=False)


@asynccontextmanager
async def real(cluster: RealKubernetes) -> AsyncIterator[Server]:
    """Give a real API server with its controllers."""
    tls = ssl.create_default_context(cafile=str(cluster.ca_file))
    async with aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {cluster.token}"},
        connector=aiohttp.TCPConnector(ssl=tls),
        read_bufsize=2**20,
    ) as session:
        yield await _with_space(session, cluster.url, is_real=True)


async def _with_space(session: aiohttp.ClientSession, url: str, *, is_real: bool) -> Server:
    space = f"contract-{next(_numbers)}"
    server = Server(session=session, url=url, space=space, is_real=is_real)
    created = await server.post("/api/v1/namespaces", {"metadata": {"name": space}})
    assert created.status == 201
    crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    await server.post(crds, WIDGET_DEFINITION)
    await server.until(f"{crds}/widgets.contract.example.dev", _is_established)
    await server.until(f"{WIDGETS}/widgets", lambda answer: answer.status == 200)
    return server


def _is_established(answer: Answer) -> bool:
    conditions = answer.body.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def pinned_to(cluster: str) -> Object:
    """Return the affinity of pods that run at one provider."""
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": [cluster]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [term]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


def deployment(name: str = "web", *, replicas: int = 1, **pod: Any) -> Object:
    """Return a Deployment of one container; `pod` are further fields of its pods' spec."""
    container = {
        "name": "main",
        "image": "example.invalid/web:1",
        "env": [{"name": "MODE", "value": "fast"}],
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    metadata = {"labels": {"app": name}, "annotations": {START: "2", STOP: "1"}}
    spec = {"containers": [container], "tolerations": [VIRTUAL_TOLERATION], **pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": metadata, "spec": spec},
        },
    }


def widget(name: str = "one", **spec: Any) -> Object:
    """Return a custom resource, valid unless its spec is told otherwise."""
    return {
        "apiVersion": "contract.example.dev/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 3, **spec},
    }


_TEXT: Object = {"type": "string"}
_USERS: Object = {
    "type": "array",
    "maxItems": 2,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["group"],
    "items": {
        "type": "object",
        "required": ["group"],
        "properties": {
            "group": _TEXT,
            "budgetMs": {"type": "number", "minimum": 1, "default": 15},
        },
    },
}
_SPEC: Object = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 10},
        "replicas": {"type": "integer"},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "slow"},
        "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "ratio": {"type": "number", "minimum": 0, "exclusiveMinimum": True},
        "users": _USERS,
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
        "path": {"type": "array", "items": _TEXT},
        "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": _TEXT},
        "port": {"x-kubernetes-int-or-string": True},
    },
}
_STATUS: Object = {
    "type": "object",
    "properties": {
        "phase": _TEXT,
        "replicas": {"type": "integer"},
        "conditions": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["type"],
            "items": {
                "type": "object",
                "required": ["type"],
                "properties": {"type": _TEXT, "status": _TEXT},
            },
        },
    },
}
WIDGET_DEFINITION: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.contract.example.dev"},
    "spec": {
        "group": "contract.example.dev",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                    },
                },
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": _SPEC, "status": _STATUS},
                    }
                },
            }
        ],
    },
}
