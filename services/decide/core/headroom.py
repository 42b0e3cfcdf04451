"""Whether replicas fit on the real nodes of a cluster: fragmentation decides, not the sum."""

from dataclasses import dataclass

from shared.model.resources import Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """What is left to promise on a cluster: per node, and under its ceiling of cores."""

    nodes: tuple[Resources, ...] = ()
    cores_left: float = float("inf")


def put(headroom: Headroom, request: Resources, replicas: int) -> tuple[Headroom, int]:
    """Put equal replicas on nodes, each where it leaves the least; return what is left then.

    Also returns how many found no node. Best fit keeps the large gaps for large replicas.
    """
    nodes, cores_left = list(headroom.nodes), headroom.cores_left
    for done in range(replicas):
        place = _tightest(nodes, request)
        if place is None or request.cpu_cores > cores_left + 1e-9:
            return Headroom(nodes=tuple(nodes), cores_left=cores_left), replicas - done
        nodes[place] -= request
        cores_left -= request.cpu_cores
    return Headroom(nodes=tuple(nodes), cores_left=cores_left), 0


def _tightest(nodes: list[Resources], request: Resources) -> int | None:
    fitting = [index for index, room in enumerate(nodes) if request.fits_in(room)]
    return min(fitting, key=lambda index: _left(nodes[index]), default=None)


def _left(room: Resources) -> tuple[float, float, float]:
    return (room.gpus, room.cpu_cores, room.memory_bytes)
