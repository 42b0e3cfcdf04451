"""Plays the Machine controller: a Machine goes from nothing to a node, and away again."""

from collections.abc import Iterable, Sequence

from simulator.controllers.cluster_api.kinds import (
    CLUSTERS,
    MACHINES,
    belonging,
    cluster_of,
    is_of_control_plane,
    is_paused,
    key_of,
)
from simulator.controllers.cluster_api.machine_objects import (
    FINALIZER,
    has_room,
    is_last_of_control_plane,
)
from simulator.controllers.cluster_api.machine_status import Stage, stage_of, tell_end, tell_stage
from simulator.controllers.cluster_api.secrets import make_bootstrap_data
from simulator.controllers.cluster_api.timing import (
    BOOTSTRAP_SECONDS,
    DESTROY_SECONDS,
    DRAIN_SECONDS,
    JOIN_SECONDS,
    MACHINE_SECONDS,
    NEXT_NODE_SECONDS,
    RETRY_SECONDS,
    paced,
)
from simulator.controllers.cluster_api.writing import Timers, hold, release, set_fields, tell_paused
from simulator.controllers.loop import Time
from simulator.kubernetes.api import Api
from simulator.kubernetes.objects import Object, annotations_of, dig, is_going, name_of
from simulator.kubernetes.store import Key, Kind

PRE_DRAIN = "pre-drain.delete.hook.machine.cluster.x-k8s.io"
PRE_TERMINATE = "pre-terminate.delete.hook.machine.cluster.x-k8s.io"
"""What annotations begin with whose owner wants to do something before a Machine goes on."""


class Machines:
    """The controller of Machines, and of the provider that makes them one after the other."""

    kinds: Sequence[Kind] = (MACHINES, CLUSTERS)

    def __init__(self, api: Api, time: Time) -> None:
        self._api = api
        self._time = time
        self._timers = Timers(time)
        self._free: dict[Key, float] = {}
        """When the provider of a Cluster can make its next machine, in simulated seconds."""

    def keys(self, kind: Kind, obj: Object) -> Iterable[Key]:
        """Return the Machine itself, or all Machines of a Cluster."""
        if kind == MACHINES:
            yield key_of(obj)
        else:
            yield from map(key_of, belonging(self._api, MACHINES, key_of(obj)))

    def reconcile(self, key: Key) -> float | None:
        """Bring a Machine on; return after how long it will be further."""
        machine = self._api.store.get(MACHINES, key)
        if machine is None:
            return None
        cluster = cluster_of(self._api, machine)
        if is_paused(cluster, machine):
            tell_paused(self._api, machine)
            return None
        if is_going(machine):
            return self._end(machine, cluster)
        return self._grow(hold(self._api, machine, FINALIZER), cluster) if cluster else None

    def _grow(self, machine: Object, cluster: Object) -> float | None:
        """Take all steps that are done, and write where that leads."""
        stage, left = stage_of(machine), 0.0
        waiting: float | None = 0.0
        while waiting == 0 and stage < Stage.READY:
            waiting = self._left(stage, machine, cluster)
            if waiting == 0:
                stage = Stage(stage + 1)
                machine = self._step(stage, machine, cluster)
        crowded = stage == Stage.BOOTSTRAPPED and not has_room(self._api, machine, cluster)
        tell_stage(self._api, machine, stage, crowded=crowded)
        left = waiting or 0.0
        return left or None

    def _left(self, stage: Stage, machine: Object, cluster: Object) -> float | None:
        """Return the seconds until the next stage; None: that is up to something else."""
        initialized = bool(dig(cluster, "status", "initialization", "controlPlaneInitialized"))
        is_first = is_of_control_plane(machine) and not initialized
        match stage:
            case Stage.PENDING if is_first:
                seconds = paced(BOOTSTRAP_SECONDS, *key_of(machine))
                return self._timers.left(machine, "bootstrap", seconds)
            case Stage.BOOTSTRAPPED if not has_room(self._api, machine, cluster):
                return RETRY_SECONDS
            case Stage.BOOTSTRAPPED if is_first:
                seconds = paced(MACHINE_SECONDS, *key_of(machine))
                return self._timers.left(machine, "machine", seconds)
            case Stage.BOOTSTRAPPED:
                return self._left_in_queue(machine, cluster)
            case Stage.REGISTERED:
                return self._timers.left(machine, "join", paced(JOIN_SECONDS, *key_of(machine)))
        return 0.0 if initialized else None

    def _left_in_queue(self, machine: Object, cluster: Object) -> float:
        """Return the seconds until the provider has made those before it, and then this one."""
        at = 0.0
        if not self._timers.knows(machine, "machine"):
            begin = max(self._time.seconds(), self._free.get(key_of(cluster), 0.0))
            at = begin + paced(NEXT_NODE_SECONDS, *key_of(machine))
            self._free[key_of(cluster)] = at
        return self._timers.left_until(machine, "machine", at)

    def _step(self, stage: Stage, machine: Object, cluster: Object) -> Object:
        """Do what comes with a stage beside the status."""
        if stage == Stage.BOOTSTRAPPED:
            make_bootstrap_data(self._api, cluster, machine)
            bootstrap = {**machine["spec"]["bootstrap"], "dataSecretName": name_of(machine)}
            return set_fields(self._api, machine, bootstrap=bootstrap)
        if stage == Stage.PROVISIONED:
            return set_fields(self._api, machine, providerID=f"simulated:///{name_of(machine)}")
        return machine

    def _end(self, machine: Object, cluster: Object | None) -> float | None:
        """Take a Machine apart: hooks, drain, and then what the provider made.

        Hooks before the drain, and the drain, are left out with the whole Cluster, with the last
        node of a control plane, and where there is no node (upstream: `isDeleteNodeAllowed`).
        """
        if self._has_node_to_drain(machine, cluster):
            if _is_hooked(machine, PRE_DRAIN):
                since = "waitForPreDrainHookStartTime"
                self._wait_for_hook(machine, "WaitingForPreDrainHook", since)
                return None
            left = self._timers.left(machine, "drain", DRAIN_SECONDS)
            if left > 0:
                message = f"Drain not completed yet: Node {name_of(machine)}"
                tell_end(self._api, machine, "DrainingNode", message, "nodeDrainStartTime")
                return left
        if _is_hooked(machine, PRE_TERMINATE):
            since = "waitForPreTerminateHookStartTime"
            self._wait_for_hook(machine, "WaitingForPreTerminateHook", since)
            return None
        left = self._timers.left(machine, "destroy", paced(DESTROY_SECONDS, *key_of(machine)))
        if left > 0:
            message = f"Waiting for {machine['spec']['infrastructureRef']['kind']} to be deleted"
            tell_end(self._api, machine, "WaitingForInfrastructureDeletion", message)
            return left
        release(self._api, machine, FINALIZER)
        return None

    def _has_node_to_drain(self, machine: Object, cluster: Object | None) -> bool:
        if cluster is None or is_going(cluster) or not dig(machine, "status", "nodeRef"):
            return False
        others = belonging(self._api, MACHINES, key_of(cluster))
        return not is_last_of_control_plane(machine, others)

    def _wait_for_hook(self, machine: Object, reason: str, since: str) -> None:
        tell_end(self._api, machine, reason, "The owner of a hook has to remove it", since)


def _is_hooked(machine: Object, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in annotations_of(machine))
