"""Plays Liqo's validating webhooks: what it refuses of its own objects, in its own words."""

from collections.abc import Callable

from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, dig, labels_of, name_of, namespace_of, uid_of
from simulator.kubernetes.resources import NAMESPACES
from simulator.kubernetes.status import StatusError
from simulator.kubernetes.webhooks import Review

NAME = "offloading"
REMOTE_CLUSTER = "liqo.io/remote-cluster-id"
TENANT_NAMESPACE = "liqo.io/tenant-namespace"
REPLICATED = "liqo.io/replicated"
FIXED = {
    "namespaceMappingStrategy": "NamespaceMappingStrategy",
    "remoteNamespaceName": "RemoteNamespaceName",
}
"""Fields of a NamespaceOffloading that stay as they are, and their names in Liqo's words."""

Check = Callable[[Api, Object | None, Object], None]


class LiqoWebhooks:
    """The webhooks of Liqo's own kinds; other kinds pass."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def default(self, review: Review) -> Object:
        """Return the object as it is: Liqo adds nothing to what we play."""
        return review.new

    def check(self, review: Review) -> None:
        """Refuse what Liqo refuses, with a StatusError."""
        found = _CHECKS.get(review.resource.key)
        if found:
            found(self._api, review.old, review.new)


def _offloading(_: Api, live: Object | None, new: Object) -> None:
    spec = new.get("spec") or {}
    if name_of(new) != NAME:
        raise _denied("nsoff", f"NamespaceOffloading name must match {NAME}")
    if live is None:
        if spec.get("namespaceMappingStrategy") == "SelectedName" and not spec.get(
            "remoteNamespaceName"
        ):
            raise _denied(
                "nsoff",
                "The RemoteNamespaceName value cannot be empty when using the SelectedName "
                "NamespaceMappingStrategy",
            )
        return
    for field, word in FIXED.items():
        if (dig(live, "spec", field) or "") != (spec.get(field) or ""):
            raise _denied("nsoff", f"The {word} value cannot be modified after creation")


def _slice(api: Api, live: Object | None, new: Object) -> None:
    if live is not None or labels_of(new).get(REPLICATED) == "true":
        return
    others = api.store.all(("authentication.liqo.io", "resourceslices"))
    own = (other for other in others if labels_of(other).get(REPLICATED) != "true")
    if any(name_of(other) == name_of(new) for other in own):
        raise _denied(
            "resourceslice", "a resourceslice with the same name already exists in the cluster"
        )


def _tenant(api: Api, live: Object | None, new: Object) -> None:
    space = api.store.get(NAMESPACES.key, ("", namespace_of(new))) or {"metadata": {}}
    cluster = dig(new, "spec", "clusterID")
    if labels_of(space).get(TENANT_NAMESPACE) != "true":
        raise _denied(
            "tenant",
            "resources Tenant must be created in a tenant namespace, check the documentation for "
            "further info",
            code=400,
        )
    if labels_of(new).get(REMOTE_CLUSTER) != cluster:
        words = f'the "{REMOTE_CLUSTER}" label must match the cluster ID in the specs'
        raise _denied("tenant", words, code=400)
    if labels_of(space).get(REMOTE_CLUSTER) != cluster:
        words = "the Tenant must have the same cluster ID of its tenant namespace"
        raise _denied("tenant", words)
    tenants = api.store.all(("authentication.liqo.io", "tenants"))
    others = [t for t in tenants if live is None or uid_of(t) != uid_of(live)]
    if any(namespace_of(t) == namespace_of(new) for t in others):
        raise _denied("tenant", "a Tenant already exists in the tenant namespace")
    if any(name_of(t) == name_of(new) for t in others):
        raise _denied(
            "tenant",
            "tenant should have a unique name across the cluster: a Tenant with the same name "
            "already exists in the cluster",
        )


def _denied(webhook: str, why: str, *, code: int = 403) -> StatusError:
    reason = {403: "Forbidden", 400: "BadRequest"}[code]
    message = f'admission webhook "{webhook}.validate.liqo.io" denied the request: {why}'
    return StatusError(code, reason, message)


_CHECKS: dict[tuple[str, str], Check] = {
    ("offloading.liqo.io", "namespaceoffloadings"): _offloading,
    ("authentication.liqo.io", "resourceslices"): _slice,
    ("authentication.liqo.io", "tenants"): _tenant,
}
