"""Clusters emptied in a world in memory, with Act killed at every call it makes."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.act.board import Board
from services.act.core.admission import Admitted, admit
from services.act.core.emptying.cordons import REFLEX, Cordon, cordon, read_cordon
from services.act.core.emptying.handover import part_of
from services.act.core.fleet import further_reads_of, next_of_fleet, reads_of
from services.act.core.ledger import Entry, Ledger, closed
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import (
    APPLICATION,
    DEPLOYMENT,
    FOREIGN_CLUSTER,
    NODE,
    POD,
    SITE,
    Ref,
    dig,
    is_going,
    name_of,
)
from services.act.core.seen import Grounds
from services.act.core.steps import Context, HandOver, Next, Progress, Wait
from services.act.executor import Executor
from services.act.handing import hand_over
from services.act.outbox import Outbox
from services.act.reading import read_seen
from shared.errors import TransientError
from shared.messages.control import Control
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome, Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName, DecisionId, decision_id
from shared.model.plan import Evacuate, OffloadNamespace
from shared.model.policy import FleetPolicy
from shared.runtime.following import Listed
from tests.support.builders import ARENA, FLEET, NOW, later
from tests.support.fakes_act import FakeClusterApi, KilledError, a_ground, a_world
from tests.support.objects_act import a_decision, a_move, a_node, a_pod, an_insight_of

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
    own = [pod for pod in api.pods() if name_of(pod).startswith("render-")]
    standing = {api.cluster_of(pod) for pod in own if not is_going(pod)}
    stands_on = standing.pop() if len(standing) == 1 else "nowhere"
    executor.board.insight = an_insight_of(at=api.at, stands_on=stands_on, interval_seconds=1.0)
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
    assert next(w.ref for w in api.writes if w.ref.kind in (NODE, DEPLOYMENT)) == METRO
    assert len(api.written(NODE)) == len(api.written(DEPLOYMENT)) == 1
    assert dig(api.objects[METRO], "spec", "unschedulable") is True
    assert read_cordon(api.objects[METRO]) == Cordon(by=ORDER.id, reason="metro is evacuated")
    assert entry.warnings == ()
    assert entry.serving_at is not None


async def test_the_part_of_an_application_is_told_as_a_plan_of_its_own() -> None:
    api = ordered(a_world())
    executor = awake(api)
    told: list[Outcome] = []
    executor.outbox.put = told.append  # type: ignore[method-assign, assignment]
    for _ in range(60):
        await turn(executor, api)
        api.tick()

    part = ledger_in(api, ARENA_REF)
    assert (part.decision, part.application) == (ORDER.id, ARENA)
    assert [entry.action for entry in part.entries] == [a_move()]
    assert part.status is Status.SUCCEEDED
    assert [o.status for o in told if o.is_part][-1] is Status.SUCCEEDED
    assert [o.status for o in told if not o.is_part][-1] is Status.SUCCEEDED


async def test_an_act_killed_after_any_call_ends_where_it_would_have() -> None:
    whole = ordered(a_world(replicas=1))
    whole.calls = 0
    await carry_out(whole)
    for killed_at in range(1, whole.calls + 1):
        api = ordered(a_world(replicas=1))
        api.calls, api.killed_at = 0, killed_at

        ledger = await carry_out(api)

        assert ledger.status is Status.SUCCEEDED, killed_at
        assert [api.cluster_of(pod) for pod in api.pods()] == ["home"], killed_at
        assert api.least_ready == 1, killed_at
        assert len(api.written(NODE)) == len(api.written(DEPLOYMENT)) == 1, killed_at


async def test_a_provider_that_is_gone_is_emptied_too_and_what_may_run_there_is_told() -> None:
    api = ordered(a_world())
    api.lose("metro")

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert ledger.message == (
        "metro stays cordoned until somebody runs kubectl uncordon; 3 pods stay Terminating, and "
        "may run there: Liqo does not reach the API server of metro"
    )
    staying = [pod for pod in api.pods() if not is_going(pod)]
    assert [api.cluster_of(pod) for pod in staying] == ["home"] * 3


async def test_a_cluster_that_comes_back_is_empty_only_when_the_old_pods_are_gone() -> None:
    api = ordered(a_world())
    api.lose("metro")
    executor = awake(api)
    while len(api.pods("home")) < 3:
        await turn(executor, api)
        api.tick()
    assert len(api.pods("metro")) == 3
    assert ledger_in(api).is_under_way

    peer = {**api.objects[Ref(kind=FOREIGN_CLUSTER, name="metro")]}
    peer["status"] = {"conditions": [{"type": "APIServerStatus", "status": "Established"}]}
    api.put(Ref(kind=FOREIGN_CLUSTER, name="metro"), peer)
    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert ledger.message == "metro stays cordoned until somebody runs kubectl uncordon"
    assert api.pods("metro") == ()


@pytest.mark.parametrize("autonomy", ["shadow", "advise"])
async def test_an_application_that_is_only_to_be_advised_stays_and_is_told(autonomy: str) -> None:
    api = ordered(a_world())
    api.objects[ARENA_REF]["spec"]["autonomy"] = autonomy

    ledger = await carry_out(api)

    (entry,) = ledger.entries
    assert ledger.status is Status.FAILED
    assert entry.warnings == (f"xr/arena: left where it is: its autonomy is {autonomy}",)
    assert entry.message.startswith("3 pods still stand on metro: xr/render-")
    assert "or let pods back by kubectl uncordon" in entry.message
    assert dig(api.objects[METRO], "spec", "unschedulable") is True
    assert api.written(DEPLOYMENT) == ()


async def test_an_application_that_asks_for_approval_is_moved_without_asking_again() -> None:
    api = ordered(a_world())
    api.objects[ARENA_REF]["spec"]["autonomy"] = Autonomy.APPROVE

    assert (await carry_out(api)).status is Status.SUCCEEDED


async def test_a_plan_that_waits_for_a_person_is_overtaken_by_the_order() -> None:
    api = with_plan(ordered(a_world()), a_decision(autonomy=Autonomy.APPROVE))
    executor = awake(api)
    told: list[Outcome] = []
    executor.outbox.put = told.append  # type: ignore[method-assign, assignment]
    for _ in range(5):
        await turn(executor, api)

    assert [(o.decision, o.status, o.message) for o in told if o.application == ARENA][:2] == [
        (a_decision().id, Status.REFUSED, f"overtaken by the order {ORDER.id}"),
        (ORDER.id, Status.PENDING, ""),
    ]
    assert (await carry_out(api)).status is Status.SUCCEEDED


async def test_a_plan_under_way_ends_before_the_application_is_handed_its_part() -> None:
    back = a_move("metro", "edge-north")
    api = with_plan(ordered(a_world()), a_decision(back, at=later(5)))

    ledger = await carry_out(api)

    part = ledger_in(api, ARENA_REF)
    assert ledger.status is Status.SUCCEEDED
    assert part.decision == a_decision(at=later(5)).id
    assert [api.cluster_of(pod) for pod in api.pods()] == ["edge-north"] * 3


async def test_a_plan_that_does_not_end_is_not_waited_for_for_ever() -> None:
    api = with_plan(ordered(a_world()), a_decision(a_move(), deadline_at=later(10_000)))
    api.objects[Ref(kind=DEPLOYMENT, namespace="xr", name="render")]["status"]["readyReplicas"] = 0
    api.stuck.add("home")
    executor = awake(api)
    await turn(executor, api)
    api.at = later(3 * 60 * 10 + 60)
    plan = ledger_in(api, ARENA_REF)
    assert plan.is_under_way

    entry = Entry(action=ORDER.plan.actions[0], status=Status.RUNNING, started_at=NOW)
    following = await asked(api, entry, at=api.at)

    assert isinstance(following, Progress)
    told = f"xr/arena: left where it is: the plan of {plan.decision} does not end"
    assert following.entry.warnings == (told,)


async def test_a_part_that_fails_is_told_and_not_tried_again() -> None:
    api = ordered(a_world())
    api.stuck.add("home")

    ledger = await carry_out(api, passes=1500)

    (entry,) = ledger.entries
    part = ledger_in(api, ARENA_REF)
    assert ledger.status is Status.FAILED
    assert not part.is_under_way
    assert entry.warnings == (f"xr/arena: {part.status}: {part.message}",)
    assert "still stand on metro" in entry.message
    assert api.least_ready == 3


async def test_an_application_that_is_gone_or_whose_ledger_is_damaged_is_told() -> None:
    api = ordered(a_world())
    running = Entry(action=ORDER.plan.actions[0], status=Status.RUNNING, started_at=NOW)
    await api.write(cordon(api.objects[METRO], Cordon(by=ORDER.id, reason="")))
    api.objects[ARENA_REF]["status"] = {"plan": {"phase": "odd"}}
    damaged = await asked(api, running)
    del api.objects[ARENA_REF]
    gone = await asked(api, running)

    assert isinstance(damaged, Progress)
    assert isinstance(gone, Progress)
    assert damaged.entry.warnings[0].startswith(
        "xr/arena: left where it is: status.plan of xr/arena cannot be read"
    )
    assert gone.entry.warnings == ("xr/arena: left where it is: there is no such Application",)


async def test_pods_that_no_move_covers_are_named_and_those_of_daemonsets_stay() -> None:
    api = ordered(a_world())
    stray(api, "agent-1", "DaemonSet")
    stray(api, "job-1")
    failed = await carry_out(api)
    assert failed.status is Status.FAILED
    assert failed.message.startswith("1 pods still stand on metro: xr/job-1; what was moved")

    api = ordered(a_world())
    stray(api, "agent-1", "DaemonSet")
    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert ledger.message.endswith("; 1 pods of DaemonSets stay there")


async def test_pods_that_have_ended_do_not_count() -> None:
    api = ordered(a_world())
    pod = a_pod("done-1", "metro", phase="Succeeded")
    api.put(Ref(kind=POD, namespace="xr", name="done-1"), pod)
    pod["metadata"]["labels"] = {}

    assert (await carry_out(api)).status is Status.SUCCEEDED


async def test_pods_that_do_not_go_away_end_it_with_their_names() -> None:
    api = ordered(a_world())
    await api.write(cordon(api.objects[METRO], Cordon(by=ORDER.id, reason="")))
    for ref in [r for r in api.objects if r.kind == POD]:
        del api.objects[ref]
    for number in range(5):
        stray(api, f"slow-{number}", deletionTimestamp="2026-11-24T07:00:00Z")
    entry = Entry(action=ORDER.plan.actions[0], status=Status.RUNNING, started_at=NOW)

    serving = await asked(api, entry)
    assert isinstance(serving, Progress)
    waiting = await asked(api, serving.entry)
    late = await asked(api, serving.entry, at=later(3600))

    told = "5 pods on metro do not go away: xr/slow-0, xr/slow-1, xr/slow-2 and 2 more"
    assert waiting == Wait(reason=told)
    assert isinstance(late, Progress)
    assert late.entry.status is Status.FAILED
    assert late.entry.message.startswith(told)


async def test_what_somebody_else_cordoned_keeps_its_own_mark() -> None:
    api = ordered(a_world())
    api.objects[METRO]["spec"]["unschedulable"] = True

    ledger = await carry_out(api)

    assert ledger.status is Status.SUCCEEDED
    assert api.written(NODE) == ()


async def test_the_reflex_own_cordon_becomes_that_of_the_order() -> None:
    api = ordered(a_world())
    await api.write(cordon(api.objects[METRO], Cordon(by=REFLEX, reason="lost")))

    await carry_out(api)

    mark = read_cordon(api.objects[METRO])
    assert mark is not None
    assert mark.by == ORDER.id


async def test_a_person_who_uncordons_ends_it() -> None:
    api = ordered(a_world())
    executor = awake(api)
    await turn(executor, api)
    await turn(executor, api)
    assert dig(api.objects[METRO], "spec", "unschedulable") is True
    api.objects[METRO]["spec"].pop("unschedulable")

    ledger = await carry_out(api)

    assert ledger.status is Status.FAILED
    assert ledger.message.startswith("somebody uncordoned metro; what was moved stays moved")
    assert not dig(api.objects[METRO], "spec", "unschedulable")


async def test_every_virtual_node_of_the_cluster_is_cordoned_and_no_other() -> None:
    api = ordered(a_world())
    pool = a_node("metro-pool", "metro")
    api.put(Ref(kind=NODE, name="metro-pool"), pool)

    assert (await carry_out(api)).status is Status.SUCCEEDED

    assert [w.ref.name for w in api.written(NODE)] == ["metro", "metro-pool"]


async def test_a_paused_loop_does_not_go_on_until_it_is_resumed() -> None:
    api = ordered(a_world())
    executor = awake(api)
    executor.board.control = Control(fleet=FLEET, paused=True, by="ann", reason="", at=NOW)
    for _ in range(5):
        await turn(executor, api)

    assert api.writes == []


@pytest.mark.parametrize(
    ("cluster", "at", "reason"),
    [
        ("home", NOW, "home is the management cluster: it has no virtual node to cordon"),
        ("cloud", NOW, "cloud has no virtual node: nothing can stand on it"),
        ("metro", later(3600), "its deadline has passed"),
    ],
)
async def test_what_cannot_be_evacuated_is_refused_before_anything_is_done(
    cluster: str, at: datetime, reason: str
) -> None:
    api = a_world()
    action = Evacuate(cluster=ClusterName(cluster))

    following = await asked(api, Entry(action=action), at=at)

    assert isinstance(following, Progress)
    assert following.entry.status is Status.REFUSED
    assert following.entry.message == reason


async def test_an_application_is_stretched_over_the_clusters_its_parts_go_to() -> None:
    whole = ledger_in(ordered(a_world()))
    moves = (a_move(target="edge-north"), a_move(component="ingest"))

    part = part_of(
        HandOver(moves=moves), whole, home=ClusterName("home"), now=NOW, lifetime=timedelta(60)
    )

    stretch = OffloadNamespace(application=ARENA, clusters=(ClusterName("edge-north"),))
    assert [entry.action for entry in part.entries] == [stretch, *moves]


async def test_a_part_is_handed_over_once_and_never_to_a_busy_application() -> None:
    api = ordered(a_world())
    executor, whole = awake(api), ledger_in(api)
    part = HandOver(moves=(a_move(),))
    executor.board.insight = an_insight_of(at=NOW)
    hand = (part, whole, executor.board, executor.outbox, api, NOW)
    await hand_over(*hand)
    await hand_over(*hand)
    assert len(api.written(APPLICATION, "status")) == 1

    with pytest.raises(TransientError, match="changed meanwhile"):
        await hand_over(part, replace(whole, decision=DecisionId("x_y")), *hand[2:])
    executor.board.applications.clear()
    with pytest.raises(TransientError, match="is gone"):
        await hand_over(*hand)


async def test_the_cycle_of_an_application_never_goes_back() -> None:
    api = with_plan(ordered(a_world()), a_decision(at=later(30)))
    plan = ledger_in(api, ARENA_REF)
    done = closed(replace(plan, status=Status.SUCCEEDED), Status.SUCCEEDED)
    api.objects[ARENA_REF]["status"] = {"plan": ledger_json(done)}

    await carry_out(api)

    part = ledger_in(api, ARENA_REF)
    assert (part.decision, part.cycle) == (ORDER.id, plan.cycle)


def with_plan(api: FakeClusterApi, decision: Decision) -> FakeClusterApi:
    """Return the world with a plan of Decide's in the ledger of the arena."""
    admission = admit(decision, None, now=api.at, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    arena = {**api.objects[ARENA_REF], "status": {"plan": ledger_json(admission.ledger)}}
    api.put(ARENA_REF, arena)
    return api


async def asked(api: FakeClusterApi, entry: Entry, *, at: datetime = NOW) -> Next:
    """Return what the order says comes next, in the world as it stands."""
    action = entry.action
    assert isinstance(action, Evacuate)
    grounds = Grounds(
        home=ClusterName("home"),
        namespace="crossloop",
        applications={ARENA: api.objects[ARENA_REF]} if ARENA_REF in api.objects else {},
    )
    context = Context(
        now=at, decision=ORDER.id, deadline_at=later(120), insight=an_insight_of(at=at)
    )
    seen = await read_seen(api, reads_of(action, grounds))
    seen = seen.plus(await read_seen(api, further_reads_of(action, seen)))
    return next_of_fleet(action, entry, seen, grounds, context)
