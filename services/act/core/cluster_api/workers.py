"""The workers of a cluster: a MachineDeployment, its machines, and what is missing to a size."""

from dataclasses import dataclass

from services.act.core.cluster_api.conditions import (
    MACHINE_STAGES,
    complaint,
    is_current,
    is_paused,
    is_ready,
    worst_of,
)
from services.act.core.cluster_api.kinds import (
    CLUSTER,
    DEPLOYMENT_NAME,
    MACHINE,
    MACHINE_DEPLOYMENT,
)
from services.act.core.cluster_api.phases import REQUESTED
from services.act.core.cluster_api.sizes import Intent, Seat, seat_of
from services.act.core.objects import Object, Query, Read, Ref, dig, has_condition, name_of, number
from services.act.core.seen import Grounds, Seen
from shared.model.plan import GrowCluster, ShrinkCluster

Resizing = GrowCluster | ShrinkCluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """What is there of the machines that an action is about."""

    deployment: Object
    cluster: Object | None
    machines: tuple[Object, ...]
    seat: Seat

    @property
    def name(self) -> str:
        """Return the name of the MachineDeployment."""
        return name_of(self.deployment)

    def reached(self, intent: Intent) -> tuple[str, ...]:
        """Return the phases that are reached: the request, and the stages of new machines."""
        names = [REQUESTED]
        for machine in sorted(self.machines, key=name_of):
            if name_of(machine) not in intent.machines:
                stages = (s for s, of in MACHINE_STAGES.items() if has_condition(machine, of))
                names += [f"{stage} of {name_of(machine)}" for stage in stages]
        return tuple(names)

    def missing(self, goal: int) -> str:
        """Say what is missing to so many machines, all ready; nothing: it is proven.

        The condition `Available` is False during every growth, and tells nothing.
        """
        counts = ("replicas", "readyReplicas", "upToDateReplicas")
        seen = {number(self.deployment, "status", of) for of in counts}
        asked = number(self.deployment, "spec", "replicas")
        ready = sum(map(is_ready, self.machines))
        settled = is_current(self.deployment) and seen == {asked} == {goal}
        if settled and ready == len(self.machines) == goal:
            return ""
        told = f"{ready} of {goal} machines of {self.name} are ready" if ready < goal else ""
        parts = (told, self._held() or worst_of(self.machines) or self._complaint())
        return "; ".join(filter(None, parts)) or f"{self.name} has not settled yet"

    def _held(self) -> str:
        """Say that somebody paused it, or nothing."""
        paused = (o for o in (self.cluster, self.deployment) if o is not None and is_paused(o))
        return next((f"{name_of(obj)} is paused" for obj in paused), "")

    def _complaint(self) -> str:
        """Return what the MachineDeployment says of machines that do not come, or nothing."""
        return complaint(self.deployment, "MachinesReady")


def reads_of_resizing(action: Resizing, _grounds: Grounds) -> tuple[Read, ...]:
    """Return what has to be looked at before each step: the machines, and what makes them."""
    return (deployment_of(action), _clusters(action), _machines(action))


def workers_of(action: Resizing, seen: Seen) -> Workers | None:
    """Return the workers an action is about, or None: there are none."""
    deployment = seen.one(deployment_of(action))
    if deployment is None:
        return None
    named = dig(deployment, "spec", "clusterName")
    cluster = next((c for c in seen.all(_clusters(action)) if name_of(c) == named), None)
    return Workers(
        deployment=deployment,
        cluster=cluster,
        machines=seen.all(_machines(action)),
        seat=seat_of(deployment, cluster),
    )


def deployment_of(action: Resizing) -> Ref:
    """Return the address of the MachineDeployment an action is about."""
    name = action.machine_deployment
    return Ref(kind=MACHINE_DEPLOYMENT, namespace=action.namespace, name=name)


def _clusters(action: Resizing) -> Query:
    return Query(kind=CLUSTER, namespace=action.namespace)


def _machines(action: Resizing) -> Query:
    selector = f"{DEPLOYMENT_NAME}={action.machine_deployment}"
    return Query(kind=MACHINE, namespace=action.namespace, selector=selector)
