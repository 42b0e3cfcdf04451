"""A ClusterApi that reads for real, tells what it would write, and changes nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.act import telemetry
from services.act.core.objects import Kind, Object, Query, Ref, Write
from services.act.ports import ClusterApi
from shared.runtime.following import News


@dataclass(frozen=True, slots=True)
class DryRunClusterApi:
    """Everything but the writes of the cluster behind it."""

    cluster: ClusterApi

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None where there is none."""
        return await self.cluster.get(ref)

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return all objects that are asked for."""
        return await self.cluster.list(query)

    async def write(self, write: Write) -> Object:
        """Tell the write, and return the object as it is."""
        telemetry.step_intended(write)
        return await self.cluster.get(write.ref) or write.body

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield what there is, and its changes."""
        return self.cluster.follow(kind)
