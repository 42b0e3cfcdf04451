"""Plans for whole clusters: kept on Sites, admitted and answered as those of applications are."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.board import Board
from services.act.core.act import LIQO_COMES, after_progress
from services.act.core.action_json import action_from, action_json
from services.act.core.ledger import Entry, Ledger
from services.act.core.ledger_json import ledger_json, read_ledger
from services.act.core.objects import SITE, Ref, dig
from services.act.core.steps import ended
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.statuses import StatusWriter
from shared.errors import PermanentError, TransientError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Verdict
from shared.messages.outcome import Outcome, Phase, Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ClusterName, DecisionId, decision_id
from shared.model.plan import (
    Action,
    CreateCluster,
    DeleteCluster,
    Evacuate,
    FleetAction,
    GrowCluster,
    Peer,
    Plan,
    ShrinkCluster,
    Unpeer,
    describe,
    site_of,
)
from shared.model.policy import FleetPolicy
from shared.runtime.following import Absent, Changed, Listed
from tests.support.builders import ARENA, FLEET, NOW, cycle_at, later
from tests.support.fakes_act import a_ground, a_world
from tests.support.objects_act import a_decision, a_move, an_insight_of

HOME, METRO = ClusterName("home"), ClusterName("metro")
SITE_OF_METRO = Ref(kind=SITE, name=METRO)
RESIZED: dict[str, Any] = {
    "cluster": METRO,
    "namespace": "capi",
    "machine_deployment": "metro-md-0",
    "expected_minutes": 5.0,
}
GROW = GrowCluster(nodes_before=2, nodes=4, **RESIZED)
ACTIONS: tuple[FleetAction, ...] = (
    GROW,
    ShrinkCluster(nodes_before=4, nodes=2, **RESIZED),
    CreateCluster(site=METRO, template="kubeadm", expected_minutes=30.0),
    DeleteCluster(site=METRO),
    Peer(consumer=HOME, provider=METRO),
    Unpeer(consumer=HOME, provider=METRO),
    Evacuate(cluster=METRO, moves=(replace(a_move(), source=METRO, target=HOME, pool="p"),)),
)


def for_fleet(*actions: Action, **changes: Any) -> Decision:
    """Return a decision about clusters, which Act may carry out by itself."""
    plain = a_decision()
    usual: dict[str, Any] = {
        "id": decision_id(plain.cycle, CAPACITY),
        "application": CAPACITY,
        "plan": Plan(actions=actions),
        "autonomy": Autonomy.AUTO,
    }
    return replace(plain, **(usual | changes))


class Desk:
    """An intake with what it needs, and one Site in the cluster."""

    def __init__(self, **policy: Any) -> None:
        self.api = a_world()
        self.board = Board(fleet=FLEET)
        self.outbox = Outbox(self.board)
        insight = an_insight_of(at=NOW)
        allowed: dict[str, Any] = {"capacity_autonomy": Autonomy.AUTO, **policy}
        self.board.learn(replace(insight, policy=FleetPolicy(**allowed)))
        self.board.hear(Listed(objects=()))
        self.api.put(SITE_OF_METRO, {"metadata": {"name": METRO}, "spec": {}})
        self.board.hear_of_sites(Listed(objects=(self.api.objects[SITE_OF_METRO],)))
        self.intake = Intake(
            api=self.api, board=self.board, outbox=self.outbox, now=self.api.now, ground=a_ground()
        )

    @property
    def ledger(self) -> Ledger | None:
        """What is kept on the Site."""
        return read_ledger(self.api.objects[SITE_OF_METRO])

    @property
    def outcome(self) -> Outcome | None:
        """What was told last of the Site."""
        return self.board.outcomes.get((CAPACITY, METRO))


@pytest.mark.parametrize("action", ACTIONS, ids=describe)
def test_an_action_survives_its_way_into_the_ledger(action: FleetAction) -> None:
    assert action_from(action_json(action), ARENA) == action
    assert site_of(action) == METRO


@given(name=st.text(max_size=9), warning=st.text(max_size=9))
def test_phases_and_warnings_survive_too(name: str, warning: str) -> None:
    entry = Entry(action=GROW, warnings=(warning,), phases=(Phase(name=name, at=NOW),))
    ledger = Ledger(
        decision=DecisionId("x"),
        cycle=cycle_at(NOW),
        application=CAPACITY,
        status=Status.RUNNING,
        started_at=NOW,
        deadline_at=NOW,
        updated_at=NOW,
        entries=(entry,),
        site=METRO,
    )
    kept = {"metadata": {"name": METRO}, "status": {"plan": ledger_json(ledger)}}
    assert read_ledger(kept) == ledger
    assert ledger.keeper == SITE_OF_METRO


def test_a_move_that_does_not_empty_the_cluster_is_no_part_of_an_evacuation() -> None:
    with pytest.raises(ValueError, match="does not empty home"):
        Evacuate(cluster=HOME, moves=(a_move(),))


def test_a_kind_that_nobody_knows_is_told() -> None:
    with pytest.raises(ValueError, match="an action of kind 'merge_clusters'"):
        action_from({"kind": "merge_clusters"}, ARENA)


async def test_a_decision_about_clusters_is_kept_on_its_site() -> None:
    desk = Desk()
    await desk.intake.take(for_fleet(GROW))
    assert desk.ledger is not None
    assert (desk.ledger.status, desk.ledger.entries[0].action) == (Status.PENDING, GROW)
    assert dig(desk.api.objects[SITE_OF_METRO], "status", "plan", "phase") == "pending"
    assert desk.outcome is not None
    assert desk.outcome.site == METRO


async def test_what_the_policy_only_advises_is_told_and_not_kept() -> None:
    desk = Desk(capacity_autonomy=Autonomy.ADVISE)
    await desk.intake.take(for_fleet(GROW))
    assert desk.ledger is None
    assert desk.outcome is not None
    assert desk.outcome.status is Status.ADVISED


async def test_a_site_that_does_not_exist_refuses() -> None:
    desk = Desk()
    grow = replace(GROW, cluster=ClusterName("atlantis"))
    await desk.intake.take(for_fleet(grow))
    told = desk.board.outcomes[(CAPACITY, ClusterName("atlantis"))]
    assert (told.status, told.message) == (Status.REFUSED, "there is no Site that it is about")


async def test_a_hold_changes_nothing_and_is_no_refusal() -> None:
    desk = Desk()
    await desk.intake.take(for_fleet(verdict=Verdict.HOLD))
    assert desk.board.outcomes == {}


async def test_a_plan_that_mixes_clusters_and_applications_is_refused() -> None:
    desk = Desk()
    await desk.intake.take(for_fleet(GROW, a_move()))
    assert desk.outcome is not None
    assert desk.outcome.status is Status.REFUSED
    assert "touches more than its application" in desk.outcome.message


async def test_a_second_plan_for_the_same_site_has_to_wait() -> None:
    desk = Desk()
    await desk.intake.take(for_fleet(GROW))
    cycle = cycle_at(later(15))
    second = for_fleet(DeleteCluster(site=METRO), cycle=cycle, id=decision_id(cycle, CAPACITY))
    await desk.intake.take(second)
    assert desk.ledger is not None
    assert desk.ledger.entries[0].action == GROW
    assert desk.outcome is not None
    assert "is under way" in desk.outcome.message


async def test_a_person_may_order_what_the_policy_only_advises() -> None:
    desk = Desk(capacity_autonomy=Autonomy.ADVISE, approvers=("alice",))
    decision = for_fleet(DeleteCluster(site=METRO), autonomy=Autonomy.APPROVE)
    await desk.intake.take(decision)
    assert desk.ledger is not None
    assert desk.ledger.status is Status.WAITING
    with pytest.raises(PermanentError, match="mallory is not among the approvers"):
        await desk.intake.take_answer(an_answer(decision, "mallory"))
    await desk.intake.take_answer(an_answer(decision, "alice"))
    assert (desk.ledger.status, desk.ledger.by) == (Status.PENDING, "alice")


async def test_an_answer_may_overtake_its_decision_and_none_fits_another() -> None:
    desk = Desk()
    decision = for_fleet(GROW, autonomy=Autonomy.APPROVE)
    with pytest.raises(TransientError, match="has not come in yet"):
        await desk.intake.take_answer(an_answer(decision, "alice"))
    await desk.intake.take(decision)
    older = cycle_at(later(-60))
    other = replace(decision, cycle=older, id=decision_id(older, CAPACITY))
    with pytest.raises(PermanentError, match="does not wait for an approval"):
        await desk.intake.take_answer(an_answer(other, "alice"))


def an_answer(decision: Decision, by: str) -> Approval:
    return Approval(decision=decision.id, fleet=FLEET, approved=True, by=by, reason="drill", at=NOW)


async def test_where_sites_are_not_ours_to_read_applications_still_move() -> None:
    board = Board(fleet=FLEET)
    board.learn(an_insight_of(at=NOW))
    board.hear(Listed(objects=()))
    board.hear_of_sites(Absent(reason="forbidden"))
    async with asyncio.timeout(1):
        await board.informed()
    assert board.sites == {}


def test_sites_of_other_fleets_are_left_out_and_gone_ones_forgotten() -> None:
    board = Board(fleet=FLEET)
    theirs = {"metadata": {"name": "x", "labels": {"crossloop.dev/fleet": "other"}}}
    ours = {"metadata": {"name": METRO}}
    board.hear_of_sites(Listed(objects=(theirs, ours)))
    assert set(board.sites) == {METRO}
    board.hear_of_sites(Changed(object=ours, gone=True))
    assert board.sites == {}


def a_ledger(*actions: FleetAction) -> Ledger:
    """Return a plan about the metro whose first action is under way."""
    first, *others = actions
    return Ledger(
        decision=DecisionId("x"),
        cycle=cycle_at(NOW),
        application=CAPACITY,
        status=Status.RUNNING,
        started_at=NOW,
        deadline_at=NOW,
        updated_at=NOW,
        entries=(Entry(action=first, status=Status.RUNNING), *(Entry(action=a) for a in others)),
        site=METRO,
    )


def test_a_cluster_just_made_gets_time_to_have_liqo_before_it_is_joined() -> None:
    create, peer = ACTIONS[2], ACTIONS[4]
    policy = FleetPolicy()
    for first, expected in ((create, LIQO_COMES), (GROW, policy.decision_lifetime)):
        ledger = a_ledger(first, peer)
        done = ended(ledger.entries[0], Status.SUCCEEDED, NOW, "")
        assert after_progress(ledger, done, now=NOW, policy=policy).deadline_at == NOW + expected


async def test_a_refusal_is_told_on_the_site_once() -> None:
    desk = Desk()
    await desk.intake.take(for_fleet(GROW, a_move()))
    writer = StatusWriter(api=desk.api, board=desk.board, now=desk.api.now)

    assert await writer.write_all()
    assert await writer.write_all()

    (write,) = desk.api.written(SITE, "status")
    last = desk.api.objects[SITE_OF_METRO]["status"]["lastDecision"]
    assert last["outcome"] == "refused"
    assert "touches more than its application" in last["message"]
    assert write.purpose == "tell what became of the newest decision about it"
