"""Plans carried out against a cluster in memory, with Act killed at every call it makes."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.objects import DEPLOYMENT, NAMESPACE_OFFLOADING, SERVICE, Ref
from shared.messages.control import Control
from shared.messages.outcome import Status
from shared.model.application import WorkloadRef
from shared.model.names import ClusterName, ComponentName
from shared.model.plan import OffloadNamespace, Scale
from shared.runtime.following import Listed
from tests.support.builders import ARENA, FLEET, NOW, a_placement, later
from tests.support.executing_act import (
    APPLICATION_REF,
    Latency,
    admitted,
    awake,
    bad_at_home,
    carry_out,
    good,
    ledger_in,
    seen,
)
from tests.support.fakes_act import a_world
from tests.support.objects_act import a_decision, a_move, a_service

RENDER = Ref(kind=DEPLOYMENT, namespace="xr", name="render")


async def test_a_move_makes_before_it_breaks_and_writes_the_affinity_once() -> None:
    api = admitted(a_world(), a_decision())

    ledger = await carry_out(api)

    (entry,) = ledger.entries
    assert ledger.status is Status.SUCCEEDED
    assert len(api.written(DEPLOYMENT)) == 1
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3
    assert api.least_ready == 3
    assert entry.started_at is not None
    assert entry.serving_at is not None
    assert entry.finished_at is not None
    assert entry.started_at < entry.serving_at < entry.finished_at


async def test_a_move_that_makes_the_quality_worse_ends_where_it_began() -> None:
    api = admitted(a_world(), a_decision())

    ledger = await carry_out(api, bad_at_home)

    assert ledger.status is Status.REVERTED
    assert "visitors has 30.0 ms, more than 21.0 ms" in ledger.message
    assert len(api.written(DEPLOYMENT)) == 2
    assert [api.cluster_of(pod) for pod in api.pods()] == ["metro"] * 3
    assert api.least_ready == 3


async def test_a_target_that_never_gets_ready_takes_the_move_back() -> None:
    api = admitted(a_world(), a_decision())
    api.stuck.add("home")

    ledger = await carry_out(api)

    assert ledger.status is Status.REVERTED
    assert [api.cluster_of(pod) for pod in api.pods()] == ["metro"] * 3
    assert api.least_ready == 3


async def _calls_of(latency: Latency) -> list[int]:
    """Return the calls of a move that are writes, and those before them."""
    api = admitted(a_world(), a_decision())
    await carry_out(api, latency)
    return sorted({call - n for call in api.written_at for n in (0, 1)})


@pytest.mark.parametrize(
    ("latency", "status", "cluster", "writes"),
    [(good, Status.SUCCEEDED, "home", 1), (bad_at_home, Status.REVERTED, "metro", 2)],
)
async def test_act_killed_around_any_write_ends_the_move_the_same_way_and_does_nothing_twice(
    latency: Latency, status: Status, cluster: str, writes: int
) -> None:
    for call in await _calls_of(latency):
        api = admitted(a_world(), a_decision())
        api.killed_at = call

        ledger = await carry_out(api, latency)

        assert ledger.status is status, call
        assert [api.cluster_of(pod) for pod in api.pods()] == [cluster] * 3, call
        assert len(api.written(DEPLOYMENT)) == writes, call
        assert api.least_ready == 3, call


async def test_two_acts_at_once_write_the_affinity_once() -> None:
    api = admitted(a_world(), a_decision())
    acts = awake(api), awake(api)

    for _ in range(200):
        for act in acts:
            act.board.insight = seen(api, good)
            act.board.hear(Listed(objects=(api.objects[APPLICATION_REF],)))
            await act.advance_all()
        api.tick()

    assert ledger_in(api).status is Status.SUCCEEDED
    assert len(api.written(DEPLOYMENT)) == 1


async def test_a_lost_source_is_left_without_waiting_for_its_pods() -> None:
    api = a_world()
    api.lose("metro")
    admitted(api, a_decision())

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert len(api.pods("home")) == 3
    assert "3 old replicas stay Terminating until metro answers" in ledger.message


async def test_a_write_that_conflicts_with_another_manager_is_a_refusal_with_its_name() -> None:
    api = admitted(a_world(), a_decision())
    api.refusals[RENDER] = 'Apply failed with 1 conflict: conflict with "argocd"'

    ledger = await carry_out(api)

    assert ledger.status is Status.REFUSED
    assert 'conflict with "argocd"' in ledger.message
    assert api.written(DEPLOYMENT) == ()


async def test_the_actions_after_a_refused_one_are_not_begun() -> None:
    ingest = a_move(component=ComponentName("ingest"), workload=WorkloadRef(name="ingest"))
    api = admitted(a_world(), a_decision(ingest, a_move()))

    ledger = await carry_out(api)

    assert [e.status for e in ledger.entries] == [Status.REFUSED, Status.REFUSED]
    assert [e.message for e in ledger.entries] == ["Deployment ingest does not exist", "not begun"]
    assert api.written(DEPLOYMENT) == ()


async def test_a_namespace_is_stretched_further_before_a_move_uses_it() -> None:
    clusters = (ClusterName("cloud"), ClusterName("home"))
    offload = OffloadNamespace(application=ARENA, clusters=clusters)
    api = admitted(a_world(), a_decision(offload, a_move()))

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    (write,) = api.written(NAMESPACE_OFFLOADING)
    (term,) = write.body["spec"]["clusterSelector"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == ["cloud", "edge-north", "metro"]


def a_scale(replicas_before: int, replicas: int) -> Scale:
    """Return a change of render's replicas."""
    return Scale(
        application=ARENA,
        component=ComponentName("render"),
        workload=WorkloadRef(name="render"),
        replicas_before=replicas_before,
        replicas=replicas,
    )


async def test_act_killed_after_any_call_scales_once() -> None:
    api = admitted(a_world(), a_decision(a_scale(3, 4)))
    await carry_out(api)
    for call in range(1, api.calls + 1):
        api = admitted(a_world(), a_decision(a_scale(3, 4)))
        api.killed_at = call

        ledger = await carry_out(api)

        assert ledger.status is Status.SUCCEEDED, call
        assert len(api.pods("metro")) == 4, call
        assert len(api.written(DEPLOYMENT, "scale")) == 1, call


async def test_replicas_that_do_not_get_ready_are_taken_back() -> None:
    api = admitted(a_world(), a_decision(a_scale(3, 4)))
    api.stuck.add("metro")

    ledger = await carry_out(api)

    assert ledger.status is Status.REVERTED
    assert len(api.pods("metro")) == 3


async def test_replicas_that_somebody_changed_meanwhile_are_left_alone() -> None:
    api = admitted(a_world(), a_decision(a_scale(2, 4)))

    ledger = await carry_out(api)

    assert ledger.status is Status.REFUSED
    assert ledger.message == "render has 3 replicas, not 2"


async def test_a_paused_loop_takes_no_step_and_goes_on_when_it_is_resumed() -> None:
    api = admitted(a_world(), a_decision())
    executor = awake(api)
    executor.board.insight = seen(api, good)
    executor.board.control = Control(fleet=FLEET, paused=True, by="ann", reason="", at=NOW)

    await executor.advance_all()
    calls = api.calls
    await executor.advance_all()
    assert (api.calls, api.writes) == (calls, [])

    ledger = await carry_out(api)
    assert ledger.status is Status.SUCCEEDED


async def test_nothing_under_way_asks_nothing_of_the_api_server() -> None:
    api = admitted(a_world(), a_decision())
    await carry_out(api)
    executor = awake(api)
    executor.board.insight = seen(api, good)
    calls = api.calls

    await executor.advance_all()

    assert api.calls == calls


async def test_a_damaged_ledger_is_left_alone_and_stops_nobody(caplog: Any) -> None:
    api = admitted(a_world(), a_decision())
    broken = {"metadata": {"name": "broken", "namespace": "xr"}, "status": {"plan": {"phase": 7}}}
    executor = awake(api)
    executor.board.hear(Listed(objects=(broken, api.objects[APPLICATION_REF])))
    executor.board.insight = seen(api, good)

    await executor.advance_all()

    assert len(api.written(DEPLOYMENT)) == 1


async def test_a_decision_not_begun_by_its_deadline_is_refused() -> None:
    api = admitted(a_world(), a_decision())
    api.at = later(121)

    ledger = await carry_out(api)

    assert (ledger.status, ledger.message) == (Status.REFUSED, "its deadline has passed")


async def test_without_a_home_in_the_fleet_a_move_waits_where_it_is() -> None:
    api = admitted(a_world(), a_decision())
    executor = awake(api)
    for _ in range(5):
        executor.board.insight = seen(api, good)
        await executor.advance_all()
        api.tick()
    under_way, writes = ledger_in(api), len(api.written(DEPLOYMENT))
    insight = seen(api, good)
    executor.board.insight = replace(insight, fleet=replace(insight.fleet, clusters=()))

    await executor.advance_all()

    assert under_way.status is Status.RUNNING
    assert ledger_in(api) == under_way
    assert len(api.written(DEPLOYMENT)) == writes


async def test_a_server_that_asks_to_be_left_alone_is_not_asked_before() -> None:
    api = admitted(a_world(), a_decision())
    api.silences, api.asked_pause = 1, 30.0
    executor = awake(api)
    executor.board.insight = seen(api, good)

    await executor.advance_all()
    calls = api.calls
    api.at = later(29, api.at)
    await executor.advance_all()
    assert api.calls == calls

    api.at = later(2, api.at)
    await executor.advance_all()
    assert api.calls > calls


async def test_what_a_move_starves_is_told_in_its_ledger_from_the_beginning() -> None:
    api = admitted(a_world(), a_decision())
    ref = Ref(kind=SERVICE, namespace="xr", name="render")
    api.put(ref, a_service(internalTrafficPolicy="Local"))
    executor = awake(api)
    insight = seen(api, good)
    far = (a_placement("ingest", "metro"), *insight.fleet.placements[1:])
    executor.board.insight = replace(insight, fleet=replace(insight.fleet, placements=far))

    await executor.advance_all()

    (entry,) = ledger_in(api).entries
    assert entry.warnings == (
        "Service render has internalTrafficPolicy Local: ingest will not reach render on home",
    )
    assert len(api.written(DEPLOYMENT)) == 1
