"""The money terms of a score, in weighted USD over the policy's horizon."""

from collections.abc import Iterator, Mapping

from services.decide.core.problem import Pair, Problem, ProblemComponent, Spread

GIB = 2.0**30
GB_PER_HOUR = 3600.0 / 8.0 / 1000.0
"""GB that 1 Mbit/s makes in an hour."""
MOVE_USD = 0.01
"""What moving one replica costs at face value: the double run and the risk."""
STATE_USD_PER_MIB = 0.00001
"""What loading its state costs beside that."""


def of_component(
    problem: Problem, part: ProblemComponent, spread: Spread
) -> Iterator[tuple[str, float]]:
    """Yield what a component adds to resources and energy of clusters, and its migration.

    A first placement, and one that leaves a lost cluster, costs no migration.
    """
    request = part.component.requests
    for cluster, replicas in spread:
        rates = problem.clusters[cluster].rates
        each = request.cpu_cores * rates.core + request.gpus * rates.gpu
        each += request.memory_bytes / GIB * rates.gib
        yield f"money:resources:{cluster}", replicas * each
        yield f"money:energy:{cluster}", replicas * request.cpu_cores * rates.energy
    migration = problem.policy.weights.migration * _migration_usd(part, spread)
    yield f"money:migration:{part.term}", migration


def _migration_usd(part: ProblemComponent, spread: Spread) -> float:
    before, after = dict(part.alive), dict(spread)
    left = sum(max(0, n - after.get(cluster, 0)) for cluster, n in part.alive)
    came = sum(max(0, n - before.get(cluster, 0)) for cluster, n in spread)
    return min(left, came) * move_usd(part)


def move_usd(part: ProblemComponent) -> float:
    """Return what moving one replica costs at face value."""
    return MOVE_USD + part.component.state_mib * STATE_USD_PER_MIB


def of_traffic(problem: Problem, own_mbps: Mapping[Pair, float]) -> Iterator[tuple[str, float]]:
    """Yield what clusters pay for the traffic that leaves them."""
    for (source, _), mbps in own_mbps.items():
        yield f"money:traffic:{source}", mbps * problem.clusters[source].rates.egress
