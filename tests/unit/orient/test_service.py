"""The shell of Orient: an observation is learnt once, and the memory outlives the process."""

import asyncio
from pathlib import Path

import pytest

from services.orient import keeping
from services.orient.core.memory import Memory
from services.orient.core.orient import orient
from services.orient.keeping import Keeper
from services.orient.service import run
from shared.bus.memory import MemoryBus
from shared.messages.insight import Insight
from shared.messages.observation import Observation
from shared.messages.readings import Reading, Readings, Signal
from tests.support.builders import FLEET, NOW, an_observation, cycle_at, later
from tests.support.processes import eventually


def a_cycle(number: int, rtt_ms: float = 2.0) -> Observation:
    rows = [Reading(Signal.LINK_RTT_MS, "home", "metro", rtt_ms, 1.0)]
    at = later(15 * number)
    return an_observation(at=at, cycle=cycle_at(at), readings=Readings.from_rows(rows))


def after(cycles: int) -> Memory:
    memory = Memory()
    for number in range(cycles):
        _, memory = orient(a_cycle(number), memory)
    return memory


def keeper_in(folder: Path) -> Keeper:
    return Keeper(folder, fleet=FLEET)


async def insights_after(bus: MemoryBus, count: int, keeper: Keeper | None = None) -> None:
    """Run Orient until so many insights are stored, and stop it as the process does."""
    work = asyncio.create_task(run(bus, keeper))
    await eventually(lambda: len(insights_of(bus)) >= count, what="insights", seconds=3.0)
    await asyncio.sleep(0.05)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


def insights_of(bus: MemoryBus) -> list[str]:
    return [x.headers["Nats-Msg-Id"] for x in bus.stored if ".insight." in x.subject]


async def told(bus: MemoryBus, *observations: Observation) -> None:
    """Publish observations, each judged before the next comes."""
    for observation in observations:
        count = len(insights_of(bus)) + 1
        await bus.publish(observation)
        await eventually(lambda n=count: len(insights_of(bus)) >= n, what="insight", seconds=3.0)


def file_in(folder: Path) -> Path:
    return folder / "orient-default.npz"


def test_what_is_saved_is_restored(tmp_path: Path) -> None:
    memory = after(5)
    asyncio.run(keeper_in(tmp_path).close(memory))
    again = keeper_in(tmp_path).restore()
    assert again is not None
    assert again.rows.of == memory.rows.of
    assert [file.name for file in tmp_path.iterdir()] == [file_in(tmp_path).name]


def test_without_a_file_orient_starts_cold(tmp_path: Path) -> None:
    assert keeper_in(tmp_path).restore() is None
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_set_aside_and_only_the_newest(tmp_path: Path) -> None:
    asyncio.run(keeper_in(tmp_path).close(after(5)))
    whole = file_in(tmp_path).read_bytes()
    for damaged in (
        b"",
        b"no archive",
        whole[: len(whole) // 2],
        whole[:400] + bytes([whole[400] ^ 255]) + whole[401:],
    ):
        file_in(tmp_path).write_bytes(damaged)
        assert keeper_in(tmp_path).restore() is None
        assert [file.name for file in tmp_path.iterdir()] == ["orient-default.unusable"]
        assert (tmp_path / "orient-default.unusable").read_bytes() == damaged


def test_a_file_of_another_fleet_is_set_aside(tmp_path: Path) -> None:
    asyncio.run(Keeper(tmp_path, fleet="other").close(after(2)))
    (tmp_path / "orient-other.npz").rename(file_in(tmp_path))
    assert keeper_in(tmp_path).restore() is None
    assert (tmp_path / "orient-default.unusable").exists()


async def test_a_disk_that_cannot_be_written_is_told_once_and_its_recovery(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "missing"
    keeper = keeper_in(folder)
    await keeper.close(after(2))
    await keeper.close(after(2))
    folder.mkdir()
    await keeper.close(after(2))
    told = capsys.readouterr()
    events = (told.out + told.err).count
    assert (events("memory_lost"), events("memory_found")) == (1, 1)


async def test_the_memory_is_kept_from_time_to_time_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "SAVE_EVERY_SECONDS", 0.0)
    bus = MemoryBus(fleet=FLEET)
    work = asyncio.create_task(run(bus, keeper_in(tmp_path)))
    await told(bus, a_cycle(0), a_cycle(1))
    await eventually(file_in(tmp_path).exists, what="file", seconds=3.0)
    await told(bus, a_cycle(2))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    memory = keeper_in(tmp_path).restore()
    assert memory is not None
    assert memory.learnt_at == a_cycle(2).at


async def test_an_observation_delivered_again_is_published_again_and_learnt_once(
    tmp_path: Path,
) -> None:
    bus = MemoryBus(fleet=FLEET)
    await bus.publish(a_cycle(0))
    await insights_after(bus, 1, keeper_in(tmp_path))
    bus._consumers.clear()  # a consumer that forgot that it was accepted
    bus._ids.discard(f"{a_cycle(0).cycle}:insight")
    await insights_after(bus, 2, keeper_in(tmp_path))
    assert insights_of(bus) == [f"{a_cycle(0).cycle}:insight"] * 2
    memory = keeper_in(tmp_path).restore()
    assert memory is not None
    assert memory.learnt_at == NOW


async def test_an_observation_older_than_the_newest_is_left_out() -> None:
    bus = MemoryBus(fleet=FLEET)
    work = asyncio.create_task(run(bus))
    await told(bus, a_cycle(4))
    await bus.publish(a_cycle(3))
    await asyncio.sleep(0.05)  # for it to be taken, not to be skipped as stale
    await told(bus, a_cycle(5))
    work.cancel()
    assert [x.partition(":")[0] for x in insights_of(bus)] == [
        a_cycle(4).cycle,
        a_cycle(5).cycle,
    ]


async def test_a_clock_that_is_set_back_does_not_stop_orient() -> None:
    bus = MemoryBus(fleet=FLEET)
    work = asyncio.create_task(run(bus))
    await told(bus, a_cycle(100_000), a_cycle(0), a_cycle(1))
    work.cancel()
    newest = await bus.newest(of=Insight)
    assert newest is not None
    assert newest.at == a_cycle(1).at
