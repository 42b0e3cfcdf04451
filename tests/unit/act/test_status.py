"""What an Application says about itself, and when that is worth writing."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.admission import Admitted, admit
from services.act.core.ledger import Ledger, closed
from services.act.core.outcome import declined
from services.act.core.telling.last_decision import site_status_of
from services.act.core.telling.status import (
    Standing,
    differs,
    meaning_of,
    status_of,
)
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.insight import Insight
from shared.messages.inventory import Problem
from shared.messages.outcome import Status
from shared.model.application import Autonomy
from shared.model.plan import Plan
from shared.model.policy import FleetPolicy
from tests.support.builders import ARENA, NOW, later
from tests.support.objects_act import a_decision, an_application_object, an_incident, an_insight_of

HOLD = a_decision(verdict=Verdict.HOLD, reason=Reason.ALL_WELL, plan=Plan())


def status(
    insight: Insight | None = None,
    *,
    decision: Decision | None = None,
    ledger: Ledger | None = None,
    live: dict[str, Any] | None = None,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """Return the status of the arena, with render at home unless told otherwise."""
    standing = Standing(
        application=ARENA,
        insight=insight or an_insight_of(at=NOW),
        decision=decision,
        ledger=ledger,
    )
    return status_of(standing, live or an_application_object(), now=later(seconds))


def condition(of: str, told: dict[str, Any]) -> tuple[str, str, str]:
    """Return status, reason and message of one condition."""
    (found,) = [c for c in told["conditions"] if c["type"] == of]
    return found["status"], found["reason"], found["message"]


def a_ledger(autonomy: Autonomy = Autonomy.AUTO) -> Ledger:
    """Return the ledger of a decision just admitted."""
    decision = a_decision(autonomy=autonomy)
    admission = admit(decision, None, now=NOW, paused=False, policy=FleetPolicy())
    assert isinstance(admission, Admitted)
    return admission.ledger


@pytest.mark.parametrize(
    ("latency_ms", "expected"),
    [
        (12.0, ("True", "WithinBudget", "all user groups are within their budgets")),
        (15.1, ("False", "OverBudget", "over budget: visitors")),
        (None, ("Unknown", "CannotTell", "the link home>metro is not measured")),
    ],
)
def test_quality_is_met_missed_or_not_known(
    latency_ms: float | None, expected: tuple[str, str, str]
) -> None:
    told = status(an_insight_of(at=NOW, latency_ms=latency_ms))

    assert condition("QualityMet", told) == expected


def test_the_summary_fits_the_columns_of_a_listing() -> None:
    told = status(an_insight_of(at=NOW, latency_ms=12.345), decision=HOLD)

    assert told["summary"] == {
        "quality": "visitors 12.3/15 ms",
        "placement": "ingest@home, render@home",
        "next": "hold: all_well",
    }
    assert told["quality"] == [
        {"group": "visitors", "latencyMs": 12.3, "budgetMs": 15.0, "met": True}
    ]
    assert told["placement"][1] == {
        "component": "render",
        "cluster": "home",
        "replicas": 3,
        "ready": 3,
    }


def test_a_plan_under_way_is_not_settled_and_says_what_comes() -> None:
    running, waiting = status(ledger=a_ledger()), status(ledger=a_ledger(Autonomy.APPROVE))

    assert condition("Settled", running)[:2] == ("False", "PlanUnderWay")
    assert running["summary"]["next"] == "move render from metro to home"
    assert condition("Settled", waiting)[:2] == ("False", "WaitingForApproval")
    assert waiting["summary"]["next"] == "approval needed: move render from metro to home"
    assert condition("Settled", status())[0] == "True"


def test_a_problem_a_failure_or_an_incident_degrades_it_in_that_order() -> None:
    problem = Problem(
        kind="Application", name=ARENA, field="spec.flows[0].to", message="no component sync"
    )
    failed = replace(closed(a_ledger(), Status.FAILED), message="it hangs")
    troubled = an_insight_of(at=NOW, incidents=(an_incident(),))
    invalid = replace(troubled, problems=(problem,))

    told = [
        condition("Degraded", status(insight, ledger=ledger))
        for insight, ledger in ((invalid, failed), (troubled, failed), (troubled, None))
    ]

    assert told == [
        ("True", "Invalid", "spec.flows[0].to: no component sync"),
        ("True", "PlanFailed", "it hangs"),
        ("True", "Incident", "the link between home and metro is slower than usual"),
    ]
    assert condition("Degraded", status())[0] == "False"


def test_a_condition_keeps_its_time_while_its_status_is_unchanged() -> None:
    first = status()
    live = an_application_object(**first)
    again = status(live=live, seconds=60)
    worse = status(an_insight_of(at=NOW, latency_ms=20.0), live=live, seconds=60)

    assert again["conditions"] == first["conditions"]
    assert worse["conditions"][0]["lastTransitionTime"] == "2026-11-24T07:01:00Z"
    assert worse["conditions"][1] == first["conditions"][1]


def test_jittering_numbers_do_not_change_the_meaning() -> None:
    told = status(an_insight_of(at=NOW, latency_ms=12.0), decision=HOLD)
    live = an_application_object(**told)
    next_hold = replace(HOLD, id=a_decision(at=later(15)).id, at=later(15))
    jittered = status(an_insight_of(at=NOW, latency_ms=12.4), decision=next_hold, live=live)

    assert meaning_of(jittered) == meaning_of(told)
    assert differs(jittered, live)
    assert not differs(told, live)


def test_the_decision_told_before_stays_until_a_newer_one_is_heard() -> None:
    told = status(decision=a_decision())

    assert told["lastDecision"]["id"] == a_decision().id
    again = status(live=an_application_object(**told))
    assert again["lastDecision"] == told["lastDecision"]


def test_the_first_decision_to_act_changes_the_meaning() -> None:
    held, acting = status(decision=HOLD), status(decision=a_decision())

    assert meaning_of(held) != meaning_of(acting)


def test_nothing_is_known_before_the_first_insight() -> None:
    standing = Standing(application=ARENA, insight=None, decision=None, ledger=None)

    told = status_of(standing, an_application_object(), now=NOW)

    assert condition("QualityMet", told) == ("Unknown", "CannotTell", "nothing was measured yet")


def test_an_application_whose_quality_is_not_known_is_not_said_to_be_well() -> None:
    told = status(an_insight_of(at=NOW, latency_ms=None))

    why = "the link home>metro is not measured"
    assert condition("Degraded", told) == ("Unknown", "CannotTell", why)


def test_what_became_of_a_decision_is_told_with_it_and_stays_told() -> None:
    decision = a_decision()
    outcome = declined(decision, Status.REFUSED, "the loop is paused", now=NOW)
    standing = Standing(
        application=ARENA, insight=None, decision=decision, ledger=None, outcome=outcome
    )

    told = status_of(standing, an_application_object(), now=NOW)

    last = told["lastDecision"]
    assert (last["outcome"], last["message"]) == ("refused", "the loop is paused")
    assert meaning_of(told) != meaning_of(status(decision=decision))
    again = status(decision=decision, live=an_application_object(**told))
    assert again["lastDecision"] == last
    newer = replace(decision, id=a_decision(at=later(15)).id)
    assert (
        "outcome" not in status(decision=newer, live=an_application_object(**told))["lastDecision"]
    )


def test_a_site_tells_what_became_of_the_newest_decision_about_it() -> None:
    outcome = declined(a_decision(), Status.REFUSED, "no template", now=NOW)

    last = site_status_of(outcome)["lastDecision"]

    assert (last["id"], last["outcome"], last["message"]) == (
        a_decision().id,
        "refused",
        "no template",
    )
