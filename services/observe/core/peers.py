"""Which links ought to be measured: between whom, and not to whom is known to be lost."""

from collections.abc import Mapping

from services.observe.core.readings import Heard
from shared.messages.inventory import Inventory
from shared.messages.readings import Signal

LOST = "Error"
"""Liqo's word for an API server or a tunnel that does not answer."""


def expected_peers(inventory: Inventory, heard: Mapping[Signal, Heard]) -> dict[str, set[str]]:
    """Return per site the peers whose link it ought to measure.

    The home cluster has a link with every cluster peered, and they with it. Links between others
    are expected once they were seen (see `coverage`): Liqo need not connect them.
    """
    home: set[str] = {site.name for site in inventory.sites if site.home}
    others: set[str] = {site.name for site in inventory.sites if not site.home}
    peered = others & (
        {foreign.cluster for foreign in inventory.foreign_clusters}
        | {node.cluster for node in inventory.nodes if node.virtual}
    )
    return {
        site.name: (peered if site.home else home if site.name in peered else set())
        - lost_peers(site.name, inventory, heard)
        for site in inventory.sites
    }


def lost_peers(cluster: str, inventory: Inventory, heard: Mapping[Signal, Heard]) -> set[str]:
    """Return the peers whose link cannot be measured, because it or its other end is down.

    Without this a lost cluster would make the data of all its peers look incomplete.
    """
    lost = {f.cluster for f in inventory.foreign_clusters if LOST in (f.api_server, f.network)}
    if cluster in lost:
        return {site.name for site in inventory.sites}
    down = heard[Signal.LINK_UP].values.get(cluster, {})
    return lost | {peer for peer, up in down.items() if up == 0}
