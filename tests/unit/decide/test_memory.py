"""What Decide remembers, and what it forgets."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.decide.core.memory import (
    Memory,
    Seen,
    is_news,
    newest_outcomes,
    refreshed,
    remember,
    with_decision,
    with_seen,
)
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.outcome import Status
from shared.model.names import ApplicationName, DecisionId
from shared.model.plan import Plan
from tests.support.builders import ARENA, an_insight, cycle_at, later
from tests.unit.decide.test_guards import a_decision, an_outcome


def a_hold(reason: Reason = Reason.ALL_WELL, *, seconds: float = 0.0) -> Decision:
    return a_decision(
        seconds=seconds, verdict=Verdict.HOLD, reason=reason, plan=Plan(), id=DecisionId("hold")
    )


@pytest.mark.parametrize(
    ("decision", "news"),
    [
        (a_hold(seconds=15), False),
        (a_hold(Reason.NO_BETTER, seconds=15), True),
        (a_hold(seconds=299), False),
        (a_hold(seconds=300), True),
        (a_decision(seconds=15), True),
    ],
)
def test_a_hold_is_news_when_its_reason_changes_or_after_five_minutes(
    decision: Decision, news: bool
) -> None:
    memory = with_decision(Memory(), a_hold())
    assert is_news(decision, memory) is news


def test_the_first_hold_is_news() -> None:
    assert is_news(a_hold(), Memory())


def test_a_hold_that_is_no_news_leaves_the_time_of_the_last_one() -> None:
    memory = with_decision(Memory(), a_hold())
    assert with_decision(memory, a_hold(seconds=200)) == memory


def test_after_a_restart_acts_and_the_last_reasons_are_known_and_persistence_begins_anew() -> None:
    other = replace(a_hold(seconds=5), application=ApplicationName("xr/other"))
    memory = remember((a_hold(seconds=10), a_decision(seconds=-60), other))
    assert [d.verdict for d in memory.decisions] == [Verdict.ACT]
    told = memory.told_of(ARENA)
    assert told is not None
    assert (told.reason, told.cycle) == (Reason.ALL_WELL, cycle_at(later(10)))
    assert memory.told_of(ApplicationName("xr/none")) is None
    assert memory.seen == ()


def seen(seconds: float) -> Seen:
    return Seen(application=ARENA, cycle=cycle_at(later(seconds)), at=later(seconds), wants=("x",))


def test_what_was_seen_long_ago_or_in_this_very_cycle_does_not_count() -> None:
    memory = Memory()
    for seconds in (-90, -89, -15, 0):
        memory = with_seen(memory, seen(seconds))
    assert refreshed(memory, an_insight()).seen == (seen(-89), seen(-15))


def test_old_decisions_are_forgotten() -> None:
    old, young = (a_decision(seconds=-s, id=DecisionId(str(s))) for s in (6 * 3600, 6 * 3600 - 1))
    memory = Memory(decisions=(old, young))
    assert refreshed(memory, an_insight()).decisions == (young,)


def test_the_newest_outcome_of_a_decision_counts() -> None:
    early, late = an_outcome(Status.RUNNING, seconds=-60), an_outcome(Status.SUCCEEDED, seconds=-5)
    insight = an_insight(outcomes=(late, early))
    assert newest_outcomes(insight) == {"one": late}
    assert late.at - early.at == timedelta(seconds=55)
