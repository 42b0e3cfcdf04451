"""Whether one cluster's Liqo may write to another: the way that a control plane Secret opens."""

import base64
from functools import lru_cache

import yaml

from simulator.controllers.tokens import ACCOUNT
from simulator.kubernetes.objects import Object, dig, labels_of, name_of, namespace_of
from simulator.liqo_peering.installing import CONTROL_PLANE_ROLE
from simulator.liqo_peering.sides import REMOTE, Side, annotation, made

IDENTITY = "liqo.io/identity-type"
REMOTE_TENANT = "liqo.io/remote-tenant-namespace"
ORIGIN, REMOTE_ID = "liqo.io/originID", "liqo.io/remoteID"
REPLICATION, REPLICATED = "liqo.io/replication", "liqo.io/replicated"


def way_to(provider: Side, consumer: Side) -> str:
    """Return the tenant namespace on a provider to which a control plane Secret leads; empty: none.

    It has to lead to that very API server, and what it leads to has to let the consumer in.
    """
    for secret in consumer.of("Secret", provider.name):
        namespace = annotation(secret, REMOTE_TENANT)
        if (
            labels_of(secret).get(IDENTITY) == "ControlPlane"
            and namespace_of(secret) == consumer.tenant(provider.name) != ""
            and _server(secret) == provider.api.url
            and _lets_in(provider, namespace, consumer.name, _token(secret))
        ):
            return namespace
    return ""


def _server(secret: Object) -> str:
    """Return where a kubeconfig leads; empty where it cannot be read."""
    found = dig(_first(secret, "clusters"), "cluster", "server")
    return str(found or "").rstrip("/")


def _token(secret: Object) -> str:
    """Return by what a kubeconfig says who comes; empty where that is no token."""
    return str(dig(_first(secret, "users"), "user", "token") or "")


def _first(secret: Object, name: str) -> Object:
    """Return the first entry of a list of a kubeconfig; empty where it cannot be read."""
    entries = dig(_config(str(dig(secret, "data", "kubeconfig") or "")), name)
    first: Object = entries[0] if isinstance(entries, list) and entries else {}
    return first


@lru_cache(maxsize=64)
def _config(kubeconfig: str) -> object:
    try:
        return yaml.safe_load(base64.b64decode(kubeconfig))
    except (ValueError, yaml.YAMLError):
        return None


def _lets_in(provider: Side, namespace: str, consumer: str, token: str) -> bool:
    """Tell whether a tenant namespace is the consumer's, and who comes may act for it there.

    A Tenant that is drained takes the permission back. Who comes without a token is let in where
    anybody is: a certificate's name is not looked at.
    """
    tenants = provider.of("Tenant", consumer)
    if any(dig(tenant, "spec", "tenantCondition") == "Drained" for tenant in tenants):
        return False
    bound = [
        subject["name"]
        for binding in provider.all("RoleBinding")
        if namespace_of(binding) == namespace
        and dig(binding, "roleRef", "name") == CONTROL_PLANE_ROLE
        for subject in binding.get("subjects") or ()
    ]
    who = _owner_of(provider, token) if token else "".join(bound[:1])
    return namespace == provider.tenant(consumer) != "" and who != "" and who in bound


def _owner_of(provider: Side, token: str) -> str:
    """Return the ServiceAccount whose token it is; empty: nobody's."""
    written = base64.b64encode(token.encode()).decode()
    for secret in provider.all("Secret"):
        if dig(secret, "data", "token") == written:
            return annotation(secret, ACCOUNT)
    return ""


def own_slices(consumer: Side, provider: Side) -> list[Object]:
    """Return the slices that a cluster itself asks another for."""
    return [each for each in consumer.of("ResourceSlice", provider.name) if not is_copy(each)]


def copied(kind: str, obj: Object, namespace: str, between: tuple[str, str]) -> Object:
    """Return the copy of an object at a provider, without its spec. `between`: who to whom."""
    consumer, provider = between
    labels = {
        REMOTE: consumer,
        ORIGIN: consumer,
        REMOTE_ID: provider,
        REPLICATED: "true",
        REPLICATION: "false",
    }
    return made(kind, name_of(obj), namespace, **labels)


def is_copy(obj: Object) -> bool:
    """Tell whether an object came from another cluster."""
    return labels_of(obj).get(REPLICATED) == "true"
