from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.observe.core.answers import Answer, Answers, Store
from services.observe.core.coverage import OF_PODS
from services.observe.core.inventory import read_inventory
from services.observe.core.memory import Memory
from services.observe.core.observe import Cycle, observe
from services.observe.core.queries import QUERIES
from services.observe.core.readings import freshness_question, values_question
from shared.messages.inventory import Inventory
from shared.messages.observation import Coverage, CoverageState, Observation
from shared.messages.readings import Signal
from tests.support.builders import FLEET, NOW, later
from tests.support.fakes_observe import (
    raw_foreign_cluster,
    some_answers,
    some_lists,
    some_objects,
    some_values,
)

FRESH, LATE, PARTIAL, ABSENT = CoverageState
MAX_AGE = timedelta(seconds=45)
CLUSTERS = ("home", "edge", "metro")
INVENTORY = read_inventory(some_lists(some_objects("edge", "metro")), FLEET)
LOSS = 'fetch series for {cluster="metro", replica="r0"} Addr: 10.0.0.3:10901 Error: refused'


def look(
    answers: Answers, memory: Memory | None = None, *, seconds: float = 0.0, **changes: Inventory
) -> tuple[Observation, Memory]:
    cycle = Cycle(fleet=FLEET, at=later(seconds), interval=timedelta(seconds=15), max_age=MAX_AGE)
    inventory = changes.get("inventory", INVENTORY)
    return observe(answers, inventory, (), memory or Memory(), cycle=cycle)


def states(observation: Observation) -> Mapping[tuple[str, Signal], CoverageState]:
    return {(c.cluster, c.signal): c.state for c in observation.coverage}


def of(observation: Observation, cluster: str, signal: Signal) -> Coverage:
    return next(c for c in observation.coverage if (c.cluster, c.signal) == (cluster, signal))


def with_answer(answers: Answers, signal: Signal, **changes: object) -> Answers:
    wanted = values_question(signal)
    return replace(
        answers,
        answers=tuple(
            replace(a, **changes) if a.question == wanted else a  # type: ignore[arg-type]
            for a in answers.answers
        ),
    )


def test_all_that_answers_in_time_is_fresh() -> None:
    observation, _ = look(some_answers(some_values(*CLUSTERS)))
    assert set(states(observation).values()) == {FRESH}
    assert len(observation.coverage) == len(CLUSTERS) * len(QUERIES)
    assert of(observation, "metro", Signal.NODE_READY).age_seconds == pytest.approx(5.0)
    assert {c.reason for c in observation.coverage} == {""}


def test_a_cluster_that_vanishes_without_a_word_is_absent_as_long_as_it_is_gone() -> None:
    _, memory = look(some_answers(some_values(*CLUSTERS)))
    for seconds in range(15, 6000, 300):
        answers = some_answers(some_values("home", "edge"), at=later(seconds))
        observation, memory = look(answers, memory, seconds=seconds)
        metro = {c.state for c in observation.coverage if c.cluster == "metro"}
        edge = {c.state for c in observation.coverage if c.cluster == "edge"}
        assert (metro, edge) == ({ABSENT}, {FRESH})
        assert of(observation, "metro", Signal.LINK_UP).reason == "metro does not answer link_up"
    observation, _ = look(
        some_answers(some_values(*CLUSTERS), at=later(6000)), memory, seconds=6000
    )
    assert set(states(observation).values()) == {FRESH}


def test_old_data_are_late() -> None:
    observation, _ = look(some_answers(some_values(*CLUSTERS), ages={"metro": 46.0, "edge": 44.0}))
    row = of(observation, "metro", Signal.NODE_READY)
    assert (row.state, row.age_seconds) == (LATE, pytest.approx(46.0))
    assert row.reason == "the newest sample of metro is 46 s old, allowed are 45 s"
    assert of(observation, "edge", Signal.NODE_READY).state is FRESH


def test_a_clock_that_is_far_ahead_cannot_be_believed() -> None:
    observation, _ = look(some_answers(some_values(*CLUSTERS), ages={"metro": -60.0, "edge": -1.0}))
    assert of(observation, "metro", Signal.LINK_UP).state is LATE
    assert "60 s ahead" in of(observation, "metro", Signal.LINK_UP).reason
    row = of(observation, "edge", Signal.LINK_UP)
    assert (row.state, row.age_seconds) == (FRESH, 0.0)


def test_a_failed_query_is_absent_for_all_with_its_reason() -> None:
    answers = with_answer(
        some_answers(some_values(*CLUSTERS)), Signal.LINK_UP, samples=(), failure="time is up"
    )
    observation, _ = look(answers)
    rows = [c for c in observation.coverage if c.signal is Signal.LINK_UP]
    assert {(c.state, c.reason) for c in rows} == {
        (ABSENT, "link_up could not be asked: time is up")
    }
    assert of(observation, "metro", Signal.LINK_RTT_MS).state is FRESH


def test_values_without_an_age_are_partial() -> None:
    answers = some_answers(some_values(*CLUSTERS))
    question = freshness_question(Signal.LINK_UP)
    failed = Answer(question=question, failure="refused")
    rest = tuple(a for a in answers.answers if a.question != question)
    observation, _ = look(Answers(answers=(*rest, failed)))
    row = of(observation, "metro", Signal.LINK_UP)
    assert (row.state, row.age_seconds) == (PARTIAL, None)
    assert row.reason == "how old link_up of metro is cannot be told: refused"


def test_a_rate_that_outlives_its_samples_is_partial() -> None:
    answers = some_answers(some_values(*CLUSTERS))
    question = freshness_question(Signal.LINK_USED_MBPS)
    gone = tuple(
        replace(a, samples=a.samples[:2]) if a.question == question else a for a in answers.answers
    )
    observation, _ = look(Answers(answers=gone))
    assert of(observation, "metro", Signal.LINK_USED_MBPS).state is PARTIAL


def test_a_warning_makes_the_cluster_it_names_partial() -> None:
    answers = with_answer(some_answers(some_values(*CLUSTERS)), Signal.LINK_UP, warnings=(LOSS,))
    observation, _ = look(answers)
    row = of(observation, "metro", Signal.LINK_UP)
    assert row.state is PARTIAL
    assert row.reason.startswith("the answer is incomplete: fetch series for")
    assert of(observation, "edge", Signal.LINK_UP).state is FRESH


def test_a_warning_that_names_nobody_concerns_all() -> None:
    warning = "receive series from Addr: 10.0.0.3:10901: connection reset by peer"
    values = some_values(*CLUSTERS)
    observation, _ = look(with_answer(some_answers(values), Signal.LINK_UP, warnings=(warning,)))
    assert {c.state for c in observation.coverage if c.signal is Signal.LINK_UP} == {PARTIAL}


def test_a_warning_that_names_a_store_concerns_its_cluster() -> None:
    warning = "receive series from Addr: 10.0.0.3:10901: connection reset by peer"
    stores = (
        Store(name="10.0.0.3:10901", clusters=("metro",)),
        Store(name="10.0.0.2:10901", clusters=("edge",)),
    )
    answers = some_answers(some_values(*CLUSTERS), stores=stores)
    observation, _ = look(with_answer(answers, Signal.LINK_UP, warnings=(warning,)))
    assert of(observation, "metro", Signal.LINK_UP).state is PARTIAL
    assert of(observation, "edge", Signal.LINK_UP).state is FRESH


def test_remarks_on_the_query_are_no_warnings() -> None:
    note = "PromQL info: metric might not be a counter"
    answers = with_answer(some_answers(some_values(*CLUSTERS)), Signal.LINK_UP, warnings=(note,))
    assert set(states(look(answers)[0]).values()) == {FRESH}


def test_one_of_two_replicas_may_die() -> None:
    stores = (
        Store(name="m0", clusters=("metro",), last_error="connection refused"),
        Store(name="m1", clusters=("metro",)),
    )
    answers = some_answers(some_values(*CLUSTERS), stores=stores)
    observation, _ = look(with_answer(answers, Signal.LINK_UP, warnings=(LOSS,)))
    assert set(states(observation).values()) == {FRESH}


def test_a_cluster_whose_every_store_is_down_is_told_so() -> None:
    stores = (Store(name="m0", clusters=("metro",), last_error="connection refused"),)
    still, _ = look(some_answers(some_values(*CLUSTERS), stores=stores))
    row = of(still, "metro", Signal.LINK_UP)
    assert (row.state, row.reason) == (PARTIAL, "Thanos does not reach m0: connection refused")
    gone, _ = look(some_answers(some_values("home", "edge"), stores=stores))
    assert of(gone, "metro", Signal.LINK_UP).reason == (
        "metro does not answer link_up: Thanos does not reach m0: connection refused"
    )


def test_a_signal_without_its_exporter_is_absent_and_says_so() -> None:
    values = some_values(*CLUSTERS)
    values[Signal.LINK_JITTER_MS] = {}
    observation, _ = look(some_answers(values))
    row = of(observation, "home", Signal.LINK_JITTER_MS)
    assert (row.state, row.reason) == (
        ABSENT,
        "no cluster answers link_jitter_ms: crossloop's link probe does not seem to be installed",
    )


def test_samples_without_the_cluster_label_say_what_to_set() -> None:
    values = {signal: {"": {"x": 1.0}} for signal in QUERIES}
    observation, _ = look(some_answers(values))
    assert {c.state for c in observation.coverage} == {ABSENT}
    row = of(observation, "home", Signal.NODE_READY)
    assert row.reason == "node_ready comes without the external label `cluster`"
    assert len(observation.readings) == 0


def test_a_node_that_no_longer_answers_makes_its_cluster_partial_for_five_minutes() -> None:
    values = some_values(*CLUSTERS)
    for signal in (Signal.NODE_ALLOCATABLE_CORES, Signal.NODE_READY):
        values[signal]["metro"]["metro-node-2"] = 1.0
    _, memory = look(some_answers(values))
    values = some_values(*CLUSTERS)
    observation, memory = look(some_answers(values, at=later(290)), memory, seconds=290)
    row = of(observation, "metro", Signal.NODE_ALLOCATABLE_CORES)
    assert row.state is PARTIAL
    assert row.reason == "metro does not answer node_allocatable_cores for metro-node-2"
    assert of(observation, "metro", Signal.NODE_REQUESTED_CORES).state is FRESH
    observation, memory = look(some_answers(values, at=later(301)), memory, seconds=301)
    assert set(states(observation).values()) == {FRESH}


def test_a_node_known_to_kubernetes_is_expected_of_the_node_exporter() -> None:
    values = some_values(*CLUSTERS)
    values[Signal.NODE_ALLOCATABLE_CORES]["metro"]["metro-node-2"] = 1.0
    observation, _ = look(some_answers(values))
    assert of(observation, "metro", Signal.NODE_USED_CORES).state is PARTIAL
    assert of(observation, "metro", Signal.NODE_ALLOCATABLE_CORES).state is FRESH


def test_a_number_that_is_none_does_not_count() -> None:
    values = some_values(*CLUSTERS)
    values[Signal.NODE_READY]["metro"]["metro-node-1"] = float("nan")
    values[Signal.LINK_RTT_MS]["home"]["metro"] = float("inf")
    observation, _ = look(some_answers(values))
    assert of(observation, "metro", Signal.NODE_READY).state is ABSENT
    assert of(observation, "home", Signal.LINK_RTT_MS).state is PARTIAL
    assert max(r.value for r in observation.readings if r.value == r.value) == 1.0


def test_home_is_expected_to_measure_each_link_with_a_peer() -> None:
    values = some_values(*CLUSTERS)
    del values[Signal.LINK_RTT_MS]["home"]["metro"]
    observation, _ = look(some_answers(values))
    row = of(observation, "home", Signal.LINK_RTT_MS)
    assert row.state is PARTIAL
    assert row.reason == "home does not answer link_rtt_ms for metro"


def test_a_link_between_others_is_expected_once_it_was_seen() -> None:
    values = some_values(*CLUSTERS)
    values[Signal.LINK_RTT_MS]["edge"]["metro"] = 4.0
    observation, memory = look(some_answers(values))
    assert set(states(observation).values()) == {FRESH}
    observation, _ = look(some_answers(some_values(*CLUSTERS)), memory, seconds=15)
    assert of(observation, "edge", Signal.LINK_RTT_MS).state is PARTIAL


@pytest.mark.parametrize("how", ["liqo says so", "the tunnel is down"])
def test_a_lost_peer_does_not_spoil_the_data_of_the_others(how: str) -> None:
    values = some_values(*CLUSTERS)
    values[Signal.LINK_RTT_MS]["edge"]["metro"] = 4.0
    _, memory = look(some_answers(values))
    values = some_values("home", "edge")
    inventory = INVENTORY
    if how == "liqo says so":
        objects = some_objects("edge", "metro")
        objects["ForeignCluster"][1] = raw_foreign_cluster("metro", "Error")
        inventory = read_inventory(some_lists(objects), FLEET)
    else:
        values[Signal.LINK_UP]["home"]["metro"] = 0.0
        values[Signal.LINK_UP]["edge"]["metro"] = 0.0
    observation, _ = look(
        some_answers(values, at=later(15)), memory, seconds=15, inventory=inventory
    )
    assert {c.state for c in observation.coverage if c.cluster != "metro"} == {FRESH}
    assert {c.state for c in observation.coverage if c.cluster == "metro"} == {ABSENT}


def test_a_site_without_peers_owes_no_links() -> None:
    alone = read_inventory(some_lists(some_objects()), FLEET)
    observation, _ = look(some_answers(some_values("home")), inventory=alone)
    assert not any(c.signal.startswith("link") for c in observation.coverage)
    assert {c.state for c in observation.coverage} == {FRESH}


def test_a_cluster_without_pods_has_nothing_requested() -> None:
    values = some_values(*CLUSTERS)
    for signal in OF_PODS:
        del values[signal]["edge"]
    observation, _ = look(some_answers(values, ages={"edge": 7.0}))
    row = of(observation, "edge", Signal.NODE_REQUESTED_CORES)
    assert (row.state, row.age_seconds) == (FRESH, pytest.approx(7.0))
    assert set(states(observation).values()) == {FRESH}


def without_age(answers: Answers, signal: Signal, cluster: str) -> Answers:
    wanted = freshness_question(signal)
    return replace(
        answers,
        answers=tuple(
            replace(a, samples=tuple(s for s in a.samples if s.labels != (cluster,)))
            if a.question == wanted
            else a
            for a in answers.answers
        ),
    )


def test_a_rate_that_still_tells_of_pods_that_are_gone_is_no_gap() -> None:
    values = some_values(*CLUSTERS)
    for signal in (Signal.NODE_REQUESTED_CORES, Signal.NODE_REQUESTED_BYTES):
        del values[signal]["edge"]
    answers = without_age(some_answers(values), Signal.POD_USED_CORES, "edge")
    observation, _ = look(answers)
    assert set(states(observation).values()) == {FRESH}


def test_a_rate_without_samples_is_a_gap_where_there_are_pods() -> None:
    answers = some_answers(some_values(*CLUSTERS))
    observation, _ = look(without_age(answers, Signal.POD_USED_CORES, "edge"))
    assert of(observation, "edge", Signal.POD_USED_CORES).state is PARTIAL


def test_a_cluster_with_requests_owes_the_use_of_its_pods() -> None:
    values = some_values(*CLUSTERS)
    del values[Signal.POD_USED_CORES]["edge"]
    observation, _ = look(some_answers(values))
    assert of(observation, "edge", Signal.POD_USED_CORES).state is ABSENT


def test_a_cluster_whose_containers_have_no_limit_has_nothing_throttled() -> None:
    values = some_values(*CLUSTERS)
    del values[Signal.POD_THROTTLED_RATIO]["edge"]
    observation, _ = look(some_answers(values, ages={"edge": 7.0}))
    row = of(observation, "edge", Signal.POD_THROTTLED_RATIO)
    assert (row.state, row.age_seconds, row.reason) == (FRESH, pytest.approx(7.0), "")
    del values[Signal.POD_USED_CORES]["edge"]
    observation, _ = look(some_answers(values))
    row = of(observation, "edge", Signal.POD_THROTTLED_RATIO)
    assert (row.state, row.reason) == (ABSENT, "edge does not answer pod_used_cores")


def test_clusters_of_other_fleets_are_left_out() -> None:
    observation, _ = look(some_answers(some_values(*CLUSTERS, "foreign")))
    assert "foreign" not in {r.cluster for r in observation.readings}
    assert "foreign" not in {c.cluster for c in observation.coverage}


AGES = st.dictionaries(st.sampled_from(CLUSTERS), st.floats(-1e4, 1e6), max_size=3)
PRESENT = st.fixed_dictionaries({signal: st.sets(st.sampled_from(CLUSTERS)) for signal in QUERIES})
FAILED = st.sets(st.sampled_from(sorted(QUERIES)))


@settings(max_examples=50)
@given(present=PRESENT, earlier=PRESENT, ages=AGES, failed=FAILED)
def test_what_is_not_there_or_old_is_never_fresh(
    present: dict[Signal, set[str]],
    earlier: dict[Signal, set[str]],
    ages: dict[str, float],
    failed: set[Signal],
) -> None:
    def answered(which: dict[Signal, set[str]]) -> Answers:
        values = some_values(*CLUSTERS)
        kept = {s: {c: v for c, v in values[s].items() if c in which[s]} for s in QUERIES}
        return some_answers(kept, ages=ages, at=NOW)

    _, memory = look(answered(earlier))
    answers = answered(present)
    for signal in failed:
        answers = with_answer(answers, signal, samples=(), failure="refused")
    observation, _ = look(answers, memory)
    for row in observation.coverage:
        there = row.cluster in present[row.signal] and row.signal not in failed
        if row.state is FRESH:
            assert row.age_seconds is not None
            assert row.age_seconds <= MAX_AGE.total_seconds()
            assert there or row.signal in OF_PODS
            assert not row.reason
        else:
            assert row.reason
        if row.state is ABSENT:
            assert not there
            assert row.age_seconds is None
    by_row = states(observation)
    for reading in observation.readings:
        if not reading.age_seconds <= MAX_AGE.total_seconds():
            assert by_row[reading.cluster, reading.signal] is not FRESH
    judged = {(c.cluster, c.signal) for c in observation.coverage}
    nodes = {s for s in QUERIES if not s.startswith("link")}
    assert {(c, s) for c in CLUSTERS for s in nodes} <= judged
