"""What limits a placement the most: the limit that it is nearest to, or the furthest beyond."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from services.decide.core.objective import Judged, gateway_loads, link_loads
from services.decide.core.problem import Pair, Problem
from services.decide.core.standing import UNKNOWN, link_ms
from services.decide.core.traffic import summed


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Something there is so much of, and how much of it is used."""

    used: float
    most: float
    words: str

    @property
    def share(self) -> float:
        """Return how much of it is used; infinite where there is none."""
        return self.used / self.most if self.most > 0 else UNKNOWN


def binding_of(problem: Problem, judged: Judged) -> str:
    """Return the tightest limit in a sentence with its numbers; empty where nothing is limited.

    Groups come before flows, links, gateways and clusters that are as near to their limit.
    """
    own_mbps = summed(judged.standing.crossings)
    limits = [
        *_of_groups(problem, judged),
        *_of_flows(problem, judged),
        *_of_traffic(problem, judged, own_mbps),
        *_of_clusters(problem, judged),
    ]
    return max(limits, key=lambda limit: limit.share).words if limits else ""


def _of_groups(problem: Problem, judged: Judged) -> Iterator[Limit]:
    standing = judged.standing
    for group, latency_ms, limit_ms in zip(
        problem.groups, standing.latencies_ms, standing.yardstick.limits_ms, strict=True
    ):
        if latency_ms is not None and latency_ms < UNKNOWN:
            name, budget_ms = group.group.name, group.group.budget_ms
            guarded_ms = budget_ms * (1.0 - problem.policy.guard_band_ratio)
            if guarded_ms < latency_ms <= limit_ms:
                words = f"{name}: {latency_ms:.1f} of {budget_ms:g} ms, in the guard band"
            else:
                words = (
                    f"{name}: {latency_ms:.1f} of {guarded_ms:.1f} ms "
                    f"(budget {budget_ms:g} less the guard band)"
                )
            yield Limit(used=latency_ms, most=limit_ms, words=words)


def _of_flows(problem: Problem, judged: Judged) -> Iterator[Limit]:
    spreads = judged.standing.spreads
    for flow in problem.flows:
        most_ms, name = flow.flow.max_latency_ms, f"{flow.flow.source}>{flow.flow.target}"
        for (a, _), (b, _) in product(spreads[flow.source], spreads[flow.target]):
            hop_ms = link_ms(problem, a, b)
            if a != b and most_ms is not None and hop_ms is not None:
                words = f"flow {name}: {hop_ms:.1f} of {most_ms:g} ms over {a}>{b}"
                yield Limit(used=hop_ms, most=most_ms, words=words)


def _of_traffic(
    problem: Problem, judged: Judged, own_mbps: Mapping[Pair, float]
) -> Iterator[Limit]:
    standing = judged.standing
    for (a, b), mbps, capacity_mbps in link_loads(problem, standing, own_mbps):
        if mbps is not None and capacity_mbps < UNKNOWN:
            words = f"link {a}>{b}: {mbps:.0f} of {capacity_mbps:.0f} Mbit/s"
            yield Limit(used=mbps, most=capacity_mbps, words=words)
    for name, mbps, ceiling_mbps in gateway_loads(problem, standing, own_mbps):
        words = f"gateway of {name}: {mbps:.0f} of {ceiling_mbps:.0f} Mbit/s"
        yield Limit(used=mbps, most=ceiling_mbps, words=words)


def _of_clusters(problem: Problem, judged: Judged) -> Iterator[Limit]:
    """Yield the ceilings of cores where the application stands, of what was left before."""
    spreads = judged.standing.spreads
    for name in sorted({cluster for spread in spreads for cluster, _ in spread}):
        most = problem.clusters[name].site.max_cores
        if most is not None:
            used = most - judged.standing.rooms[name].cores_left
            yield Limit(used=used, most=most, words=f"{name}: {used:g} of {most:g} cores")
