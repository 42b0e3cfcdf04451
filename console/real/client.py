"""The little of the Kubernetes API that setting up and watching a real API server needs."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

Object = dict[str, Any]

TIMEOUT_SECONDS = 10.0
CONFLICT = 409
NOT_FOUND = 404
PATCHES = {
    "apply": "application/apply-patch+yaml",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class ApiError(Exception):
    """The API server refused; `status` is the HTTP status, the text what it said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass(slots=True, kw_only=True)
class Client:
    """A blocking client of one API server, for one user. Each call has its own connection."""

    host: str
    port: int
    token: str
    ca_file: Path
    _resources: dict[str, dict[str, Object]] = field(default_factory=dict)

    def get(self, path: str) -> Object:
        """Return the object or list at a path."""
        return self.call("GET", path)

    def find(self, path: str) -> Object | None:
        """Return the object at a path, or None if there is none."""
        try:
            return self.get(path)
        except ApiError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def create(self, manifest: Object) -> Object:
        """Create an object, or return the one that is there already."""
        try:
            return self.call("POST", self.path_of(manifest, named=False), manifest)
        except ApiError as error:
            if error.status == CONFLICT:
                return self.get(self.path_of(manifest))
            raise

    def apply(self, manifest: Object, *, manager: str = "operator") -> Object:
        """Apply an object on the server's side, forced."""
        query = urlencode({"fieldManager": manager, "force": "true"})
        return self.patch(f"{self.path_of(manifest)}?{query}", manifest, kind="apply")

    def patch(self, path: str, body: Any, *, kind: str = "merge") -> Object:
        """Patch the object at a path. `kind`: a key of `PATCHES`."""
        return self.call("PATCH", path, body, content_type=PATCHES[kind])

    def delete(self, path: str) -> None:
        """Delete what is at a path; what is not there is deleted already."""
        try:
            self.call("DELETE", path)
        except ApiError as error:
            if error.status != NOT_FOUND:
                raise

    def path_of(self, manifest: Object, *, named: bool = True) -> str:
        """Return the path of an object, or of the list it belongs in, by discovery."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if kind not in self._resources.get(version, {}):
            found = self.get(root)["resources"]
            self._resources[version] = {r["kind"]: r for r in found if "/" not in r["name"]}
        resource = self._resources[version].get(kind)
        if resource is None:
            raise ApiError(NOT_FOUND, f"{version} has no kind {kind}")
        metadata = manifest["metadata"]
        scope = f"/namespaces/{metadata['namespace']}" if resource["namespaced"] else ""
        name = f"/{metadata['name']}" if named else ""
        return f"{root}{scope}/{resource['name']}{name}"

    @contextmanager
    def watch(self, path: str, **query: str) -> Iterator[Iterator[Object]]:
        """Give the events of a watch as they come, for as long as the block lasts."""
        with self._answer("GET", f"{path}?{urlencode({'watch': 'true', **query})}") as answer:
            yield (json.loads(line) for line in answer)

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> Object:
        """Make one request and return the JSON answered. ApiError: it was refused."""
        text = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        with self._answer(method, path, text, headers) as answer:
            result: Object = json.loads(answer.read() or b"{}")
        return result

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        context = ssl.create_default_context(cafile=str(self.ca_file))
        connection = HTTPSConnection(self.host, self.port, context=context, timeout=TIMEOUT_SECONDS)
        try:
            authorization = {"Authorization": f"Bearer {self.token}"}
            connection.request(method, path, body, {**authorization, **(headers or {})})
            answer = connection.getresponse()
            if answer.status >= 400:  # noqa: PLR2004 - the line between good and bad in HTTP
                raise ApiError(answer.status, answer.read().decode(errors="replace"))
            yield answer
        finally:
            connection.close()
