"""What every bus promises, in memory and on a real server; then what only a server can do to it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from nats.js import JetStreamContext

from shared.bus.codec import encode
from shared.bus.jetstream import JetStreamBus, connect
from shared.bus.port import Bus
from shared.bus.settling import ERROR
from shared.errors import PermanentError, TransientError
from shared.messages.approval import Approval
from shared.messages.control import Control
from shared.messages.insight import Insight
from shared.messages.observation import Observation
from shared.messages.readings import Reading, Readings, Signal
from shared.messages.subjects import DEAD_PREFIX, Message, subject_of
from shared.model.names import DecisionId, FleetName
from shared.runtime.clock import now
from shared.runtime.probes import Readiness
from shared.runtime.settings import CommonSettings
from tests.support.builders import FLEET, NOW, an_insight, an_observation, cycle_at, later
from tests.support.buses import (
    JetStreamPost,
    Post,
    jetstream_bus,
    jetstream_post,
    memory_post,
)
from tests.support.nats import NatsServer, nats_server


@pytest.fixture(params=["memory", "jetstream"])
async def post(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Post]:
    if request.param == "memory":
        yield memory_post()
        return
    async with jetstream_post(tmp_path) as real:
        yield real


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[JetStreamPost]:
    async with jetstream_post(tmp_path) as post:
        yield post


def insight_at(seconds: float) -> Insight:
    at = later(seconds)
    return replace(an_insight(), at=at, cycle=cycle_at(at))


def an_approval(number: int, **changes: Any) -> Approval:
    approval = Approval(
        decision=DecisionId(f"d{number}"),
        fleet=FLEET,
        approved=True,
        by="ann",
        reason="",
        at=NOW,
    )
    return replace(approval, **changes)


async def receive(bus: Bus, of: type[Any], count: int, consumer: str = "act") -> list[Any]:
    """Handle that many messages, and return them."""
    received = []
    async with asyncio.timeout(20):
        async for delivery in bus.deliveries(of=of, consumer=consumer):
            async with delivery.settling() as message:
                received.append(message)
            if len(received) == count:
                return received
    raise AssertionError


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run it beside the block, and cancel it after."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - the condition is a server's
            await asyncio.sleep(0.02)


async def failing(bus: Bus, error: Exception, seen: list[Message], of: type[Any]) -> None:
    async for delivery in bus.deliveries(of=of, consumer="act"):
        async with delivery.settling() as message:
            seen.append(message)
            raise error


async def test_a_message_arrives_as_it_was_sent(post: Post) -> None:
    await post.bus.publish(an_insight())
    assert await receive(post.bus, Insight, 1) == [an_insight()]


async def test_an_observation_arrives_with_its_readings(post: Post) -> None:
    rows = [Reading(Signal.LINK_RTT_MS, "home", f"peer-{n}", n / 7, 1.0) for n in range(5000)]
    sent = an_observation(readings=Readings.from_rows(rows))
    await post.bus.publish(sent)
    assert await receive(post.bus, Observation, 1) == [sent]


async def test_a_slow_consumer_of_state_skips_to_the_newest(post: Post) -> None:
    for seconds in range(5):
        await post.bus.publish(insight_at(seconds))
    assert await receive(post.bus, Insight, 1) == [insight_at(4)]


async def test_state_that_came_while_another_was_in_hand_is_next(post: Post) -> None:
    received = []
    await post.bus.publish(insight_at(0))
    async with asyncio.timeout(20):
        async for delivery in post.bus.deliveries(of=Insight, consumer="decide"):
            async with delivery.settling() as insight:
                received.append(insight)
                if len(received) == 1:
                    await post.bus.publish(insight_at(1))
                    await post.bus.publish(insight_at(2))
            if len(received) == 2:
                break
    assert received == [insight_at(0), insight_at(2)]


async def test_work_arrives_in_order_and_completely(post: Post) -> None:
    sent = [an_approval(n) for n in range(10)]
    for approval in sent:
        await post.bus.publish(approval)
    assert await receive(post.bus, Approval, 10) == sent


async def test_each_service_gets_every_message(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    assert await receive(post.bus, Approval, 1, consumer="decide") == [an_approval(1)]
    assert await receive(post.bus, Approval, 1, consumer="act") == [an_approval(1)]


async def test_a_service_that_comes_back_goes_on_where_it_was(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    await receive(post.bus, Approval, 1)
    await post.bus.publish(an_approval(2))
    assert await receive(post.bus, Approval, 1) == [an_approval(2)]


async def test_a_message_published_twice_is_stored_once(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    await post.bus.publish(an_approval(1))
    assert len(await post.letters("crossloop.v1.approval")) == 1


async def test_a_transient_failure_brings_the_message_again(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    await post.bus.publish(an_approval(2))
    received = []
    async with asyncio.timeout(20):
        async for delivery in post.bus.deliveries(of=Approval, consumer="act"):
            async with delivery.settling() as approval:
                received.append(approval)
                if len(received) == 1:
                    raise TransientError("not now")
            if len(received) == 3:
                break
    assert received == [an_approval(1), an_approval(1), an_approval(2)]


async def test_failed_state_is_replaced_by_the_newer_one(post: Post) -> None:
    await post.bus.publish(insight_at(0))
    received = []
    async with asyncio.timeout(20):
        async for delivery in post.bus.deliveries(of=Insight, consumer="decide"):
            async with delivery.settling() as insight:
                received.append(insight)
                if len(received) == 1:
                    await post.bus.publish(insight_at(1))
                    raise TransientError("not now")
            if len(received) == 2:
                break
    assert received == [insight_at(0), insight_at(1)]


async def test_five_failures_send_a_message_to_the_dead_subject_with_the_reason(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    seen: list[Message] = []
    async with running(failing(post.bus, TransientError("the API is away"), seen, Approval)):
        await eventually(lambda: post.letters(DEAD_PREFIX))
    (dead,) = await post.letters(DEAD_PREFIX)
    body, headers = encode(an_approval(1))
    assert len(seen) == 5
    assert dead.subject == f"{DEAD_PREFIX}.{subject_of(an_approval(1))}"
    assert dead.body == body
    assert dead.headers[ERROR] == "failed 5 times, last: the API is away"
    assert dead.headers["Crossloop-Consumer"] == "act"
    assert dead.headers["Crossloop-Deliveries"] == "5"
    assert dead.headers["Crossloop-Schema"] == headers["Crossloop-Schema"]


async def test_a_permanent_failure_goes_to_the_dead_subject_at_once(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    seen: list[Message] = []
    async with running(failing(post.bus, PermanentError("never"), seen, Approval)):
        await eventually(lambda: post.letters(DEAD_PREFIX))
    assert len(seen) == 1
    assert [dead.headers[ERROR] for dead in await post.letters(DEAD_PREFIX)] == ["never"]


async def test_garbage_goes_to_the_dead_subject_and_the_next_message_is_handled(post: Post) -> None:
    await post.throw_in("crossloop.v1.approval.default.d0", b'{"by": "somebody"}')
    await post.throw_in("crossloop.v1.approval.default.d1", b"\xff\x00")
    await post.bus.publish(an_approval(2))
    assert await receive(post.bus, Approval, 1) == [an_approval(2)]
    reasons = [dead.headers[ERROR] for dead in await post.letters(DEAD_PREFIX)]
    assert reasons[0].startswith("not a valid Approval: decision is ")
    assert reasons[1].startswith("not a valid Approval: the body is ")


async def test_an_unknown_failure_leaves_the_message_unsettled_and_is_raised(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    with pytest.raises(ZeroDivisionError):
        await failing(post.bus, ZeroDivisionError(), [], Approval)
    assert await receive(post.bus, Approval, 1) == [an_approval(1)]
    assert await post.letters(DEAD_PREFIX) == []


async def test_a_cancelled_service_leaves_the_message_to_the_next(post: Post) -> None:
    await post.bus.publish(an_approval(1))
    started = asyncio.Event()

    async def hang() -> None:
        async for delivery in post.bus.deliveries(of=Approval, consumer="act"):
            async with delivery.settling():
                started.set()
                await asyncio.sleep(60)

    async with running(hang()):
        await started.wait()
    assert await receive(post.bus, Approval, 1) == [an_approval(1)]


async def test_a_message_that_keeps_ending_its_service_is_dead_after_five_deliveries(
    post: Post,
) -> None:
    await post.bus.publish(an_approval(1))
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            await failing(post.bus, ZeroDivisionError(), [], Approval)
    await post.bus.publish(an_approval(2))
    assert await receive(post.bus, Approval, 1) == [an_approval(2)]
    (dead,) = await post.letters(DEAD_PREFIX)
    assert dead.headers[ERROR] == "still unsettled after 5 deliveries"


async def test_the_newest_message_can_be_looked_up(post: Post) -> None:
    assert await post.bus.newest(of=Control) is None
    await post.bus.publish(Control(fleet=FLEET, paused=True, by="ann", reason="", at=NOW))
    on = Control(fleet=FLEET, paused=False, by="ann", reason="", at=later(1))
    await post.bus.publish(on)
    assert await post.bus.newest(of=Control) == on


async def test_the_newest_message_of_one_subject_can_be_looked_up(post: Post) -> None:
    for number in (1, 2):
        await post.bus.publish(an_approval(number))
    assert await post.bus.newest(of=Approval, tail="d1") == an_approval(1)
    assert await post.bus.newest(of=Approval) == an_approval(2)


async def test_other_fleets_messages_are_not_seen(post: Post) -> None:
    await post.bus.publish(an_approval(1, fleet=FleetName("other")))
    await post.bus.publish(an_approval(2))
    assert await receive(post.bus, Approval, 1) == [an_approval(2)]
    assert await post.bus.replay(of=Approval, since=later(-3600)) == (an_approval(2),)


async def test_stored_work_can_be_replayed_from_an_instant_to_another(post: Post) -> None:
    before = now() - timedelta(seconds=1)
    sent = tuple(an_approval(n) for n in range(60))
    for approval in sent[:25]:
        await post.bus.publish(approval)
    await asyncio.sleep(0.02)
    between = now()
    for approval in sent[25:]:
        await post.bus.publish(approval)
    assert await post.bus.replay(of=Approval, since=before) == sent
    assert await post.bus.replay(of=Approval, since=before, until=between) == sent[:25]
    assert await post.bus.replay(of=Approval, since=before + timedelta(hours=1)) == ()


async def test_state_that_was_replaced_can_be_replayed(post: Post) -> None:
    before = now() - timedelta(seconds=1)
    sent = []
    for seconds in range(3):
        await post.bus.publish(insight_at(seconds))
        sent.append(insight_at(seconds))
        await _recorded(post, before, sent)


async def test_a_message_too_large_is_refused_for_good(real: JetStreamPost) -> None:
    with pytest.raises(PermanentError, match="8388608 bytes on"):
        await real.bus.store.put("crossloop.v1.approval.default.d1", b"x" * 8 * 1024 * 1024, {})


async def test_a_message_that_may_not_be_published_is_refused_for_good(tmp_path: Path) -> None:
    rules = """
    authorization { users: [
      {user: all, password: x},
      {user: observe, password: x, permissions: {publish: {deny: "crossloop.v1.approval.>"}}}
    ] }
    """
    with nats_server(tmp_path, rules) as server:
        url = server.url.replace("//", "//observe:x@")
        settings = CommonSettings(nats_url=(url,), fleet=FLEET)
        async with connect(settings, name="observe", readiness=Readiness()) as bus:
            await bus.publish(insight_at(0))
            with pytest.raises(PermanentError, match="refused by the bus"):
                await bus.publish(an_approval(1))


async def test_a_killed_server_is_waited_for_and_nothing_is_lost(real: JetStreamPost) -> None:
    readiness = Readiness()
    async with jetstream_bus(real.server, readiness) as bus:
        await bus.publish(an_approval(1))
        received: list[Approval] = []

        async def listen() -> None:
            async for delivery in bus.deliveries(of=Approval, consumer="act"):
                async with delivery.settling() as approval:
                    received.append(approval)

        async with running(listen()):
            await _arrived(received, 1)
            real.server.kill()
            sending = asyncio.create_task(bus.publish(an_approval(2)))
            await eventually(lambda: _value(not readiness.is_ready))
            assert not bus.connected
            assert not sending.done()
            real.server.start()
            await sending
            await eventually(lambda: _value(an_approval(2) in received))
            assert readiness.is_ready
    assert list(dict.fromkeys(received)) == [an_approval(1), an_approval(2)]
    assert len(await real.letters("crossloop.v1.approval")) == 2


async def test_a_message_in_hand_while_the_server_is_killed_is_settled_after(
    real: JetStreamPost,
) -> None:
    await real.bus.publish(an_approval(1))
    await real.bus.publish(an_approval(2))
    received = []
    async with asyncio.timeout(30):
        async for delivery in real.bus.deliveries(of=Approval, consumer="act"):
            async with delivery.settling() as approval:
                received.append(approval)
                if len(received) == 1:
                    real.server.kill()
                    real.server.start()
            if approval == an_approval(2):
                break
    assert set(received) == {an_approval(1), an_approval(2)}


async def test_a_server_that_is_not_there_at_start_is_waited_for(real: JetStreamPost) -> None:
    real.server.kill()
    readiness = Readiness()

    async def start() -> None:
        async with jetstream_bus(real.server, readiness) as bus:
            await bus.publish(an_approval(1))

    task = asyncio.create_task(start())
    await eventually(lambda: _value(not readiness.is_ready))
    real.server.start()
    async with asyncio.timeout(20):
        await task


async def test_a_deleted_consumer_is_bound_again_where_it_was(real: JetStreamPost) -> None:
    received: list[Approval] = []

    async def listen() -> None:
        async for delivery in real.bus.deliveries(of=Approval, consumer="act"):
            async with delivery.settling() as approval:
                received.append(approval)

    await real.bus.publish(an_approval(1))
    async with running(listen()):
        await _arrived(received, 1)
        await _jetstream(real.bus).delete_consumer("CROSSLOOP_WORK", "act_approval_default")
        await real.bus.publish(an_approval(2))
        await _arrived(received, 2)
    assert received == [an_approval(1), an_approval(2)]


@pytest.mark.parametrize("stream", ["CROSSLOOP_WORK", "CROSSLOOP_STATE"])
async def test_a_deleted_stream_is_made_again_and_used(real: JetStreamPost, stream: str) -> None:
    of, first, second = (
        (Approval, an_approval(1), an_approval(2))
        if stream == "CROSSLOOP_WORK"
        else (Insight, insight_at(1), insight_at(2))
    )
    received: list[Message] = []

    async def listen() -> None:
        async for delivery in real.bus.deliveries(of=of, consumer="act"):
            async with delivery.settling() as message:
                received.append(message)

    await real.bus.publish(first)
    async with running(listen()):
        await _arrived(received, 1)
        await _jetstream(real.bus).delete_stream(stream)
        await real.bus.publish(second)
        await _arrived(received, 2)
    assert received == [first, second]


async def test_services_that_start_together_share_the_streams(tmp_path: Path) -> None:
    async def start(server: NatsServer) -> int | None:
        async with jetstream_bus(server) as bus:
            return (await _jetstream(bus).stream_info("CROSSLOOP_STATE")).config.first_seq

    with nats_server(tmp_path) as server:
        firsts = await asyncio.gather(*(start(server) for _ in range(4)))
    assert len(set(firsts)) == 1


async def test_a_stream_made_again_counts_on(real: JetStreamPost) -> None:
    js = _jetstream(real.bus)
    await real.bus.publish(insight_at(1))
    before = (await js.stream_info("CROSSLOOP_STATE")).state.last_seq
    await js.delete_stream("CROSSLOOP_STATE")
    with structlog.testing.capture_logs() as told:
        await real.bus.publish(insight_at(2))
    events = [entry["event"] for entry in told]
    assert events == ["request_delayed", "streams_changed", "request_answered"]
    assert (await js.stream_info("CROSSLOOP_STATE")).state.first_seq > before


async def _recorded(post: Post, since: datetime, expected: list[Insight]) -> None:
    async def recorded() -> bool:
        return await post.bus.replay(of=Insight, since=since) == tuple(expected)

    await eventually(recorded)


async def test_streams_that_differ_are_updated_and_the_others_left_alone(
    real: JetStreamPost,
) -> None:
    js = _jetstream(real.bus)
    info = await js.stream_info("CROSSLOOP_WORK")
    await js.update_stream(replace(info.config, max_age=60.0, duplicate_window=30.0))
    state = await js.stream_info("CROSSLOOP_DEAD")
    await js.update_stream(replace(state.config, description="an operator's note"))
    await real.bus.store.prepare()
    assert (await js.stream_info("CROSSLOOP_WORK")).config.max_age == 7 * 24 * 3600
    assert (await js.stream_info("CROSSLOOP_DEAD")).config.description == "an operator's note"


async def test_a_long_settling_is_not_delivered_a_second_time(real: JetStreamPost) -> None:
    await real.bus.publish(an_approval(1))
    bus = replace(real.bus, ack_wait=0.3)
    async for delivery in bus.deliveries(of=Approval, consumer="act"):
        async with delivery.settling():
            await asyncio.sleep(0.8)
        break
    info = await _jetstream(bus).consumer_info("CROSSLOOP_WORK", "act_approval_default")
    assert (info.num_ack_pending, info.num_redelivered) == (0, 0)


def _jetstream(bus: JetStreamBus) -> JetStreamContext:
    return bus.connection.client.jetstream()


async def _arrived(received: list[Any], count: int) -> None:
    await eventually(lambda: _value(len(received) >= count))


async def _value(value: bool) -> bool:
    return value
