"""The entry of Observe: answers and inventory of one cycle become one Observation."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.observe.core.answers import Answers, Question
from services.observe.core.application_metrics import application_questions, measure_applications
from services.observe.core.coverage import cover, remember_complete, set_scene
from services.observe.core.inventory import surroundings_of
from services.observe.core.memory import Memory, remember_outcomes
from services.observe.core.readings import collect, hear, signal_questions
from shared.messages.inventory import Inventory
from shared.messages.observation import Coverage, CoverageState, Observation
from shared.messages.outcome import Outcome
from shared.model.names import CycleId, FleetName


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One turn of the loop, as it begins."""

    fleet: FleetName
    at: datetime
    interval: timedelta
    """Time between two cycles."""
    max_age: timedelta
    """Data older than this are late."""

    @property
    def id(self) -> CycleId:
        """The instant, in UTC with milliseconds: `20261124T070611123Z`."""
        milliseconds = self.at.microsecond // 1000
        return CycleId(f"{self.at:%Y%m%dT%H%M%S}{milliseconds:03d}Z")


def questions_of(inventory: Inventory, *, max_age: timedelta) -> tuple[Question, ...]:
    """Return all there is to ask of the metrics store in one cycle."""
    return signal_questions() + application_questions(inventory.applications, max_age=max_age)


def observe(
    answers: Answers,
    inventory: Inventory,
    outcomes: Iterable[Outcome],
    memory: Memory,
    *,
    cycle: Cycle,
) -> tuple[Observation, Memory]:
    """Return what is the case, and what to remember for the next cycle.

    `outcomes`: those that came since the last one. What is not known is said in the coverage, the
    kinds and the problems, and never filled in.
    """
    heard = hear(answers, at=cycle.at)
    scene = set_scene(heard, inventory, answers.stores, memory, at=cycle.at, max_age=cycle.max_age)
    coverage = cover(scene)
    measurement = measure_applications(
        inventory.applications,
        answers,
        memory.measured,
        surroundings_of(inventory),
        blind=_blind(coverage, memory),
        at=cycle.at,
        max_age=cycle.max_age,
    )
    next_memory = Memory(
        outcomes=remember_outcomes(memory.outcomes, outcomes, at=cycle.at),
        complete=remember_complete(scene),
        answered=scene.answered,
        measured=measurement.measured,
    )
    observation = Observation(
        cycle=cycle.id,
        fleet=cycle.fleet,
        at=cycle.at,
        interval_seconds=cycle.interval.total_seconds(),
        readings=collect(
            heard.values(), (site.name for site in inventory.sites), measurement.readings
        ),
        inventory=replace(
            inventory,
            applications=measurement.applications,
            problems=inventory.problems + measurement.problems,
        ),
        coverage=coverage,
        outcomes=next_memory.outcomes,
    )
    return observation, next_memory


def _blind(coverage: Iterable[Coverage], memory: Memory) -> str:
    """Return the sentence that a cluster no longer tells anything, or an empty text."""
    silent = {complete.cluster for complete in memory.complete}
    silent -= {row.cluster for row in coverage if row.state is not CoverageState.ABSENT}
    return f"{min(silent)} no longer tells anything" if silent else ""
