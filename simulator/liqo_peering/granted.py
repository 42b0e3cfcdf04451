"""Plays what a consumer makes of a slice that was granted: identity, kubeconfig, virtual node."""

import base64

import yaml

from simulator.kubernetes.objects import Object, dig, is_going, name_of, namespace_of
from simulator.liqo_peering.replicating import IDENTITY, own_slices, way_to
from simulator.liqo_peering.sides import REMOTE, Side, annotation, made, owner
from simulator.liqo_peering.slices import has_accepted

CREATE_NODE = "liqo.io/create-virtual-node"


async def use(consumer: Side, provider: Side) -> None:
    """Make of every slice that was granted what belongs to it."""
    way = way_to(provider, consumer)
    for each in own_slices(consumer, provider):
        if not way or is_going(each) or not has_accepted(each, "Authentication"):
            continue
        await _identify(consumer, provider, each, way)
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
