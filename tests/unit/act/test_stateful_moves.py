"""StatefulSets moved in a cluster in memory: one pod more, and never fewer than before."""

from services.act.core.moving.stateful import partition_of
from services.act.core.objects import STATEFUL_SET, Ref, dig
from shared.messages.outcome import Status
from shared.model.application import WorkloadKind, WorkloadRef
from tests.support.executing_act import admitted, awake, bad_at_home, carry_out, good, seen
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.objects_act import a_decision, a_move

RENDER = Ref(kind=STATEFUL_SET, namespace="xr", name="render")
WORKLOAD = WorkloadRef(kind=WorkloadKind.STATEFUL_SET, name="render")


def begun(**move: str) -> FakeClusterApi:
    """Return a cluster in which the decision to move a StatefulSet from metro was admitted."""
    api = a_world(workload=STATEFUL_SET)
    return admitted(api, a_decision(a_move(workload=WORKLOAD, **move)))


async def test_a_stateful_set_moves_with_one_pod_more_and_never_one_less() -> None:
    api = begun()

    ledger = await carry_out(api)

    assert (ledger.status, ledger.message) == (Status.SUCCEEDED, "")
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3
    assert api.least_ready == 3
    scales = [w.body["spec"]["replicas"] for w in api.written(STATEFUL_SET, "scale")]
    assert scales == [4, 3]


async def test_its_partition_is_given_back_at_the_end() -> None:
    api = begun()

    await carry_out(api)

    partitions = [
        dig(write.body, "spec", "updateStrategy", "rollingUpdate", "partition")
        for write in api.written(STATEFUL_SET)
    ]
    assert [p for p in partitions if p is not None] == [3, 0]
    assert partition_of(api.objects[RENDER]) == 0


async def test_a_stateful_set_whose_quality_is_worse_goes_back_the_same_way() -> None:
    api = begun()

    ledger = await carry_out(api, bad_at_home)

    assert ledger.status is Status.REVERTED
    assert [api.cluster_of(pod) for pod in api.pods()] == ["metro"] * 3
    assert api.least_ready == 3
    scales = [w.body["spec"]["replicas"] for w in api.written(STATEFUL_SET, "scale")]
    assert scales == [4, 3, 4, 3]


async def test_one_more_pod_that_never_gets_ready_is_all_that_is_tried() -> None:
    api = begun()
    api.stuck.add("home")

    ledger = await carry_out(api)

    assert ledger.status is Status.REVERTED
    assert sorted(api.cluster_of(pod) for pod in api.pods()) == ["metro"] * 3
    assert api.least_ready == 3


async def test_a_target_that_stops_half_way_takes_the_pods_back() -> None:
    api = begun()
    executor = awake(api)
    for _ in range(200):
        executor.board.insight = seen(api, good)
        await executor.advance_all()
        api.tick()
        if len([p for p in api.pods("home") if p["status"]["phase"] == "Running"]) == 2:
            break
    api.stuck.add("home")

    ledger = await carry_out(api)

    assert ledger.status is Status.REVERTED
    assert sorted(api.cluster_of(pod) for pod in api.pods()) == ["metro"] * 3
    assert api.least_ready == 3


async def test_act_killed_after_any_write_goes_back_the_same_way() -> None:
    whole = begun()
    await carry_out(whole, bad_at_home)
    for call in whole.written_at:
        api = begun()
        api.killed_at = call

        ledger = await carry_out(api, bad_at_home)

        assert ledger.status is Status.REVERTED, call
        assert [api.cluster_of(pod) for pod in api.pods()] == ["metro"] * 3, call
        assert len(api.written(STATEFUL_SET)) == len(whole.written(STATEFUL_SET)), call
        assert api.least_ready == 3, call
