"""How a flow's traffic falls on links."""

from collections import defaultdict
from collections.abc import Iterable

from services.decide.core.problem import Pair, Spread


def crossing(mbps: float, source: Spread, target: Spread) -> tuple[tuple[Pair, float], ...]:
    """Spread a flow evenly over all pairs of replicas; return what crosses links, in Mbit/s."""
    pairs = sum(n for _, n in source) * sum(n for _, n in target)
    return tuple(
        ((a, b), mbps * n * m / pairs) for a, n in source for b, m in target if a != b and mbps > 0
    )


def summed(parts: Iterable[tuple[tuple[Pair, float], ...]]) -> dict[Pair, float]:
    """Add up what several flows put on each link."""
    loads: dict[Pair, float] = defaultdict(float)
    for part in parts:
        for pair, mbps in part:
            loads[pair] += mbps
    return dict(loads)
