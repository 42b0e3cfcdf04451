"""Who serves where, and what traffic that puts on the links of the simulated world."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.model.application import Application

if TYPE_CHECKING:
    from simulator.world import World

Serving = dict[tuple[str, str], dict[str, int]]
"""Namespace and name of a workload to how many replicas truly serve, by cluster."""


def who_serves(world: "World") -> Serving:
    """Count the replicas that truly serve."""
    found: Serving = {}
    for cluster in sorted(world.scenario.fleet.clusters):
        for pod in world.pods_on(cluster):
            if world.serves(pod):
                counts = found.setdefault((pod.namespace, pod.workload), {})
                counts[cluster] = counts.get(cluster, 0) + 1
    return found


def offer(world: "World") -> None:
    """Put the flows of all applications onto the links, evenly over the pairs of replicas."""
    for link in world.links.values():
        link.used_mbps = {}
    load_ratio = world.load_ratio
    for application in world.applications:
        _offer(world, application, load_ratio)


def _offer(world: "World", application: Application, load_ratio: float) -> None:
    for source, target, mbps in between_clusters(world, application):
        link = world.link(source, target)
        if link:
            used = link.used_mbps.get(source, 0.0)
            link.used_mbps[source] = used + mbps * load_ratio


def between_clusters(world: "World", application: Application) -> Iterator[tuple[str, str, float]]:
    """Yield source, target, and what each flow sends from one to the other at the usual load."""
    for flow in application.flows:
        sources = world.serving(application, flow.source)
        targets = world.serving(application, flow.target)
        pairs = sum(sources.values()) * sum(targets.values())
        for source, senders in sources.items():
            for target, receivers in targets.items():
                if source != target:
                    yield source, target, flow.mbps * (senders * receivers / pairs)
