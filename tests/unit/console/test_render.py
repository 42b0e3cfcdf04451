"""What the screen shows."""

from dataclasses import replace

from rich.console import Console, RenderableType

from console.explain import explanation
from console.render import live_view, status_view
from console.story import Story, told
from shared.messages.control import Control
from shared.messages.incident import IncidentState, SubjectKind, Suspect
from shared.messages.insight import Forecast, Outlook
from shared.messages.inventory import Problem
from shared.messages.observation import Coverage, CoverageState
from shared.messages.outcome import Status
from shared.messages.readings import Signal
from shared.model.names import ClusterName
from tests.support.builders import FLEET, NOW, an_insight
from tests.unit.console.stories import (
    a_told_decision,
    a_told_quality,
    an_incident,
    an_insight_with,
    an_outcome,
)


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


def test_an_incident_is_shown_with_what_was_changed_before_it_and_the_next_suspect() -> None:
    suspects = (
        Suspect(
            kind=SubjectKind.LINK,
            subject="home>metro",
            score=0.8,
            shift=30.0,
            change="a rollout of xr/render",
        ),
        Suspect(kind=SubjectKind.GATEWAY, subject="metro", score=0.3, shift=12.0),
    )
    incident = replace(an_incident(IncidentState.WORSENING), suspects=suspects)
    text = text_of(status_view(told(Story(), an_insight_with(24.4, incident))), width=200)
    assert "worsening" in text
    assert "(after a rollout of xr/render; or else gateway metro)" in text


def a_forecast(probability: float, *, seconds: float | None = None) -> Forecast:
    return Forecast(
        signal="node_used_cores",
        cluster="metro",
        subject=f"metro-{probability:g}",
        outlooks=(Outlook(horizon_seconds=14400.0, expected=15.0, low=12.0, high=18.0),),
        ceiling=16.0,
        ceiling_probability=probability,
        seconds_to_ceiling=seconds,
    )


def test_the_status_shows_the_ceilings_ahead_and_when() -> None:
    forecasts = (a_forecast(0.2), a_forecast(0.7, seconds=5400.0), a_forecast(0.01))
    insight = replace(an_insight_with(12.4), forecasts=forecasts)
    text = text_of(status_view(told(Story(), insight)))
    assert "metro metro-0.7  node_used_cores  ceiling 16  70%  in about 90 min" in text
    assert "metro metro-0.2  node_used_cores  ceiling 16  20%  within 4 h" in text
    assert "metro-0.01" not in text


def test_the_error_budget_that_is_left_stands_beside_the_share_of_the_hour() -> None:
    half_used = replace(a_told_quality(12.4), within_ratio=0.995, target_ratio=0.99)
    overspent = replace(a_told_quality(12.4), within_ratio=0.5)
    text = text_of(
        status_view(told(Story(), an_insight(qualities=(half_used, overspent)))), width=200
    )
    assert "100% of the last hour, 50% error budget left" in text
    assert "50% of the last hour, 0% error budget left" in text
