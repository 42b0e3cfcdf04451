"""When home learns that a provider is lost, and that it is back: as late as was observed.

All in simulated seconds. Source: reference runs of Liqo 1.2 whose provider's API server was killed.
"""

from dataclasses import dataclass

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
"""From the return of a provider until pods that were deleted meanwhile go at last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """What home knows of a provider."""

    api: bool = True
    network: bool = True
    node: bool = True
    pods: bool = True
    """Whether anything happens to pods there. This one shows nowhere."""


def peer_at(outage: Outage | None, seconds: float) -> Peer:
    """Return what is known of a provider at an instant of simulated time."""
    if outage is None:
        return Peer()

    def is_well(noticed_after: float, recovers_after: float) -> bool:
        noticed_at = outage.lost_at + noticed_after
        back_at = outage.returned_at
        if seconds < noticed_at or (back_at is not None and back_at < noticed_at):
            return True
        return back_at is not None and seconds >= back_at + recovers_after

    return Peer(
        api=is_well(API_ERROR_SECONDS, API_BACK_SECONDS),
        network=is_well(NETWORK_ERROR_SECONDS, NETWORK_BACK_SECONDS),
        node=is_well(NODE_UNKNOWN_SECONDS, NODE_BACK_SECONDS),
        pods=is_well(0.0, PODS_FOLLOW_SECONDS),
    )
