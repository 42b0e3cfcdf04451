"""The exported schemas are those of the messages, and messages only grow."""

import copy
from pathlib import Path
from typing import Any

import pytest

from shared.bus.schemas import breaking_changes, broken_files, export, schema_of
from shared.messages.decision import Decision

FOLDER = Path(__file__).parents[3] / "docs" / "schemas"


def changed(*path: str, **changes: Any) -> dict[str, Any]:
    """Return Decision's schema with other values at a path."""
    schema = copy.deepcopy(schema_of(Decision))
    part = schema["$defs"]
    for step in path:
        part = part[step]
    part.update(changes)
    return schema


def test_no_message_changed_in_a_way_that_breaks_its_readers() -> None:
    broken = list(broken_files(FOLDER, export()))
    assert not broken, "a changed meaning is a new message; if it must be, `--breaking`: " + str(
        broken
    )


def test_the_exported_schemas_are_current() -> None:
    known = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert known == export(), "run `python -m shared.bus.schemas`"


def test_a_new_optional_field_breaks_nobody() -> None:
    properties = schema_of(Decision)["$defs"]["Decision"]["properties"]
    grown = changed("Decision", properties={**properties, "mood": {"type": "string"}})
    assert breaking_changes(schema_of(Decision), grown) == ()


def test_a_new_value_of_an_enum_breaks_nobody() -> None:
    grown = changed("Verdict", enum=["act", "hold", "wait"])
    assert breaking_changes(schema_of(Decision), grown) == ()


def test_a_field_that_may_now_be_null_breaks_its_readers_no_more_than_before() -> None:
    grown = changed("Term", "properties", "before", anyOf=[{"type": "number"}, {"type": "null"}])
    assert breaking_changes(schema_of(Decision), grown) == ()


def test_a_new_kind_of_action_breaks_nobody() -> None:
    grown = changed("Plan", "properties", "actions")
    items = grown["$defs"]["Plan"]["properties"]["actions"]["items"]
    items["anyOf"].append({"type": "object", "properties": {"kind": {"const": "grow"}}})
    assert breaking_changes(schema_of(Decision), grown) == ()


@pytest.mark.parametrize(
    ("path", "changes", "problem"),
    [
        (("Verdict",), {"enum": ["act"]}, "the body.verdict: value hold was removed"),
        (("Score",), {"properties": {}}, "the body.score_after: field `hard` was removed"),
        (
            ("Decision", "properties", "detail"),
            {"type": "integer"},
            "the body.detail: type string became integer",
        ),
        (
            ("Decision",),
            {"required": [*schema_of(Decision)["$defs"]["Decision"]["required"], "effects"]},
            "the body: field `effects` is newly required",
        ),
        (
            ("Move", "properties", "kind"),
            {"const": "shift"},
            "the body.plan.actions[].kind: value move was removed",
        ),
    ],
)
def test_what_breaks_a_reader_is_told(
    path: tuple[str, ...], changes: dict[str, Any], problem: str
) -> None:
    assert problem in breaking_changes(schema_of(Decision), changed(*path, **changes))


def test_files_that_would_break_are_named(tmp_path: Path) -> None:
    files = export()
    (tmp_path / "control.json").write_text(files["control.json"])
    files["control.json"] = files["control.json"].replace('"reason"', '"why"')
    assert set(broken_files(tmp_path, files)) == {
        "control.json: the body: field `reason` was removed",
        "control.json: the body: field `why` is newly required",
    }
