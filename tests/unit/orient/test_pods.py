"""`bench/orient.py causes`: the pod to blame, from metrics, calls and an onset."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer

from bench.assessing.causes import Shift, print_causes, rank_pods, shift_of
from bench.assessing.pods import PodData, read_calls, read_onset, read_pods, seconds_of
from tests.support.outages import (
    BEFORE,
    CALLS,
    FAULTS,
    SERVICES,
    START,
    an_outage,
    pod_of,
    write_pods,
)

ONSET = START + 15.0 * BEFORE


def place_of_victim(victim: str, fault: str, seed: int) -> int:
    shifts = [shift_of(pod, ONSET) for pod in an_outage(victim, fault, seed=seed)]
    ranked = rank_pods([s for s in shifts if s is not None], CALLS)
    return [shift.pod for shift, _ in ranked].index(pod_of(victim)) + 1


def test_the_victim_is_mostly_first_and_always_among_the_first_three() -> None:
    places = [place_of_victim(v, f, seed=s) for s, f in enumerate(FAULTS) for v in SERVICES]
    assert sum(place == 1 for place in places) >= 0.8 * len(places)
    assert max(places) <= 3


def test_a_folder_is_ranked_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pods(tmp_path, an_outage("payment", "cpu", seed=3))
    (tmp_path / "onset.txt").write_text(f"{ONSET:.0f}\n")
    print_causes(tmp_path, None, None)
    told = capsys.readouterr()
    header, first, *others = told.out.splitlines()
    assert header == "rank,pod,score,metric"
    assert first.split(",")[:2] == ["1", pod_of("payment")]
    assert len(others) == len(SERVICES) - 1
    assert told.err == ""


def test_without_a_graph_it_is_ranked_all_the_same_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pods(tmp_path, an_outage("payment", "memory", seed=3))
    (tmp_path / "graph.csv").unlink()
    print_causes(tmp_path, None, f"{ONSET}")
    told = capsys.readouterr()
    assert told.out.splitlines()[1].split(",")[3] == "memory_bytes"
    assert "no call graph" in told.err


def test_a_pod_that_came_after_the_onset_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pods(tmp_path, an_outage("payment", "cpu", seed=3))
    (tmp_path / "late.csv").write_text(f"timestamp,cpu\n{ONSET + 15:.0f},1\n")
    (tmp_path / "idle.csv").write_text("timestamp,cpu\n")
    print_causes(tmp_path, None, f"{ONSET}")
    told = capsys.readouterr()
    assert ",late," not in told.out
    assert [line.split()[0] for line in told.err.splitlines()] == ["idle", "late"]


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "onset", "sentence"),
    [
        (empty, "5", "holds no CSV files"),
        (lambda _: None, None, "has no onset.txt"),
        (lambda _: None, "soon", "is no time"),
        (lambda _: None, "5", "no pod has 5 rows"),
        (lambda folder: (folder / "graph.csv").write_text("a,b\n1,2\n"), "5", "is no call graph"),
        (lambda folder: (folder / "x.csv").write_text(""), "5", "is no CSV file"),
        (lambda folder: (folder / "x.csv").write_text("t,v\nsoon,1\n"), "5", "has no time"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: object,
    onset: str | None,
    sentence: str,
) -> None:
    write_pods(tmp_path, an_outage("payment", "cpu", seed=3))
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(typer.Exit) as exit_:
        print_causes(tmp_path, None, onset)
    assert exit_.value.exit_code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert sentence in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.parametrize(
    "text", ["1790000000", "1790000000000", "1790000000000000", "1790000000000000000"]
)
def test_epochs_are_read_in_any_unit(text: str) -> None:
    assert seconds_of([text]) == 1_790_000_000.0


@pytest.mark.parametrize(
    "text", ["2026-11-24T07:00:00Z", "2026-11-24 07:00:00", "2026-11-24 07:00:00 +0000 UTC m=+1"]
)
def test_instants_are_read_as_people_write_them(text: str) -> None:
    assert seconds_of([text]) == 1_795_503_600.0


@pytest.mark.parametrize(
    "graph",
    [
        [["a", "b"]],
        [{"source": "a", "target": "b"}],
        {"a": ["b"], "onset": 7},
        {"edges": [["a", "b"]], "onset": 7},
    ],
)
def test_call_graphs_are_read_in_several_forms(tmp_path: Path, graph: object) -> None:
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    assert read_calls(tmp_path, None) == (("a", "b"),)
    if isinstance(graph, dict):
        assert read_onset(tmp_path, None) == 7.0


def test_columns_of_text_and_other_times_are_no_metrics(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Time,TimeStamp,PodName,Cpu(m)\nx,10,a,1\ny,10,a,2\nz,20,a,\n")
    (pod,) = read_pods(tmp_path, None)
    assert list(pod.metrics) == ["Cpu(m)"]
    assert pod.times.tolist() == [10.0, 20.0]
    np.testing.assert_equal(pod.metrics["Cpu(m)"], [2.0, np.nan])


def a_pod(values: list[float]) -> PodData:
    times = np.arange(float(len(values)))
    return PodData(name="a", times=times, metrics={"m": np.array(values)})


def test_a_counter_is_judged_by_its_rate_and_a_reset_is_no_fall() -> None:
    counter = np.cumsum([3.0] * 20 + [3.0] * 20)
    counter[30:] -= counter[30]
    assert shift_of(a_pod(counter.tolist()), 20.0) == Shift(
        pod="a", metric="", size=0.0, onset_seconds=None
    )


def test_a_caller_is_explained_by_the_callee_at_second_hand() -> None:
    shifts = [
        Shift(pod=f"{name}-1", metric="m", size=10.0, onset_seconds=0.0)
        for name in ("front", "middle", "db")
    ]
    ranked = rank_pods(shifts, [("front", "middle"), ("middle", "db"), ("db", "db"), ("x", "y")])
    assert [shift.pod for shift, _ in ranked] == ["db-1", "middle-1", "front-1"]
