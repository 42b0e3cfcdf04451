"""What always holds, whatever the fleet."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from services.decide.core.decide import decide
from services.decide.core.memory import Memory
from shared.messages.decision import Decision, Verdict
from shared.messages.insight import Insight
from shared.messages.observation import Coverage, CoverageState
from shared.messages.readings import Signal
from shared.model.fleet import ClusterState
from shared.model.fleet_after import fleet_after
from shared.model.plan import Move, Scale
from tests.unit.decide.worlds import Cores, after, insights, new_copies, request_of

many = settings(max_examples=80, deadline=None, derandomize=True)


def acts(insight: Insight) -> tuple[Decision, ...]:
    decisions, _ = decide(insight, Memory())
    return tuple(d for d in decisions if d.verdict is Verdict.ACT)


@many
@given(insights())
def test_new_copies_fit_beside_all_old_ones_at_every_step_of_all_plans(insight: Insight) -> None:
    fleet, cores = insight.fleet, Cores.of(insight.fleet)
    # all plans of a cycle at once, none of the old copies ever gone
    for decision in acts(insight):
        for action in decision.plan.actions:
            if isinstance(action, Move | Scale):
                cluster, replicas = new_copies(fleet, action)
                request = request_of(fleet, action.application, action.component)
                cores.take(cluster, request, replicas)
        fleet = fleet_after(fleet, decision.plan)


@many
@given(insights())
def test_where_a_plan_leads_nothing_more_is_to_be_done(insight: Insight) -> None:
    decisions, memory = decide(insight, Memory())
    for seconds in (60, 75):
        later = after(insight, decisions, seconds=seconds)
        again, memory = decide(later, memory)
        assert [d.verdict for d in again] == [Verdict.HOLD] * len(again), again


@many
@given(insights())
def test_equal_input_gives_equal_decisions(insight: Insight) -> None:
    assert decide(insight, Memory()) == decide(insight, Memory())


@many
@given(insights())
def test_effects_add_up_to_the_difference_of_the_scores_level_by_level(insight: Insight) -> None:
    for decision in acts(insight):
        assert decision.score_before is not None
        assert decision.score_after is not None
        for level in ("hard", "unplaced", "quality", "money"):
            changed = sum(
                term.after - term.before
                for effect in decision.effects
                for term in effect.terms
                if term.name.startswith(f"{level}:")
            )
            difference = getattr(decision.score_after, level) - getattr(
                decision.score_before, level
            )
            assert changed == pytest.approx(difference, abs=1e-6)
        assert decision.score_after < decision.score_before


@many
@given(insights())
def test_nothing_goes_where_it_must_not(insight: Insight) -> None:
    ready = {c.name for c in insight.fleet.clusters if c.state is ClusterState.READY}
    for decision in acts(insight):
        application = insight.fleet.application(decision.application)
        assert application is not None
        moves = [a for a in decision.plan.actions if isinstance(a, Move)]
        assert len({m.component for m in moves}) == len(moves)
        for move in moves:
            component = application.component(move.component)
            assert component.movable
            assert move.target not in component.constraints.forbidden_clusters
            assert move.target in ready
            assert move.replicas == component.replicas


@many
@given(insights())
def test_without_data_there_is_no_action(insight: Insight) -> None:
    silent = tuple(
        Coverage(cluster=cluster.name, signal=signal, state=CoverageState.ABSENT)
        for cluster in insight.fleet.clusters
        for signal in Signal
    )
    assert acts(replace(insight, coverage=silent)) == ()


@many
@given(insights(needed=2))
def test_nothing_is_done_on_what_was_seen_once(insight: Insight) -> None:
    assert acts(insight) == ()
