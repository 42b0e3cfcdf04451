"""Actions on applications, with Act killed at every call, and every call gone wrong."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from services.act.core.objects import (
    DEPLOYMENT,
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    STATEFUL_SET,
    Kind,
    Ref,
)
from shared.messages.decision import Decision
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.names import ClusterName, ComponentName
from shared.model.plan import OffloadNamespace, Scale
from tests.support.builders import ARENA
from tests.support.executing_act import APPLICATION_REF, Latency, bad_at_home, good
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.faulty import KILLS, Fault
from tests.support.objects_act import a_decision, a_move
from tests.support.surviving import EVERY_FAULT, Run, every_run, planned

RENDER_SET = WorkloadRef(kind=WorkloadKind.STATEFUL_SET, name="render")


def a_scale(replicas: int) -> Scale:
    """Return a change of render's three replicas."""
    return Scale(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        replicas_before=3,
        replicas=replicas,
    )


class Case(NamedTuple):
    """A plan, the world it is for, and where its end may be."""

    decision: Decision
    ends: tuple[tuple[str, int], ...]
    """Where its pods stand in the planned state, and at the start: the cluster, and how many."""
    workload: Kind = DEPLOYMENT
    latency: Latency = good

    def scene(self) -> FakeClusterApi:
        """Return the world with the plan admitted."""
        return planned(a_world(workload=self.workload), self.decision, APPLICATION_REF)


PLANNED, START = ("home", 3), ("metro", 3)
CASES = {
    "a move": Case(a_decision(), (PLANNED, START)),
    "a move that must go back": Case(a_decision(), (START, PLANNED), latency=bad_at_home),
    "a move of a StatefulSet": Case(
        a_decision(a_move(workload=RENDER_SET)), (PLANNED, START), workload=STATEFUL_SET
    ),
    "a stretch and a move": Case(
        a_decision(OffloadNamespace(application=ARENA, clusters=(ClusterName("cloud"),)), a_move()),
        (PLANNED, START),
    ),
    "more replicas": Case(a_decision(a_scale(4)), (("metro", 4), START)),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def assert_well(run: Run, case: Case) -> None:
    """Assert that a run ended as planned or at the start, and that nothing was lost or doubled."""
    api, ledger = run.world, run.ledger
    standing = [api.cluster_of(pod) for pod in api.pods()]
    end = (standing[0], len(standing))
    assert len(set(standing)) == 1, run.told
    assert end in case.ends, run.told
    assert ledger.status.is_final, run.told
    if end not in case.ends[:1]:
        assert ledger.status in (Status.REFUSED, Status.REVERTED, Status.FAILED), run.told
    if ledger.status not in (case_status(case), Status.REFUSED):
        assert ledger.message, run.told
    assert api.least_ready is not None, run.told
    assert api.least_ready >= 3, run.told
    kinds = [ref.kind for ref in api.objects]
    assert kinds.count(case.workload) == kinds.count(NAMESPACE_OFFLOADING) == 1, run.told
    assert Ref(kind=NAMESPACE, name="xr") in api.objects, run.told


def case_status(case: Case) -> Status:
    """Return how the case ends where nothing goes wrong."""
    return Status.REVERTED if case.latency is bad_at_home else Status.SUCCEEDED


@every_case
async def test_act_killed_at_any_call_ends_as_if_it_had_not_been(
    case: Case, record_property: Callable[[str, object], None]
) -> None:
    plain, *killed = await every_run(case.scene, APPLICATION_REF, KILLS, latency=case.latency)

    effects = len(plain.world.written(case.workload))
    for run in (plain, *killed):
        assert_well(run, case)
        assert run.ledger.status is case_status(case), run.told
        assert len(run.world.written(case.workload)) == effects, run.told
    record_property("runs", len(killed))


@every_case
@pytest.mark.parametrize("fault", EVERY_FAULT)
async def test_a_call_gone_wrong_ends_as_planned_or_at_the_start(
    case: Case, fault: Fault, record_property: Callable[[str, object], None]
) -> None:
    runs = await every_run(case.scene, APPLICATION_REF, (fault,), latency=case.latency)
    for run in runs:
        assert_well(run, case)
    record_property("runs", len(runs) - 1)
