"""The Kubernetes API over HTTP, as far as the simulated parts need it; any API server will do."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

Object = dict[str, Any]

PLURALS: Mapping[str, tuple[str, bool]] = {
    "Namespace": ("namespaces", False),
    "Node": ("nodes", False),
    "Pod": ("pods", True),
    "Service": ("services", True),
    "Deployment": ("deployments", True),
    "CustomResourceDefinition": ("customresourcedefinitions", False),
    "ForeignCluster": ("foreignclusters", False),
    "NamespaceOffloading": ("namespaceoffloadings", True),
    "VirtualNode": ("virtualnodes", True),
    "Application": ("applications", True),
    "Site": ("sites", False),
    "FleetPolicy": ("fleetpolicies", False),
}
"""Kind to its plural, and whether it is namespaced."""

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
TIMEOUT_SECONDS = 10.0
PAUSE_SECONDS = 0.5
"""Before a watch that broke is begun again."""
GONE = 410
FAULTS = 400
"""HTTP statuses from here on are faults."""


class ApiError(Exception):
    """The API server refused; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where an API server is, and how to come in."""

    url: str
    tls: ssl.SSLContext | None = None
    token: str = ""

    @classmethod
    def from_kubeconfig(cls, file: Path) -> "Access":
        """Read the current context of a kubeconfig. KeyError, OSError: it is not one."""
        config = yaml.safe_load(file.read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"] or {}
        url = cluster["server"].rstrip("/")
        tls = _tls(cluster, user, file) if url.startswith("https") else None
        return cls(url=url, tls=tls, token=user.get("token", ""))


class Client:
    """Speaks to one API server."""

    def __init__(self, access: Access, session: aiohttp.ClientSession) -> None:
        self._access = access
        self._session = session

    async def list(self, kind: str, api_version: str = "v1") -> tuple[list[Object], str]:
        """Return all objects of a kind in all namespaces, and the version of the list."""
        answer = await self.call("GET", path_of(api_version, kind))
        return answer["items"], answer["metadata"]["resourceVersion"]

    async def get(self, obj: Object) -> Object:
        """Return the live object of that kind and name."""
        return await self.call("GET", path_of_object(obj))

    async def apply(self, obj: Object, *, manager: str, subresource: str = "") -> Object:
        """Apply an object on the server's side, unforced."""
        path = path_of_object(obj) + (f"/{subresource}" if subresource else "")
        parameters = {"fieldManager": manager, "force": "false"}
        return await self.call("PATCH", path, obj, kind=APPLY, parameters=parameters)

    async def merge(self, obj: Object, change: Object, *, subresource: str = "") -> Object:
        """Merge a change into the object named."""
        path = path_of_object(obj) + (f"/{subresource}" if subresource else "")
        return await self.call(
            "PATCH", path, change, kind=MERGE, parameters={"fieldManager": "liqo"}
        )

    async def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        kind: str = "application/json",
        parameters: Mapping[str, str] | None = None,
    ) -> Object:
        """Make one request and return what is answered. ApiError: it was refused."""
        async with self._session.request(
            method,
            self._access.url + path,
            data=None if body is None else json.dumps(body),
            params=parameters,
            headers={**self._headers(), "Content-Type": kind},
            ssl=self._access.tls or True,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        ) as answer:
            if answer.status >= FAULTS:
                raise ApiError(answer.status, await answer.text())
            result: Object = await answer.json()
            return result

    async def follow(
        self, kind: str, api_version: str, seen: Callable[[dict[str, Object]], None]
    ) -> None:
        """Tell `seen` all objects of a kind, by uid, now and after each change, for ever.

        A watch that ends goes on where it was; one that cannot (410) begins with a new list, and
        so does one whose connection broke.
        """
        while True:
            try:
                await self._follow_once(kind, api_version, seen)
            except (aiohttp.ClientError, TimeoutError, ApiError):
                await asyncio.sleep(PAUSE_SECONDS)

    async def _follow_once(
        self, kind: str, api_version: str, seen: Callable[[dict[str, Object]], None]
    ) -> None:
        items, version = await self.list(kind, api_version)
        objects = {item["metadata"]["uid"]: item for item in items}
        seen(objects)
        while True:
            async for event in self._watch(path_of(api_version, kind), version):
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", GONE), "the watch is over")
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] == "BOOKMARK":
                    continue
                uid = event["object"]["metadata"]["uid"]
                if event["type"] == "DELETED":
                    objects.pop(uid, None)
                else:
                    objects[uid] = event["object"]
                seen(objects)

    async def _watch(self, path: str, version: str) -> AsyncIterator[Object]:
        parameters = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": "300",
        }
        async with self._session.get(
            self._access.url + path,
            params=parameters,
            headers=self._headers(),
            ssl=self._access.tls or True,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS),
        ) as answer:
            if answer.status >= FAULTS:
                raise ApiError(answer.status, await answer.text())
            async for line in answer.content:
                yield json.loads(line)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._access.token}"} if self._access.token else {}


@asynccontextmanager
async def connected(access: Access) -> AsyncIterator[Client]:
    """Give a client for as long as the block lasts."""
    async with aiohttp.ClientSession(read_bufsize=2**20) as session:
        yield Client(access, session)


def path_of(api_version: str, kind: str, namespace: str = "") -> str:
    """Return the path of all objects of a kind, of one namespace or of all."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{scope}/{PLURALS[kind][0]}"


def path_of_object(obj: Object) -> str:
    """Return the path of an object."""
    metadata = obj["metadata"]
    namespaced = PLURALS[obj["kind"]][1]
    namespace = metadata["namespace"] if namespaced else ""
    return f"{path_of(obj['apiVersion'], obj['kind'], namespace)}/{metadata['name']}"


def _named(entries: list[Object], name: str) -> Object:
    return next(entry for entry in entries if entry["name"] == name)


def _tls(cluster: Object, user: Object, file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if "certificate-authority-data" in cluster:
        text = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context.load_verify_locations(cadata=text)
    elif "certificate-authority" in cluster:
        context.load_verify_locations(str(file.parent / cluster["certificate-authority"]))
    if "client-certificate" in user:
        context.load_cert_chain(
            str(file.parent / user["client-certificate"]), str(file.parent / user["client-key"])
        )
    return context
