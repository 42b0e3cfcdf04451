"""The benchmark's command, and what it measures XR services by."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.decide import app
from bench.deciding.xr_fleet import document
from bench.deciding.xr_truth import Left, solutions
from services.decide.core.instance import read_instance
from services.decide.core.placing.exact.solving import solve

runner = CliRunner()


@pytest.fixture
def instance(tmp_path: Path) -> Path:
    file = tmp_path / "instance.json.gz"
    file.write_bytes(gzip.compress(json.dumps(document(3)).encode()))
    return file


def test_it_writes_a_placement_and_tells_its_figures(instance: Path, tmp_path: Path) -> None:
    out = tmp_path / "placement.json"
    told = runner.invoke(app, [str(instance), "--budget-ms", "20", "--out", str(out)])
    assert told.exit_code == 0
    figures = json.loads(told.stdout)
    assert figures.keys() >= {"parse_ms", "build_ms", "search_ms", "iterations", "peak_rss_mib"}
    placement = json.loads(out.read_text())
    assert placement["format"] == "decide-placement/1"
    assert placement["placement"].keys() == {c["id"] for c in document(3)["components"]}


def test_the_same_iterations_and_seed_give_the_same_bytes(instance: Path, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first", "second")]
    for file in files:
        runner.invoke(app, [str(instance), "--iterations", "300", "--out", str(file)])
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "No such file"),
        (b"{", "is not JSON"),
        (b"{}", "does not say"),
        (b"\x1f\x8bx", "instance.json"),
    ],
)
def test_a_file_that_cannot_be_planned_is_told_in_a_sentence(
    tmp_path: Path, content: bytes | None, sentence: str
) -> None:
    file = tmp_path / "instance.json"
    if content is not None:
        file.write_bytes(content)
    told = runner.invoke(app, [str(file), "--out", str(tmp_path / "placement")])
    assert told.exit_code == 2
    assert told.stderr.startswith("decide: ")
    assert sentence in told.stderr
    assert told.stdout == ""


@pytest.mark.parametrize("seed", [0, 5])
def test_exhaustive_search_and_the_exact_model_agree(seed: int) -> None:
    arrays = read_instance(document(seed)).arrays
    best = solve(arrays, seconds=30.0)
    assert best.score is not None
    assert (best.score[:2] == (0, 0.0)) == (len(solutions(Left(arrays), 0)) > 0)
