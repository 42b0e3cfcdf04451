"""Plays how a ResourceSlice is asked for by one cluster and granted by another."""

import base64
import hashlib
from dataclasses import dataclass

import yaml

from simulator.kubernetes.objects import (
    Object,
    dig,
    is_going,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.liqo_peering.installing import CONTROL_PLANE_ROLE
from simulator.liqo_peering.sides import REMOTE, Side, annotation, conditions, made, owner

IDENTITY = "liqo.io/identity-type"
REMOTE_TENANT = "liqo.io/remote-tenant-namespace"
CREATE_NODE = "liqo.io/create-virtual-node"
ORIGIN, REMOTE_ID = "liqo.io/originID", "liqo.io/remoteID"
REPLICATION, REPLICATED = "liqo.io/replication", "liqo.io/replicated"
FINALIZER = "crdreplicator.liqo.io/resource"
DEFAULTS = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
"""What the default class grants where nothing is asked for."""
ACCEPTED = "Accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicator:
    """Leads from a consumer to its tenant namespace on a provider."""

    namespace: str


def replicator(consumer: Side, provider: Side) -> Replicator | None:
    """Return the way to a provider that a control plane Secret of the consumer opens.

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
            return Replicator(namespace=namespace)
    return None


def _server(secret: Object) -> str:
    """Return where a kubeconfig leads; empty where it cannot be read."""
    try:
        config = yaml.safe_load(base64.b64decode(dig(secret, "data", "kubeconfig") or ""))
        return str(config["clusters"][0]["cluster"]["server"]).rstrip("/")
    except (ValueError, yaml.YAMLError, KeyError, IndexError, TypeError):
        return ""


def _lets_in(provider: Side, namespace: str, consumer: str) -> bool:
    """Tell whether a tenant namespace is the consumer's, and somebody may act for it there."""
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


async def replicate(consumer: Side, provider: Side) -> None:
    """Carry slices to the provider, and what it says of them back."""
    way = replicator(consumer, provider)
    if way is None:
        return
    for each in own_slices(consumer, provider):
        replica = provider.get("ResourceSlice", name_of(each), way.namespace)
        if is_going(each):
            await provider.delete("ResourceSlice", [replica])
            if replica is None:
                await consumer.hold(each, FINALIZER, held=False)
        elif _is_to_replicate(each, provider.name):
            await consumer.hold(each, FINALIZER, held=True)
            spec = await _completed(consumer, each)
            labels = {
                REMOTE: consumer.name,
                ORIGIN: consumer.name,
                REMOTE_ID: provider.name,
                REPLICATED: "true",
                REPLICATION: "false",
            }
            copy = made("ResourceSlice", name_of(each), way.namespace, **labels)
            await provider.apply({**copy, "spec": spec})
            if replica and replica.get("status"):
                await consumer.tell(each, replica["status"])


def _is_to_replicate(each: Object, provider: str) -> bool:
    labels = labels_of(each)
    return labels.get(REPLICATION) == "true" and labels.get(REMOTE_ID) == provider


async def _completed(consumer: Side, each: Object) -> Object:
    """Return the spec of a slice with what Liqo adds: who asks, and for whose certificate."""
    request = base64.b64encode(f"request of {name_of(each)}".encode()).decode()
    added = {"consumerClusterID": consumer.name, "csr": request}
    missing = {key: value for key, value in added.items() if not each["spec"].get(key)}
    if missing:
        await consumer.change(each, {"spec": missing})
    spec: Object = {**each["spec"], **missing}
    return spec


async def judge(provider: Side, consumer: Side, at: str) -> None:
    """Accept or deny what another cluster asks for, as its Tenant is."""
    for tenant in provider.of("Tenant", consumer.name):
        namespace = namespace_of(tenant)
        condition = dig(tenant, "spec", "tenantCondition") or "Active"
        if dig(tenant, "spec", "authzPolicy") == "TolerateNoHandshake":
            await provider.tell(tenant, {"tenantNamespace": namespace})
        asked = [
            each
            for each in provider.of("ResourceSlice", consumer.name)
            if namespace_of(each) == namespace and labels_of(each).get(ORIGIN) == consumer.name
        ]
        if condition == "Drained":
            await provider.delete("ResourceSlice", asked)
            maps = provider.of("NamespaceMap", consumer.name)
            await provider.delete("NamespaceMap", [m for m in maps if _is_copy(m)])
            continue
        for each in asked:
            if not is_going(each):
                await _answer(provider, each, at, is_cordoned=condition == "Cordoned")


def _is_copy(obj: Object) -> bool:
    return labels_of(obj).get(REPLICATED) == "true"


async def _answer(provider: Side, each: Object, at: str, *, is_cordoned: bool) -> None:
    if is_cordoned and not has_accepted(each, "Authentication"):
        denied = {kind: ("Denied", f"ResourceSlice{kind}Denied") for kind in KINDS}
        await provider.tell(each, {"conditions": conditions(each, at, **denied)})
        return
    is_default = (each["spec"].get("class") or "default") == "default"
    kinds = KINDS if is_default else KINDS[:1]
    accepted = {kind: (ACCEPTED, f"ResourceSlice{kind}Accepted") for kind in kinds}
    status: Object = {
        "conditions": conditions(each, at, **accepted),
        "authParams": {
            "apiServer": provider.api.url,
            "signedCRT": base64.b64encode(f"signed for {name_of(each)}".encode()).decode(),
        },
        "nodeLabels": {"topology.kubernetes.io/region": provider.name},
    }
    if is_default:
        status["resources"] = {**DEFAULTS, **(each["spec"].get("resources") or {})}
        await provider.apply(_quota(each, status["resources"], is_cordoned=is_cordoned))
    await provider.tell(each, status)


KINDS = ("Authentication", "Resources")


def has_accepted(each: Object, kind: str) -> bool:
    """Tell whether a slice has a condition that says Accepted."""
    return any(
        (condition["type"], condition["status"]) == (kind, ACCEPTED)
        for condition in dig(each, "status", "conditions") or ()
    )


def _quota(each: Object, resources: Object, *, is_cordoned: bool) -> Object:
    consumer = labels_of(each)[ORIGIN]
    user = f"{name_of(each)}-{hashlib.sha256(consumer.encode()).hexdigest()[:12]}"
    quota = made("Quota", user, namespace_of(each), **{REMOTE: consumer})
    quota["metadata"]["ownerReferences"] = owner(each)
    spec = {"user": user, "limitsEnforcement": "None", "resources": resources}
    return {**quota, "spec": {**spec, "cordoned": is_cordoned}}


async def use(consumer: Side, provider: Side) -> None:
    """Make of a slice that was granted what belongs to it: identity, kubeconfig, virtual node."""
    way = replicator(consumer, provider)
    for each in own_slices(consumer, provider):
        if way is None or is_going(each) or not has_accepted(each, "Authentication"):
            continue
        await _identify(consumer, provider, each, way.namespace)
        wants_node = annotation(each, CREATE_NODE) == "true"
        if wants_node and has_accepted(each, "Resources"):
            await consumer.apply(_virtual_node(each, provider.name))


async def _identify(consumer: Side, provider: Side, each: Object, remote: str) -> None:
    """Keep the Identity of a slice and the Secret with its kubeconfig."""
    namespace, name = namespace_of(each), f"resourceslice-{name_of(each)}"
    identity = made("Identity", name, namespace, **{REMOTE: provider.name})
    identity["metadata"]["ownerReferences"] = owner(each)
    spec = {
        "clusterID": provider.name,
        "type": "ResourceSlice",
        "namespace": remote,
        "authParams": dig(each, "status", "authParams"),
    }
    await consumer.apply({**identity, "spec": spec})
    found = consumer.get("Identity", name, namespace)
    if found is None:
        return
    labels = {REMOTE: provider.name, IDENTITY: "ResourceSlice"}
    secret = made("Secret", f"kubeconfig-{name}", namespace, **labels)
    secret["metadata"]["ownerReferences"] = owner(found)
    config = yaml.safe_dump({"clusters": [{"cluster": {"server": provider.api.url}}]})
    data = {"kubeconfig": base64.b64encode(config.encode()).decode()}
    await consumer.apply({**secret, "data": data})
    await consumer.tell(found, {"kubeconfigSecretRef": {"name": f"kubeconfig-{name}"}})


def _virtual_node(each: Object, provider: str) -> Object:
    node = made("VirtualNode", name_of(each), namespace_of(each), **{REMOTE: provider})
    node["metadata"]["ownerReferences"] = owner(each)
    resources = dig(each, "status", "resources")
    return {
        **node,
        "spec": {
            "clusterID": provider,
            "createNode": True,
            "disableNetworkCheck": False,
            "kubeconfigSecretRef": {"name": f"kubeconfig-resourceslice-{name_of(each)}"},
            "labels": dig(each, "status", "nodeLabels") or {},
            "resourceQuota": {"hard": resources},
        },
    }
