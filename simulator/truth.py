"""What truly was, beside what is measured: quality of every user group, replicas that served."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.model.application import Application, UserGroup
from shared.model.names import ClusterName
from shared.model.path import slowest_way
from simulator.world import World


@dataclass(slots=True)
class Readiness:
    """How many replicas of a workload served, against how many ought to."""

    wanted: int
    ready: int = 0
    min_ready: int = 0
    below: list[dict[str, float]] = field(default_factory=list)
    """Spells of less than wanted: {from, to (absent while it lasts), min_ready}, simulated s."""

    def see(self, ready: int, seconds: float) -> None:
        """Take note of a count."""
        self.ready = ready
        self.min_ready = min(self.min_ready, ready)
        is_below = bool(self.below) and "to" not in self.below[-1]
        if ready >= self.wanted:
            if is_below:
                self.below[-1]["to"] = seconds
        elif is_below:
            self.below[-1]["min_ready"] = min(self.below[-1]["min_ready"], ready)
        else:
            self.below.append({"from": seconds, "min_ready": ready})


class Record:
    """Keeps the account of a run, from its start."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unserved: dict[tuple[str, str], float] = defaultdict(float)
        self._outside: dict[tuple[str, str], float] = defaultdict(float)
        self._left_behind: set[str] = set()
        self._doubles: Counter[str] = Counter()
        self._doubled: dict[str, float] = defaultdict(float)
        self._workloads = {
            f"{application.namespace}/{component.workload.name}": Readiness(
                wanted=component.min_replicas, min_ready=component.min_replicas
            )
            for application in world.applications
            for component in application.components
        }

    def see_pods(self) -> None:
        """Count the replicas that serve; to be called whenever pods or clusters have changed."""
        for application in self._world.applications:
            for component in application.components:
                ready = sum(self._world.serving(application, component.name).values())
                name = f"{application.namespace}/{component.workload.name}"
                self._workloads[name].see(ready, self._world.seconds)

    def see_step(self) -> None:
        """Judge every user group over the step that was just made."""
        self.see_pods()
        self._see_doubles()
        for application in self._world.applications:
            for group in application.users:
                key = (application.name, group.name)
                latency_ms = true_latency_ms(self._world, application, group)
                if latency_ms is None:
                    self._unserved[key] += self._world.step_seconds
                if latency_ms is None or latency_ms > group.budget_ms:
                    self._outside[key] += self._world.step_seconds

    def _see_doubles(self) -> None:
        """Find the pods that run though home deleted them while their cluster was lost."""
        world = self._world
        self._left_behind = {
            pod.uid
            for pod in world.pods
            if pod.terminating
            and (pod.uid in self._left_behind or not world.is_alive(world.cluster_of(pod.node)))
        }
        run = (p for p in world.pods if p.uid in self._left_behind and world.runs(p))
        self._doubles = Counter(f"{pod.namespace}/{pod.workload}" for pod in run)
        for name in self._doubles:
            self._doubled[name] += world.step_seconds

    def state(self) -> dict[str, Any]:
        """Return the account as JSON. All seconds are simulated ones."""
        world = self._world
        return {
            "t": world.seconds,
            "speed": world.speed,
            "scenario": world.scenario.name,
            "about": world.scenario.about,
            "groups": {
                f"{application.name}/{group.name}": self._group(application, group)
                for application in world.applications
                for group in application.users
            },
            "placement": {
                application.name: {
                    component.name: world.serving(application, component.name)
                    for component in application.components
                }
                for application in world.applications
            },
            "workloads": {name: asdict(kept) for name, kept in self._workloads.items()},
            "doubled": {
                name: {"pods": self._doubles[name], "seconds": seconds}
                for name, seconds in self._doubled.items()
            },
            "clusters": {
                name: {"alive": world.is_alive(name)} for name in world.scenario.fleet.clusters
            },
            "events": [
                event.model_dump(mode="json", by_alias=True, exclude_none=True)
                for event in world.history
            ],
            "events_left": len(world.scenario.events) - len(world.history),
        }

    def _group(self, application: Application, group: UserGroup) -> dict[str, Any]:
        latency_ms = true_latency_ms(self._world, application, group)
        key = (application.name, group.name)
        return {
            "site": self._world.users[group.name][0],
            "latency_ms": None if latency_ms is None else round(latency_ms, 3),
            "budget_ms": group.budget_ms,
            "within": latency_ms is not None and latency_ms <= group.budget_ms,
            "unserved_seconds": self._unserved[key],
            "outside_seconds": self._outside[key],
        }


def true_latency_ms(world: World, application: Application, group: UserGroup) -> float | None:
    """Return the end-to-end latency of a user group over its slowest way.

    None while a component of its path serves nowhere, or no link leads there.
    """
    choices: list[Sequence[ClusterName]] = [
        [ClusterName(cluster) for cluster in world.serving(application, component)]
        for component in group.round_trip
    ]
    if not all(choices):
        return None
    site, _ = world.users[group.name]

    def one_way_ms(source: ClusterName, target: ClusterName) -> float | None:
        if source == target:
            return 0.0
        link = world.link(source, target)
        return link.latency_ms(source) if link else None

    way = slowest_way(choices, access=lambda c: world.access_ms.get((site, c)), link=one_way_ms)
    if way is None:
        return None
    processing = (world.processing_ms(application, name) for name in group.round_trip)
    return way.latency_ms + sum(processing)
