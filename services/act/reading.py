"""Read the objects that the next step of an action depends on."""

from typing import assert_never

from services.act.core.liqo import OFFLOADING_NAME
from services.act.core.live import VIRTUAL, Live
from services.act.core.objects import (
    FOREIGN_CLUSTER,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    Object,
    Ref,
)
from services.act.core.workloads import kind_of, selector_of
from services.act.ports import ClusterApi
from shared.model.names import ClusterName
from shared.model.plan import ApplicationAction, Move, OffloadNamespace, Scale

VIRTUAL_NODES = ",".join(f"{key}={value}" for key, value in VIRTUAL.items())


async def read_live(api: ClusterApi, action: ApplicationAction, *, home: ClusterName) -> Live:
    """Return what Kubernetes says of the objects of an action now."""
    namespace = action.application.partition("/")[0]
    match action:
        case Scale():
            return Live(home=home, workload=await _workload(api, namespace, action))
        case OffloadNamespace():
            return Live(
                home=home,
                namespace=await api.get(Ref(kind=NAMESPACE, name=namespace)),
                offloading=await _offloading(api, namespace),
                nodes=await api.list(NODE, selector=VIRTUAL_NODES),
            )
        case Move():
            workload = await _workload(api, namespace, action)
            if workload is None:
                return Live(home=home)
            return Live(
                home=home,
                workload=workload,
                pods=await api.list(POD, namespace=namespace, selector=selector_of(workload)),
                nodes=await api.list(NODE, selector=VIRTUAL_NODES),
                foreign_clusters=await api.list(FOREIGN_CLUSTER),
                offloading=await _offloading(api, namespace),
            )
        case _:
            assert_never(action)


async def _workload(api: ClusterApi, namespace: str, action: Move | Scale) -> Object | None:
    kind = kind_of(action.workload)
    return await api.get(Ref(kind=kind, namespace=namespace, name=action.workload.name))


async def _offloading(api: ClusterApi, namespace: str) -> Object | None:
    ref = Ref(kind=NAMESPACE_OFFLOADING, namespace=namespace, name=OFFLOADING_NAME)
    return await api.get(ref)
