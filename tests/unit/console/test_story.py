"""The story, as lines and as a summary."""

import json
from collections.abc import Sequence
from typing import Any

from console.narrate import narrate
from console.settled import is_settled, summary_of
from console.story import Story, serving_after, told
from shared.messages.control import Control
from shared.messages.incident import IncidentState
from shared.messages.outcome import Status
from shared.messages.subjects import Message
from tests.support.builders import FLEET, NOW, later
from tests.unit.console.stories import a_told_decision, an_incident, an_insight_with, an_outcome


def after(*messages: Message) -> Story:
    story = Story()
    for message in messages:
        story = told(story, message)
    return story


def lines(before: Sequence[Message], message: Message) -> list[str]:
    story = after(*before)
    return list(narrate(story, told(story, message), message))


def a_truth(*, within: bool = True, events_left: int = 0, below: bool = False) -> dict[str, Any]:
    group = {"latency_ms": 10.4, "budget_ms": 15.0, "within": within, "outside_seconds": 37.0}
    return {
        "scenario": "link-degrades",
        "groups": {"xr/arena/visitors": group},
        "events": [{"kind": "link"}],
        "events_left": events_left,
        "workloads": {"xr/render": {"below": [{"from": 61.0}] if below else []}},
    }


SETTLED = (
    a_told_decision(),
    an_outcome(Status.SUCCEEDED, serving_at=later(2.5)),
    *(an_insight_with(10.4, cycle=n) for n in range(3)),
)


def test_a_later_outcome_replaces_an_earlier_one() -> None:
    story = after(a_told_decision(), an_outcome(Status.RUNNING), an_outcome(Status.SUCCEEDED))
    assert [o.status for o in story.outcomes] == [Status.SUCCEEDED]
    assert story.under_way == ()


def test_cycles_within_budget_are_counted_anew_after_one_that_is_not() -> None:
    story = after(*(an_insight_with(ms) for ms in (10.0, 10.0, 24.0, 10.0)))
    assert story.met_cycles == 1
    assert after(an_insight_with(None)).met_cycles == 0


def test_serving_is_told_once_all_moves_serve() -> None:
    decision = a_told_decision()
    assert serving_after(decision, an_outcome(Status.RUNNING)) is None
    served = serving_after(decision, an_outcome(Status.RUNNING, serving_at=later(2.5)))
    assert served is not None
    assert served.total_seconds() == 2.5


def test_a_quality_is_told_when_it_changes_and_not_each_cycle() -> None:
    well = an_insight_with(12.4)
    assert lines([], well) == ["07:00:00  xr/arena visitors: 12.4 ms, within its budget of 15 ms"]
    assert lines([well], an_insight_with(12.6, cycle=1)) == []
    assert lines([well], an_insight_with(24.4, cycle=1)) == [
        "07:00:15  xr/arena visitors: 24.4 ms, OUT OF its budget of 15 ms"
    ]
    assert lines([well], an_insight_with(None, cycle=1)) == [
        "07:00:15  xr/arena visitors: latency not known, render has no ready replica"
    ]


def test_an_incident_is_told_when_it_opens_and_when_it_is_over() -> None:
    opened = an_insight_with(24.4, an_incident())
    assert "incident (critical)" in lines([an_insight_with(24.4)], opened)[0]
    assert lines([opened], an_insight_with(24.4, an_incident(), cycle=1)) == []
    over = an_insight_with(24.4, an_incident(IncidentState.CLOSED), cycle=2)
    assert "incident over" in lines([opened], over)[0]


def test_a_decision_is_told_with_its_plan_and_the_best_one_turned_down() -> None:
    assert lines([], a_told_decision()) == [
        "07:00:00  xr/arena act (quality_restored): visitors get 24.4 of 15 ms",
        "          plan: move render from metro to home",
        "          turned down: move render from metro to cloud (over_budget): 26.0 ms with 13.5",
    ]


def test_a_move_that_serves_is_told_to_be_under_watch() -> None:
    (line,) = lines([], an_outcome(Status.RUNNING, serving_at=NOW))
    assert line.endswith("running: move render from metro to home, serving, under watch")


def test_a_pause_is_told_with_who_and_why() -> None:
    control = Control(fleet=FLEET, paused=True, by="ada", reason="match tonight", at=NOW)
    assert lines([], control) == ["07:00:00  paused by ada: match tonight"]
    assert after(control).is_paused


def test_a_demo_is_settled_when_all_happened_and_all_is_done_and_well() -> None:
    story = after(*SETTLED)
    assert is_settled(story, a_truth())
    assert not is_settled(story, a_truth(events_left=1))
    assert not is_settled(story, a_truth(within=False))
    assert not is_settled(after(*SETTLED[:3]), a_truth())
    assert not is_settled(after(*SETTLED[2:]), a_truth())
    assert not is_settled(told(story, an_outcome(Status.RUNNING)), a_truth())


def test_a_summary_is_good_only_if_all_are_within_and_nobody_was_ever_missing() -> None:
    story = after(*SETTLED)
    assert summary_of(story, a_truth()).is_good
    assert not summary_of(story, a_truth(within=False)).is_good
    missing = summary_of(story, a_truth(below=True))
    assert not missing.is_good
    assert "replicas missing: xr/render" in missing.to_text()
    assert json.loads(missing.to_json())["good"] is False


def test_a_summary_tells_what_was_changed() -> None:
    text = summary_of(after(*SETTLED), a_truth()).to_text()
    assert "move render from metro to home: succeeded, serving after 2.5 s" in text
    assert "nothing was changed" in summary_of(Story(), a_truth()).to_text()
