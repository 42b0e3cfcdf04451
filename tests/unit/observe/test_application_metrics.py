from dataclasses import replace
from datetime import timedelta

import pytest

from services.observe.core.answers import Answer, Answers, Question, Sample
from services.observe.core.inventory import read_inventory
from services.observe.core.memory import Memory
from services.observe.core.observe import Cycle, observe, questions_of
from services.observe.core.queries import QUERIES
from shared.messages.inventory import Inventory
from shared.messages.observation import Observation
from shared.messages.readings import Reading, Signal
from tests.support.builders import FLEET, later
from tests.support.fakes_observe import (
    raw_application,
    raw_site,
    some_answers,
    some_lists,
    some_objects,
    some_values,
)

MAX_AGE = timedelta(seconds=45)
TIME = Question(promql="render_time_ms", lookback=MAX_AGE)
RATE = Question(promql="rate_mbps", lookback=MAX_AGE)
USERS = Question(promql="xr_users", labels=("site",), lookback=MAX_AGE)


def an_inventory() -> Inventory:
    application = raw_application(
        components=[
            {"name": "ingest", "workload": {"name": "ingest"}, "processing": {"milliseconds": 2}},
            {
                "name": "render",
                "workload": {"name": "render"},
                "processing": {"metric": TIME.promql},
            },
        ],
        flows=[{"from": "ingest", "to": "render", "mbpsMetric": RATE.promql}],
        users=[{"group": "visitors", "siteMetric": USERS.promql, "path": ["ingest", "render"]}],
    )
    access = [{"from": "north", "milliseconds": 1}, {"from": "south", "milliseconds": 4}]
    objects = some_objects()
    objects["Application"] = [application]
    objects["Site"] = [raw_site("home", home=True, access=access), raw_site("metro", access=access)]
    inventory = read_inventory(some_lists(objects), FLEET)
    assert inventory.problems == ()
    return inventory


INVENTORY = an_inventory()


def answer(question: Question, *rows: tuple[str, float]) -> Answer:
    samples = tuple(Sample((label,) if question.labels else (), value) for label, value in rows)
    return Answer(question=question, samples=samples)


GOOD = (
    answer(TIME, ("", 3.5)),
    answer(RATE, ("", 400.0), ("", 100.0)),
    answer(USERS, ("north", 10.0), ("south", 2.0)),
)


def look(
    *changes: Answer, memory: Memory | None = None, seconds: float = 0.0, blind: bool = False
) -> tuple[Observation, Memory]:
    told = {a.question: a for a in (*GOOD, *changes)}
    clusters = ("home",) if blind else ("home", "metro")
    answers = some_answers(some_values(*clusters), at=later(seconds), more=told.values())
    cycle = Cycle(fleet=FLEET, at=later(seconds), interval=timedelta(seconds=15), max_age=MAX_AGE)
    return observe(answers, INVENTORY, (), memory or Memory(), cycle=cycle)


def problems(observation: Observation) -> list[tuple[str, str]]:
    return [(p.field, p.message) for p in observation.inventory.problems]


def site(observation: Observation) -> str:
    return observation.inventory.applications[0].users[0].site


def test_each_metric_is_asked_and_only_recent_samples_may_answer() -> None:
    asked = questions_of(INVENTORY, max_age=MAX_AGE)
    assert {TIME, RATE, USERS} <= set(asked)
    assert len(asked) == len(set(asked)) == 2 * len(QUERIES) + 3


def test_measured_values_are_put_into_the_application() -> None:
    observation, _ = look()
    (application,) = observation.inventory.applications
    assert [c.processing_ms for c in application.components] == [2.0, 3.5]
    assert application.flows[0].mbps == 400.0
    assert application.users[0].site == "north"
    measured = [r for r in observation.readings if not r.cluster]
    assert measured == [
        Reading(Signal.PROCESSING_MS, "", "xr/arena/render", 3.5, 0.0),
        Reading(Signal.FLOW_MBPS, "", "xr/arena/ingest/render", 400.0, 0.0),
        Reading(Signal.USERS, "", "xr/arena/visitors", 12.0, 0.0),
    ]


def test_users_are_not_counted_while_some_may_not_be_told() -> None:
    _, memory = look()
    partly = replace(answer(USERS, ("north", 4.0)), warnings=("a store is down",))
    observation, memory = look(partly, memory=memory, seconds=15)
    assert len(observation.readings.of(Signal.USERS)) == 0
    observation, memory = look(memory=memory, seconds=30, blind=True)
    assert len(observation.readings.of(Signal.USERS)) == 0
    observation, _ = look(answer(USERS, ("north", 0.0)), memory=memory, seconds=45)
    assert list(observation.readings.of(Signal.USERS).values) == [0.0]


@pytest.mark.parametrize(
    ("bad", "field", "message"),
    [
        (Answer(question=TIME, failure="refused"), "spec.components[1].processing.metric",
         "the metric could not be asked: refused"),
        (answer(TIME), "spec.components[1].processing.metric",
         "the metric gives nothing with a number"),
        (answer(TIME, ("", float("nan"))), "spec.components[1].processing.metric",
         "the metric gives nothing with a number"),
        (answer(TIME, ("", -1.0)), "spec.components[1].processing.metric",
         "the metric gives a negative number: -1"),
        (replace(GOOD[2], warnings=("gone",)), "spec.users[0].siteMetric",
         "the metric says nothing of where users were now, and it is answered in part: gone"),
        (answer(USERS, ("", 3.0)), "spec.users[0].siteMetric",
         "the metric gives nothing with label site"),
        (answer(USERS, ("moon", 3.0)), "spec.users[0].siteMetric",
         "no Site says how far it is from user site moon"),
    ],
)  # fmt: skip
def test_an_application_whose_metric_cannot_be_used_is_held(
    bad: Answer, field: str, message: str
) -> None:
    observation, _ = look(bad)
    assert observation.inventory.applications == ()
    assert problems(observation) == [(field, message)]


def test_the_newest_answer_stands_in_until_it_is_too_old() -> None:
    _, memory = look()
    gone = Answer(question=TIME, failure="refused")
    observation, memory = look(gone, memory=memory, seconds=45)
    assert observation.inventory.applications[0].components[1].processing_ms == 3.5
    assert [r.age_seconds for r in observation.readings.of(Signal.PROCESSING_MS)] == [45.0]
    observation, memory = look(gone, memory=memory, seconds=46)
    assert observation.inventory.applications == ()
    observation, _ = look(memory=memory, seconds=60)
    assert len(observation.inventory.applications) == 1


def test_users_are_where_most_of_them_are() -> None:
    _, memory = look()
    observation, _ = look(answer(USERS, ("north", 1.0), ("south", 2.0)), memory=memory)
    assert site(observation) == "south"


def test_of_equal_sites_the_users_stay_where_they_were() -> None:
    _, memory = look(answer(USERS, ("south", 2.0), ("north", 1.0)))
    empty = answer(USERS, ("north", 0.0), ("south", 0.0))
    assert site(look(empty, memory=memory)[0]) == "south"
    assert site(look(empty)[0]) == "north"


def test_users_have_not_left_a_site_that_merely_fell_silent() -> None:
    _, memory = look()
    silent = answer(USERS, ("south", 2.0))
    observation, memory = look(silent, memory=memory, seconds=15, blind=True)
    assert site(observation) == "north"
    observation, memory = look(silent, memory=memory, seconds=600, blind=True)
    assert problems(observation) == [
        (
            "spec.users[0].siteMetric",
            "the metric says nothing of north now, and metro no longer tells anything",
        )
    ]
    observation, _ = look(silent, memory=memory, seconds=615)
    assert site(observation) == "south"


def test_a_partial_answer_is_believed_in_what_it_still_tells() -> None:
    _, memory = look()
    warnings = ("PromQL info: a remark", "a store is down")
    partly = [replace(a, warnings=warnings) for a in GOOD]
    observation, memory = look(*partly, memory=memory, seconds=600)
    assert site(observation) == "north"
    moved = replace(answer(USERS, ("north", 0.0), ("south", 2.0)), warnings=warnings)
    observation, _ = look(moved, memory=memory, seconds=615)
    assert site(observation) == "south"
    remark = replace(GOOD[2], warnings=warnings[:1])
    assert site(look(remark)[0]) == "north"


def test_what_was_not_asked_is_not_known() -> None:
    cycle = Cycle(fleet=FLEET, at=later(0), interval=timedelta(seconds=15), max_age=MAX_AGE)
    observation, _ = observe(Answers(), INVENTORY, (), Memory(), cycle=cycle)
    assert len(problems(observation)) == 3
    assert len(observation.readings) == 0
