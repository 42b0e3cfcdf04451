"""Plans that must end well whatever one call meets: each call of a plan, with each fault."""

import os
import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from services.act.board import Board
from services.act.core.admission import Admitted, admit
from services.act.core.ledger import Ledger, keeper_of
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import APPLICATION, SITE, Ref
from services.act.executor import Executor
from services.act.outbox import Outbox
from shared.messages.decision import Decision
from shared.messages.insight import Insight
from shared.model.policy import FleetPolicy
from shared.runtime.following import Listed
from tests.support.builders import FLEET, later
from tests.support.executing_act import Latency, good, seen
from tests.support.fakes_act import FakeClusterApi, KilledError, a_ground
from tests.support.faulty import APART, FAULTS, Fault, FaultyApi

PASSES = 400
ALL_CALLS = "ACT_SURVIVES_ALL_CALLS"
"""Where it is set, no call is left out (`bench.act surviving`): that takes many minutes."""
EVERY_FAULT = FAULTS if ALL_CALLS in os.environ else APART
Scene = Callable[[], FakeClusterApi]
"""Makes the cluster in memory, with a plan in a ledger."""


def planned(world: FakeClusterApi, decision: Decision, keeper: Ref) -> FakeClusterApi:
    """Return the cluster with the decision's plan in the ledger of its keeper."""
    admission = admit(decision, None, now=world.at, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    obj = world.objects.get(keeper) or {"metadata": {"name": keeper.name}}
    world.put(keeper, {**obj, "status": {"plan": ledger_json(admission.ledger)}})
    return world


def awake(world: FakeClusterApi, api: FaultyApi) -> Executor:
    """Return an Act that has just started: it knows what is in the cluster, and nothing else."""
    board = Board(fleet=FLEET)
    executor = Executor(
        api=api, board=board, outbox=Outbox(board), now=world.now, ground=a_ground()
    )
    watch(world, executor)
    return executor


def watch(world: FakeClusterApi, executor: Executor) -> None:
    """Tell Act what its watches tell: the objects that keep ledgers."""
    for kind, hear in ((APPLICATION, executor.board.hear), (SITE, executor.board.hear_of_sites)):
        hear(Listed(objects=tuple(o for r, o in world.objects.items() if r.kind == kind)))


@dataclass(slots=True)
class Run:
    """One plan carried out, with at most one fault on the way."""

    world: FakeClusterApi
    api: FaultyApi
    keeper: Ref
    latency: Latency = good

    @property
    def ledger(self) -> Ledger:
        """Return the plan as its keeper has it."""
        ledger = read_ledger(self.world.objects[self.keeper])
        assert ledger is not None
        return ledger

    @property
    def told(self) -> str:
        """Say what was done to it."""
        return f"{self.api.fault} at call {self.api.at} ({self.api.met})"

    async def to_its_end(self) -> "Run":
        """Let Act and the cluster go on until no ledger is under way; start a killed Act again."""
        executor = awake(self.world, self.api)
        for _ in range(PASSES):
            watch(self.world, executor)
            executor.board.insight = self._insight()
            try:
                await executor.advance_all()
            except* KilledError:
                executor = awake(self.world, self.api)
            at = self.world.at
            self.world.tick()
            self.world.at = later(1, at)
            if not any(ledger.is_under_way for ledger in self._ledgers()):
                return self
        raise AssertionError(f"{self.told}: still {self.ledger}")

    def _insight(self) -> Insight:
        return replace(seen(self.world, self.latency))

    def _ledgers(self) -> Iterable[Ledger]:
        for ref, obj in self.world.objects.items():
            if ref.kind in (APPLICATION, SITE) and keeper_of(obj) == ref:
                ledger = read_ledger(obj)
                if ledger is not None:
                    yield ledger


async def every_run(
    scene: Scene, keeper: Ref, faults: Iterable[Fault], *, latency: Latency = good
) -> tuple[Run, ...]:
    """Return the run without a fault, and then one for each of its calls and each fault."""

    kept = pickle.dumps(scene())

    def run(fault: Fault | None = None, call: int = 0) -> Run:
        world: FakeClusterApi = pickle.loads(kept)
        return Run(world, FaultyApi(world, fault, call), keeper, latency)

    plain = await run().to_its_end()
    everything = range(1, plain.api.calls + 1)
    pairs = [
        (fault, call)
        for fault in faults
        for call in (everything if ALL_CALLS in os.environ else plain.api.telling(fault))
    ]
    return (plain, *[await run(*pair).to_its_end() for pair in pairs])
