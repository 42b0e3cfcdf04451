"""Plays the heartbeat of virtual kubelets: the Lease of each virtual node."""

from collections.abc import Callable
from datetime import datetime

from shared.runtime.clock import Clock
from shared.runtime.kubernetes import KubernetesApi
from simulator.objects import LIQO, path_of

NAMESPACE = "kube-node-lease"
DURATION_SECONDS = 40
RENEW_SECONDS = 10.0
"""Simulated."""
LEAST_SECONDS = 1.0
"""Of wall time between two writes, however fast simulated time runs."""


class Leases:
    """The Leases of all virtual nodes whose kubelets live."""

    def __init__(self, api: KubernetesApi, *, seconds: Callable[[], float], clock: Clock) -> None:
        self._api = api
        self._seconds = seconds
        self._clock = clock
        self._renewed: dict[str, tuple[float, datetime]] = {}
        """When each was, in simulated seconds and in wall time."""

    async def renew(self, node: str) -> None:
        """Renew the Lease of a node, if it is time."""
        seconds, now = self._seconds(), self._clock()
        if node in self._renewed:
            then, at = self._renewed[node]
            if seconds - then < RENEW_SECONDS or (now - at).total_seconds() < LEAST_SECONDS:
                return
        path = path_of("coordination.k8s.io/v1", "Lease", namespace=NAMESPACE, name=node)
        await self._api.apply(path, lease(node, now), manager=LIQO)
        self._renewed[node] = (seconds, now)


def lease(node: str, now: datetime) -> dict[str, object]:
    """Return the Lease of a node, renewed now."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": node, "namespace": NAMESPACE},
        "spec": {
            "holderIdentity": node,
            "leaseDurationSeconds": DURATION_SECONDS,
            "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
