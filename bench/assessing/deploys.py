"""What people do to the pods of a made-up fleet: rollouts, and more or fewer replicas."""

import random
from dataclasses import dataclass, field, replace

from bench.assessing.fleet import Plan
from shared.model.application import Component
from simulator.fleet import real_nodes
from simulator.pods import Container, Pod

ROLL_SECONDS, READY_SECONDS, LEAVE_SECONDS = 30.0, 20.0, 30.0
"""Between two pods of a rollout; from the start of a pod until it is ready, and its forerunner
leaves."""
DEPLOYS_PER_DAY, SCALES_PER_DAY = 1.0, 0.5
"""Of one application: some component of it."""
DAY_SECONDS = 86_400.0
LIMIT_RATIO = 2.5
"""Cores that a container may take against what it asks for."""

WorkloadKey = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True, kw_only=True)
class Deploys:
    """The pods there are, and what is about to happen to them."""

    plan: Plan
    chance: random.Random
    pods: dict[str, Pod] = field(default_factory=dict)
    """By name."""
    replicas: dict[WorkloadKey, int] = field(default_factory=dict)
    began: dict[str, float] = field(default_factory=dict)
    """Pod to the second when it became ready; those of the start are not in it."""
    due: list[tuple[float, str, str]] = field(default_factory=list)
    """At which second, what (`add`, `ready`, `remove`), and to which pod or `namespace/name`."""

    def start(self) -> None:
        """Let all pods be there."""
        for key, component in self._components().items():
            self.replicas[key] = component.replicas
            for _ in range(component.replicas):
                pod = self._new_pod(key, ready=True)
                self.pods[pod.name] = pod

    def decide(self, seconds: float, interval_seconds: float) -> None:
        """Begin a rollout or a change of replicas now and then."""
        components = self._components()
        share = interval_seconds / DAY_SECONDS * len(self.plan.applications) / len(components)
        for key, component in components.items():
            draw = self.chance.random() / share
            if self._is_busy(key):
                continue
            if draw < DEPLOYS_PER_DAY:
                self._roll(key, seconds)
            elif draw < DEPLOYS_PER_DAY + SCALES_PER_DAY:
                self._scale(key, component.max_replicas, seconds)

    def follow(self, seconds: float) -> bool:
        """Do what is due; tell whether anything was."""
        now = sorted(d for d in self.due if d[0] <= seconds)
        self.due = [d for d in self.due if d[0] > seconds]
        for at, what, name in now:
            if what == "add":
                namespace, _, workload = name.partition("/")
                pod = self._new_pod((namespace, workload), ready=False)
                self.pods[pod.name] = pod
                self.due.append((at + READY_SECONDS, "ready", pod.name))
            elif what == "remove":
                del self.pods[name]
                self.began.pop(name, None)
            else:
                self.pods[name] = replace(self.pods[name], ready=True)
                self.began[name] = seconds
        return bool(now)

    def _components(self) -> dict[WorkloadKey, Component]:
        return {
            (application.namespace, component.workload.name): component
            for application in self.plan.applications
            for component in application.components
        }

    def _is_busy(self, key: WorkloadKey) -> bool:
        of_key = {"/".join(key), *self._pods_of(key)}
        return any(name in of_key for _, _, name in self.due)

    def _pods_of(self, key: WorkloadKey) -> list[str]:
        return [p.name for p in self.pods.values() if (p.namespace, p.workload) == key]

    def _roll(self, key: WorkloadKey, seconds: float) -> None:
        for number, name in enumerate(self._pods_of(key)):
            begins = seconds + ROLL_SECONDS * number
            self.due.append((begins, "add", "/".join(key)))
            self.due.append((begins + LEAVE_SECONDS, "remove", name))

    def _scale(self, key: WorkloadKey, most: int, seconds: float) -> None:
        now = self.replicas[key]
        grows = now == 1 or (now < most and self.chance.random() < 0.5)
        self.replicas[key] = now + 1 if grows else now - 1
        oldest = self._pods_of(key)[0]
        self.due.append((seconds, "add", "/".join(key)) if grows else (seconds, "remove", oldest))

    def _new_pod(self, key: WorkloadKey, *, ready: bool) -> Pod:
        namespace, workload = key
        cluster, asked = self.plan.homes[key], self._components()[key].requests
        spec = self.plan.spec.clusters[cluster]
        name = f"{namespace}-{workload}-{self.chance.getrandbits(40):010x}"
        return Pod(
            uid=name,
            namespace=namespace,
            name=name,
            workload=workload,
            node=self.chance.choice(real_nodes(cluster, spec)) if spec.home else cluster,
            ready=ready,
            terminating=False,
            containers=(
                Container(
                    name="main",
                    cores=asked.cpu_cores,
                    memory_bytes=asked.memory_bytes,
                    most_cores=LIMIT_RATIO * asked.cpu_cores,
                    most_bytes=asked.memory_bytes,
                ),
            ),
        )
