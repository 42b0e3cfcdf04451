"""Open the way into a Site's cluster by the Secret it names, and prove where it leads."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from services.act.adapters.kubernetes import KubernetesCluster
from services.act.core.liqo import IDENTITY_OF_CLUSTER, cluster_id_in
from services.act.core.objects import SECRET, Object, Ref, dig, version_of
from services.act.core.site import KubeconfigRef
from services.act.ports import ClusterApi, UnreachableError
from shared.errors import PermanentError
from shared.model.names import ClusterName
from shared.runtime.kubeconfig import connect_by, read_kubeconfig
from shared.runtime.kubernetes import ApiError, UnansweredError

CALL_SECONDS = 5.0
"""Plans wait for each other's calls: a cluster far away must not hold up those at home."""
_UNAUTHORIZED = 401


@dataclass(slots=True, kw_only=True)
class Way:
    """An open way into a cluster, and the Secret it was opened by."""

    cluster: ClusterApi
    secret: KubeconfigRef
    version: str
    """Of the Secret."""
    closing: AsyncExitStack
    checked_at: float = field(default=0.0)
    used_at: float = field(default=0.0)
    users: int = 0
    retired: bool = False

    async def leave(self) -> None:
        """End one use."""
        self.users -= 1
        await self._close_if_done()

    async def retire(self) -> None:
        """Use it no more. It is closed when its last call ended."""
        self.retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self.retired and not self.users:
            await self.closing.aclose()


async def open_way(name: ClusterName, named: KubeconfigRef, secret: Object | None) -> Way:
    """Open the way that a Secret of the management cluster holds.

    PermanentError: there is none, it cannot be used, or it leads elsewhere. UnreachableError: the
    cluster does not answer.
    """
    told = told_of(name, named)
    closing = AsyncExitStack()
    try:
        kubeconfig = read_kubeconfig(_content(secret, named))
        reach = connect_by(kubeconfig, call_seconds=CALL_SECONDS)
        cluster = KubernetesCluster(await closing.enter_async_context(reach))
    except PermanentError as error:
        raise PermanentError(f"{told} cannot be used: {error}") from error
    try:
        await _prove(name, told, cluster)
    except (UnreachableError, PermanentError):
        await closing.aclose()
        raise
    return Way(cluster=cluster, secret=named, version=version_of(secret), closing=closing)


def ref_of(named: KubeconfigRef) -> Ref:
    """Return the address of a Secret."""
    return Ref(kind=SECRET, namespace=named.namespace, name=named.name)


def told_of(name: ClusterName, named: KubeconfigRef) -> str:
    """Return a kubeconfig as people are told of it."""
    where = f"Secret {named.namespace}/{named.name}, key {named.key}"
    return f"the kubeconfig of Site {name} ({where})"


def is_unauthorized(error: BaseException) -> bool:
    """Tell whether a call was refused because nobody knows who makes it."""
    return any(isinstance(e, ApiError) and e.status == _UNAUTHORIZED for e in _causes(error))


def has_answered(error: UnreachableError) -> bool:
    """Tell a server that failed from one that could not be reached."""
    return not any(isinstance(e, UnansweredError) for e in _causes(error))


async def _prove(name: ClusterName, told: str, cluster: ClusterApi) -> None:
    """Make sure that a cluster is the one its Site is about. PermanentError: it is not.

    UnreachableError: it does not answer, or cannot tell yet.
    """
    try:
        found = await cluster.get(IDENTITY_OF_CLUSTER)
    except UnreachableError as error:
        if _is_untrusted(error):
            raise PermanentError(f"{told} does not fit the server: {error}") from error
        raise
    except PermanentError as error:
        raise PermanentError(f"{told} is not accepted: {error}") from error
    if found is None:
        where = f"ConfigMap {IDENTITY_OF_CLUSTER.namespace}/{IDENTITY_OF_CLUSTER.name}"
        missing = f"{told} leads to a cluster without {where}: is Liqo installed there?"
        raise UnreachableError(missing)  # of a new cluster: it may be on its way
    identity = cluster_id_in(found)
    if identity != name:
        raise PermanentError(f"{told} leads to cluster {identity}: correct spec.kubeconfigSecret")


def _content(secret: Object | None, named: KubeconfigRef) -> str:
    """Return the kubeconfig in a Secret. PermanentError: there is none."""
    if secret is None:
        raise PermanentError("there is no such Secret")
    value = dig(secret, "data", named.key)
    if not value:
        raise PermanentError("the Secret has no such key")
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise PermanentError("it is not text in base64") from error


def _is_untrusted(error: BaseException) -> bool:
    return any(isinstance(e, UnansweredError) and e.is_untrusted for e in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__
