"""Memory outlives the process: the next tick scores as without a restart."""

import copy
import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from services.orient.core.saving import pack as saved
from services.orient.core.saving.pack import REST, pack, unpack
from services.orient.core.series.rows import align
from services.orient.core.series.scoring import update
from shared.errors import PermanentError
from shared.messages.observation import Observation
from shared.messages.readings import Reading, Readings, Signal
from tests.support.builders import an_observation, later

FLEET = "default"
Arrays = dict[str, Any]


def a_cycle(number: int, rtt_ms: float) -> Observation:
    rows = [
        Reading(Signal.LINK_RTT_MS, "home", "metro", rtt_ms, 1.0),
        Reading(Signal.NODE_READY, "metro", "node-1", 1.0, 1.0),
    ]
    return an_observation(at=later(15 * number), readings=Readings.from_rows(rows))


def a_memory() -> Memory:
    memory = Memory()
    for number, rtt_ms in enumerate((2.0, 2.1, 1.9, 2.0, 20.0, 20.0)):
        _, memory = orient(a_cycle(number, rtt_ms), memory)
    return memory


def changed(arrays: Arrays, **parts: Any) -> Arrays:
    rest = json.loads(arrays[REST].tobytes()) | parts
    return arrays | {REST: np.frombuffer(json.dumps(rest).encode(), np.uint8)}


def test_the_next_tick_is_judged_as_without_a_restart() -> None:
    memory = a_memory()
    again = unpack(pack(memory, fleet=FLEET), fleet=FLEET)
    assert again.watched == memory.watched
    assert again.verdicts == memory.verdicts
    assert again.learnt_at == memory.learnt_at
    assert orient(a_cycle(6, 20.0), again)[0] == orient(a_cycle(6, 20.0), memory)[0]


def test_every_score_is_the_same() -> None:
    memory = a_memory()
    again = unpack(pack(memory, fleet=FLEET), fleet=FLEET)
    scores = []
    for one in (memory, again):
        readings = a_cycle(6, 3.0).readings
        aligned = align(one.rows, readings, at_seconds=later(90).timestamp())
        assert aligned.tally.new == 0
        values = aligned.readings.values
        scores.append(update(one.series, aligned.rows, values, at_seconds=later(90).timestamp()))
    for field in fields(scores[0]):
        np.testing.assert_array_equal(*(getattr(score, field.name) for score in scores))


def test_what_was_packed_does_not_change_with_the_memory() -> None:
    memory = a_memory()
    arrays = pack(memory, fleet=FLEET)
    before = copy.deepcopy(arrays)
    orient(a_cycle(6, 3.0), memory)
    for path, array in arrays.items():
        np.testing.assert_array_equal(array, before[path])


def test_an_empty_memory_comes_back_empty() -> None:
    assert unpack(pack(Memory(), fleet=FLEET), fleet=FLEET).rows.of == {}


def test_signals_that_were_counted_otherwise_keep_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = a_memory()
    expected = memory.series.kind.tolist(), memory.series.pool_spread.tolist()
    other = [*reversed(saved._SIGNALS), "gone"]
    monkeypatch.setattr(saved, "_SIGNALS", other)
    arrays = pack(memory, fleet=FLEET)
    monkeypatch.undo()
    arrays["memory.series.kind"] = (len(other) - 2 - memory.series.kind).astype(np.int16)
    pool = memory.series.pool_spread
    arrays["memory.series.pool_spread"] = np.concatenate([pool[-2::-1], [7.0], pool[-1:]])
    for pool_of in (*(f"control.pool_{n}" for n in ("seen", "beyond", "excess")),):
        arrays[f"memory.{pool_of}"] = np.zeros(len(other) + 1)
    arrays["memory.forecasts.state.pool_odds"] = np.zeros((len(other) + 1, 13, 3), np.float32)
    again = unpack(arrays, fleet=FLEET)
    assert (again.series.kind.tolist(), again.series.pool_spread.tolist()) == expected


def test_a_series_of_a_signal_that_is_no_more_gives_up_its_row() -> None:
    memory = a_memory()
    key = ("link_rtt_ms", "home", "metro")
    row = memory.rows.of[key]
    memory.rows.keys[row] = ("forgotten_signal", "home", "metro")
    again = unpack(pack(memory, fleet=FLEET), fleet=FLEET)
    assert again.rows.free == [row]
    assert align(again.rows, a_cycle(7, 2.0).readings, at_seconds=0.0).new.tolist() == [row]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"format": 99}, "format 99"),
        ({"fleet": "other"}, "of the fleet 'other'"),
        ({"memory": {}}, "other fields than Memory"),
        ({"memory": 3}, "other fields than Memory"),
    ],
)
def test_another_version_or_fleet_is_refused(parts: Arrays, reason: str) -> None:
    with pytest.raises(PermanentError, match=reason):
        unpack(changed(pack(a_memory(), fleet=FLEET), **parts), fleet=FLEET)


@pytest.mark.parametrize(
    ("path", "array", "reason"),
    [
        (REST, np.zeros(3, np.uint8), "not a memory of Orient"),
        ("memory.series.level", np.zeros(2), "is float64"),
        ("memory.series.level", np.zeros((2, 2), np.float32), "is float32"),
        ("memory.series.level", np.zeros(1, np.float32), "unequal lengths"),
        ("memory.rows.clusters.codes", np.full(2, 7, np.int32), "does not hold"),
        ("memory.rows.clusters.codes", np.zeros(1, np.int32), "unequal lengths"),
    ],
)
def test_a_wrong_array_is_refused(path: str, array: Any, reason: str) -> None:
    arrays = pack(a_memory(), fleet=FLEET) | {path: array}
    with pytest.raises(PermanentError, match=reason):
        unpack(arrays, fleet=FLEET)


@pytest.mark.parametrize("path", ["memory.series.level", "memory.rows.seen_at"])
def test_a_missing_array_is_refused(path: str) -> None:
    arrays = pack(a_memory(), fleet=FLEET)
    del arrays[path]
    with pytest.raises(PermanentError, match=f"{path} is missing"):
        unpack(arrays, fleet=FLEET)


def test_a_wrong_value_is_refused_by_its_place() -> None:
    arrays = pack(a_memory(), fleet=FLEET)
    plain = json.loads(arrays[REST].tobytes())["memory"]
    for watched, reason in (
        ("no list", "memory.watched is no"),
        ([{**plain["watched"][0], "bad_cycles": "two"}], r"watched.0.bad_cycles is 'two', no int"),
        ([{**plain["watched"][0], "incident": None}], "watched.0.incident has other fields"),
    ):
        with pytest.raises(PermanentError, match=reason):
            unpack(changed(arrays, memory=plain | {"watched": watched}), fleet=FLEET)
    for at in ("yesterday", 3):
        with pytest.raises(PermanentError, match=r"learnt_at is .*, no datetime"):
            unpack(changed(arrays, memory=plain | {"learnt_at": at}), fleet=FLEET)


def test_a_series_that_is_there_twice_is_refused() -> None:
    memory = a_memory()
    memory.rows.keys[1] = memory.rows.keys[0]
    with pytest.raises(PermanentError, match="a series twice"):
        unpack(pack(memory, fleet=FLEET), fleet=FLEET)
