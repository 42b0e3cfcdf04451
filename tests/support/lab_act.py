"""Act's executor on a simulated management cluster with Cluster API, on virtual time.

What Act calls goes straight to the simulator's API server, in the process; a test may kill Act
after any write, and let calls fail.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from services.act.board import Board
from services.act.core.ledger import Entry, Ledger
from services.act.core.ledger_json import read_ledger
from services.act.core.objects import (
    FIELD_MANAGER,
    SITE,
    Kind,
    Manner,
    Object,
    Query,
    Read,
    Ref,
    Write,
)
from services.act.executor import Executor
from services.act.grounding import Ground
from services.act.outbox import Outbox, record
from services.act.ports import UnreachableError
from shared.errors import PermanentError, TransientError
from shared.messages.outcome import Status
from shared.model.names import CAPACITY, ClusterName, DecisionId, FleetName
from shared.model.plan import FleetAction
from shared.runtime.following import Listed, News
from simulator.kubernetes import patches
from simulator.kubernetes.api import Ref as Place
from simulator.kubernetes.api import Writer
from simulator.kubernetes.deleting import Deletion
from simulator.kubernetes.resources import CRDS
from simulator.kubernetes.selectors import field_selector, label_selector
from simulator.kubernetes.status import StatusError
from tests.support.builders import a_cluster, a_fleet, an_insight, cycle_at, later
from tests.support.cluster_api_lab import BY, Lab
from tests.support.fakes_act import FakeTemplates, KilledError
from tests.support.virtual_time import now

SITES = Path(__file__).parents[2] / "deploy" / "kubernetes" / "crds" / "sites.yaml"
SITE_NAME = ClusterName("metro")
PACE_SECONDS = 5.0
"""Between two looks of Act at its plan."""
_NOT_FOUND, _CONFLICT, _BUSY, _ERROR = 404, 409, 429, 500


@dataclass(slots=True)
class LabCluster:
    """A `ClusterApi` over the simulator's API server."""

    lab: Lab
    writes: list[Write] = field(default_factory=list)
    killed_at: int | None = None
    """Number of the write after which the caller is killed, before it knows."""
    denied: dict[str, str] = field(default_factory=dict)
    """Kinds whose writes are denied for good, and why."""
    ways: dict[ClusterName, Lab] = field(default_factory=dict)
    """Other clusters that there is a way into."""
    shaky: bool = False
    """Whether of three writes one is not made, and one is made and not answered; and whether of
    four looks at something one tells what was there before."""
    _tried: int = 0
    _looked: int = 0
    _known: dict[Read, tuple[Object, ...]] = field(default_factory=dict)

    async def get(self, ref: Ref) -> Object | None:
        """Return the object, or None."""
        place = self._place(ref)
        return (
            None if place is None else self._lab(ref).api.store.get(place.resource.key, place.key)
        )

    async def list(self, query: Query) -> tuple[Object, ...]:
        """Return the objects that match; none where the kind is not installed."""
        lab = self._lab(query)
        resource = lab.api.registry.find(query.kind.group, query.kind.version, query.kind.plural)
        if resource is None:
            return ()
        fits = label_selector(query.selector)
        is_there = field_selector(query.fields, resource.kind)
        everything = lab.api.store.all(resource.key, query.namespace)
        return self._seen(query, tuple(o for o in everything if fits(o) and is_there(o)))

    async def write(self, write: Write) -> Object:
        """Carry the write out, and maybe kill the caller before it knows."""
        if write.ref.kind.name in self.denied:
            raise PermanentError(self.denied[write.ref.kind.name])
        self._tried += 1
        if self.shaky and self._tried % 3 == 0:
            raise UnreachableError("connection refused")
        try:
            written = self._write(write)
        except StatusError as error:
            if error.code == _CONFLICT or error.code in (_BUSY, _ERROR):
                raise TransientError(str(error)) from error
            raise PermanentError(str(error)) from error
        self.writes.append(write)
        if self.killed_at == len(self.writes):
            self.killed_at = None
            raise KilledError(f"after {write.purpose}")
        if self.shaky and self._tried % 3 == 1:
            raise UnreachableError("no answer in time")
        return written

    async def follow(self, _: Kind) -> AsyncIterator[News]:
        """Yield nothing: the board is told by hand."""
        yield Listed(objects=())

    def _seen(self, read: Read, found: tuple[Object, ...]) -> tuple[Object, ...]:
        """Return what is answered: what was there before, now and then, where it is shaky."""
        before, self._known[read] = self._known.get(read, found), found
        self._looked += 1
        return before if self.shaky and self._looked % 4 == 0 else found

    def _write(self, write: Write) -> Object:
        place, api = self._place(write.ref), self._lab(write.ref).api
        if place is None:
            raise StatusError(_NOT_FOUND, "NotFound", f"no {write.ref.kind.plural} here")
        by = Writer(manager=FIELD_MANAGER, subresource=write.subresource)
        if write.manner is Manner.APPLY:
            metadata = {**write.body.get("metadata", {}), "name": place.name}
            named = {"apiVersion": write.ref.kind.api_version, "kind": write.ref.kind.name}
            body = {**write.body, **named, "metadata": metadata | {"namespace": place.namespace}}
            return api.apply(place, body, by)
        if write.manner is Manner.MERGE:
            return api.patch(place, lambda live: patches.merge(live, write.body), by)
        try:
            return api.delete(place, Deletion(uid=write.body["preconditions"]["uid"]))
        except StatusError as error:
            if error.code == _NOT_FOUND:
                return {}
            raise

    def _place(self, ref: Ref) -> Place | None:
        registry = self._lab(ref).api.registry
        resource = registry.find(ref.kind.group, ref.kind.version, ref.kind.plural)
        if resource is None:
            return None
        return Place(resource=resource, name=ref.name, namespace=ref.namespace)

    def _lab(self, where: Ref | Query) -> Lab:
        if not where.cluster:
            return self.lab
        if where.cluster not in self.ways:
            raise PermanentError(f"there is no way into {where.cluster}")
        return self.ways[where.cluster]


@dataclass(slots=True)
class Stage:
    """One Site, its plan, and an Act that may die and come back."""

    cluster: LabCluster
    templates: dict[str, tuple[Object, ...]]
    crashes: int = 0

    @property
    def lab(self) -> Lab:
        """Return the management cluster."""
        return self.cluster.lab

    @property
    def ledger(self) -> Ledger:
        """Return the plan as its Site keeps it."""
        site = self.lab.api.get(_site_place(self.lab))
        ledger = read_ledger(site)
        assert ledger is not None
        return ledger

    @property
    def entry(self) -> Entry:
        """Return the one action of the plan."""
        return self.ledger.entries[0]

    async def order(self, action: FleetAction, *, turn: int = 0) -> None:
        """Put the plan of one action into the ledger of the Site."""
        at = now()
        cycle = cycle_at(later(turn, at))
        ledger = Ledger(
            decision=DecisionId(f"{cycle}_{CAPACITY}"),
            cycle=cycle,
            application=CAPACITY,
            status=Status.PENDING,
            started_at=at,
            deadline_at=later(120, at),
            updated_at=at,
            entries=(Entry(action=action),),
            site=SITE_NAME,
        )
        board = self._board()
        before = read_ledger(board.sites[SITE_NAME])
        await record(self.cluster, board, Outbox(board), before=before, after=ledger)

    async def turn(self) -> None:
        """Let a newborn Act look at its plan once. It may die of it."""
        board = self._board()
        executor = Executor(
            api=self.cluster,
            board=board,
            outbox=Outbox(board),
            now=now,
            ground=Ground(templates=FakeTemplates(**self.templates), namespace="crossloop"),
        )
        try:
            await executor.advance_all()
        except* KilledError:
            self.crashes += 1

    async def until_ended(self, minutes: float = 60.0) -> Entry:
        """Let Act look at its plan each second until the action has ended."""
        async with asyncio.timeout(60 * minutes):
            while not self.entry.status.is_final:
                await self.turn()
                await asyncio.sleep(PACE_SECONDS)
        return self.entry

    def _board(self) -> Board:
        board = Board(fleet=FleetName("default"))
        fleet = a_fleet(clusters=(a_cluster("home", home=True),), placements=(), links=())
        board.learn(replace(an_insight(fleet)))
        board.hear(Listed(objects=()))
        board.hear_of_sites(Listed(objects=(self.lab.api.get(_site_place(self.lab)),)))
        return board


def a_stage(
    lab: Lab, *, templates: dict[str, tuple[Object, ...]] | None = None, **spec: Any
) -> Stage:
    """Return a stage with a Site; `spec` is beside what every Site has."""
    crd = yaml.safe_load(SITES.read_text())
    lab.api.create(CRDS, "", crd, Writer(manager="test"))
    resource = lab.resource("Site")
    usual = {"tier": "metro", "region": "central", "owner": "carrier"}
    site = {
        "apiVersion": SITE.api_version,
        "kind": "Site",
        "metadata": {"name": SITE_NAME},
        "spec": {**usual, **spec},
    }
    lab.api.create(resource, "", site, BY)
    return Stage(LabCluster(lab), templates or {})


def _site_place(lab: Lab) -> Place:
    return Place(resource=lab.resource("Site"), name=SITE_NAME)
