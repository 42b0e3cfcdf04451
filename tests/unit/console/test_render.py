"""What the screen shows."""

from dataclasses import replace

from rich.console import Console, RenderableType

from console.explain import explanation
from console.render import live_view, status_view
from console.story import Story, told
from shared.messages.control import Control
from shared.messages.inventory import Problem
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import Status
from shared.messages.readings import Signal
from shared.model.names import ClusterName
from tests.support.builders import FLEET, NOW
from tests.unit.console.stories import a_told_decision, an_incident, an_insight_with, an_outcome


def text_of(shown: RenderableType, width: int = 140) -> str:
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def test_the_live_view_shows_the_loop_from_users_to_decisions() -> None:
    story = told(Story(), an_insight_with(24.4, an_incident()))
    story = told(told(story, a_told_decision()), an_outcome(Status.RUNNING))
    text = text_of(live_view(story, "crossloop"))
    for part in (
        "24.4 of 15 ms",
        "most: home>metro 7.0 ms",
        "the link between home and metro is not normal",
        "move render from metro to home",
        "running",
    ):
        assert part in text


def test_before_the_first_insight_the_view_says_so() -> None:
    assert "waiting for the first insight" in text_of(live_view(Story(), "crossloop"))
    assert "is the loop running?" in text_of(status_view(Story()))


def test_the_status_shows_gaps_problems_and_who_paused() -> None:
    gap = Coverage(
        cluster=ClusterName("metro"),
        signal=Signal.LINK_RTT_MS,
        state=CoverageState.ABSENT,
        reason="metro did not answer",
    )
    problem = Problem(
        kind="Application", name="xr/ghost", field="spec.components[0]", message="no workload"
    )
    insight = replace(an_insight_with(12.4), coverage=(gap,), problems=(problem,))
    story = told(Story(), insight)
    control = Control(fleet=FLEET, paused=True, by="ada", reason="match", at=NOW)
    text = text_of(status_view(told(story, control)))
    for part in ("paused by ada: match", "metro did not answer", "no workload", "14 of 16 cores"):
        assert part in text
    assert "the loop may act" in text_of(status_view(story))


def test_an_explanation_tells_terms_expectations_rejections_and_the_outcome() -> None:
    text = text_of(explanation(a_told_decision(), an_outcome(Status.SUCCEEDED, by="ada")))
    for part in (
        "act · quality_restored · xr/arena",
        "24.4 ms → not known",
        "quality:group:visitors",
        "1.6 → 0",
        "over_budget",
        "26.0 ms with 13.5",
        "succeeded by ada",
    ):
        assert part in text


def test_a_narrow_terminal_loses_no_word() -> None:
    text = text_of(explanation(a_told_decision(), None), width=60)
    assert "over_budget" in text
