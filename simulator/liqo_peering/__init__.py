"""Plays the Liqo installations of two clusters, each on an API server of its own.

    async with connect(...) as consumer, connect(...) as provider:
        async with peering(consumer, provider, names=("home", "metro")):
            ...  # what peers write by hand becomes a virtual node, and goes again

Both are consumer and provider, so a peering may go either way. Each API server needs Liqo's
definitions and the simulator's controllers (tokens of ServiceAccounts, garbage, namespaces).
"""

from simulator.liqo_peering.playing import peering

__all__ = ["peering"]
