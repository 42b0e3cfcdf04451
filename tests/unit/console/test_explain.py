"""What would change an answer, in people's words."""

from dataclasses import replace

import pytest

from console.explain import explanation, turning_words
from shared.messages.decision import Lever, TurningPoint
from tests.unit.console.stories import a_told_decision
from tests.unit.console.test_render import text_of


def a_point(lever: Lever, name: str, amount: float) -> TurningPoint:
    return TurningPoint(lever=lever, name=name, amount=amount, answer="move render home")


@pytest.mark.parametrize(
    ("lever", "name", "amount", "words"),
    [
        (Lever.LINK_LATENCY_MS, "edge-a>edge-b", 3.24, "+3.2 ms on edge-a>edge-b"),
        (Lever.LINK_LATENCY_MS, "edge-a>edge-b", -0.0321, "-0.032 ms on edge-a>edge-b"),
        (Lever.LINK_LATENCY_MS, "edge-a>edge-b", 1234.56, "+1234.6 ms on edge-a>edge-b"),
        (Lever.CLUSTER_CORES, "metro-1", 2.0, "2 more cores on metro-1"),
        (Lever.CLUSTER_CORES, "metro-1", 1.0, "1 more core on metro-1"),
        (Lever.CLUSTER_CORES, "metro-1", -0.5, "0.5 fewer cores on metro-1"),
        (Lever.LATENCY_BUDGET_MS, "visitors", 1.5, "+1.5 ms of budget for visitors"),
        (Lever.MONEY_USD, "metro-1", 0.42, "0.42 USD more for metro-1"),
        (Lever.MONEY_USD, "metro-1", -12.0, "12 USD less for metro-1"),
    ],
)
def test_a_turning_point_has_its_sign_and_its_unit(
    lever: Lever, name: str, amount: float, words: str
) -> None:
    assert turning_words(a_point(lever, name, amount)) == f"{words}: move render home"


def test_an_explanation_tells_what_limits_it_and_what_would_change_it() -> None:
    point = a_point(Lever.LINK_LATENCY_MS, "home>metro", 3.2)
    decision = replace(
        a_told_decision(), binding="metro has 1.5 of 16 cores left", turning_points=(point,)
    )
    shown = text_of(explanation(decision, None))
    assert "metro has 1.5 of 16 cores left" in shown
    assert "another answer with" in shown
    assert "+3.2 ms on home>metro: move render home" in shown


def test_an_explanation_without_limits_leaves_them_out() -> None:
    shown = text_of(explanation(a_told_decision(), None))
    assert "what limits it" not in shown
    bound = replace(a_told_decision(), binding="metro is full")
    assert "another answer" not in text_of(explanation(bound, None))
