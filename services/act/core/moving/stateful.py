"""How the pods of a StatefulSet are exchanged, so that never fewer serve than before.

Its controller deletes a pod before it makes the next of that ordinal. So it is held in place by a
partition, and one pod more is made beyond it; then the others are exchanged from the last on, each
ready before the next goes; then the one too many is taken away. The way back is the same. The
partition is changed by plain patches, since its default is recorded for whoever created the set.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.act.core.live import Live
from services.act.core.moving.giving_up import deleted
from services.act.core.moving.marks import Mark
from services.act.core.moving.pinning import pin_marked, ref_of
from services.act.core.moving.workloads import (
    is_serving,
    is_unseen,
    own_pods,
    replicas_of,
)
from services.act.core.objects import (
    Manner,
    Object,
    Write,
    dig,
    is_going,
    name_of,
    number,
    version_of,
)
from services.act.core.steps import Step
from shared.model.plan import Move

REVISION = "controller-revision-hash"
"""The label that tells which template a pod was made from."""
PARTITION = ("spec", "updateStrategy", "rollingUpdate", "partition")


def partition_of(workload: Object) -> int:
    """Return from which ordinal on pods are exchanged."""
    return number(workload, *PARTITION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """The pods of a StatefulSet under way from one place to another, by ordinal."""

    move: Move
    workload: Object
    mark: Mark
    pods: dict[int, Object]
    is_home: Callable[[Object], bool]
    """Tells whether a pod stands where it is to stand in the end."""

    @property
    def asked(self) -> int:
        """How many pods it is told to have."""
        return replicas_of(self.workload)

    @property
    def before(self) -> int:
        """How many it had before the move."""
        return self.mark.replicas or 0

    def is_begun(self, ordinal: int) -> bool:
        """Tell whether the pod of an ordinal is being exchanged, or was."""
        pod = self.pods.get(ordinal)
        return pod is None or is_going(pod) or self.is_home(pod)

    def serve(self, start: int, end: int, *, at_home: bool) -> bool:
        """Tell whether the pods of these ordinals all serve, and stand where they are to stand."""
        pods = [self.pods.get(ordinal) for ordinal in range(start, end)]
        return all(p and is_serving(p) and (self.is_home(p) or not at_home) for p in pods)


def exchange_of(move: Move, live: Live, workload: Object, mark: Mark) -> Exchange:
    """Return how far the exchange of a StatefulSet's pods is."""
    start = number(workload, "spec", "ordinals", "start")
    pods = own_pods(workload, live.pods)

    def is_home(pod: Object) -> bool:
        cluster = live.cluster_of(pod)
        there = cluster == move.target and live.is_in_pool(pod, move.pool)
        return cluster is not None and there is not mark.back

    by_ordinal = {int(name_of(pod).rpartition("-")[2]) - start: pod for pod in pods}
    return Exchange(move=move, workload=workload, mark=mark, pods=by_ordinal, is_home=is_home)


def next_exchange(exchange: Exchange, live: Live) -> Step | None:
    """Return the next step of an exchange; None: wait, or all stands as it is to stand."""
    mark = exchange.mark
    if is_unseen(exchange.workload):
        return None
    if mark.back and (stuck := _stuck(exchange)):
        return deleted(stuck, f"let {name_of(stuck)} be made anew")
    if mark.replicas is None:
        return None
    if not mark.pinned and not mark.back:
        return hold(exchange) or _pinned(exchange, live)
    return _next_of_pods(exchange)


def _next_of_pods(exchange: Exchange) -> Step | None:
    before, asked = exchange.before, exchange.asked
    if exchange.mark.back and exchange.serve(0, before, at_home=True):
        return _scaled(exchange, before) if asked == before + 1 else released(exchange)
    if partition_of(exchange.workload):
        return _next_while_held(exchange)
    done = asked == before + 1 and exchange.serve(0, asked, at_home=True)
    return _scaled(exchange, before) if done else None


def hurry(exchange: Exchange, live: Live) -> Step | None:
    """Return the step that lets all pods be exchanged: where they were is lost. None: they are."""
    return released(exchange) if exchange.mark.pinned else _pinned(exchange, live)


def hold(exchange: Exchange) -> Step | None:
    """Return the step that lets no pod be exchanged; None: it is held already."""
    least = max(exchange.before, exchange.asked)
    if exchange.mark.replicas is None or partition_of(exchange.workload) >= least:
        return None
    return Step(write=_partitioned(exchange, least, "hold"))


def released(exchange: Exchange) -> Step | None:
    """Return the step that gives the partition back; None: there is none."""
    if exchange.mark.replicas is None or not partition_of(exchange.workload):
        return None
    return Step(write=_partitioned(exchange, 0, "let go of"))


def frozen(exchange: Exchange) -> Step | None:
    """Return the step that lets the pod being exchanged end, and no other begin; None: held."""
    if partition_of(exchange.workload) or exchange.mark.replicas is None:
        return None
    begun = [n for n in range(exchange.asked) if exchange.is_begun(n)]
    write = _partitioned(exchange, min(begun, default=exchange.asked), "stop the exchange of")
    return Step(write=write, even_paused=True)


def _next_while_held(exchange: Exchange) -> Step | None:
    """Make one pod more; once all are ready, let the others be exchanged."""
    before, asked = exchange.before, exchange.asked
    partition = partition_of(exchange.workload)
    if partition < before:  # it was frozen on its way
        return released(exchange)
    if asked == before:
        return _scaled(exchange, before + 1)
    if exchange.serve(0, asked, at_home=False) and exchange.serve(partition, asked, at_home=True):
        return released(exchange)
    return None


def _pinned(exchange: Exchange, live: Live) -> Step:
    write = pin_marked(exchange.move, exchange.workload, exchange.mark, home=live.home)
    return Step(write=write)


def _scaled(exchange: Exchange, replicas: int) -> Step:
    body = {"spec": {"replicas": replicas}}
    purpose = f"have {replicas} pods of {exchange.move.component}"
    return Step(write=_patch(exchange, body, purpose, subresource="scale"))


def _partitioned(exchange: Exchange, partition: int, verb: str) -> Write:
    body = {"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}}
    return _patch(exchange, body, f"{verb} the pods of {exchange.move.component}")


def _patch(exchange: Exchange, body: Object, purpose: str, *, subresource: str = "") -> Write:
    """Return a change of the StatefulSet, if it still is as it was judged."""
    return Write(
        ref=ref_of(exchange.move),
        manner=Manner.MERGE,
        subresource=subresource,
        body={"metadata": {"resourceVersion": version_of(exchange.workload)}, **body},
        purpose=purpose,
    )


def _stuck(exchange: Exchange) -> Object | None:
    """Return a pod of another template that is not ready: its controller waits for it for ever.

    Kubernetes, "StatefulSets", Forced rollback.
    """
    newest = dig(exchange.workload, "status", "updateRevision")
    for _, pod in sorted(exchange.pods.items()):
        stale = dig(pod, "metadata", "labels", REVISION) != newest
        if stale and not is_serving(pod) and not is_going(pod):
            return pod
    return None
