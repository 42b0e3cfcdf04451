"""Read the objects that the next step of an action depends on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import assert_never

from services.act.board import Board
from services.act.core.act import next_of_application
from services.act.core.fleet import further_reads_of, next_of_fleet, reads_of
from services.act.core.ledger import Entry
from services.act.core.liqo import OFFLOADING_NAME
from services.act.core.live import VIRTUAL_NODES, Live
from services.act.core.moving.hanging import REFUSED, is_unaccepted
from services.act.core.moving.workloads import is_rolled_out, kind_of, selector_of
from services.act.core.objects import (
    ENDPOINT_SLICE,
    EVENT,
    FOREIGN_CLUSTER,
    LEASE,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    POD,
    POD_AUTOSCALER,
    SERVICE,
    Object,
    Query,
    Read,
    Ref,
    name_of,
)
from services.act.core.seen import Seen
from services.act.core.steps import Context, Next
from services.act.grounding import Ground
from services.act.ports import ClusterApi
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName
from shared.model.plan import Action, ApplicationAction, Move, OffloadNamespace, Scale

FOREIGN_CLUSTERS = Query(kind=FOREIGN_CLUSTER)
LEASES = "kube-node-lease"
"""The namespace in which kubelets keep their leases."""


@dataclass(slots=True)
class Pass:
    """One look at all plans: what several of them ask for is read once."""

    api: ClusterApi
    _answers: dict[Read, asyncio.Task[tuple[Object, ...]]] = field(default_factory=dict)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that are asked for, as read at some time during this pass."""
        return await self._once(query)

    async def get(self, ref: Ref) -> Object | None:
        """Return one object, as read at some time during this pass, or None."""
        return next(iter(await self._once(ref)), None)

    async def _once(self, read: Read) -> tuple[Object, ...]:
        if read not in self._answers:
            self._answers[read] = asyncio.ensure_future(_answer(self.api, read))
        return await asyncio.shield(self._answers[read])


Prospect = Callable[[Entry, Context], Next]
"""What comes next for an action, from the objects read for it."""


async def prospect_of(look: Pass, action: Action, board: Board, ground: Ground) -> Prospect:
    """Read what an action depends on, and return what tells its next step from that."""
    if isinstance(action, ApplicationAction):
        live = await read_live(look, action, home=board.home)
        return lambda entry, context: next_of_application(action, entry, live, context)
    grounds = ground.of(action, board)
    seen = await read_seen(look.api, reads_of(action, grounds))
    seen = seen.plus(await read_seen(look.api, further_reads_of(action, seen)))
    return lambda entry, context: next_of_fleet(action, entry, seen, grounds, context)


async def read_live(look: Pass, action: ApplicationAction, *, home: ClusterName) -> Live:
    """Return what Kubernetes says of the objects of an action now."""
    api, namespace = look.api, action.application.partition("/")[0]
    match action:
        case Scale():
            return Live(
                home=home,
                workload=await _workload(api, namespace, action),
                scalers=await look.list(Query(kind=POD_AUTOSCALER, namespace=namespace)),
            )
        case OffloadNamespace():
            return Live(
                home=home,
                namespace=await api.get(Ref(kind=NAMESPACE, name=namespace)),
                offloading=await _offloading(look, namespace),
                nodes=await look.list(VIRTUAL_NODES),
            )
        case Move():
            return await _read_move(look, action, namespace, home)
        case _:
            assert_never(action)


async def _read_move(look: Pass, move: Move, namespace: str, home: ClusterName) -> Live:
    """Return the objects of a move; its pods are read last, so that they are the newest."""
    workload = await _workload(look.api, namespace, move)
    if workload is None:
        return Live(home=home)
    nodes, foreign_clusters, offloading = await asyncio.gather(
        look.list(VIRTUAL_NODES), look.list(FOREIGN_CLUSTERS), _offloading(look, namespace)
    )
    live = Live(
        home=home,
        workload=workload,
        nodes=nodes,
        foreign_clusters=foreign_clusters,
        offloading=offloading,
    )
    if is_rolled_out(workload):
        live = await _with_surroundings(look, live, namespace)
    pods, leases = await asyncio.gather(
        look.api.list(Query(kind=POD, namespace=namespace, selector=selector_of(workload))),
        _leases(look, live.virtual_nodes(move.target)),
    )
    live = replace(live, pods=pods, leases=leases)
    if not any(map(is_unaccepted, live.pods)):
        return live
    return replace(live, events=await _events(look, namespace))


async def _with_surroundings(look: Pass, live: Live, namespace: str) -> Live:
    """Return the same with what only counts before a rollout and after it."""
    services, slices, scalers = await asyncio.gather(
        *(
            look.list(Query(kind=kind, namespace=namespace))
            for kind in (SERVICE, ENDPOINT_SLICE, POD_AUTOSCALER)
        )
    )
    return replace(live, services=services, slices=slices, scalers=scalers)


async def _leases(look: Pass, nodes: tuple[Object, ...]) -> tuple[Object, ...]:
    """Return the leases of virtual nodes, by which their kubelets say that they live."""
    refs = [Ref(kind=LEASE, namespace=LEASES, name=name_of(node)) for node in nodes]
    found = [await look.get(ref) for ref in refs]
    return tuple(lease for lease in found if lease is not None)


async def _events(look: Pass, namespace: str) -> tuple[Object, ...]:
    """Return what Liqo told of pods that were not taken, the oldest first."""
    query = Query(kind=EVENT, namespace=namespace, fields=f"reason={REFUSED}")
    found = await look.list(query)
    return tuple(sorted(found, key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime"))))


async def read_seen(api: ClusterApi, reads: tuple[Read, ...]) -> Seen:
    """Return what was asked for. A cluster that does not answer is told of, and no failure.

    TransientError, PermanentError: it is the management cluster that does not answer, or refuses.
    """
    objects: dict[Read, tuple[Object, ...]] = {}
    unreached: dict[ClusterName, str] = {}
    refused: dict[ClusterName, str] = {}
    for read in reads:
        if read.cluster in unreached or read.cluster in refused:
            continue
        try:
            objects[read] = await _answer(api, read)
        except (TransientError, PermanentError) as error:
            if not read.cluster:
                raise
            told = unreached if isinstance(error, TransientError) else refused
            told[read.cluster] = str(error)
    return Seen(objects=objects, unreached=unreached, refused=refused)


async def _answer(api: ClusterApi, read: Read) -> tuple[Object, ...]:
    if isinstance(read, Query):
        return await api.list(read)
    found = await api.get(read)
    return () if found is None else (found,)


async def _workload(api: ClusterApi, namespace: str, action: Move | Scale) -> Object | None:
    kind = kind_of(action.workload)
    return await api.get(Ref(kind=kind, namespace=namespace, name=action.workload.name))


async def _offloading(look: Pass, namespace: str) -> Object | None:
    ref = Ref(kind=NAMESPACE_OFFLOADING, namespace=namespace, name=OFFLOADING_NAME)
    return await look.get(ref)
