"""Permissions as RBAC has them, and the roles that grant them to Act."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from services.act.core.objects import Kind


class Role(StrEnum):
    """Who grants a permission: a role of `deploy/kubernetes`, and where it is bound."""

    ALWAYS = "crossloop-act"
    """In the whole management cluster."""
    CLUSTERS = "crossloop-act-clusters"
    """In the namespaces of Cluster API's objects and of kubeconfigs."""
    PEERING = "crossloop-act-peering"
    """In the whole management cluster, where it uses others: each peer has a namespace there."""
    PROVIDING = "crossloop-act-providing"
    """The same, where others use the management cluster."""
    NOTES = "crossloop-act-notes"
    """In Act's own namespace."""


WHERE: Mapping[Role, str] = {
    Role.ALWAYS: "deploy/kubernetes/base",
    Role.CLUSTERS: "deploy/kubernetes/components/cluster-api",
    Role.PEERING: "deploy/kubernetes/components/peering",
    Role.PROVIDING: "deploy/kubernetes/components/providing",
    Role.NOTES: "deploy/kubernetes/components/peering",
}
"""What has to be applied for it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Permission:
    """One rule of RBAC, taken apart: one verb on one resource."""

    role: Role
    group: str
    resource: str
    """The plural, with the subresource behind a slash."""
    verb: str
    name: str = ""
    """Of the one object it holds for; empty: of all."""

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        resource, slash, subresource = self.resource.partition("/")
        return f"{self.verb} {resource}{group}{slash}{subresource}"


class Rule(NamedTuple):
    """Verbs on a kind, or on a subresource of it."""

    kind: Kind
    verbs: str
    subresource: str = ""
    name: str = ""

    def under(self, role: Role) -> Iterable[Permission]:
        """Yield the permissions it stands for, where that role grants them."""
        resource = f"{self.kind.plural}/{self.subresource}".rstrip("/")
        for verb in self.verbs.split():
            yield Permission(
                role=role, group=self.kind.group, resource=resource, verb=verb, name=self.name
            )
