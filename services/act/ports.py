"""What Act needs from the world: one management cluster, and whoever wakes people."""

from collections.abc import AsyncIterator
from typing import Protocol

from services.act.core.objects import Kind, Object, Query, Ref, Write
from services.act.core.permitting.needs import Need
from services.act.core.telling.alerts import Alert
from shared.errors import TransientError
from shared.model.names import FleetName
from shared.runtime.following import News


class UnreachableError(TransientError):
    """The API server does not answer: the same call may work when it does."""


class ClusterApi(Protocol):
    """The Kubernetes API of the management cluster, and of those that Sites name a way into.

    Calls fail with UnreachableError, TransientError (the object changed meanwhile) or
    PermanentError (refused for good, with the API's own sentence).
    """

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None where there is none."""
        ...

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return all objects that are asked for; none if their kind is not installed."""
        ...

    async def write(self, write: Write) -> Object:
        """Carry out one write, and return the object as it stands after it."""
        ...

    def follow(self, kind: Kind) -> AsyncIterator[News]:
        """Yield all objects of a kind, then every change, for ever; all of them after a gap."""
        ...


class AccessReview(Protocol):
    """What the management cluster says of Act's own permissions."""

    @property
    def denials(self) -> int:
        """How many calls were refused so far for want of a permission."""
        ...

    async def may(self, need: Need) -> bool:
        """Tell whether Act is granted something. Fails as the calls of ClusterApi do."""
        ...


class Templates(Protocol):
    """Folders of manifests with variables, from which clusters are made."""

    def load(self, name: str) -> tuple[Object, ...]:
        """Return the manifests of a template. PermanentError: they cannot be read."""
        ...


class AlertSink(Protocol):
    """Alertmanager, with all its replicas."""

    async def post(self, alerts: tuple[Alert, ...]) -> None:
        """Send the alerts to every replica. One that fails is told of, and stops nothing."""
        ...

    async def held(self, fleet: FleetName) -> tuple[Alert, ...]:
        """Return the alerts of a fleet that any replica that answers holds, whoever posted them."""
        ...
