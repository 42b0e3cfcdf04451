"""Send a step's write, unless a last look at the cluster forbids it."""

from services.act.core.guard import reads_of_guard, why_forbidden
from services.act.core.objects import Object, Write
from services.act.ports import ClusterApi, UnreachableError
from services.act.reading import read_seen
from shared.errors import PermanentError


async def send(api: ClusterApi, write: Write) -> Object:
    """Carry out a write that takes no application's pods away, and return what it returned.

    PermanentError: the write is forbidden, or refused. TransientError: it cannot be told now.
    """
    seen = await read_seen(api, reads_of_guard(write))
    if seen.unreached:
        told = "; ".join(seen.unreached.values())
        raise UnreachableError(f"whether {write.ref} is in use is not known: {told}")
    if why := why_forbidden(write, seen):
        raise PermanentError(why)
    return await api.write(write)
