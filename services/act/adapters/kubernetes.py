"""ClusterApi over a Kubernetes API server: server-side apply, never forced."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from services.act import telemetry
from services.act.core.objects import (
    FIELD_MANAGER,
    Kind,
    Manner,
    Object,
    Query,
    Ref,
    Write,
    dig,
)
from services.act.core.permitting.needs import Need, question_about
from services.act.ports import UnreachableError
from shared.errors import PermanentError, TransientError
from shared.runtime import kubernetes
from shared.runtime.following import Absent, Fresh, Late, News, follow
from shared.runtime.kubernetes import ApiError, KubernetesApi, path_of
from shared.runtime.probes import Readiness

_FORBIDDEN = 403
_NOT_FOUND = 404
_CONFLICT = 409
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_OF_MANAGERS = "Apply failed with"
"""How the API begins to tell that fields belong to someone else; it goes on with their names."""


@asynccontextmanager
async def connect(kubeconfig: str, *, readiness: Readiness) -> AsyncIterator["KubernetesCluster"]:
    """Give the cluster of a kubeconfig file, or the one we run in. Nothing is called yet."""
    async with kubernetes.connect(kubeconfig) as api:
        yield KubernetesCluster(api, readiness)


class KubernetesCluster:
    """A cluster behind its API server.

    The management cluster comes with a `readiness`: it is told once when it stops to answer, and
    when it answers again.
    """

    def __init__(self, api: KubernetesApi, readiness: Readiness | None = None) -> None:
        self._api = api
        self._readiness = readiness
        self._problem = ""
        self._denials = 0
        if readiness is not None:
            readiness.report("kubernetes", "not asked yet")

    @property
    def denials(self) -> int:
        """How many calls were refused so far for want of a permission."""
        return self._denials

    async def may(self, need: Need) -> bool:
        """Tell whether Act is granted something. Whoever has signed in may ask that of itself.

        Where the API server has no such question (404), nothing is known to lack.
        """
        with self._answering():
            try:
                answer = await self._api.create(
                    _REVIEWS, question_about(need), manager=FIELD_MANAGER
                )
            except ApiError as error:
                if error.status == _NOT_FOUND:
                    return True
                raise
        return bool(dig(answer, "status", "allowed"))

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None where there is none."""
        with self._answering():
            try:
                return await self._api.get(_path(ref))
            except ApiError as error:
                if error.status == _NOT_FOUND:
                    return None
                raise

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return all objects that are asked for; none if their kind is not installed."""
        path = _listing(query.kind, query.namespace)
        with self._answering():
            try:
                objects, _ = await self._api.list(path, labels=query.selector, fields=query.fields)
            except ApiError as error:
                if error.status == _NOT_FOUND:
                    return ()
                raise
            return objects

    async def write(self, write: Write) -> Object:
        """Carry out one write, and return the object as it stands after it."""
        path, ref = _path(write.ref, write.subresource), write.ref
        with self._answering():
            try:
                if write.manner is Manner.DELETE:
                    return await self._delete(path, write.body)
                if write.manner is Manner.MERGE:
                    return await self._api.merge_patch(path, write.body, manager=FIELD_MANAGER)
                return await self._api.apply(path, _whole(ref, write.body), manager=FIELD_MANAGER)
            except ApiError as error:
                if error.status == _CONFLICT and not error.message.startswith(_OF_MANAGERS):
                    raise TransientError(f"{ref} changed meanwhile: {error.message}") from error
                raise PermanentError(" ".join(str(error).split())) from error

    async def _delete(self, path: str, options: Object) -> Object:
        """Delete what is at a path. What is gone already is as it should be."""
        try:
            return await self._api.delete(path, options)
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return {}
            raise

    async def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield all objects of a kind, then every change, for ever; all of them after a gap."""
        async for news in follow(self._api, _listing(kind)):
            if isinstance(news, Fresh):
                self._found()
            elif isinstance(news, Late | Absent):
                self._lost(news.reason)
            yield news

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Tell calls that got an answer, be it a refusal, from those that got none."""
        try:
            yield
        except PermanentError as error:
            self._denials += isinstance(error, ApiError) and error.status == _FORBIDDEN
            self._found()
            raise
        except TransientError as error:
            if not isinstance(error.__cause__, ApiError):
                self._lost(str(error))
                asked = error.retry_after_seconds
                raise UnreachableError(str(error), retry_after_seconds=asked) from error
            raise
        else:
            self._found()

    def _lost(self, reason: str) -> None:
        if self._readiness is None:
            return
        if not self._problem:
            telemetry.kubernetes_lost(reason)
        self._problem = reason
        self._readiness.report("kubernetes", reason)

    def _found(self) -> None:
        if self._readiness is None:
            return
        if self._problem:
            telemetry.kubernetes_found()
        self._problem = ""
        self._readiness.report("kubernetes")


def _path(ref: Ref, subresource: str = "") -> str:
    return path_of(
        group=ref.kind.group,
        version=ref.kind.version,
        plural=ref.kind.plural,
        namespace=ref.namespace,
        name=ref.name,
        subresource=subresource,
    )


def _listing(kind: Kind, namespace: str = "") -> str:
    return path_of(group=kind.group, version=kind.version, plural=kind.plural, namespace=namespace)


def _whole(ref: Ref, body: Object) -> Object:
    """Return what is applied with what says which object it is."""
    metadata = {**body.get("metadata", {}), "name": ref.name}
    if ref.namespace:
        metadata["namespace"] = ref.namespace
    return {
        **body,
        "apiVersion": ref.kind.api_version,
        "kind": ref.kind.name,
        "metadata": metadata,
    }
