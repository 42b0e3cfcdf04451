"""Moves away from a cluster that is lost, where its pods may be given up and where not."""

from dataclasses import replace

import pytest

from services.act.core.objects import DEPLOYMENT, POD, STATEFUL_SET, Kind
from shared.messages.insight import Insight
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind, WorkloadRef
from shared.model.policy import FleetPolicy
from tests.support.executing_act import admitted, awake, go_on, good, ledger_in, seen
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.objects_act import a_decision, a_move

GENEROUS = FleetPolicy(allow_double_run=True)


def begun(workload: Kind) -> FakeClusterApi:
    """Return a cluster in which the decision to move render from metro was admitted."""
    kind = WorkloadKind.STATEFUL_SET if workload == STATEFUL_SET else WorkloadKind.DEPLOYMENT
    move = a_move(workload=WorkloadRef(kind=kind, name="render"))
    return admitted(a_world(workload=workload), a_decision(move))


def seen_generously(api: FakeClusterApi) -> Insight:
    """Return what the loop would see, where the policy allows a double run."""
    return replace(seen(api, good), policy=GENEROUS)


async def carry_out_generously(api: FakeClusterApi) -> None:
    """Let Act and the cluster go on until the plan ends, where a double run is allowed."""
    executor = awake(api)
    for _ in range(400):
        executor.board.insight = seen_generously(api)
        await executor.advance_all()
        if not ledger_in(api).is_under_way:
            return
        api.tick()
    raise AssertionError(f"still {ledger_in(api)}")


@pytest.mark.parametrize("workload", [DEPLOYMENT, STATEFUL_SET])
async def test_pods_of_a_lost_cluster_are_given_up_where_a_double_run_is_allowed(
    workload: Kind,
) -> None:
    api = begun(workload)
    api.lose("metro")
    doomed = {pod["metadata"]["uid"] for pod in api.pods("metro")}

    await carry_out_generously(api)

    ledger = ledger_in(api)
    assert ledger.status is Status.SUCCEEDED
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3
    assert ledger.message == ("its old replicas were given up; they may run on until metro answers")
    deleted = api.written(POD)
    assert {w.body["preconditions"]["uid"] for w in deleted} == doomed
    assert {w.body["gracePeriodSeconds"] for w in deleted} == {0}


@pytest.mark.parametrize("seconds", [1, 2, 3, 6, 10])
async def test_a_source_lost_while_its_pods_are_exchanged_one_by_one_is_given_up(
    seconds: int,
) -> None:
    api = begun(STATEFUL_SET)
    executor = awake(api)
    for _ in range(seconds):
        executor.board.insight = seen_generously(api)
        await executor.advance_all()
        api.tick()
    assert api.pods("metro")
    api.lose("metro")

    await carry_out_generously(api)

    assert ledger_in(api).status is Status.SUCCEEDED
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3


async def test_no_pod_of_a_lost_cluster_is_deleted_where_nobody_allowed_it() -> None:
    api = begun(STATEFUL_SET)
    api.lose("metro")

    await go_on(api, lambda api: not ledger_in(api).is_under_way)

    ledger = ledger_in(api)
    assert ledger.status is Status.REFUSED
    assert "does not allow a double run" in ledger.message
    assert api.written(POD) == ()
    assert api.written(STATEFUL_SET) == ()
