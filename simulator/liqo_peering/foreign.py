"""Plays ForeignClusters: what one cluster says of another as soon as anything of it is there."""

from simulator.kubernetes.objects import Object, dig
from simulator.liqo_peering.networks import TYPES, is_connected, uses_network
from simulator.liqo_peering.replicating import way_to
from simulator.liqo_peering.sides import REMOTE, Side, conditions, made

SIGNS = (
    "Configuration",
    "Connection",
    "GatewayClient",
    "GatewayServer",
    "Identity",
    "Node",
    "Tenant",
    "VirtualNode",
)
"""One object of these about another cluster makes it known; it stays known."""

Words = tuple[str, str]


async def play_foreign(here: Side, there: Side, at: str) -> None:
    """Keep what a cluster says of another."""
    known = here.get("ForeignCluster", there.name)
    if known is None and not any(here.of(kind, there.name) for kind in SIGNS):
        return
    if known is None:
        cluster = made("ForeignCluster", there.name, **{REMOTE: there.name})
        await here.apply({**cluster, "spec": {"clusterID": there.name}})
        return
    await here.tell(known, _status(here, there, known, at))


def _status(here: Side, there: Side, known: Object, at: str) -> Object:
    gives = any(here.of(kind, there.name) for kind in ("Node", "VirtualNode", "Identity"))
    takes = bool(here.of("Tenant", there.name))
    role = {(True, True): "ConsumerAndProvider", (True, False): "Provider"}
    is_reached = bool(way_to(there, here)) or _was_reached(known)
    words = ("Established", "APIServerReady") if is_reached else ("None", "APIServerStatusUnknown")
    space = here.tenant(there.name)
    return {
        "apiServerUrl": there.api.url if is_reached else "",
        "role": role.get((gives, takes), "Consumer" if takes else "Unknown"),
        "observedGeneration": 1,
        "tenantNamespace": {"local": space} if space else {},
        "conditions": conditions(known, at, APIServerStatus=words),
        "modules": {
            "authentication": _authentication(here, there, known, at),
            "networking": _networking(here, there, known, at),
            "offloading": _offloading(here, there, known, at),
        },
    }


def _was_reached(known: Object) -> bool:
    """Tell whether it was: after an unpeering it goes on saying so (observed)."""
    told = dig(known, "status", "conditions") or ()
    return any(each["status"] == "Established" for each in told)


def _authentication(here: Side, there: Side, known: Object, at: str) -> Object:
    tenants = here.of("Tenant", there.name)
    good = {"AuthTenantStatus": ("Ready", "TenantReady")} if tenants else {}
    return _module(known, "authentication", at, good, is_on=bool(tenants or _slices(here, there)))


def _slices(here: Side, there: Side) -> list[Object]:
    return here.of("ResourceSlice", there.name) or here.of("Identity", there.name)


def _networking(here: Side, there: Side, known: Object, at: str) -> Object:
    if not uses_network(here, there):
        return {"enabled": False}
    words: dict[str, Words] = {
        "NetworkConfigurationStatus": ("Ready", "ConfigurationReady")
        if here.of("Configuration", there.name)
        else ("NotReady", "ConfigurationMissing"),
        "NetworkConnectionStatus": ("Established", "ConnectionEstablished")
        if is_connected(here, there)
        else ("Pending", "ConnectionPending")
        if here.of("Connection", there.name)
        else ("None", "ConnectionMissing"),
    }
    for kind in TYPES:
        if here.of(kind, there.name):
            words[f"Network{kind}Status"] = ("Ready", "GatewayReady")
    return _module(known, "networking", at, words, is_on=True)


def _offloading(here: Side, there: Side, known: Object, at: str) -> Object:
    if not here.of("VirtualNode", there.name):
        return {"enabled": False}
    nodes = here.of("Node", there.name)
    ready = bool(nodes) and all(_is_ready(node) for node in nodes)
    words: dict[str, Words] = {
        "OffloadingVirtualNodeStatus": ("Ready", "VirtualNodesReady"),
        "OffloadingNodeStatus": ("Ready", "NodesReady") if ready else ("NotReady", "NodesNotReady"),
    }
    return _module(known, "offloading", at, words, is_on=True)


def _is_ready(node: Object) -> bool:
    told = dig(node, "status", "conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in told)


def _module(known: Object, name: str, at: str, words: dict[str, Words], *, is_on: bool) -> Object:
    before = {"status": dig(known, "status", "modules", name) or {}}
    told = conditions(before, at, **words)
    return {"enabled": is_on, "conditions": told} if told else {"enabled": is_on}
