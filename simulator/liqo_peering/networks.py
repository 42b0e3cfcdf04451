"""Plays Liqo's networking between two clusters: gateways, their keys, and whether they connect."""

import base64
import hashlib

from simulator.kubernetes.objects import Object, dig, labels_of, name_of, namespace_of, uid_of
from simulator.liqo_peering.installing import NAMESPACE
from simulator.liqo_peering.sides import REMOTE, Side, conditions, made, owner

GATEWAY = "networking.liqo.io/gateway-resource"
"""Label without which keys of gateways are overlooked."""
NODE_PORT = 30742
TYPES = {"GatewayServer": "Server", "GatewayClient": "Client"}


async def play_networks(here: Side, there: Side, at: str) -> None:
    """Bring what one cluster has of the network to another on."""
    for configuration in here.of("Configuration", there.name):
        await _configure(here, configuration, at)
    for kind, role in TYPES.items():
        for gateway in here.of(kind, there.name):
            await _open(here, gateway, there.name)
            await _connect(here, there, gateway, role=role, at=at)


def uses_network(here: Side, there: Side) -> bool:
    """Tell whether a cluster has anything of a network to another."""
    return any(here.of(kind, there.name) for kind in ("Configuration", *TYPES))


def is_connected(here: Side, there: Side) -> bool:
    """Tell whether the network to another cluster works."""
    return any(
        dig(each, "status", "value") == "Connected" for each in here.of("Connection", there.name)
    )


async def _configure(here: Side, configuration: Object, at: str) -> None:
    own = {"cidr": {"pod": [_cidr(here, "pod-cidr")], "external": [_cidr(here, "external-cidr")]}}
    if not dig(configuration, "spec", "local"):
        await here.change(configuration, {"spec": {"local": own}})
    remote = dig(configuration, "spec", "remote")
    if remote:
        known = conditions(configuration, at, NetworkCIDRsConfigured=("True", "CIDRsConfigured"))
        await here.tell(configuration, {"remote": remote, "conditions": known})


async def _open(here: Side, gateway: Object, cluster: str) -> None:
    """Give a gateway its key, and a server an address."""
    namespace = namespace_of(gateway)
    asked = dig(gateway, "spec", "secretRef", "name")
    name = asked or f"{name_of(gateway)}-gw-keys"
    secret = here.get("Secret", name, namespace)
    if secret is None:
        if not asked:
            await here.apply(_keys(gateway, name, cluster))
        return
    status: Object = {
        "secretRef": {"name": name, "namespace": namespace},
        "internalEndpoint": {"ip": "10.0.0.2", "node": f"{here.name}-1"},
    }
    if gateway["kind"] == "GatewayServer":
        status["endpoint"] = _endpoint(here, dig(gateway, "spec", "endpoint") or {})
    await here.tell(gateway, status)


def _endpoint(here: Side, asked: Object) -> Object:
    address = asked.get("loadBalancerIP") or f"gateway.{here.name}.invalid"
    if asked.get("serviceType") == "NodePort":
        ports = asked.get("nodePorts") or [asked.get("nodePort") or NODE_PORT]
    else:
        ports = asked.get("ports") or [asked.get("port")]
    told = {"ports": ports} if "ports" in asked else {"port": ports[0]}
    return {"addresses": [address], "protocol": "UDP", **told}


def _keys(gateway: Object, name: str, cluster: str) -> Object:
    labels = {REMOTE: cluster, GATEWAY: "true"}
    secret = made("Secret", name, namespace_of(gateway), **labels)
    secret["metadata"]["ownerReferences"] = owner(gateway)
    texts = {key: f"{key}/{uid_of(gateway)}" for key in ("privateKey", "publicKey")}
    data = {k: base64.b64encode(hashlib.sha256(t.encode()).digest()) for k, t in texts.items()}
    return {**secret, "data": {key: value.decode() for key, value in data.items()}}


async def _connect(here: Side, there: Side, gateway: Object, *, role: str, at: str) -> None:
    """Make a Connection where a gateway knows the other's key, and say whether it works."""
    if not _known_key(here, there.name):
        return
    connection = made("Connection", name_of(gateway), namespace_of(gateway), **{REMOTE: there.name})
    connection["metadata"]["ownerReferences"] = owner(gateway)
    reference = {key: gateway[key] for key in ("apiVersion", "kind")}
    reference |= {"name": name_of(gateway), "namespace": namespace_of(gateway)}
    await here.apply({**connection, "spec": {"type": role, "gatewayRef": reference}})
    found = here.get("Connection", name_of(gateway), namespace_of(gateway))
    if found is None:
        return
    status: Object = {"value": "Connecting"}
    if _fits(here, there):
        known = dig(found, "status", "latency")
        status = {"value": "Connected", "latency": known or {"value": "12ms", "timestamp": at}}
    await here.tell(found, status)


def _fits(one: Side, other: Side) -> bool:
    """Tell whether what two clusters say of their network agrees."""
    return _meet(one, other) and all(
        _known_key(here, there.name) == _own_key(there, here.name) != ""
        and _knows_network(here, there)
        for here, there in ((one, other), (other, one))
    )


def _meet(one: Side, other: Side) -> bool:
    """Tell whether a client of one cluster asks for the address of a server of the other."""
    for here, there in ((one, other), (other, one)):
        for client in here.of("GatewayClient", there.name):
            for server in there.of("GatewayServer", here.name):
                asked = dig(client, "spec", "endpoint") or {}
                told = dig(server, "status", "endpoint") or {}
                ports = asked.get("ports") or [asked.get("port")]
                served = told.get("ports") or [told.get("port")]
                addresses = set(asked.get("addresses") or ()) & set(told.get("addresses") or ())
                if addresses and ports == served:
                    return True
    return False


def _known_key(here: Side, cluster: str) -> str:
    """Return the key of another cluster's gateway as far as it is known here."""
    keys = [k for k in here.of("PublicKey", cluster) if labels_of(k).get(GATEWAY) == "true"]
    return str(dig(keys[0], "spec", "publicKey") or "") if keys else ""


def _own_key(here: Side, cluster: str) -> str:
    """Return the public key of the gateway to another cluster."""
    for kind in TYPES:
        for gateway in here.of(kind, cluster):
            reference = dig(gateway, "status", "secretRef") or {}
            secret = here.get("Secret", reference.get("name", ""), namespace_of(gateway))
            return str(dig(secret, "data", "publicKey") or "")
    return ""


def _knows_network(here: Side, there: Side) -> bool:
    return any(
        dig(each, "spec", "remote", "cidr", "pod") == [_cidr(there, "pod-cidr")]
        for each in here.of("Configuration", there.name)
    )


def _cidr(side: Side, name: str) -> str:
    return str(dig(side.get("Network", name, NAMESPACE), "status", "cidr") or "")
