"""Statuses are written when their meaning changes; alerts outlive Act and end when they should."""

import asyncio
from dataclasses import replace
from typing import Any

from services.act.board import Board
from services.act.core.objects import APPLICATION, Ref
from services.act.core.outcome import declined
from services.act.core.telling.alerts import Alert, labels_of
from services.act.intake import Intake
from services.act.outbox import Outbox
from services.act.recalling import recall
from services.act.reporting import report_alerts
from services.act.statuses import StatusWriter
from shared.bus.memory import MemoryBus
from shared.messages.decision import Decision
from shared.messages.outcome import Outcome, Status
from shared.messages.subjects import Message
from shared.model.application import Autonomy
from shared.model.names import ApplicationName
from shared.runtime.following import Changed, Late, Listed
from tests.support.builders import ARENA, FLEET, NOW, later
from tests.support.fakes_act import FakeAlertSink, FakeClusterApi, a_ground
from tests.support.objects_act import a_decision, an_application_object, an_insight_of

ARENA_REF = Ref(kind=APPLICATION, namespace="xr", name="arena")


def a_writer() -> tuple[StatusWriter, FakeClusterApi]:
    """Return a writer that has seen the arena, and the cluster it writes to."""
    api = FakeClusterApi()
    api.put(ARENA_REF, an_application_object())
    board = Board(fleet=FLEET)
    board.hear(Listed(objects=(api.objects[ARENA_REF],)))
    return StatusWriter(api=api, board=board, now=api.now), api


async def after(
    writer: StatusWriter, api: FakeClusterApi, seconds: float, latency_ms: float, **changes: Any
) -> int:
    """Return how many statuses are written at an instant for such a quality."""
    before = len(api.written(APPLICATION, "status"))
    api.at = later(seconds)
    writer.board.insight = an_insight_of(at=NOW, latency_ms=latency_ms, **changes)
    assert await writer.write_all()
    return len(api.written(APPLICATION, "status")) - before


async def test_the_same_status_is_written_once() -> None:
    writer, api = a_writer()

    assert [await after(writer, api, s, 12.0) for s in (0, 1, 100)] == [1, 0, 0]


async def test_numbers_that_jitter_are_written_once_a_minute() -> None:
    writer, api = a_writer()
    await after(writer, api, 0, 12.0)

    written = [await after(writer, api, 15.0 * n, 12.0 + n / 10) for n in range(1, 9)]

    assert written == [0, 0, 0, 1, 0, 0, 0, 1]


async def test_a_budget_missed_is_written_at_once() -> None:
    writer, api = a_writer()
    await after(writer, api, 0, 12.0)

    assert await after(writer, api, 1, 20.0) == 1


async def test_a_status_denied_for_good_does_not_keep_others_from_theirs() -> None:
    writer, api = a_writer()
    other = an_application_object()
    other["metadata"]["name"] = "zoo"
    api.put(Ref(kind=APPLICATION, namespace="xr", name="zoo"), other)
    writer.board.hear(Changed(object=other))
    api.refusals[ARENA_REF] = "forbidden"

    assert await after(writer, api, 0, 12.0) == 1


async def test_a_server_that_does_not_answer_is_tried_again() -> None:
    writer, api = a_writer()
    writer.board.insight = an_insight_of(at=NOW)
    api.silences = 1

    assert not await writer.write_all()
    assert await writer.write_all()


def test_the_board_keeps_the_applications_of_its_fleet() -> None:
    foreign = an_application_object()
    foreign["metadata"]["labels"] = {"crossloop.dev/fleet": "other"}
    board = Board(fleet=FLEET)

    board.hear(Listed(objects=(foreign,)))
    assert board.applications == {}
    board.hear(Changed(object=an_application_object()))
    assert list(board.applications) == ["xr/arena"]
    board.hear(Late(reason="the watch broke"))
    assert list(board.applications) == ["xr/arena"]
    board.hear(Changed(object=an_application_object(), gone=True))
    assert board.applications == {}


def test_the_board_does_not_go_back_to_an_older_version() -> None:
    board = Board(fleet=FLEET)
    newer, older = an_application_object(), an_application_object(note="old")
    newer["metadata"]["resourceVersion"], older["metadata"]["resourceVersion"] = "12", "9"

    board.put(newer)
    board.hear(Changed(object=older))

    assert list(board.applications.values()) == [newer]


async def recalled(
    *messages: Message, outcomes: tuple[Outcome, ...] = (), autonomy: str = "auto"
) -> Board:
    """Return what an Act knows that has just started, by what is on the bus and in ledgers."""
    writer, api = a_writer()
    board, obj = writer.board, an_application_object()
    obj["spec"]["autonomy"] = autonomy
    board.hear(Listed(objects=(obj,)))
    board.insight = board.newest = an_insight_of(at=NOW)
    board.sites_listed = True
    bus = MemoryBus(fleet=FLEET, now=lambda: NOW)
    for message in messages:
        await bus.publish(message)
    for outcome in outcomes:
        board.note(outcome)
    intake = Intake(api=api, board=board, outbox=Outbox(board), now=api.now, ground=a_ground())
    await recall(bus, intake)
    return board


async def told_after(board: Board, held: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """Return the first post of a new Act, where such alerts are held."""
    sink = FakeAlertSink()
    sink.holds = held
    work = report_alerts(sink, board, now=lambda: NOW, interval_seconds=60)
    task = asyncio.create_task(work)
    async with asyncio.timeout(5):
        await sink.posted.wait()
    task.cancel()
    return sink.posts[0]


def names_of(alerts: tuple[Alert, ...], *, ended: bool = False) -> list[str]:
    """Return what the alerts are called that fire, or that are over."""
    return [dict(a.labels)["alertname"] for a in alerts if (a.ends_at <= NOW) is ended]


def advice(**changes: Any) -> Decision:
    """Return a decision that a person should carry out."""
    return a_decision(autonomy=Autonomy.ADVISE, **changes)


async def test_advice_and_refusals_are_told_on_after_a_restart() -> None:
    refused = declined(a_decision(), Status.REFUSED, "no room", now=NOW)
    before = await told_after(await recalled(advice(), refused), ())

    board = await recalled(advice(), refused)
    after = await told_after(board, before)

    assert names_of(before) == ["MoveAdvised", "PlanRefused"]
    assert after == before


async def test_what_is_recalled_is_as_strict_as_what_is_declared_now() -> None:
    board = await recalled(a_decision(), autonomy="advise")

    assert names_of(await told_after(board, ())) == ["MoveAdvised"]


async def test_what_the_ledger_says_is_newer_than_what_is_on_the_bus() -> None:
    running = declined(a_decision(), Status.RUNNING, "", now=NOW)
    older = declined(a_decision(at=later(-30)), Status.REFUSED, "", now=NOW)
    succeeded = replace(running, status=Status.SUCCEEDED)

    board = await recalled(older, running, outcomes=(succeeded,))

    assert board.outcomes[ARENA, None] == succeeded


async def test_what_an_earlier_act_posted_is_ended_at_once_where_it_fires_no_more() -> None:
    stale = await told_after(await recalled(advice()), ())
    foreign = labels_of(alertname="CrossloopBlind", fleet=FLEET, severity="warning")
    other = labels_of(alertname="MoveAdvised", fleet="other", severity="warning")
    held = (*stale, replace(stale[0], labels=foreign), replace(stale[0], labels=other))

    post = await told_after(await recalled(), held)

    assert [a.labels for a in post] == [stale[0].labels]
    assert names_of(post, ended=True) == ["MoveAdvised"]


async def test_nothing_of_an_earlier_act_is_ended_before_all_is_known() -> None:
    stale = await told_after(await recalled(advice()), ())
    board = Board(fleet=FLEET)
    board.learn(an_insight_of(at=NOW))

    assert await told_after(board, stale) == ()


async def test_mere_numbers_of_many_take_turns() -> None:
    writer, api = a_writer()
    names = [f"a{number:02}" for number in range(40)]
    for name in names:
        other = an_application_object()
        other["metadata"]["name"] = name
        api.put(Ref(kind=APPLICATION, namespace="xr", name=name), other)
        writer.board.hear(Changed(object=other))
    written = []
    for second in (0, 60, 61, 62, 63, 64):
        insight = an_insight_of(at=NOW, latency_ms=12.0 + second / 100)
        of_all = [
            replace(insight.qualities[0], application=ApplicationName(f"xr/{n}")) for n in names
        ]
        before, api.at = len(api.writes), later(second)
        writer.board.insight = replace(insight, qualities=tuple(of_all))
        await writer.write_all()
        written.append([write.ref.name for write in api.writes[before:]])

    assert [len(each) for each in written] == [41, 15, 0, 1, 0, 1]
    assert written[1] == names[:15]
    assert [*written[3], *written[5]] == names[15:17]
