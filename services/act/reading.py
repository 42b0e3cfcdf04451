"""Read the objects that the next step of an action depends on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import assert_never

from services.act.board import Board
from services.act.core.act import next_of_application
from services.act.core.fleet import next_of_fleet, reads_of
from services.act.core.ledger import Entry
from services.act.core.liqo import OFFLOADING_NAME
from services.act.core.live import VIRTUAL, Live
from services.act.core.objects import (
    FOREIGN_CLUSTER,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    Object,
    Query,
    Read,
    Ref,
)
from services.act.core.seen import Seen
from services.act.core.steps import Context, Next
from services.act.core.workloads import kind_of, selector_of
from services.act.grounding import Ground
from services.act.ports import ClusterApi
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName
from shared.model.plan import Action, ApplicationAction, Move, OffloadNamespace, Scale

VIRTUAL_NODES = Query(kind=NODE, selector=",".join(f"{k}={v}" for k, v in VIRTUAL.items()))
FOREIGN_CLUSTERS = Query(kind=FOREIGN_CLUSTER)


@dataclass(slots=True)
class Pass:
    """One look at all plans: what several of them ask for is read once."""

    api: ClusterApi
    _answers: dict[Query, asyncio.Task[tuple[Object, ...]]] = field(default_factory=dict)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that are asked for, as read at some time during this pass."""
        if query not in self._answers:
            self._answers[query] = asyncio.ensure_future(self.api.list(query))
        return await asyncio.shield(self._answers[query])


Prospect = Callable[[Entry, Context], Next]
"""What comes next for an action, from the objects read for it."""


async def prospect_of(look: Pass, action: Action, board: Board, ground: Ground) -> Prospect:
    """Read what an action depends on, and return what tells its next step from that."""
    if isinstance(action, ApplicationAction):
        live = await read_live(look, action, home=board.home)
        return lambda entry, context: next_of_application(action, entry, live, context)
    grounds = ground.of(action, board)
    seen = await read_seen(look.api, reads_of(action, grounds))
    return lambda entry, context: next_of_fleet(action, entry, seen, grounds, context)


async def read_live(look: Pass, action: ApplicationAction, *, home: ClusterName) -> Live:
    """Return what Kubernetes says of the objects of an action now."""
    api, namespace = look.api, action.application.partition("/")[0]
    match action:
        case Scale():
            return Live(home=home, workload=await _workload(api, namespace, action))
        case OffloadNamespace():
            return Live(
                home=home,
                namespace=await api.get(Ref(kind=NAMESPACE, name=namespace)),
                offloading=await _offloading(api, namespace),
                nodes=await look.list(VIRTUAL_NODES),
            )
        case Move():
            workload = await _workload(api, namespace, action)
            if workload is None:
                return Live(home=home)
            pods = Query(kind=POD, namespace=namespace, selector=selector_of(workload))
            return Live(
                home=home,
                workload=workload,
                pods=await api.list(pods),
                nodes=await look.list(VIRTUAL_NODES),
                foreign_clusters=await look.list(FOREIGN_CLUSTERS),
                offloading=await _offloading(api, namespace),
            )
        case _:
            assert_never(action)


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


async def _offloading(api: ClusterApi, namespace: str) -> Object | None:
    ref = Ref(kind=NAMESPACE_OFFLOADING, namespace=namespace, name=OFFLOADING_NAME)
    return await api.get(ref)
