"""The tunnel between the two clusters of a peering: address ranges, gateways and their keys."""

from services.act.core.objects import SECRET, Object, dig
from services.act.core.peering.kinds import (
    CONFIGURATION,
    CONNECTION,
    GATEWAY_CLIENT,
    GATEWAY_RESOURCE,
    GATEWAY_SERVER,
    NETWORK,
    PUBLIC_KEY,
)
from services.act.core.peering.manifests import (
    PORT,
    client_body,
    configuration_body,
    public_key_body,
    server_body,
)
from services.act.core.peering.pairs import CIDRS, LIQO, Side
from services.act.core.peering.scene import Scene
from services.act.core.peering.wants import Fact, Gate, Item, want


def network_items(scene: Scene) -> tuple[Item, ...]:
    """Return what the tunnel needs, in its order.

    The server stands at the provider, unless the other direction has its own there already.
    """
    pair = scene.pair
    server, client = pair.provider, pair.consumer
    if scene.about(pair.consumer, GATEWAY_SERVER):
        server, client = client, server
    return (
        *(_configuration(scene, side, other) for side, other in (pair.sides, pair.sides[::-1])),
        *(_configured(scene, side) for side in pair.sides),
        _server(scene, server),
        _client(scene, client, server),
        _public_key(scene, client, server),
        _public_key(scene, server, client),
        *(_connected(scene, side) for side in pair.sides),
    )


def _configuration(scene: Scene, side: Side, other: Side) -> Item:
    facts = [_cidr(scene, other, name) for name in CIDRS]
    ref = side.ref(CONFIGURATION, side.peer, scene.space(side))
    body = configuration_body(side, *(fact.value for fact in facts))
    return want(side, ref, body, scene.about(side, CONFIGURATION), *facts)


def _cidr(scene: Scene, side: Side, name: str) -> Fact:
    where = f"Network {LIQO}/{name}"
    if not side.is_ours:
        return Fact(value=f"<status.cidr of {where} on {side.name}>", by_owner=True)
    cidr = dig(scene.one(side.ref(NETWORK, name, LIQO)), "status", "cidr") or ""
    return Fact(value=cidr, lacks="" if cidr else f"{side.name} has no {where} with an address")


def _configured(scene: Scene, side: Side) -> Gate:
    """Wait until Liqo mapped the ranges of the other cluster."""
    found = scene.about(side, CONFIGURATION)
    done = not side.is_ours or any(dig(c, "status", "remote", "cidr") for c in found)
    return Gate(reason="" if done else f"Liqo on {side.name} has not mapped the addresses yet")


def _server(scene: Scene, side: Side) -> Item:
    ref = side.ref(GATEWAY_SERVER, side.peer, scene.space(side))
    return want(side, ref, server_body(side), scene.about(side, GATEWAY_SERVER))


def _client(scene: Scene, side: Side, server: Side) -> Item:
    endpoint = _endpoint(scene, server)
    ref = side.ref(GATEWAY_CLIENT, side.peer, scene.space(side))
    body = client_body(side, endpoint.value)
    return want(side, ref, body, scene.about(side, GATEWAY_CLIENT), endpoint)


def _endpoint(scene: Scene, server: Side) -> Fact:
    """Return where the server of the tunnel is reached."""
    if not server.is_ours:
        address = f"<status.endpoint.addresses of the GatewayServer on {server.name}>"
        value = {"addresses": [address], "port": PORT, "protocol": "UDP"}
        return Fact(value=value, by_owner=True)
    servers = scene.about(server, GATEWAY_SERVER)
    told: Object = next((dig(s, "status", "endpoint") or {} for s in servers), {})
    addresses = [address for address in told.get("addresses") or () if address]
    ports = [{key: told[key]} for key in ("ports", "port") if told.get(key)]
    if not addresses or not ports:
        return Fact(value={}, lacks=f"the gateway on {server.name} has no address yet")
    return Fact(value={"addresses": addresses, "protocol": "UDP", **ports[0]})


def _public_key(scene: Scene, side: Side, other: Side) -> Item:
    key = _key(scene, other)
    ref = side.ref(PUBLIC_KEY, side.peer, scene.space(side))
    known = scene.about(side, PUBLIC_KEY)
    found = tuple(k for k in known if dig(k, "metadata", "labels", GATEWAY_RESOURCE) == "true")
    return want(side, ref, public_key_body(side, key.value), found, key)


def _key(scene: Scene, side: Side) -> Fact:
    """Return the public key of a cluster's gateway, which Liqo made."""
    if not side.is_ours:
        told = f"<data.publicKey of the Secret in status.secretRef of the gateway on {side.name}>"
        return Fact(value=told, by_owner=True)
    gateways = (*scene.about(side, GATEWAY_SERVER), *scene.about(side, GATEWAY_CLIENT))
    named = {dig(gateway, "status", "secretRef", "name") for gateway in gateways}
    for secret in scene.about(side, SECRET):
        key = dig(secret, "data", "publicKey")
        if key and dig(secret, "metadata", "name") in named:
            return Fact(value=key)
    return Fact(lacks=f"the gateway on {side.name} has no key yet")


def _connected(scene: Scene, side: Side) -> Gate:
    found = scene.about(side, CONNECTION)
    done = not side.is_ours or any(_is_connected(connection) for connection in found)
    return Gate(reason="" if done else f"the tunnel is not connected on {side.name} yet")


def _is_connected(connection: Object) -> bool:
    return bool(dig(connection, "status", "value") == "Connected")
