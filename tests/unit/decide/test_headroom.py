"""Replicas fit on nodes, not on sums."""

from services.decide.core.headroom import Headroom, put
from shared.model.resources import Resources


def cores(*amounts: float) -> tuple[Resources, ...]:
    return tuple(Resources(cpu_cores=c, memory_bytes=1e9) for c in amounts)


def test_eight_cores_in_two_halves_hold_no_replica_of_eight() -> None:
    _, homeless = put(Headroom(nodes=cores(4, 4)), Resources(cpu_cores=8), 1)
    assert homeless == 1


def test_a_replica_goes_where_it_leaves_the_least() -> None:
    left, homeless = put(Headroom(nodes=cores(16, 8)), Resources(cpu_cores=6), 1)
    assert (homeless, [n.cpu_cores for n in left.nodes]) == (0, [16, 2])


def test_replicas_beyond_the_room_are_counted() -> None:
    left, homeless = put(Headroom(nodes=cores(10)), Resources(cpu_cores=4), 3)
    assert (homeless, left.nodes[0].cpu_cores) == (1, 2)


def test_memory_and_gpus_bind_too() -> None:
    room = Headroom(nodes=(Resources(cpu_cores=64, memory_bytes=4e9, gpus=1),))
    assert put(room, Resources(cpu_cores=1, memory_bytes=3e9), 2)[1] == 1
    assert put(room, Resources(cpu_cores=1, gpus=1), 2)[1] == 1


def test_the_ceiling_of_cores_binds_before_the_nodes() -> None:
    left, homeless = put(Headroom(nodes=cores(16), cores_left=5), Resources(cpu_cores=2), 3)
    assert (homeless, left.cores_left) == (1, 1)
