"""Names become row numbers: stable, none twice, and never without bound."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.orient.core.series.rows import (
    FORGET_AFTER_SECONDS,
    MAX_NAME_CHARACTERS,
    Aligned,
    Rows,
    SeriesKey,
    align,
)
from shared.messages.readings import Reading, Readings, Signal

DAY = 86_400.0


def told(*names: str, value: float = 1.0, signal: Signal = Signal.LINK_RTT_MS) -> Readings:
    return Readings.from_rows(Reading(signal, *name.split(">"), value, 1.0) for name in names)


def keys_of(rows: Rows, aligned: Aligned) -> list[SeriesKey]:
    return [rows.keys[row] for row in aligned.rows]


def test_a_series_keeps_its_row_whatever_the_order() -> None:
    rows = Rows()
    first = align(rows, told("a>b", "b>a", "a>c"), at_seconds=0.0)
    assert first.rows.tolist() == [0, 1, 2]
    assert first.new_keys[1] == ("link_rtt_ms", "b", "a")
    same = align(rows, told("a>b", "b>a", "a>c"), at_seconds=15.0)
    assert same.rows.tolist() == [0, 1, 2]
    other = align(rows, told("a>c", "x>y", "a>b"), at_seconds=30.0)
    assert other.rows.tolist() == [2, 3, 0]
    assert other.new.tolist() == [3]
    back = align(rows, told("b>a"), at_seconds=45.0)
    assert (back.rows.tolist(), back.tally.new) == ([1], 0)


def test_of_a_series_told_twice_the_last_counts() -> None:
    rows = Rows()
    twice = Readings.from_rows(
        Reading(Signal.LINK_RTT_MS, "a", subject, value, 1.0)
        for subject, value in (("b", 1.0), ("c", 2.0), ("b", 3.0))
    )
    for at_seconds in (0.0, 15.0):
        aligned = align(rows, twice, at_seconds=at_seconds)
        assert aligned.readings.values.tolist() == [2.0, 3.0]
        assert keys_of(rows, aligned) == [("link_rtt_ms", "a", "c"), ("link_rtt_ms", "a", "b")]
        assert (aligned.tally.duplicates, aligned.tally.refused) == (1, 0)


def test_what_is_no_number_is_counted_and_keeps_its_row() -> None:
    aligned = align(Rows(), told("a>b", value=float("nan")), at_seconds=0.0)
    assert (len(aligned.rows), aligned.tally.not_finite) == (1, 1)


def test_a_name_longer_than_any_of_kubernetes_is_left_out() -> None:
    rows = Rows()
    long = "a>" + "x" * (MAX_NAME_CHARACTERS + 1)
    aligned = align(rows, told("a>b", long), at_seconds=0.0)
    assert keys_of(rows, aligned) == [("link_rtt_ms", "a", "b")]
    assert (aligned.tally.refused, len(aligned.readings)) == (1, 1)


def test_a_series_not_seen_for_long_is_forgotten_and_its_row_used_again() -> None:
    rows = Rows()
    align(rows, told("a>b", "a>c"), at_seconds=0.0)
    align(rows, told("a>c"), at_seconds=DAY)
    late = align(rows, told("a>c"), at_seconds=FORGET_AFTER_SECONDS + 1.0)
    assert (late.gone.tolist(), late.tally.evicted) == ([0], 1)
    again = align(rows, told("a>c", "a>d"), at_seconds=FORGET_AFTER_SECONDS + 16.0)
    assert (again.rows.tolist(), again.new.tolist()) == ([1, 0], [0])


def test_a_series_that_is_only_not_told_is_not_forgotten() -> None:
    rows = Rows()
    align(rows, told("a>b", "c>b"), at_seconds=0.0)
    late = align(rows, told(), at_seconds=2 * DAY, is_hidden=lambda key: key[1] == "a")
    assert late.gone.tolist() == [1]
    assert list(rows.of) == [("link_rtt_ms", "a", "b")]


def test_over_the_bound_those_unseen_the_longest_go_first() -> None:
    rows = Rows(bound=3)
    align(rows, told("a>1", "a>2"), at_seconds=0.0)
    align(rows, told("a>2", "a>3"), at_seconds=15.0)
    aligned = align(rows, told("a>4", "a>5"), at_seconds=30.0)
    assert [key[2] for key in rows.of] == ["3", "4", "5"]
    assert aligned.tally.evicted == 2


def test_more_series_in_one_tick_than_there_are_rows_are_refused() -> None:
    rows = Rows(bound=2)
    for at_seconds in (0.0, 15.0, 30.0):
        aligned = align(rows, told("a>1", "a>2", "a>3"), at_seconds=at_seconds)
        assert [key[2] for key in keys_of(rows, aligned)] == ["1", "2"]
        assert (aligned.tally.refused, aligned.readings.subjects.tolist()) == (1, ["1", "2"])


def test_series_that_appear_and_vanish_each_tick_take_no_more_than_the_bound() -> None:
    rows = Rows(bound=100)
    for tick in range(20):
        names = [f"a>{tick}-{i}" for i in range(70)]
        align(rows, told("a>stays", *names), at_seconds=15.0 * tick)
    assert len(rows.of) == len(rows.keys) == rows.capacity == 100
    assert rows.of["link_rtt_ms", "a", "stays"] == 0


@given(
    st.lists(st.lists(st.sampled_from([f"{a}>{b}" for a in "abc" for b in "uvwxy"]), max_size=20))
)
def test_each_reading_has_the_row_of_its_series(ticks: list[list[str]]) -> None:
    rows = Rows(bound=9)
    for number, names in enumerate(ticks):
        aligned = align(rows, told(*names), at_seconds=15.0 * number)
        columns = aligned.readings
        expected = list(zip(columns.signals, columns.clusters, columns.subjects, strict=True))
        assert keys_of(rows, aligned) == expected
        assert len(set(aligned.rows.tolist())) == len(aligned.rows)
        assert {rows.keys[row]: row for row in rows.of.values()} == rows.of
        assert len(rows.keys) <= rows.capacity <= 9
        live = np.isfinite(rows.seen_at)
        assert sorted(rows.of.values()) == np.flatnonzero(live).tolist()
