"""`crossloop plan` reads what people have, and ends wrong input with one sentence."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard
from typer.testing import CliRunner, Result

from console.main import app
from console.output import as_json
from console.planfile import read
from shared.bus.codec import encode
from shared.messages.insight import Insight
from tests.unit.decide.demo import demo_insight

SLOW = ("--change", "link:home-metro.latency=+6ms")


def plain(insight: Insight | None = None) -> bytes:
    return encode(insight or demo_insight())[0]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "insight.json"
    path.write_bytes(plain())
    return path


def plan(*arguments: object, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(
        app, ["plan", *map(str, arguments)], input=stdin, env={"COLUMNS": "200"}
    )


def parts(*arguments: object) -> dict[str, Any]:
    answer = plan(*arguments, "--json")
    assert answer.exit_code == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, zstandard.ZstdCompressor().compress], ids=["plain", "gz", "zst"]
)
def test_an_insight_is_read_however_it_is_packed(tmp_path: Path, pack: Any) -> None:
    (tmp_path / "insight").write_bytes(pack(plain()))
    assert read(str(tmp_path / "insight")) == demo_insight()


def test_what_status_prints_is_an_insight_too(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(as_json(insight=demo_insight(), control=None))
    assert read(str(tmp_path / "status.json")) == demo_insight()


def test_standard_input_is_a_dash() -> None:
    answer = plan("-", stdin=plain())
    assert answer.exit_code == 0
    assert "hold · all_well · xr/arena" in answer.stdout


def test_people_see_the_plan_what_holds_it_now_and_what_the_change_changed(file: Path) -> None:
    shown = plan(file, *SLOW).stdout
    assert "as if seen in 2 cycles" in shown
    assert "act · quality_restored · xr/arena" in shown
    assert "held now: not_persistent, seen in 1 of the last 3 cycles, 2 are needed" in shown
    assert "hold · all_well" in shown
    assert "move render from metro to home" in shown


def test_without_changes_nothing_is_compared(file: Path) -> None:
    assert "without the changes" not in plan(file).stdout


def test_a_change_that_changes_nothing_is_said(file: Path) -> None:
    shown = plan(file, "--change", "link:cloud-edge-north.latency=+1ms").stdout
    assert "the changes change nothing in this decision" in shown


def test_programs_get_the_decisions_with_and_without_the_changes(file: Path) -> None:
    told = parts(file, *SLOW, "--application", "xr/arena")
    assert told["changes"] == ["link:home-metro.latency=+6ms"]
    assert [d["reason"] for d in told["decisions"]] == ["quality_restored"]
    assert [d["reason"] for d in told["without_changes"]] == ["all_well"]
    assert [d["reason"] for d in told["held_by"]] == ["not_persistent"]


def test_without_a_cluster_what_stood_there_goes_elsewhere(file: Path) -> None:
    (decision,) = parts(file, "--without", "metro")["decisions"]
    assert decision["reason"] == "cluster_lost"
    assert [a["target"] for a in decision["plan"]["actions"]] == ["home"]


def test_an_insight_without_applications_is_no_error(tmp_path: Path) -> None:
    fleet = demo_insight().fleet
    empty = demo_insight(type(fleet)(at=fleet.at))
    (tmp_path / "empty.json").write_bytes(plain(empty))
    assert parts(tmp_path / "empty.json")["decisions"] == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1, 2]", "holds a list and no JSON object"),
        (b"{}", "is neither an insight nor an instance file"),
        (b'{"insight": null, "control": null}', "neither an insight nor an instance file"),
        (b'{"fleet_name": "default"}', "not a valid Insight: cycle is"),
        (b"\x1f\x8bnonsense", "is not a whole compressed file"),
        (b"\x28\xb5\x2f\xfdnonsense", "is not a whole compressed file"),
        (gzip.compress(plain())[:-200], "is not a whole compressed file"),
        (plain().replace(b'"latency_ms":1.0', b'"latency_ms":NaN', 1), "not a valid Insight"),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_what_is_no_insight_is_said_in_a_sentence(
    tmp_path: Path, body: bytes, sentence: str
) -> None:
    (tmp_path / "bad").write_bytes(body)
    answer = plan(tmp_path / "bad")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"crossloop: {tmp_path / 'bad'}")
    assert sentence in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--change", "link:home-metr.latency=1ms"), "did you mean 'metro'?"),
        (("--without", "cluster-x"), "without cluster-x: there is no cluster 'cluster-x'"),
        (("--application", "xr/aren"), "no application 'xr/aren'; did you mean 'xr/arena'?"),
    ],
)
def test_what_is_asked_for_wrongly_is_said(
    file: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    answer = plan(file, *arguments)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert sentence in answer.stderr


def test_a_file_that_is_not_there_is_said() -> None:
    assert "no/such cannot be read: No such file or directory" in plan("no/such").stderr


def test_a_fleet_name_that_is_no_token_is_said(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(plain().replace(b'"fleet_name":"default"', b'"fleet_name":7'))
    assert "not a valid Insight" in plan(tmp_path / "f").stderr
