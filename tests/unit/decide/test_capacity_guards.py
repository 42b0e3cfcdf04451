"""What keeps the fleet from changing its clusters now, each with its reason."""

from dataclasses import replace
from typing import Any

import pytest

from services.decide.core.decide import decide
from services.decide.core.memory import Memory, is_news
from shared.messages.control import Control
from shared.messages.decision import Reason, Verdict
from shared.messages.inventory import Freshness, KindFreshness, Problem
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import Outcome, Status
from shared.messages.readings import Signal
from shared.model.application import Autonomy
from shared.model.names import ApplicationName, ClusterName
from shared.model.plan import describe
from shared.model.policy import FleetPolicy
from tests.support.builders import (
    FLEET,
    NOW,
    later,
)
from tests.unit.decide.capacities import (
    AT_ONCE,
    SURGE,
    a_metro,
    a_small_fleet,
    an_outcome,
    capacity,
    grew,
    idle,
    seen,
    shrank,
    used,
)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kinds": (KindFreshness(kind="Node", state=Freshness.LATE),)}, Reason.NOT_FRESH),
        (
            {"problems": (Problem(kind="FleetPolicy", name="x", field="spec", message="bad"),)},
            Reason.INVALID,
        ),
        (
            {"outcomes": (an_outcome(grew(), Status.RUNNING),)},
            Reason.IN_FLIGHT,
        ),
        ({"outcomes": (an_outcome(grew(nodes=3), Status.ADVISED),)}, Reason.RECENTLY_REFUSED),
        ({"outcomes": (an_outcome(grew(), Status.SUCCEEDED),)}, Reason.COOLING_DOWN),
        ({"outcomes": (an_outcome(shrank(), Status.SUCCEEDED, -3000.0),)}, Reason.COOLING_DOWN),
        ({"policy": FleetPolicy()}, Reason.NOT_PERSISTENT),
    ],
)
def test_each_guard_holds_growth_with_its_reason(changes: dict[str, Any], reason: Reason) -> None:
    decision = capacity(seen(a_small_fleet(), SURGE, **changes))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, reason)


@pytest.mark.parametrize(
    "outcome",
    [
        an_outcome(grew(), Status.ADVISED, -301.0),
        an_outcome(grew(), Status.SUCCEEDED, -301.0),
        an_outcome(shrank(), Status.SUCCEEDED, -3601.0),
        an_outcome(grew(cluster=ClusterName("edge")), Status.SUCCEEDED),
        an_outcome(grew(), Status.SUCCEEDED, application=ApplicationName("xr/other")),
    ],
)
def test_what_is_over_or_elsewhere_holds_nothing(outcome: Outcome) -> None:
    decision = capacity(seen(a_small_fleet(), SURGE, outcomes=(outcome,)))
    assert decision.verdict is Verdict.ACT


def test_a_cluster_that_is_not_seen_or_whose_lease_ends_does_not_grow() -> None:
    silent = Coverage(
        cluster=ClusterName("metro"), signal=Signal.NODE_READY, state=CoverageState.LATE
    )
    rise = used(lambda _: 9.0)
    assert capacity(seen(a_small_fleet(), rise, coverage=(silent,))).reason is Reason.NOT_FRESH
    leased = a_metro(lease_ends_at=later(5400.0))
    decision = capacity(seen(a_small_fleet(metro=leased), rise))
    assert decision.reason is Reason.LEASE_ENDS


def test_a_pause_holds_growth_and_tells_what_would_have_been() -> None:
    pause = Control(fleet=FLEET, at=NOW, paused=True, by="ann", reason="work")
    held = capacity(seen(a_small_fleet(), SURGE), control=pause)
    assert held.reason is Reason.PAUSED
    assert [describe(r.candidate) for r in held.rejections] == ["grow metro from 1 to 2 nodes"]


def test_a_node_does_not_go_right_after_growth() -> None:
    grown = an_outcome(grew(), Status.SUCCEEDED, -3000.0)
    decision = capacity(seen(idle(), used(lambda _: 8.0), outcomes=(grown,)))
    assert decision.reason is Reason.COOLING_DOWN


def test_what_was_advised_counts_as_done_for_the_reverse() -> None:
    _, memory = decide(seen(idle(), used(lambda _: 8.0)), Memory())
    advised = an_outcome(shrank(), Status.ADVISED, 15.0, decision=memory.decisions[0].id)
    insight = seen(a_small_fleet(), SURGE, seconds=900.0, outcomes=(advised,))
    assert capacity(insight, memory).reason is Reason.COOLING_DOWN


def test_growth_is_seen_often_enough_before_it_is_decided_and_then_once() -> None:
    fleet, memory, told = a_small_fleet(), Memory(), []
    for cycle in range(4):
        insight = seen(fleet, SURGE, seconds=15.0 * cycle, policy=FleetPolicy())
        before = memory
        decisions, memory = decide(insight, memory)
        if is_news(decisions[-1], before):
            told.append((cycle, decisions[-1].reason))
    assert told == [(0, Reason.NOT_PERSISTENT), (1, Reason.DEMAND), (2, Reason.IN_FLIGHT)]


def test_the_policy_says_what_the_loop_may_do_with_clusters() -> None:
    policy = replace(AT_ONCE, capacity_autonomy=Autonomy.APPROVE)
    decision = capacity(seen(a_small_fleet(), SURGE, policy=policy))
    assert decision.autonomy is Autonomy.APPROVE
    assert decision.deadline_at == NOW + policy.approval_lifetime
