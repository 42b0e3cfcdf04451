"""A pause in the middle of a move: the rollout stands still, with two copies rather than none."""

import asyncio
from copy import deepcopy

import pytest

from services.act.core.moving.marks import read_mark
from services.act.core.objects import DEPLOYMENT, STATEFUL_SET, Kind, Ref, dig
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind, WorkloadRef
from tests.support.executing_act import (
    PAUSE,
    admitted,
    awake,
    carry_out,
    go_on,
    good,
    ledger_in,
    seen,
)
from tests.support.fakes_act import FakeClusterApi, KilledError, a_world
from tests.support.objects_act import a_decision, a_move

RENDER = Ref(kind=DEPLOYMENT, namespace="xr", name="render")
SET = Ref(kind=STATEFUL_SET, namespace="xr", name="render")


def begun(workload: Kind = DEPLOYMENT) -> FakeClusterApi:
    """Return a cluster in which the decision to move render from metro was admitted."""
    kind = WorkloadKind.STATEFUL_SET if workload == STATEFUL_SET else WorkloadKind.DEPLOYMENT
    move = a_move(workload=WorkloadRef(kind=kind, name="render"))
    return admitted(a_world(workload=workload), a_decision(move))


def at_home(least: int, api: FakeClusterApi) -> bool:
    """Tell whether so many copies run on the target."""
    return len([p for p in api.pods("home") if p["status"]["phase"] == "Running"]) >= least


async def halfway(workload: Kind = DEPLOYMENT) -> FakeClusterApi:
    """Return a cluster in which some copies run on the target, and some where they were."""
    api = begun(workload)
    await go_on(api, lambda api: at_home(2, api))
    assert api.pods("metro")
    return api


async def stand_still(api: FakeClusterApi, seconds: int = 20) -> None:
    """Let the cluster go on for a while with an Act that starts in a pause."""
    executor = awake(api, PAUSE)
    for _ in range(seconds):
        executor.board.insight = seen(api, good)
        try:
            await executor.advance_all()
        except* KilledError:
            executor = awake(api, PAUSE)
        api.tick()


def standing(api: FakeClusterApi) -> list[str]:
    return sorted(api.cluster_of(pod) for pod in api.pods())


async def test_a_pause_freezes_the_rollout_of_a_deployment_in_one_write_with_its_mark() -> None:
    api = await halfway()

    await stand_still(api, seconds=1)

    frozen = api.written(DEPLOYMENT)[-1]
    mark = read_mark(api.objects[RENDER])
    assert frozen.body["spec"]["paused"] is True
    assert mark is not None
    assert mark.frozen


@pytest.mark.parametrize("workload", [DEPLOYMENT, STATEFUL_SET])
async def test_a_frozen_rollout_keeps_copies_in_both_places_and_goes_on_after(
    workload: Kind,
) -> None:
    api = await halfway(workload)
    await stand_still(api)
    once = standing(api)
    await stand_still(api)

    assert standing(api) == once
    assert set(once) == {"home", "metro"}
    ledger = await carry_out(api)
    assert ledger.status is Status.SUCCEEDED
    assert standing(api) == ["home"] * 3
    assert api.least_ready == 3
    assert dig(api.objects.get(RENDER), "spec", "paused") is None


async def test_time_in_a_pause_is_not_the_time_a_move_may_take() -> None:
    api = await halfway()
    await stand_still(api, seconds=400)

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED


async def test_a_rollout_that_somebody_lets_go_on_is_not_frozen_again() -> None:
    api = await halfway()
    await stand_still(api, seconds=2)
    deployment = deepcopy(api.objects[RENDER])
    del deployment["spec"]["paused"]
    api.put(RENDER, deployment)

    await stand_still(api)

    assert standing(api) == ["home"] * 3
    assert dig(api.objects[RENDER], "spec", "paused") is None
    assert (await carry_out(api)).status is Status.SUCCEEDED


async def test_a_move_that_only_soaks_is_not_frozen() -> None:
    api = begun()
    await go_on(api, lambda api: ledger_in(api).entries[0].serving_at is not None)
    for _ in range(4):
        api.tick()
    writes = len(api.written(DEPLOYMENT))

    await stand_still(api)

    assert len(api.written(DEPLOYMENT)) == writes


async def test_a_rollout_that_may_not_be_frozen_goes_on_to_its_end() -> None:
    api = await halfway()
    api.refusals[RENDER] = 'Apply failed with 1 conflict: conflict with "argocd": .spec.paused'
    await stand_still(api)
    api.refusals.clear()

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert api.least_ready == 3


@pytest.mark.parametrize("workload", [DEPLOYMENT, STATEFUL_SET])
async def test_act_killed_at_any_call_around_a_pause_ends_the_move_the_same_way(
    workload: Kind,
) -> None:
    for call in range(1, 14):
        api = await halfway(workload)
        api.killed_at = api.calls + call
        await stand_still(api, seconds=4)

        ledger = await carry_out(api)

        assert ledger.status is Status.SUCCEEDED, call
        assert standing(api) == ["home"] * 3, call
        assert api.least_ready == 3, call


async def test_a_pause_is_acted_on_at_once_and_not_only_at_the_next_look() -> None:
    api = await halfway()
    executor = awake(api)
    executor.board.insight = seen(api, good)
    looking = asyncio.create_task(executor.run(interval_seconds=60))
    await asyncio.sleep(0.05)
    frozen_before = _is_frozen(api)

    executor.board.control = PAUSE
    executor.board.touch()
    async with asyncio.timeout(1):
        while not _is_frozen(api):  # noqa: ASYNC110 - until the cluster shows it
            await asyncio.sleep(0.005)

    looking.cancel()
    await asyncio.wait({looking})
    assert not frozen_before


def _is_frozen(api: FakeClusterApi) -> bool:
    mark = read_mark(api.objects[RENDER])
    return mark is not None and mark.frozen
