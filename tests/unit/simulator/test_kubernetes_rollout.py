"""How simulated Deployments roll out: what holds at every step, whatever the numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.controllers.rollout import Limits, Size, limits_of, recreated, rolled, scaled

numbers = st.integers(0, 8)
limits = st.builds(limits_of, st.integers(1, 8), st.integers(0, 4), st.integers(0, 4))


def settled(size: Size) -> Size:
    """Return a ReplicaSet all of whose pods have become available."""
    return Size(name=size.name, wanted=size.wanted, available=size.wanted)


def lost(size: Size) -> Size:
    """Return a ReplicaSet that has let go of what it no longer wants, and got nothing yet."""
    return Size(name=size.name, wanted=size.wanted, available=min(size.wanted, size.available))


@given(limits)
def test_a_rollout_never_leaves_its_limits_and_ends(limits: Limits) -> None:
    new = Size(name="new", wanted=0)
    old = Size(name="old", wanted=limits.replicas, available=limits.replicas)
    for _ in range(100):
        step = rolled(new, [old], limits)
        if step == (new, old):
            break
        new, old = map(lost, step)
        assert new.wanted + old.wanted <= limits.most
        assert new.available + old.available >= limits.least
        new, old = settled(new), settled(old)
    assert (new.wanted, old.wanted) == (limits.replicas, 0)


@given(limits, numbers, numbers)
def test_copies_that_do_not_work_go_first(limits: Limits, broken: int, working: int) -> None:
    new = Size(name="new", wanted=limits.replicas, available=limits.replicas)
    sizes = [
        Size(name="broken", wanted=broken, available=0),
        Size(name="working", wanted=working, available=working),
    ]
    _, first, second = rolled(new, sizes, limits)
    assert second.wanted == working or first.wanted == 0


def test_a_new_copy_that_never_works_keeps_the_old_ones() -> None:
    limits = limits_of(3, 1, 0)
    new, old = Size(name="new", wanted=1), Size(name="old", wanted=3, available=3)
    assert rolled(new, [old], limits) == (new, old)


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "most", "least"),
    [
        (3, "25%", "25%", 4, 3),
        (10, "25%", "25%", 13, 8),
        (2, 1, 0, 3, 2),
        (3, 0, 0, 3, 2),
        (1, "0%", "25%", 1, 0),
        (2, 0, 5, 2, 0),
    ],
)
def test_shares_are_rounded_up_for_surge_and_down_for_unavailable(
    replicas: int, surge: int | str, unavailable: int | str, most: int, least: int
) -> None:
    found = limits_of(replicas, surge, unavailable)
    assert (found.most, found.least) == (most, least)


@given(limits, st.lists(numbers, min_size=1, max_size=4), st.integers(0, 4))
def test_a_resize_keeps_to_the_new_limits(limits: Limits, wanted: list[int], surge: int) -> None:
    sizes = [Size(name=str(n), wanted=many, available=many) for n, many in enumerate(wanted)]
    result = scaled(sizes, limits, most_before=max(1, sum(wanted)) + surge)
    assert sum(size.wanted for size in result) <= max(limits.most, 0)
    assert all(size.wanted >= 0 for size in result)


def test_a_resize_in_the_middle_of_a_rollout_is_in_proportion() -> None:
    sizes = [Size(name="a", wanted=8), Size(name="b", wanted=5)]
    grown = scaled(sizes, limits_of(20, 3, 2), most_before=13)
    assert [size.wanted for size in grown] == [14, 9]


def test_a_resize_to_nothing_leaves_nothing() -> None:
    sizes = [Size(name="a", wanted=2), Size(name="b", wanted=2)]
    gone = scaled(sizes, limits_of(0, 1, 0), most_before=4)
    assert [size.wanted for size in gone] == [0, 0]


def test_recreating_waits_until_the_old_ones_are_gone() -> None:
    new, old = Size(name="new", wanted=0), Size(name="old", wanted=2, available=2)
    assert [size.wanted for size in recreated(new, [old], 2, left=2)] == [0, 0]
    assert [size.wanted for size in recreated(new, [old], 2, left=0)] == [2, 0]
