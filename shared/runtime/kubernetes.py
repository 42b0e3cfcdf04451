"""One way to speak to a Kubernetes API server: raw JSON, two kinds of failure, list and watch."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.config.config_exception import ConfigException

from shared.errors import PermanentError, TransientError

Object = Mapping[str, Any]
"""One object of the Kubernetes API, as its JSON."""

PAGE = 500
"""Objects per answer of a list."""
CALL_SECONDS = 10.0
WATCH_SECONDS = 240
"""After which the server ends a watch by itself."""
SILENT_SECONDS = 90.0
"""A watch without even a bookmark (one a minute) for so long is taken for dead."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_BUSY = 429
_SERVER_ERROR = 500
_UNKNOWN_FIELD = ("failed to create typed patch object", "field not declared in schema")
"""How the API tells that an apply names a field its kind does not have."""


class UnansweredError(TransientError):
    """The API server cannot be reached, or is too slow."""

    def __init__(self, call: str, error: Exception) -> None:
        super().__init__(f"{call}: {str(error) or type(error).__name__}")
        self.is_untrusted = isinstance(error, aiohttp.ClientSSLError)
        """Whether the two sides do not trust each other's certificates."""


class ApiError(PermanentError):
    """The API server refused: not found (404), conflict (409), invalid (422), forbidden (403)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}".rstrip() + f": {message}")
        self.status = status
        self.reason = reason
        """The API's own word, as `Conflict`; empty where it gave none."""
        self.message = message


def path_of(
    *,
    group: str = "",
    version: str,
    plural: str,
    namespace: str = "",
    name: str = "",
    subresource: str = "",
) -> str:
    """Return where the API serves a list, an object or its subresource.

    An empty group is the core one; an empty namespace is all of them, or a cluster-scoped object.
    """
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    tail = "".join(f"/{part}" for part in (name, subresource) if part)
    return f"{root}{inside}/{plural}{tail}"


class KubernetesApi:
    """Calls on paths, with JSON in and out.

    All of them: TransientError when the server cannot be reached, is too slow, too busy (429) or
    fails (5xx); ApiError when it refuses.
    """

    def __init__(self, client: kubernetes_client.ApiClient, *, call_seconds: float) -> None:
        self._client = client
        self._timeout = aiohttp.ClientTimeout(total=call_seconds)

    @property
    def url(self) -> str:
        """Where the API server is."""
        return str(self._client.configuration.host)

    async def get(self, path: str) -> Object:
        """Return an object."""
        return await self._call("GET", path)

    async def list(
        self, path: str, *, labels: str = "", fields: str = ""
    ) -> tuple[tuple[Object, ...], str]:
        """Return all objects, page by page, and the resource version they stood at."""
        found: list[Object] = []
        params = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        while True:
            page = await self._call("GET", path, params=params)
            found.extend(page.get("items") or ())
            metadata = page.get("metadata") or {}
            if not metadata.get("continue"):
                return tuple(found), str(metadata.get("resourceVersion", ""))
            params["continue"] = metadata["continue"]

    async def create(self, path: str, body: Object, *, manager: str) -> Object:
        """Create an object in the list at the path."""
        return await self._call("POST", path, body=body, params={"fieldManager": manager})

    async def apply(
        self, path: str, body: Object, *, manager: str, dry_run: bool = False
    ) -> Object:
        """Apply the fields of the body, server-side; never forced.

        ApiError 409 names the manager of a field that is somebody else's.
        """
        params = {"fieldManager": manager, "force": "false", "dryRun": "All" if dry_run else ""}
        return await self._call("PATCH", path, body=body, params=params, content=_APPLY)

    async def merge_patch(self, path: str, body: Object, *, manager: str) -> Object:
        """Merge the body into an object. A resource version in it is a precondition (409)."""
        params = {"fieldManager": manager}
        return await self._call("PATCH", path, body=body, params=params, content=_MERGE)

    async def patch_status(self, path: str, body: Object, *, manager: str) -> Object:
        """Merge the body into the status of the object at the path."""
        return await self.merge_patch(f"{path}/status", body, manager=manager)

    async def delete(self, path: str, options: Object | None = None) -> Object:
        """Delete an object, with the API's options (`DeleteOptions`)."""
        return await self._call("DELETE", path, body=options)

    async def watch(
        self, path: str, *, since: str, labels: str = "", fields: str = ""
    ) -> AsyncGenerator[Object | None, None]:
        """Yield None once the server took the request, and then its events, bookmarks too.

        Ends when the server ends it, or was silent for too long.
        """
        params = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": since,
            "timeoutSeconds": str(WATCH_SECONDS),
            "labelSelector": labels,
            "fieldSelector": fields,
        }
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=CALL_SECONDS, sock_read=SILENT_SECONDS
        )
        async with self._answer("GET", path, params=params, timeout=timeout) as response:
            yield None
            try:
                async for line in _lines(response.content):
                    yield orjson.loads(line)
            except aiohttp.SocketTimeoutError:
                return
            except (aiohttp.ClientError, orjson.JSONDecodeError) as error:
                raise TransientError(f"the watch broke: {error}") from error

    async def _call(
        self,
        method: str,
        path: str,
        *,
        body: Object | None = None,
        params: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> Object:
        async with self._answer(
            method, path, params=params, body=body, content=content, timeout=self._timeout
        ) as response:
            try:
                answer: Object = orjson.loads(await response.read())
            except (TimeoutError, aiohttp.ClientError, orjson.JSONDecodeError) as error:
                raise UnansweredError(f"{method} {path}", error) from error
            return answer

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Object | None = None,
        content: str = "application/json",
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - of the client library
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        query = [(name, value) for name, value in (params or {}).items() if value]
        request = await self._client.param_serialize(
            method,
            path,
            query_params=query,
            header_params={"Accept": "application/json", "Content-Type": content},
            auth_settings=["BearerToken"],
        )
        try:
            answer = await self._client.call_api(*request[:3], body=body, _request_timeout=timeout)
        except (TimeoutError, aiohttp.ClientError) as error:
            raise UnansweredError(f"{method} {path}", error) from error
        async with answer.response as response:
            if response.status >= 400:  # noqa: PLR2004 - where HTTP's errors begin
                raise await _failure(response, f"{method} {path}")
            yield response


@asynccontextmanager
async def connect(
    kubeconfig: str = "", *, call_seconds: float = CALL_SECONDS
) -> AsyncIterator[KubernetesApi]:
    """Give the API that a kubeconfig file names; without one, the API of the cluster we run in.

    Nothing is called yet. PermanentError: the file or the service account cannot be used.
    """
    configuration = kubernetes_client.Configuration()
    try:
        if kubeconfig:
            await kubernetes_config.load_kube_config(  # type: ignore[no-untyped-call]
                kubeconfig, client_configuration=configuration, persist_config=False
            )
        else:
            kubernetes_config.load_incluster_config(  # type: ignore[no-untyped-call]
                client_configuration=configuration
            )
    except (ConfigException, OSError) as error:
        raise PermanentError(f"kubeconfig {kubeconfig or 'in cluster'}: {error}") from error
    async with kubernetes_client.ApiClient(configuration) as client:
        yield KubernetesApi(client, call_seconds=call_seconds)


async def _failure(response: aiohttp.ClientResponse, call: str) -> TransientError | ApiError:
    """Return the kind of failure an answer stands for."""
    try:
        text = await response.text(errors="replace")
    except (TimeoutError, aiohttp.ClientError) as error:
        text = _said(error)
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        said = {}
    status = said if isinstance(said, dict) else {}
    message = str(status.get("message") or text[:200].strip())
    if _may_pass(response.status, message):
        told = f"{call}: {response.status} {message}"
        return TransientError(told, retry_after_seconds=_asked_pause(response))
    return ApiError(response.status, str(status.get("reason") or ""), message)


def _may_pass(status: int, message: str) -> bool:
    """Tell whether the same call may work later. An apply with an unknown field is a 500 too."""
    if status < _SERVER_ERROR:
        return status == _BUSY
    return not any(said in message for said in _UNKNOWN_FIELD)


def _asked_pause(response: aiohttp.ClientResponse) -> float | None:
    """Return the seconds that `Retry-After` says (RFC 9110, 10.2.3); Kubernetes gives a number."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length; what comes after the last line end too, for it is cut off."""
    rest = b""
    async for part in content.iter_any():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield line
    if rest.strip():
        yield rest


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
