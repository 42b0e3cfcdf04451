"""What becomes of decisions, and of people's answers."""

from dataclasses import replace

import pytest

from services.act.core.admission import (
    Admission,
    Admitted,
    Advised,
    Held,
    Known,
    Outdated,
    Refusal,
    admit,
    answer,
    application_of_decision,
    expired,
    own_actions,
    stricter,
)
from services.act.core.ledger import Ledger
from shared.errors import PermanentError, TransientError
from shared.messages.approval import Approval
from shared.messages.decision import Decision, Verdict
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.names import CAPACITY, ApplicationName, ClusterName, decision_id
from shared.model.plan import GrowCluster, Plan, describe
from shared.model.policy import FleetPolicy
from tests.support.builders import ARENA, FLEET, NOW, later
from tests.support.objects_act import a_decision, a_move

POLICY = FleetPolicy()


def admission_of(
    decision: Decision | None = None,
    ledger: Ledger | None = None,
    *,
    seconds: float = 1.0,
    paused: bool = False,
) -> Admission:
    """Return what becomes of a decision so many seconds after it was made."""
    decision = decision or a_decision()
    return admit(decision, ledger, now=later(seconds), paused=paused, policy=POLICY)


def a_ledger(autonomy: Autonomy = Autonomy.AUTO) -> Ledger:
    """Return the ledger of the decision, just admitted."""
    admission = admission_of(a_decision(autonomy=autonomy))
    assert isinstance(admission, Admitted)
    return admission.ledger


def test_a_decision_in_auto_is_admitted_with_its_actions_and_expectations() -> None:
    ledger = a_ledger()

    assert ledger.status is Status.PENDING
    assert ledger.deadline_at == a_decision().deadline_at
    assert [e.action for e in ledger.entries] == [a_move()]
    assert ledger.expectations == a_decision().expectations


def test_a_decision_in_approve_waits_for_as_long_as_the_policy_says() -> None:
    ledger = a_ledger(Autonomy.APPROVE)

    assert ledger.status is Status.WAITING
    assert ledger.deadline_at == NOW + POLICY.approval_lifetime


@pytest.mark.parametrize("autonomy", [Autonomy.SHADOW, Autonomy.ADVISE])
def test_a_decision_in_shadow_or_advise_is_told_and_not_done(autonomy: Autonomy) -> None:
    admission = admission_of(a_decision(autonomy=autonomy))

    assert admission == Advised(reason=f"the application is in {autonomy}")


def test_a_hold_is_only_remembered() -> None:
    hold = a_decision(verdict=Verdict.HOLD, plan=Plan())

    assert admission_of(hold) == Held()


def test_a_decision_delivered_again_is_known() -> None:
    ledger = a_ledger()

    assert admission_of(ledger=ledger, seconds=500) == Known(ledger=ledger)


def test_a_decision_older_than_the_plan_in_the_ledger_is_outdated() -> None:
    newer = replace(a_ledger(), decision="newer", cycle=a_decision(at=later(15)).cycle)

    assert admission_of(ledger=newer) == Outdated()


def test_there_is_one_plan_under_way_per_application() -> None:
    next_one = a_decision(at=later(15))

    assert admission_of(next_one, a_ledger(), seconds=16) == Refusal(
        reason=f"the plan of {a_decision().id} is under way"
    )


def test_a_finished_plan_makes_way_for_the_next() -> None:
    finished = expired(a_ledger(Autonomy.APPROVE), later(5))

    assert isinstance(admission_of(a_decision(at=later(15)), finished, seconds=16), Admitted)


def test_a_decision_past_its_deadline_or_in_a_pause_is_refused() -> None:
    assert admission_of(seconds=121) == Refusal(reason="its deadline has passed")
    assert admission_of(paused=True) == Refusal(reason="the loop is paused")


def test_a_plan_that_touches_another_application_is_refused() -> None:
    foreign = a_decision(a_move(application=ApplicationName("xr/other")))

    assert admission_of(foreign) == Refusal(
        reason=f"the plan touches more than its application: {describe(a_move())}"
    )


def test_a_plan_that_touches_clusters_is_refused_and_never_enters_the_ledger() -> None:
    growth = GrowCluster(
        cluster=ClusterName("metro"),
        namespace="capi",
        machine_deployment="metro-md",
        nodes_before=1,
        nodes=2,
        expected_minutes=5.0,
    )
    mixed = replace(a_decision(), plan=Plan(actions=(a_move(), growth)))

    assert admission_of(mixed) == Refusal(
        reason="the plan touches more than its application: grow metro from 1 to 2 nodes"
    )
    assert own_actions(mixed) == (a_move(),)


def test_a_decision_for_the_fleet_itself_names_no_application() -> None:
    decided = decision_id(a_decision().cycle, CAPACITY)

    assert application_of_decision(decided) == CAPACITY


@pytest.mark.parametrize(
    ("decided", "wished", "holds"),
    [
        (Autonomy.AUTO, "shadow", Autonomy.SHADOW),
        (Autonomy.ADVISE, "auto", Autonomy.ADVISE),
        (Autonomy.AUTO, None, Autonomy.AUTO),
        (Autonomy.AUTO, "approve", Autonomy.APPROVE),
    ],
)
def test_the_stricter_of_decision_and_application_holds(
    decided: Autonomy, wished: str | None, holds: Autonomy
) -> None:
    assert stricter(decided, wished) is holds


def test_the_id_of_a_decision_names_its_application() -> None:
    assert application_of_decision(a_decision().id) == ARENA


def answered(
    approved: bool,
    ledger: Ledger | None = None,
    *,
    policy: FleetPolicy = POLICY,
    seconds: float = 60.0,
) -> Ledger:
    """Return the ledger after ann's answer."""
    approval = Approval(
        decision=a_decision().id,
        fleet=FLEET,
        approved=approved,
        by="ann",
        reason="looks right",
        at=later(60),
    )
    ledger = ledger or a_ledger(Autonomy.APPROVE)
    return answer(approval, ledger, now=later(seconds), policy=policy)


def test_a_yes_lets_the_plan_begin_within_a_decisions_lifetime() -> None:
    ledger = answered(True)

    assert (ledger.status, ledger.by, ledger.message) == (Status.PENDING, "ann", "looks right")
    assert ledger.deadline_at == later(60) + POLICY.decision_lifetime


def test_a_no_ends_the_plan() -> None:
    ledger = answered(False)

    assert ledger.status is Status.REJECTED
    assert [e.message for e in ledger.entries] == ["not begun"]


def test_the_same_answer_again_changes_nothing() -> None:
    ledger = answered(True)

    assert answered(True, ledger) is ledger


def test_an_answer_of_somebody_who_may_not_give_it_is_turned_down() -> None:
    with pytest.raises(PermanentError, match="ann is not among the approvers"):
        answered(True, policy=FleetPolicy(approvers=("bob",)))


def test_an_answer_after_the_deadline_is_turned_down() -> None:
    with pytest.raises(PermanentError, match="came after"):
        answered(True, seconds=901)


def test_an_answer_to_a_plan_that_does_not_wait_is_turned_down() -> None:
    with pytest.raises(PermanentError, match="does not wait: it is pending"):
        answered(True, a_ledger())


def test_an_answer_that_overtook_its_decision_is_tried_again_and_an_old_one_is_not() -> None:
    older = replace(a_ledger(), decision="20200101T000000000Z_xr_arena")
    newer = replace(a_ledger(), decision="20300101T000000000Z_xr_arena")

    with pytest.raises(TransientError, match="has not come in yet"):
        answered(True, older)
    with pytest.raises(PermanentError, match="does not wait for an approval"):
        answered(True, newer)


def test_a_plan_that_nobody_answered_expires() -> None:
    ledger = expired(a_ledger(Autonomy.APPROVE), later(901))

    assert (ledger.status, ledger.message) == (Status.EXPIRED, "nobody approved it in time")
