"""The loop from end to end: real processes, a real nats-server, the simulated fleet."""

from pathlib import Path

import pytest

from console.real.http import get_json
from shared.messages.decision import Decision, Reason, Verdict
from shared.messages.incident import IncidentState, SubjectKind
from shared.messages.outcome import Status
from shared.model.plan import Move
from tests.support.stories import Loop, all_within, missing_replicas, running_loop

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def moves(decision: Decision) -> list[tuple[str, str, str]]:
    return [
        (action.component, action.source, action.target)
        for action in decision.plan.actions
        if isinstance(action, Move)
    ]


async def settled(loop: Loop) -> None:
    await loop.until(
        lambda story: bool(story.acts) and not story.under_way and story.met_cycles >= 2,
        what="every plan is done and every group is within its budget",
        seconds=90,
    )


async def test_a_link_degrades_and_render_comes_home_without_an_outage(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "link-degrades") as loop:
        await loop.until(lambda s: bool(s.acts), what="a decision to act")
        (decision,) = loop.story.acts
        assert moves(decision) == [("render", "metro", "home")]
        assert decision.reason is Reason.QUALITY_RESTORED
        assert decision.rejections, "candidates turned down are told"
        (incident,) = [i for i in loop.story.open_incidents if i.kind is SubjectKind.LINK]
        assert incident.subject == "home>metro"

        await settled(loop)
        truth = await loop.truth()
        outcome = loop.story.outcome_of(decision.id)
        assert outcome is not None
        assert outcome.status is Status.SUCCEEDED
        assert truth["placement"]["xr/arena"]["render"] == {"home": 2}
        assert all_within(truth)
        assert missing_replicas(truth) == {}
        assert len(loop.story.acts) == 1, "nothing is done twice"

        alerts = get_json(f"{loop.stack.endpoints.alertmanagers[0]}/api/v2/alerts")
        assert [a["labels"]["incident"] for a in alerts if "incident" in a["labels"]] == [
            incident.id
        ]


async def test_in_calm_nothing_is_done_and_the_reason_is_told(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "calm") as loop:
        await loop.until(lambda s: s.met_cycles >= 10, what="ten calm cycles")
        assert loop.story.acts == ()
        assert {d.reason for d in loop.story.decisions} == {Reason.ALL_WELL}
        assert loop.story.open_incidents == ()
        assert missing_replicas(await loop.truth()) == {}


async def test_what_ran_on_a_lost_cluster_runs_elsewhere(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "cluster-lost") as loop:
        await loop.until(lambda s: bool(s.acts), what="a decision to act")
        decision = loop.story.acts[0]
        assert decision.reason is Reason.CLUSTER_LOST
        assert [(c, source) for c, source, _ in moves(decision)] == [("render", "metro")]
        assert any(i.subject == "metro" for i in loop.story.open_incidents)
        await settled(loop)
        truth = await loop.truth()
        assert all_within(truth)
        assert "metro" not in truth["placement"]["xr/arena"]["render"]
        assert sum(truth["placement"]["xr/arena"]["render"].values()) == 2


async def test_users_move_and_components_follow(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "users-move") as loop:
        await loop.until(lambda s: bool(s.open_incidents), what="an incident")
        (incident,) = loop.story.open_incidents
        assert (incident.kind, incident.subject) == (SubjectKind.GROUP, "xr/arena/south")
        await settled(loop)
        truth = await loop.truth()
        assert truth["groups"]["xr/arena/south"]["site"] == "venue-coast"
        assert all_within(truth)
        assert missing_replicas(truth) == {}
        assert len(loop.story.acts) == 1
        assert all(target == "metro" for _, _, target in moves(loop.story.acts[0]))

        await loop.until(lambda s: not s.open_incidents, what="the incident is over")
        closed = [
            i.id
            for message in loop.told
            for i in getattr(message, "incidents", ())
            if i.state is IncidentState.CLOSED
        ]
        assert closed == [incident.id]


async def test_nothing_moves_while_a_clusters_data_are_gone(tmp_path: Path) -> None:
    async with running_loop(tmp_path, "thanos-partial", speed=25) as loop:
        await loop.until(
            lambda s: any(d.reason is Reason.NOT_FRESH for d in s.decisions),
            what="a hold for missing data",
        )
        hold = next(d for d in loop.story.decisions if d.reason is Reason.NOT_FRESH)
        assert hold.verdict is Verdict.HOLD
        assert "metro" in hold.detail
        await loop.until(lambda s: bool(s.acts), what="a decision once data are back")
        gaps = [c for c in loop.story.insight.coverage if c.cluster == "metro"]  # type: ignore[union-attr]
        assert gaps == [], "the first act comes with metro's data fresh again"
        truth = await loop.truth()
        assert [e["kind"] for e in truth["events"]] == ["metrics-lost", "link", "metrics-found"]
        await settled(loop)
        assert missing_replicas(await loop.truth()) == {}
