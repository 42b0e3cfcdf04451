"""What Act has to be granted where, by the Sites as they are declared, and what lacks of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from services.act.core.objects import Object, dig
from services.act.core.permitting.permissions import DUTIES, permissions_for, permissions_of
from services.act.core.permitting.roles import WHERE, Permission, Role
from services.act.core.site import kubeconfig_of
from shared.model.names import ClusterName
from shared.model.plan import Action, Evacuate, FleetAction, Peer, Unpeer, site_of

NO_SITE = ClusterName("")
"""Of an action that is about no cluster."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Need:
    """A permission in one namespace; in all of them, where that is empty."""

    permission: Permission
    namespace: str = ""

    def __str__(self) -> str:
        """Return the sentence that says what lacks, and what grants it."""
        place = f" in namespace {self.namespace}" if self.namespace else ""
        role = self.permission.role
        return f"Act may not {self.permission}{place}: {WHERE[role]} grants it (role {role})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Land:
    """Where Act works."""

    home: ClusterName
    namespace: str
    """Of Act itself."""
    sites: Mapping[ClusterName, Object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Errand:
    """An action, as far as it matters for what it needs."""

    kind: str
    site: ClusterName = NO_SITE
    peers: tuple[ClusterName, ClusterName] | None = None
    """Both clusters of a peering, the provider first."""


def needs_of(action: Action, land: Land) -> frozenset[Need]:
    """Return what an action needs in the management cluster.

    In other clusters it goes by the kubeconfig that the Site names, and what that one may.
    """
    if isinstance(action, Peer | Unpeer):
        peers = (action.provider, action.consumer)
        return _needs(_Errand(kind=action.kind, site=action.provider, peers=peers), land)
    site = site_of(action) if isinstance(action, FleetAction) else NO_SITE
    moves = permissions_of("move") if isinstance(action, Evacuate) else frozenset()
    return _needs(_Errand(kind=action.kind, site=site), land) | _everywhere(moves)


def all_needs(land: Land) -> Mapping[str, frozenset[Need]]:
    """Return what is needed for each duty, and for each kind of action the Sites ask for."""
    found = {duty: _everywhere(permissions_for(duty)) for duty in DUTIES}
    for errand in _errands(land):
        found[errand.kind] = found.get(errand.kind, frozenset()) | _needs(errand, land)
    return found


def why_forbidden(action: Action, land: Land, lacking: Mapping[str, tuple[Need, ...]]) -> str:
    """Say what lacks for an action, or nothing: the first of it, and how much more there is."""
    known = {need for of_one in lacking.values() for need in of_one}
    lacks = sorted(needs_of(action, land) & known)
    more = f"; and {len(lacks) - 1} more lack" if len(lacks) > 1 else ""
    return f"{lacks[0]}{more}" if lacks else ""


def question_about(need: Need) -> Object:
    """Return the SelfSubjectAccessReview that asks whether a need is met (authorization.k8s.io)."""
    permission = need.permission
    resource, _, subresource = permission.resource.partition("/")
    asked = {
        "namespace": need.namespace,
        "verb": permission.verb,
        "group": permission.group,
        "resource": resource,
        "subresource": subresource,
        "name": permission.name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: text for key, text in asked.items() if text}},
    }


def _errands(land: Land) -> Iterator[_Errand]:
    """Yield what may be asked for: of an application anything, of a cluster what its Site says."""
    for kind in ("offload_namespace", "move", "scale", "evacuate"):
        yield _Errand(kind=kind)
    for name, site in sorted(land.sites.items()):
        if dig(site, "spec", "growth"):
            yield _Errand(kind="grow_cluster", site=name)
            yield _Errand(kind="shrink_cluster", site=name)
        if dig(site, "spec", "template"):
            yield _Errand(kind="create_cluster", site=name)
        if dig(site, "spec", "template", "mayDelete"):
            yield _Errand(kind="delete_cluster", site=name)
        for wish in dig(site, "spec", "peerings") or ():
            peers = (name, ClusterName(wish["consumer"]))
            yield _Errand(kind="peer", site=name, peers=peers)
            yield _Errand(kind="unpeer", site=name, peers=peers)


def _needs(errand: _Errand, land: Land) -> frozenset[Need]:
    places = {
        Role.ALWAYS: {""},
        Role.CLUSTERS: _namespaces_of(errand, land),
        Role.NOTES: {land.namespace},
        Role.PEERING: {""},
        Role.PROVIDING: {""},
    }
    if errand.peers:
        provider, consumer = errand.peers
        if land.home != consumer:
            places[Role.ALWAYS] = places[Role.PEERING] = set()
        if land.home != provider:
            places[Role.PROVIDING] = set()
    return frozenset(
        Need(permission=permission, namespace=place)
        for permission in permissions_of(errand.kind)
        for place in places[permission.role]
    )


def _namespaces_of(errand: _Errand, land: Land) -> set[str]:
    """Return where the Cluster API objects or the kubeconfigs are that an action is about."""
    if errand.peers:
        secrets = [kubeconfig_of(land.sites.get(peer, {})) for peer in errand.peers]
        return {secret.namespace for secret in secrets if secret is not None}
    declared = "growth" if errand.kind in ("grow_cluster", "shrink_cluster") else "template"
    site = land.sites.get(errand.site, {})
    return {str(dig(site, "spec", declared, "namespace") or "default")}


def _everywhere(permissions: Iterable[Permission]) -> frozenset[Need]:
    return frozenset(Need(permission=permission) for permission in permissions)
