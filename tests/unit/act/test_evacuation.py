"""Clusters emptied in a world in memory, with Act killed at every call it makes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from services.act.board import Board
from services.act.core.admission import Admitted, admit
from services.act.core.cordons import MARK, Cordon, cordon, read_cordon
from services.act.core.ledger import Entry, Ledger
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import APPLICATION, DEPLOYMENT, NODE, POD, SITE, Object, Ref, dig
from services.act.core.workloads import is_terminating
from services.act.executor import Executor
from services.act.outbox import Outbox
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName, decision_id
from shared.model.plan import Evacuate, Move, Plan
from shared.model.policy import FleetPolicy
from shared.runtime.following import Listed
from tests.support.builders import ARENA, FLEET, NOW, later
from tests.support.fakes_act import FakeClusterApi, KilledError, a_ground, a_world
from tests.support.objects_act import a_decision, a_move, a_pod, an_insight_of

SITE_REF = Ref(kind=SITE, name="metro")
ARENA_REF = Ref(kind=APPLICATION, namespace="xr", name="arena")
METRO = Ref(kind=NODE, name="metro")
ORDER = a_decision(
    Evacuate(cluster=ClusterName("metro"), moves=(a_move(),)),
    id=decision_id(a_decision().cycle, CAPACITY),
    application=CAPACITY,
    expectations=(),
)


def ordered(api: FakeClusterApi, order: Decision = ORDER) -> FakeClusterApi:
    """Return the world with an approved order in the ledger of its Site."""
    admission = admit(order, None, now=api.at, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    api.put(
        SITE_REF,
        {"metadata": {"name": "metro"}, "status": {"plan": ledger_json(admission.ledger)}},
    )
    return api


def order_of(*moves: Move, cluster: str = "metro", **changes: Any) -> Decision:
    """Return an order to evacuate a cluster."""
    action = Evacuate(cluster=ClusterName(cluster), moves=moves)
    return replace(ORDER, plan=Plan(actions=(action,)), **changes)


def awake(api: FakeClusterApi) -> Executor:
    """Return an Act that has just started."""
    board = Board(fleet=FLEET)
    board.hear(Listed(objects=tuple(o for r, o in api.objects.items() if r.kind == APPLICATION)))
    board.hear_of_sites(Listed(objects=(api.objects[SITE_REF],)))
    return Executor(api=api, board=board, outbox=Outbox(board), now=api.now, ground=a_ground())


def ledger_in(api: FakeClusterApi, ref: Ref = SITE_REF) -> Ledger:
    """Return a ledger as Kubernetes has it."""
    ledger = read_ledger(api.objects[ref])
    assert ledger is not None
    return ledger


async def turn(executor: Executor, api: FakeClusterApi) -> Executor:
    """Let Act look once; a killed one is started again."""
    standing = {api.cluster_of(pod) for pod in api.pods() if not is_terminating(pod)}
    stands_on = standing.pop() if len(standing) == 1 else "nowhere"
    executor.board.insight = an_insight_of(at=api.at, stands_on=stands_on, interval_seconds=2.0)
    try:
        await executor.advance_all()
    except* KilledError:
        executor = awake(api)
    return executor


async def carry_out(api: FakeClusterApi, *, passes: int = 400) -> Ledger:
    """Let Act and the world go on until the order ends."""
    executor = awake(api)
    for _ in range(passes):
        executor = await turn(executor, api)
        if not ledger_in(api).is_under_way:
            return ledger_in(api)
        api.tick()
    raise AssertionError(f"still {ledger_in(api)}")


def stray(api: FakeClusterApi, name: str, owner: str = "", **changes: Any) -> None:
    """Put a pod on metro that no move of the order covers."""
    pod = a_pod(name, "metro")
    pod["metadata"]["ownerReferences"] = [{"kind": owner, "name": "agent"}] if owner else []
    pod["metadata"].update(changes)
    api.put(Ref(kind=POD, namespace="xr", name=name), pod)


async def test_a_cluster_is_cordoned_first_and_then_emptied_without_losing_a_replica() -> None:
    api = ordered(a_world())

    ledger = await carry_out(api)

    (entry,) = ledger.entries
    assert ledger.status is Status.SUCCEEDED
    assert ledger.message == "metro stays cordoned until somebody runs kubectl uncordon"
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3
    assert api.least_ready == 3
    assert [w.ref for w in api.writes if w.ref.kind in (NODE, DEPLOYMENT)][0] == METRO
    assert len(api.written(NODE)) == len(api.written(DEPLOYMENT)) == 1
    assert dig(api.objects[METRO], "spec", "unschedulable") is True
    assert read_cordon(api.objects[METRO]) == Cordon(by=ORDER.id, reason="metro is evacuated")
    assert entry.warnings == ()
    assert entry.serving_at is not None


async def test_the_part_of_an_application_is_told_as_a_plan_of_its_own() -> None:
    api = ordered(a_world())
    executor = awake(api)
    told: list[Outcome] = []
    executor.outbox.put = told.append  # type: ignore[method-assign]
    for _ in range(60):
        await turn(executor, api)
        api.tick()

    part = ledger_in(api, ARENA_REF)
    assert (part.decision, part.application) == (ORDER.id, ARENA)
    assert [entry.action for entry in part.entries] == [a_move()]
    assert part.status is Status.SUCCEEDED
    assert [o.status for o in told if o.is_part][-1] is Status.SUCCEEDED
    assert [o.status for o in told if not o.is_part][-1] is Status.SUCCEEDED


async def calls_needed() -> int:
    """Return how many calls an evacuation takes where nothing goes wrong."""
    api = ordered(a_world())
    api.calls = 0
    await carry_out(api)
    return api.calls


def kills() -> Iterator[int]:
    """Yield every call of an evacuation, and some more."""
    yield from range(1, 120)


@pytest.mark.parametrize("killed_at", kills())
async def test_an_act_killed_after_any_call_ends_where_it_would_have(killed_at: int) -> None:
    api = ordered(a_world())
    api.calls, api.killed_at = 0, killed_at

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert [api.cluster_of(pod) for pod in api.pods()] == ["home"] * 3
    assert api.least_ready == 3
    assert len(api.written(NODE)) == len(api.written(DEPLOYMENT)) == 1
