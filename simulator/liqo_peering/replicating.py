"""Whether one cluster's Liqo may write to another: the way that a control plane Secret opens."""

import base64

import yaml

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
            and _lets_in(provider, namespace, consumer.name)
        ):
            return namespace
    return ""


def _server(secret: Object) -> str:
    """Return where a kubeconfig leads; empty where it cannot be read."""
    try:
        config = yaml.safe_load(base64.b64decode(dig(secret, "data", "kubeconfig") or ""))
        return str(config["clusters"][0]["cluster"]["server"]).rstrip("/")
    except (ValueError, yaml.YAMLError, KeyError, IndexError, TypeError):
        return ""


def _lets_in(provider: Side, namespace: str, consumer: str) -> bool:
    """Tell whether a tenant namespace is the consumer's, and somebody may act for it there.

    A Tenant that is drained takes the permission back.
    """
    tenants = provider.of("Tenant", consumer)
    if any(dig(tenant, "spec", "tenantCondition") == "Drained" for tenant in tenants):
        return False
    return namespace == provider.tenant(consumer) != "" and any(
        dig(binding, "roleRef", "name") == CONTROL_PLANE_ROLE and binding.get("subjects")
        for binding in provider.all("RoleBinding")
        if namespace_of(binding) == namespace
    )


def own_slices(consumer: Side, provider: Side) -> list[Object]:
    """Return the slices that a cluster itself asks another for."""
    return [
        each
        for each in consumer.of("ResourceSlice", provider.name)
        if labels_of(each).get(REPLICATED) != "true"
    ]


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
