"""How long Cluster API takes: the paper's provisioning times, shared out over the stages.

Source: the paper "Cross-Cluster Networking to Support XR Services" measured 103 s for a cluster of
one node and 316 s for one of 25, with the sizes between on a line. Of the time of the first node
the network takes a fifth, then come its bootstrap data, its machine, the first answer of the API
server, and the node becoming ready, in the shares below (ours, not the paper's). The provider
makes the other nodes' machines one after the other, `NEXT_NODE_SECONDS` each, from the moment the
control plane is initialized; every node needs `JOIN_SECONDS` more to be ready. So a cluster of one
control-plane node and n - 1 workers takes `103 + (n - 1) * 8.875` s, and k nodes more for a
cluster that is there take `15.45 + k * 8.875` s. Further control-plane nodes are made only when
the one before is ready, so that each costs `JOIN_SECONDS` beyond that.
"""

from random import Random

ONE_NODE_SECONDS = 103.0
TWENTY_FIVE_NODES_SECONDS = 316.0
NEXT_NODE_SECONDS = (TWENTY_FIVE_NODES_SECONDS - ONE_NODE_SECONDS) / 24
INFRASTRUCTURE_SECONDS = 0.20 * ONE_NODE_SECONDS
BOOTSTRAP_SECONDS = 0.05 * ONE_NODE_SECONDS
MACHINE_SECONDS = 0.35 * ONE_NODE_SECONDS
INITIALIZE_SECONDS = 0.25 * ONE_NODE_SECONDS
JOIN_SECONDS = 0.15 * ONE_NODE_SECONDS

JITTER_RATIO = 0.05
"""How far an object's pace is from the usual one, at most, either way."""
DRAIN_SECONDS = 1.0
DESTROY_SECONDS = 2.0
"""Of a Machine: it was gone 3.2 s after its deletion, observed on the in-memory provider."""
INFRASTRUCTURE_DESTROY_SECONDS = 5.0
RETRY_SECONDS = 10.0
"""Between two looks at what does not announce its change."""


def paced(seconds: float, namespace: str, name: str) -> float:
    """Return how long a stage takes that object: always the same for the same name."""
    pace = Random(f"{namespace}/{name}").uniform(1 - JITTER_RATIO, 1 + JITTER_RATIO)
    return seconds * pace


def usual_seconds(nodes: int) -> float:
    """Return how long a cluster of one control-plane node and workers takes, without jitter."""
    return ONE_NODE_SECONDS + (nodes - 1) * NEXT_NODE_SECONDS
