"""What pods and nodes use: CPU time, memory, and how much longer they take when they are short."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from simulator.noise import Noise
from simulator.pods import Container, Pod

GIB = 2**30
USE_RATIO = 0.6
"""What a replica uses of the cores it asks for, at the users of the start."""
MEMORY_RATIO = 0.5
"""What a container holds of the memory it asks for, from its start on."""
SYSTEM_CORES, SYSTEM_BYTES = 0.3, 1.5 * GIB
"""What a node uses for itself."""
SOFTIRQ_CORES, SOFTIRQ_CORES_PER_GBPS = 0.02, 0.05
"""What a node spends on packets; the second on the node of the gateway, for both directions."""
PERIODS_PER_SECOND = 10.0
"""Of the scheduler that holds containers to their limits."""
THROTTLED_RATIO = 0.005
"""Of the periods, also when all is well: work comes in spurts."""
RESTART_SECONDS = 5.0


@dataclass(slots=True)
class PodState:
    """What a pod is like beside what Kubernetes knows."""

    noise: Noise
    slowdown: float = 1.0
    """How much longer its work takes than where it has what it wants."""
    leaked_bytes: float = 0.0
    """In its first container."""
    restarts: int = 0
    """Of its first container."""
    back_at: float = 0.0
    """Simulated seconds when it serves again after its newest restart."""

    def leak(self, pod: Pod, grown_bytes: float, most_bytes: float, seconds: float) -> None:
        """Grow; start again, and serve only after a while, where the limit is reached.

        `most_bytes`: what there is for a container without a limit.
        """
        self.leaked_bytes += grown_bytes
        first, held = next(self.held(pod))
        if held >= (first.most_bytes or most_bytes):
            self.leaked_bytes = 0.0
            self.restarts += 1
            self.back_at = seconds + RESTART_SECONDS

    def held(self, pod: Pod) -> Iterator[tuple[Container, float]]:
        """Yield the containers with their working sets in bytes."""
        for number, container in enumerate(pod.containers):
            steady = container.memory_bytes * MEMORY_RATIO * (1 + 0.01 * self.noise.value)
            yield container, max(0.0, steady) + (self.leaked_bytes if number == 0 else 0.0)


@dataclass(frozen=True, slots=True)
class Use:
    """What a container does in a second."""

    container: Container
    cores: float
    throttled_ratio: float


def new_state(seed: int, pod: Pod) -> PodState:
    """Return the state of a pod that has just come."""
    return PodState(Noise(random.Random(f"{seed}/{pod.namespace}/{pod.name}")))


def use(pod: Pod, state: PodState, load_ratio: float, free_share: float) -> tuple[Use, ...]:
    """Return what each container uses, and note in the state how much longer all takes.

    `load_ratio`: of its work against that of the start, 0 where it does not serve. `free_share`:
    the part of each core's time that a neighbour leaves; work takes longer by its inverse, as with
    stolen time on a virtual machine. Work over a limit is done later: longer by the excess.
    """
    found = tuple(
        _use(container, state.noise, load_ratio, free_share) for container in pod.containers
    )
    state.slowdown = max((slowdown for _, slowdown in found), default=1.0)
    return tuple(one for one, _ in found)


def _use(
    container: Container, noise: Noise, load_ratio: float, free_share: float
) -> tuple[Use, float]:
    wanted = max(0.0, container.cores * USE_RATIO * load_ratio * (1 + 0.03 * noise.value))
    most = math.inf if container.most_cores is None else container.most_cores * free_share
    slowdown = max(1.0, wanted / most if most else 1.0) / free_share
    usual = THROTTLED_RATIO * math.exp(0.5 * noise.value)
    throttled = min(1.0, usual + 1.0 - 1.0 / slowdown)
    return Use(container, min(most, wanted), throttled), slowdown
