"""What Act asks of a management cluster, written down as RBAC sees it and set beside the table."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from console.real.auditing import Request
from services.act.core.objects import Kind, Manner, Object, Query, Ref, Write
from services.act.core.permitting.roles import Permission
from services.act.ports import ClusterApi
from shared.runtime.following import News


@dataclass(slots=True)
class Recording:
    """A `ClusterApi` that writes down what is asked of the one behind it."""

    cluster: ClusterApi
    requests: set[Request] = field(default_factory=set)

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        self._note(ref.kind, "get", namespace=ref.namespace, name=ref.name)
        return await self.cluster.get(ref)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match."""
        self._note(query.kind, "list", namespace=query.namespace)
        return await self.cluster.list(query)

    async def write(self, write: Write) -> Object:
        """Carry one write out. An apply that makes an object counts as two."""
        verb = "delete" if write.manner is Manner.DELETE else "patch"
        ref, is_new = write.ref, False
        if write.manner is Manner.APPLY and not write.subresource:
            is_new = await self.cluster.get(ref) is None
        for each in (verb, "create") if is_new else (verb,):
            self._note(ref.kind, each, write.subresource, namespace=ref.namespace, name=ref.name)
        return await self.cluster.write(write)

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield what there is, and its changes."""
        self._note(kind, "list")
        self._note(kind, "watch")
        return self.cluster.follow(kind)

    def _note(self, kind: Kind, verb: str, subresource: str = "", **where: str) -> None:
        resource = f"{kind.plural}/{subresource}".rstrip("/")
        self.requests.add(Request(group=kind.group, resource=resource, verb=verb, **where))


OF_EVERYBODY = ("authorization.k8s.io", "selfsubjectaccessreviews", "create")
"""Whoever has signed in may ask what it may do: the role `system:basic-user`."""


def used(requests: Iterable[Request], table: Iterable[Permission]) -> set[Permission]:
    """Return the permissions of a table that some requests need.

    Whoever makes a RoleBinding has to be allowed to bind its role: that is no request of its own.
    AssertionError: one of the requests is not in the table, nor granted to everybody.
    """
    known = list(table)
    found = set()
    for request in requests:
        if request[:3] == OF_EVERYBODY:
            continue
        fitting = [permission for permission in known if _grants(permission, request)]
        assert fitting, f"{request} is not in the table of permissions"
        found.update(fitting)
    binds = {p for p in known if p.verb == "bind"}
    return found | (binds if any(p.resource == "rolebindings" for p in found) else set())


def _grants(permission: Permission, request: Request) -> bool:
    same = (permission.group, permission.resource, permission.verb) == request[:3]
    return same and permission.name in ("", request.name)
