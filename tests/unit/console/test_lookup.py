"""Decisions are found by their id, or by their application."""

import pytest

from console.lookup import find_decision
from shared.bus.memory import MemoryBus
from shared.messages.outcome import Status
from tests.support.builders import FLEET, NOW, later
from tests.unit.console.stories import a_decision, an_outcome


async def a_bus() -> MemoryBus:
    bus = MemoryBus(fleet=FLEET)
    await bus.publish(a_decision())
    await bus.publish(a_decision(at=later(60)))
    await bus.publish(an_outcome(Status.RUNNING))
    await bus.publish(an_outcome(Status.SUCCEEDED))
    return bus


async def test_an_id_finds_its_decision_with_the_newest_outcome() -> None:
    decision, outcome = await find_decision(await a_bus(), a_decision().id)
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
