"""Plays how a ResourceSlice is asked for by one cluster and granted by another."""

import base64
import hashlib

from simulator.kubernetes.objects import (
    Object,
    dig,
    is_going,
    labels_of,
    name_of,
    namespace_of,
)
from simulator.liqo_peering.replicating import (
    ORIGIN,
    REMOTE_ID,
    REPLICATION,
    copied,
    is_copy,
    own_slices,
    way_to,
)
from simulator.liqo_peering.sides import REMOTE, Side, conditions, made, owner

FINALIZER = "crdreplicator.liqo.io/resource"
DEFAULTS = {"cpu": "4", "memory": "8Gi", "pods": "110", "ephemeral-storage": "20Gi"}
"""What the default class grants where nothing is asked for."""
ACCEPTED = "Accepted"
KINDS = ("Authentication", "Resources")


async def replicate(consumer: Side, provider: Side) -> None:
    """Carry slices to the provider, and what it says of them back."""
    way = way_to(provider, consumer)
    if not way:
        return
    for each in own_slices(consumer, provider):
        replica = provider.get("ResourceSlice", name_of(each), way)
        if is_going(each):
            await provider.delete("ResourceSlice", [replica])
            if replica is None:
                await consumer.hold(each, FINALIZER, held=False)
        elif _is_to_replicate(each, provider.name):
            await consumer.hold(each, FINALIZER, held=True)
            spec = await _completed(consumer, each)
            copy = copied("ResourceSlice", each, way, (consumer.name, provider.name))
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
            await provider.delete("NamespaceMap", [m for m in maps if is_copy(m)])
            continue
        for each in asked:
            if not is_going(each):
                await _answer(provider, each, at, is_cordoned=condition == "Cordoned")


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
