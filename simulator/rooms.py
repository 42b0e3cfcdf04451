"""Which real node of its provider a pod runs on: what the home cluster cannot see."""

from collections.abc import Mapping, Sequence

from simulator.fleet import ClusterSpec
from simulator.load import GIB
from simulator.pods import Pod


def packed(
    pods: Sequence[Pod],
    standing: Mapping[str, str],
    *,
    nodes: Mapping[str, bool],
    spec: ClusterSpec,
) -> dict[str, str]:
    """Return the real node of each pod by uid; a pod that fits nowhere is left out.

    `nodes`: whether each is ready. A pod stays on its node of `standing`. A new one goes to the
    emptiest ready node it fits on, as kube-scheduler prefers it; ties break by name.
    """
    cores = dict.fromkeys(nodes, spec.cores_per_node)
    memory = dict.fromkeys(nodes, spec.gib_per_node * GIB)
    found: dict[str, str] = {}
    # those that stand come first, so that a new pod cannot take their room
    for pod in sorted(pods, key=lambda pod: (pod.uid not in standing, pod.name)):
        known = standing.get(pod.uid)
        fits = [
            node
            for node, ready in nodes.items()
            if ready and cores[node] >= pod.cores and memory[node] >= pod.memory_bytes
        ]
        node = known or max(fits, key=lambda n: (cores[n], n), default=None)
        if node is not None:
            found[pod.uid] = node
            cores[node] -= pod.cores
            memory[node] -= pod.memory_bytes
    return found
