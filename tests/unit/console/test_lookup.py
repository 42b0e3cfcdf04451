"""Decisions are found by their id, or by their application."""

from dataclasses import replace

import pytest

from console.lookup import find_decision, find_waiting
from shared.bus.memory import MemoryBus
from shared.messages.decision import Reason, Verdict
from shared.messages.outcome import Status
from shared.model.plan import Plan
from shared.model.policy import FleetPolicy
from tests.support.builders import FLEET, NOW, an_insight, later
from tests.unit.console.stories import a_told_decision, an_outcome


async def a_bus() -> MemoryBus:
    bus = MemoryBus(fleet=FLEET)
    await bus.publish(a_told_decision())
    await bus.publish(a_told_decision(at=later(60)))
    await bus.publish(an_outcome(Status.RUNNING))
    await bus.publish(an_outcome(Status.SUCCEEDED))
    return bus


async def test_an_id_finds_its_decision_with_the_newest_outcome() -> None:
    decision, outcome = await find_decision(await a_bus(), a_told_decision().id)
    assert decision.at == NOW
    assert outcome is not None
    assert outcome.status is Status.SUCCEEDED


@pytest.mark.parametrize("called", ["xr/arena", "xr_arena"])
async def test_an_application_finds_its_newest_decision(called: str) -> None:
    decision, outcome = await find_decision(await a_bus(), called)
    assert decision.at == later(60)
    assert outcome is None


@pytest.mark.parametrize("called", ["", "nonsense", "xr.arena", "20261124T070000000Z_xr_no", ">"])
async def test_what_is_not_there_is_said_in_a_sentence(called: str) -> None:
    with pytest.raises(LookupError, match="no decision is called"):
        await find_decision(await a_bus(), called)


async def waiting(*approvers: str) -> MemoryBus:
    """Return a bus on which a decision waits, and a hold came after it."""
    bus = MemoryBus(fleet=FLEET)
    hold = {"verdict": Verdict.HOLD, "reason": Reason.IN_FLIGHT, "plan": Plan()}
    await bus.publish(a_told_decision())
    await bus.publish(an_outcome(Status.WAITING))
    await bus.publish(replace(a_told_decision(at=later(15)), **hold))
    await bus.publish(an_insight(policy=FleetPolicy(approvers=approvers)))
    return bus


@pytest.mark.parametrize("called", ["xr/arena", a_told_decision().id])
async def test_the_answer_goes_to_the_decision_that_waits_for_it(called: str) -> None:
    bus = await waiting("ann")
    assert (await find_waiting(bus, called, by="ann")).id == a_told_decision().id


async def test_a_hold_waits_for_no_answer() -> None:
    with pytest.raises(LookupError, match="nothing to answer"):
        await find_waiting(await waiting(), a_told_decision(at=later(15)).id, by="ann")


@pytest.mark.parametrize("status", [Status.RUNNING, Status.REFUSED])
async def test_what_does_not_wait_any_more_is_said(status: Status) -> None:
    bus = await waiting()
    await bus.publish(an_outcome(status))
    with pytest.raises(LookupError, match=f"is {status} already: there is nothing to answer"):
        await find_waiting(bus, "xr/arena", by="ann")


async def test_who_may_not_answer_is_told_at_once() -> None:
    with pytest.raises(LookupError, match="mallory may not answer: the approvers are ann, bob"):
        await find_waiting(await waiting("ann", "bob"), "xr/arena", by="mallory")
