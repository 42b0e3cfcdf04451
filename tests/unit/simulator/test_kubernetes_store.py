"""The store of the simulated API server: versions, the past, and what is forgotten."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.kubernetes.objects import Object
from simulator.kubernetes.store import ForgottenError, Store

THINGS = ("example.dev", "things")
NAMES = ("a", "b", "c")

steps = st.lists(
    st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from(NAMES), st.integers(0, 9)),
    max_size=30,
)


def thing(name: str, size: int = 0) -> Object:
    return {"metadata": {"name": name, "namespace": "n"}, "size": size}


def play(store: Store, moves: list[tuple[str, str, int]]) -> dict[int, list[Object]]:
    """Make the moves, and return what was there at each version."""
    seen = {store.version: list(store.all(THINGS))}
    for move, name, size in moves:
        if move == "put":
            store.put(THINGS, thing(name, size))
        elif store.get(THINGS, ("n", name)):
            store.remove(THINGS, ("n", name))
        seen[store.version] = list(store.all(THINGS))
    return seen


@given(steps)
def test_every_write_makes_one_version(moves: list[tuple[str, str, int]]) -> None:
    store = Store()
    begin = store.version
    play(store, moves)
    assert [change.version for change in store.since(begin)] == list(
        range(begin + 1, store.version + 1)
    )


@given(steps)
def test_the_past_can_be_read_at_any_version(moves: list[tuple[str, str, int]]) -> None:
    store = Store()
    for version, objects in play(store, moves).items():
        assert list(store.all_at(THINGS, "", version)) == objects


def test_what_is_stored_carries_its_version() -> None:
    store = Store()
    stored = store.put(THINGS, thing("a"))
    last = store.remove(THINGS, ("n", "a"))
    assert int(last["metadata"]["resourceVersion"]) == store.version
    assert int(stored["metadata"]["resourceVersion"]) == store.version - 1


def test_old_changes_are_forgotten() -> None:
    store = Store(history=2)
    begin = store.version
    for size in range(3):
        store.put(THINGS, thing("a", size))
    assert len(store.since(begin + 1)) == 2
    with pytest.raises(ForgottenError):
        store.since(begin)
    with pytest.raises(ForgottenError):
        store.all_at(THINGS, "", begin)


def test_namespaces_are_kept_apart() -> None:
    store = Store()
    store.put(THINGS, thing("a"))
    store.put(THINGS, {"metadata": {"name": "a", "namespace": "other"}})
    assert len(store.all(THINGS)) == 2
    assert [obj["metadata"]["namespace"] for obj in store.all(THINGS, "other")] == ["other"]


async def test_a_write_wakes_who_waits() -> None:
    store = Store()
    waiting = asyncio.create_task(store.changed(store.version))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.put(THINGS, thing("a"))
    await asyncio.wait_for(waiting, 1)
