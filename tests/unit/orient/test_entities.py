"""Entities: what is unusual only together, whose kind helps the new, and what is not told."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hn

from bench.assessing.entities import BadFileError, read, score, score_folder
from services.orient.core.entities.places import (
    COMPONENT,
    POD_UNKNOWN,
    components_of_pods,
    subject_of,
)
from services.orient.core.entities.pools import admit, empty_pool
from services.orient.core.entities.watch import (
    Entities,
    EntityScores,
    UnusualEntity,
    judge_values,
    watch_entities,
)
from services.orient.core.series.rows import Rows, align
from services.orient.core.series.scoring import Scores
from shared.messages.incident import SubjectKind
from shared.messages.inventory import Inventory, Pod
from shared.messages.readings import Reading, Readings, Signal
from shared.model.application import Application, Component, WorkloadRef
from shared.model.names import ApplicationName, ComponentName
from shared.model.policy import Detector, Detectors, FleetPolicy

Table = npt.NDArray[np.float64]
Told = tuple[tuple[EntityScores, ...], tuple[UnusualEntity, ...]]


class World:
    """A state with its rows, told one tick after the other."""

    def __init__(self, inventory: Inventory | None = None) -> None:
        self.state, self.rows, self.tick = Entities(), Rows(), 0
        self.inventory = inventory or an_inventory()

    def tell(self, values: dict[tuple[Signal, str, str], float]) -> Told:
        """Tell the readings of one tick."""
        readings = Readings.from_rows(Reading(*key, v, 0.0) for key, v in values.items())
        aligned = align(self.rows, readings, at_seconds=15.0 * self.tick)
        self.tick += 1
        some = np.zeros(len(aligned.rows), np.float32)
        scores = Scores(
            value=aligned.readings.values.astype(np.float32),
            anomaly=some,
            alert=some,
            deviation=some,
            expected=some,
            spread=some,
        )
        return watch_entities(self.state, aligned, scores, self.rows.keys, self.inventory)


def an_inventory(
    *, pods: tuple[Pod, ...] = (), detectors: Detectors | None = None, named: bool = True
) -> Inventory:
    application = Application(
        name=ApplicationName("xr/arena"),
        components=(
            Component(name=ComponentName("render"), workload=WorkloadRef(name="render-deploy")),
        ),
    )
    return Inventory(
        applications=(application,) if named else (),
        pods=pods,
        policy=FleetPolicy(detectors=detectors or Detectors()),
    )


def a_pod(name: str) -> Pod:
    return Pod(namespace="xr", name=name, workload="render-deploy", node="n", ready=True)


def links(rng: np.random.Generator, count: int = 12) -> dict[tuple[Signal, str, str], float]:
    """Readings of links whose jitter goes with the round trip."""
    values: dict[tuple[Signal, str, str], float] = {}
    for i in range(count):
        rtt = rng.normal(20.0, 2.0)
        ends = ("edge-a", f"edge-{i + 10}")
        for a, b in (ends, ends[::-1]):
            values[Signal.LINK_RTT_MS, a, b] = rtt
            values[Signal.LINK_JITTER_MS, a, b] = rtt / 10.0 + rng.normal(0.0, 0.02)
    return values


@pytest.fixture(scope="module")
def calm() -> World:
    world, rng = World(), np.random.default_rng(1)
    told = [world.tell(links(rng)) for _ in range(1200)]
    assert sum(u.kind is SubjectKind.LINK for _, unusual in told for u in unusual) <= 6
    return world


def test_what_is_unusual_only_together_is_found_and_its_signals_are_named(calm: World) -> None:
    rng, found = np.random.default_rng(2), []
    for _ in range(8):
        values = links(rng)
        for a, b in (("edge-a", "edge-10"), ("edge-10", "edge-a")):
            values[Signal.LINK_RTT_MS, a, b] = 23.0  # each by itself within its usual bounds
            values[Signal.LINK_JITTER_MS, a, b] = 1.75
        scores, unusual = calm.tell(values)
        found += [u for u in unusual if u.kind is SubjectKind.LINK]
    assert {u.subject for u in found} == {"edge-10>edge-a"}
    assert set(found[-1].signals) <= {"link_rtt_ms", "link_jitter_ms"}
    assert found[-1].p_value < 1e-4
    of_links = scores[1]
    assert of_links.subjects[int(np.nanargmax(of_links.scores))] == "edge-10>edge-a"


def test_a_new_entity_is_judged_by_its_kind_once_it_is_warm(calm: World) -> None:
    rng = np.random.default_rng(3)
    new = [(Signal.LINK_RTT_MS, "edge-b", "edge-c"), (Signal.LINK_JITTER_MS, "edge-b", "edge-c")]
    seen = []
    for tick in range(80):
        rtt = rng.normal(20.0, 2.0)
        scores, _ = calm.tell(links(rng) | dict(zip(new, (rtt, rtt / 10.0), strict=True)))
        of_links = scores[1]
        slot = of_links.subjects.index("edge-b>edge-c")
        seen.append(float(of_links.scores[slot]))
        assert np.isnan(seen[-1]) == (tick < 32)
    assert max(seen[40:]) < 2.0


def test_a_link_and_a_cluster_that_are_gone_give_their_slot_away() -> None:
    world, day = World(), 26 * 240
    rng = np.random.default_rng(4)
    world.tell({(Signal.LINK_RTT_MS, "a", "b"): 1.0, (Signal.NODE_READY, "a", "n"): 1.0})
    assert world.state.link.names == ("a>b",)
    world.tick += day
    told, _ = world.tell({(Signal.LINK_RTT_MS, "c", "d"): rng.normal()})
    assert told[1].subjects == ("c>d",)
    assert set(world.state.cluster.names) == {"c", "d"}
    assert told[0].subjects == ("",)


def test_pods_count_for_their_component_as_soon_as_it_is_known() -> None:
    world = World(an_inventory(pods=(a_pod("render-1"), a_pod("render-2")), named=False))
    values = {(Signal.POD_USED_CORES, "edge-a", f"render-{i}"): float(i) for i in (1, 2)}
    values[Signal.POD_RESTARTS, "edge-a", "render-1"] = 7.0
    world.tell(values)
    assert (world.state.places.of[0, :3] == POD_UNKNOWN).all()
    world.inventory = an_inventory(pods=world.inventory.pods)
    for _ in range(16):
        world.tell(values)
    assert world.state.component.names == ("xr/arena/render",)
    assert world.state.component.mean[0, 0] == pytest.approx(1.5)
    assert world.state.component.mean[0, 3] == 7.0
    assert (world.state.places.of[0, :3] == COMPONENT).all()


def test_subjects_are_those_of_incidents() -> None:
    pods = components_of_pods(an_inventory(pods=(a_pod("render-1"), a_pod("x"))))
    assert pods == {"render-1": "xr/arena/render", "x": "xr/arena/render"}
    of = {
        (Signal.NODE_READY, "edge-a", "node-1"): "edge-a/node-1",
        (Signal.LINK_RTT_MS, "metro", "edge-a"): "edge-a>metro",
        (Signal.LINK_RTT_MS, "metro", "metro"): "",
        (Signal.POD_USED_CORES, "edge-a", "render-1"): "xr/arena/render",
        (Signal.POD_USED_CORES, "edge-a", "other"): "",
        (Signal.PROCESSING_MS, "", "xr/arena/render"): "xr/arena/render",
        (Signal.FLOW_MBPS, "", "xr/arena/render/game"): "xr/arena/render",
    }
    assert {key: subject_of(key, pods) for key in of} == of


def test_signals_of_no_entity_are_left_out() -> None:
    told, unusual = World().tell({(Signal.USERS, "", "xr/arena/players"): 3.0})
    assert [len(of.subjects) for of in told] == [0, 0, 0, 0]
    assert unusual == ()


@pytest.mark.parametrize("detector", [d for d in Detector if d is not Detector.PCA])
def test_each_detector_of_the_policy_finds_what_is_far_off(detector: Detector) -> None:
    world = World(an_inventory(detectors=Detectors(link=detector)))
    rng = np.random.default_rng(5)
    for _ in range(110):
        scores, _ = world.tell(links(rng, 4))
    usual = float(np.nanmax(scores[1].scores))
    for _ in range(6):
        odd = links(rng, 4)
        odd[Signal.LINK_JITTER_MS, "edge-a", "edge-10"] = 20.0
        scores, _ = world.tell(odd)
    assert world.state.models[SubjectKind.LINK].detector is detector
    assert scores[1].subjects[int(np.nanargmax(scores[1].scores))] == "edge-10>edge-a"
    assert np.nanmax(scores[1].scores) > usual


def run(table: Table) -> npt.NDArray[np.float32]:
    pool = empty_pool(table.shape[1])
    admit(pool, ["it"], {"it"})
    judged = [judge_values(pool, row[None])[0] for row in table]
    return np.array([j.score[0] for j in judged])


def test_scores_of_a_prefix_are_those_of_the_whole() -> None:
    table = np.random.default_rng(6).normal(size=(200, 3))
    table[150:160] += 5.0
    whole = run(table)
    np.testing.assert_array_equal(run(table[:155]), whole[:155])
    assert np.argmax(np.nan_to_num(whole)) in range(150, 165)


@settings(max_examples=20)
@given(
    hn.arrays(
        np.float64,
        st.tuples(st.integers(0, 80), st.integers(1, 4)),
        elements=st.floats(width=64) | st.sampled_from([0.0, 1.0, np.nan]),
    )
)
def test_whatever_is_told_scores_are_not_below_0_or_no_opinion(table: Table) -> None:
    scores = run(table)
    assert not (scores < 0).any()
    assert not np.isinf(scores).any()


def test_a_constant_series_is_not_unusual_until_it_moves() -> None:
    table = np.full((200, 1), 5.0)
    table[190:] = 6.0
    scores = run(table)
    assert np.nanmax(scores[:190]) == 0.0
    assert scores[192] > 1.0


def test_outside_data_are_scored_row_by_row_and_a_bad_file_does_not_stop_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(7)
    np.savez(tmp_path / "good.npz", train=rng.normal(size=(60, 2)), test=rng.normal(size=(9, 2)))
    np.savez(tmp_path / "short.npz", train=np.ones((1, 1)), test=np.ones((2, 1)))
    np.savez(tmp_path / "wide.npz", train=np.ones((4, 2)), test=np.ones((4, 3)))
    with pytest.raises(typer.Exit) as stop:
        score_folder(tmp_path, tmp_path / "out")
    assert stop.value.exit_code == 2
    lines = (tmp_path / "out" / "good.csv").read_text().splitlines()
    assert lines[0] == "anomaly_score"
    assert len(lines) == 10
    assert all(float(line) >= 0 for line in lines[1:])
    assert (tmp_path / "out" / "short.csv").read_text() == "anomaly_score\nnan\nnan\n"
    assert not (tmp_path / "out" / "wide.csv").exists()
    told = capsys.readouterr()
    assert told.out == ""
    assert "wide.npz: train has 2 columns and test 3; give both the same" in told.err


def test_no_files_and_no_place_for_the_scores_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit):
        score_folder(tmp_path, tmp_path / "out")
    assert "no .npz files there" in capsys.readouterr().err
    np.savez(tmp_path / "a.npz", train=np.ones((1, 1)), test=np.ones((2, 1)))
    with pytest.raises(typer.Exit):
        score_folder(tmp_path, tmp_path / "a.npz")
    assert "cannot be made" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"train": np.ones((2, 1))}, "no array test"),
        ({"train": np.ones(2), "test": np.ones((2, 1))}, "train has shape"),
        ({"train": np.ones((2, 0)), "test": np.ones((2, 0))}, "train has shape"),
        ({"train": np.array([["a"]]), "test": np.ones((2, 1))}, "must hold numbers"),
        ({"train": np.array([[1j]]), "test": np.ones((2, 1))}, "must hold real"),
        ({"train": np.array([[None]]), "test": np.ones((2, 1))}, "not a readable"),
    ],
)
def test_a_file_that_cannot_be_judged_says_why(
    arrays: dict[str, npt.NDArray[np.generic]], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    with pytest.raises(BadFileError, match=why):
        read(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(BadFileError, match="not a readable"):
        read(path)


def test_gaps_are_scored_as_no_opinion() -> None:
    table = np.random.default_rng(8).normal(size=(120, 2))
    table[100] = np.nan
    table[101, 0] = np.nan
    scores = score(table[:90], table[90:])
    assert np.flatnonzero(np.isnan(scores)).tolist() == [10]
