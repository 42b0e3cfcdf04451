"""What the kubelets of the simulated cluster are told of a provider: annotations of its Node."""

import json

from simulator.controllers.kubelet import GONE
from simulator.controllers.providers import READINESS, REAL_NODES, STATE, State
from simulator.load import GIB
from simulator.peers import Peer
from simulator.world import World

LOST = "node(s) had untolerated taint {node.kubernetes.io/unreachable: }"
FULL = "Insufficient cpu"


def hints(cluster: str, peer: Peer, world: World) -> dict[str, str]:
    """Return the annotations of a virtual node, given what is known of its provider."""
    told = {REAL_NODES: json.dumps(real_nodes(cluster, world), sort_keys=True)}
    if not world.is_alive(cluster):
        told[STATE] = State.UNREACHABLE
    elif cluster in world.faults.cordoned:
        told[STATE] = State.CORDONED
    if not peer.kubelet or (world.is_alive(cluster) and not peer.pods):
        told[GONE] = "true"
    if peer.readiness:
        told[READINESS] = peer.readiness
    return told


def real_nodes(cluster: str, world: World) -> dict[str, dict[str, float | str]]:
    """Return room and objections of a provider's real nodes: what its quota says nothing of.

    A node that is lost for so long that its pods were started elsewhere is no longer among them.
    """
    spec, found = world.scenario.fleet.clusters[cluster], {}
    for node, is_open in world.open_nodes(cluster).items():
        if world.faults.has_evicted(node, world.seconds):
            continue
        room: dict[str, float | str] = {
            "cpu": spec.cores_per_node,
            "memory": spec.gib_per_node * GIB,
        }
        if not is_open:
            room["objection"] = LOST if node in world.faults.lost_nodes else FULL
        found[node] = room
    return found
