"""A problem with one thing a little different: a link, a budget, room on a cluster, its prices."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.decide.core.headroom import Headroom
from services.decide.core.network import Links
from services.decide.core.problem import Pair, Problem, ProblemGroup, ProblemLink
from shared.model.names import ClusterName
from shared.model.resources import Resources


class ChangedLinks(Links):
    """Links of which a few are others: there are as many as pairs of clusters, too many to copy."""

    __slots__ = ("_all", "_others")

    def __init__(self, links: Links, others: Mapping[Pair, ProblemLink]) -> None:
        self._all, self._others = links, others

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def get(self, pair: Pair, default: ProblemLink | None = None) -> ProblemLink | None:  # type: ignore[override]
        """Return the link between two clusters, or the default where there is none."""
        return self._others.get(pair) or self._all.get(pair, default)

    def latency_ms(self, pair: Pair) -> float | None:
        """Return what can be believed of a link's latency. None: nothing, or there is no link."""
        link = self.get(pair)
        return link.latency_ms if link else None

    def latencies_ms(self, names: tuple[ClusterName, ...]) -> NDArray[np.float64]:
        """Return the latencies from each cluster (row) to each other (column)."""
        latencies = self._all.latencies_ms(names).copy()
        for (source, target), link in self._others.items():
            if link.is_up and source in names and target in names:
                latencies[names.index(source), names.index(target)] = link.latency_ms
        return latencies

    @property
    def sources(self) -> frozenset[ClusterName]:
        """Where links begin."""
        return self._all.sources

    def used_mbps(self) -> dict[ClusterName, float]:
        """Return the traffic on all links of each cluster, both directions together."""
        return self._all.used_mbps()


def with_link(problem: Problem, ends: Pair, more_ms: float) -> Problem:
    """Make a link slower or faster in both directions, also for users who come over it."""
    ways, others = (ends, ends[::-1]), dict[Pair, ProblemLink]()
    for pair in ways:
        link = problem.links.get(pair)
        if link is not None and link.latency_ms is not None:
            others[pair] = replace(link, latency_ms=link.latency_ms + more_ms)
    groups = []
    for group in problem.groups:
        over = [p for p in ways if p in others and comes_over(problem, group, p)]
        access = {pair[1]: others[pair].latency_ms for pair in over}
        groups.append(replace(group, access_ms={**group.access_ms, **access}) if over else group)
    links = problem.links
    changed = ChangedLinks(links, others) if isinstance(links, Links) else {**links, **others}
    return replace(problem, links=changed, groups=tuple(groups))


def comes_over(problem: Problem, group: ProblemGroup, pair: Pair) -> bool:
    """Tell whether users reach a cluster over that link: its Site declares no access for them."""
    site, cluster = group.group.site, pair[1]
    declared = problem.clusters[cluster].site.access_ms(site)
    return pair[0] == site and declared is None and problem.links.get(pair) is not None


def with_budget(problem: Problem, index: int, more_ms: float) -> Problem:
    """Give a user group more latency, or less."""
    group = problem.groups[index]
    budget_ms = group.group.budget_ms + more_ms
    changed = replace(group, group=replace(group.group, budget_ms=budget_ms))
    groups = (*problem.groups[:index], changed, *problem.groups[index + 1 :])
    return replace(problem, groups=groups)


def with_node(problem: Problem, name: ClusterName, beside: Resources, cores: float) -> Problem:
    """Give a cluster one more node of so many cores, and what else comes beside them."""
    node = replace(beside, cpu_cores=cores)
    cluster = problem.clusters[name]
    headroom, unpromised = _grown(cluster.headroom, node), _grown(cluster.unpromised, node)
    changed = replace(cluster, headroom=headroom, unpromised=unpromised)
    return replace(problem, clusters={**problem.clusters, name: changed})


def _grown(headroom: Headroom, node: Resources) -> Headroom:
    cores_left = headroom.cores_left + node.cpu_cores
    return Headroom(nodes=(*headroom.nodes, node), cores_left=cores_left)


def with_prices(problem: Problem, name: ClusterName, paid_usd: float, more_usd: float) -> Problem:
    """Make the resources and energy of a cluster dearer or cheaper.

    What costs `paid_usd` there costs `more_usd` more then, all else in proportion.
    """
    cluster, factor = problem.clusters[name], 1.0 + more_usd / paid_usd
    rates = cluster.rates
    changed = replace(
        rates,
        core=rates.core * factor,
        gib=rates.gib * factor,
        gpu=rates.gpu * factor,
        energy=rates.energy * factor,
    )
    clusters = {**problem.clusters, name: replace(cluster, rates=changed)}
    return replace(problem, clusters=clusters)
