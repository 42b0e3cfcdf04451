"""The status of an Application is written when its meaning changes, and seldom otherwise."""

from typing import Any

from services.act.board import Board
from services.act.core.objects import APPLICATION, Ref
from services.act.reporting import StatusWriter
from shared.runtime.following import Changed, Late, Listed
from tests.support.builders import FLEET, NOW, later
from tests.support.fakes_act import FakeClusterApi
from tests.support.objects_act import an_application_object, an_insight_of

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
