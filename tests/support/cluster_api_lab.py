"""A simulated management cluster with Cluster API, to be driven by tests on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from inspect import Signature, signature
from typing import Any

from simulator.controllers import running
from simulator.kubernetes import Api
from simulator.kubernetes.api import Ref, Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.objects import (
    Object,
    condition_of,
    is_true,
    labels_of,
    name_of,
)
from simulator.kubernetes.resources import NAMESPACES, SECRETS, Resource
from simulator.kubernetes.store import Change
from tests.support.cluster_api import CORE, install
from tests.support.virtual_time import now, run

SPACE = "fleet"
BY = Writer(manager="test")
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Lab:
    """The API server, and what tests do with it. Seconds are the simulator's."""

    api: Api

    @property
    def seconds(self) -> float:
        """Return how long it has run."""
        return asyncio.get_running_loop().time()

    def resource(self, kind: str) -> Resource:
        """Return the newest version of a kind."""
        served = [r for r in self.api.registry if r.kind == kind]
        return max(served, key=lambda r: r.version)

    def ref(self, kind: str, name: str) -> Ref:
        """Return which object it is."""
        return Ref(resource=self.resource(kind), name=name, namespace=SPACE)

    def apply(self, *manifests: Object, by: str = "act", force: bool = False) -> None:
        """Apply manifests by server-side apply."""
        for manifest in manifests:
            ref = self.ref(manifest["kind"], name_of(manifest))
            self.api.apply(ref, manifest, Writer(manager=by), force=force)

    def get(self, kind: str, name: str) -> Object:
        """Return an object."""
        return self.api.get(self.ref(kind, name))

    def find(self, kind: str, name: str) -> Object | None:
        """Return an object, if it is there."""
        return self.api.store.get(self.resource(kind).key, (SPACE, name))

    def all(self, kind: str) -> tuple[Object, ...]:
        """Return all objects of a kind."""
        return self.api.store.all(self.resource(kind).key, SPACE)

    def workers(self) -> list[Object]:
        """Return the Machines that are not the control plane's."""
        machines = self.all("Machine")
        return [m for m in machines if f"{CORE}/control-plane" not in labels_of(m)]

    def secret(self, name: str) -> Object | None:
        """Return a Secret, if it is there."""
        return self.api.store.get(SECRETS.key, (SPACE, name))

    def patch(self, kind: str, name: str, **spec: Any) -> None:
        """Change fields of the spec of an object."""
        change = lambda o: {**o, "spec": {**o["spec"], **spec}}  # noqa: E731
        self.api.patch(self.ref(kind, name), change, BY)

    def annotate(self, kind: str, name: str, **annotations: str | None) -> None:
        """Set annotations of an object, in place of those of the same name; None removes one."""

        def change(live: Object) -> Object:
            known = {**(live["metadata"].get("annotations") or {}), **annotations}
            left = {key: value for key, value in known.items() if value is not None}
            return {**live, "metadata": {**live["metadata"], "annotations": left}}

        self.api.patch(self.ref(kind, name), change, BY)

    def scale(self, kind: str, name: str, replicas: int) -> None:
        """Change the size of an object through its `/scale`."""
        change = lambda s: {**s, "spec": {"replicas": replicas}}  # noqa: E731
        self.api.patch(self.ref(kind, name), change, Writer(manager="act", subresource="scale"))

    def delete(self, kind: str, name: str) -> None:
        """Delete an object, or begin to."""
        self.api.delete(self.ref(kind, name), Deletion())

    async def until(self, is_so: Callable[[], bool], seconds: float = HOUR) -> None:
        """Wait until something is so. TimeoutError: it is not after so many seconds."""
        async with asyncio.timeout(seconds):
            while not is_so():
                await self.api.store.changed(self.api.store.version)

    async def settle(self) -> None:
        """Let the controllers do what they can do now."""
        await asyncio.sleep(1)

    async def until_true(self, kind: str, name: str, condition: str) -> None:
        """Wait until a condition of an object is True."""
        await self.until(lambda: is_true(self.find(kind, name) or {}, condition))

    def condition(self, kind: str, name: str, condition: str) -> tuple[str, str, str]:
        """Return status, reason and message of a condition."""
        found = condition_of(self.get(kind, name), condition)
        return tuple(found.get(word, "") for word in ("status", "reason", "message"))

    def happenings(self) -> list[tuple[str, str]]:
        """Return which conditions of which objects became True, in order."""
        return became_true(self.api.store.since(1))


def became_true(changes: Iterable[Change]) -> list[tuple[str, str]]:
    """Return which conditions of which objects became True, in order: name and condition."""
    return [
        (name_of(change.last), condition["type"])
        for change in changes
        for condition in (change.last.get("status") or {}).get("conditions") or ()
        if condition["status"] == "True" and not is_true(change.before or {}, condition["type"])
    ]


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """Give a management cluster with Cluster API's kinds, controllers and webhooks."""
    api = Api(now)
    install(api)
    api.create(NAMESPACES, "", {"metadata": {"name": SPACE}}, BY)
    async with running(api):
        yield Lab(api)


def in_lab(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on virtual time, with a management cluster of its own as first argument."""

    @wraps(test)
    def wrapper(**arguments: Any) -> None:
        async def story() -> None:
            async with lab() as fleet:
                await test(fleet, **arguments)

        run(story())

    _, *others = signature(test).parameters.values()
    wrapper.__signature__ = Signature(others)  # type: ignore[attr-defined]
    return wrapper
