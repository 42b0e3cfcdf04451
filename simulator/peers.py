"""When home learns that a provider is lost, and that it is back: as late as was observed.

All in simulated seconds. Source: reference runs of Liqo 1.2 whose provider's API server was killed.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from simulator.world import Outage

API_ERROR_SECONDS = 3.2
"""From the loss of a provider until ForeignCluster says so: the only sign for a minute."""
NETWORK_ERROR_SECONDS = 10.0
NODE_UNKNOWN_SECONDS = 61.0
API_BACK_SECONDS = 13.6
"""From the return of a provider until ForeignCluster is Established."""
NETWORK_BACK_SECONDS = 10.0
NODE_BACK_SECONDS = 73.0
PODS_FOLLOW_SECONDS = 75.0
"""From the return of a provider until pods that were deleted meanwhile go at last: they run twice.
"""
CACHE_SECONDS = 1.0
"""From the return of a Node until readiness is no longer what it was before the loss."""
READINESS_BACK_SECONDS = 14.0
"""From the return of a Node until the readiness of its pods is true again."""
KUBELET_UNKNOWN_SECONDS = 55.0
"""From the death of a virtual kubelet until its Node is Unknown. ForeignCluster never says it."""
KUBELET_BACK_SECONDS = 0.4


class Readiness(StrEnum):
    """What home is told of the readiness of a provider's pods."""

    TRUE = ""
    """How it is."""
    STALE_YES = "true"
    STALE_NO = "false"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What home knows of a provider."""

    api: bool = True
    network: bool = True
    node: bool = True
    pods: bool = True
    """Whether anything happens to pods there. This one shows nowhere."""
    kubelet: bool = True
    """Whether its virtual kubelet lives, and with it the Node's lease."""
    readiness: Readiness = Readiness.TRUE

    def shown(self) -> Self:
        """Return no more than what a ForeignCluster shows of it."""
        return replace(self, pods=True, kubelet=True, readiness=Readiness.TRUE)


def peer_at(outage: Outage | None, seconds: float, kubelet: Outage | None = None) -> Peer:
    """Return what is known of a provider at an instant of simulated time.

    `kubelet`: when its virtual kubelet, which runs at home, was lost.
    """
    node = _is_well(outage, seconds, NODE_UNKNOWN_SECONDS, NODE_BACK_SECONDS)
    heard = _is_well(kubelet, seconds, KUBELET_UNKNOWN_SECONDS, KUBELET_BACK_SECONDS)
    return Peer(
        api=_is_well(outage, seconds, API_ERROR_SECONDS, API_BACK_SECONDS),
        network=_is_well(outage, seconds, NETWORK_ERROR_SECONDS, NETWORK_BACK_SECONDS),
        node=node and heard,
        pods=_is_well(outage, seconds, 0.0, PODS_FOLLOW_SECONDS),
        kubelet=_is_well(kubelet, seconds, 0.0, KUBELET_BACK_SECONDS),
        readiness=_readiness(outage, seconds) if node else Readiness.TRUE,
    )


def _is_well(
    outage: Outage | None, seconds: float, noticed_after: float, recovers_after: float
) -> bool:
    """Tell whether an outage does not show: not yet, not at all, or no longer."""
    if outage is None:
        return True
    noticed_at, back_at = outage.lost_at + noticed_after, outage.returned_at
    if seconds < noticed_at or (back_at is not None and back_at < noticed_at):
        return True
    return back_at is not None and seconds >= back_at + recovers_after


def _readiness(outage: Outage | None, seconds: float) -> Readiness:
    """Return how true readiness is after the return of a Node that was Unknown."""
    cached = NODE_BACK_SECONDS + CACHE_SECONDS
    stale = NODE_BACK_SECONDS + READINESS_BACK_SECONDS
    if _is_well(outage, seconds, NODE_UNKNOWN_SECONDS, stale):
        return Readiness.TRUE
    is_cached = not _is_well(outage, seconds, NODE_UNKNOWN_SECONDS, cached)
    return Readiness.STALE_YES if is_cached else Readiness.STALE_NO
