"""Selectors, patches and schemas of the simulated API server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.kubernetes.patches import PatchError, json_patch, merge, strategic
from simulator.kubernetes.schema import Schema
from simulator.kubernetes.selectors import (
    as_text,
    field_selector,
    label_selector,
    matches_labels,
    matches_nodes,
)

values = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
maps = st.dictionaries(st.sampled_from("abc"), values, max_size=3)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web,tier", True),
        ("app!=web", False),
        ("other!=web", True),
        ("app in (api, web)", True),
        ("app notin (api,web),tier", False),
        ("!tier", False),
    ],
)
def test_label_selectors(selector: str, matches: bool) -> None:
    obj = {"metadata": {"labels": {"app": "web", "tier": "edge"}}}
    assert label_selector(selector)(obj) is matches


@pytest.mark.parametrize("text", ["a b c", "app in web", "=x"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse"):
        label_selector(text)


def test_fields_select_by_kind() -> None:
    pod = {"metadata": {"name": "a"}, "spec": {"nodeName": "n"}}
    assert field_selector("spec.nodeName=n,metadata.name!=b", "Pod")(pod)
    with pytest.raises(ValueError, match="not a known field selector"):
        field_selector("spec.nodeName=n", "Service")


def test_a_label_selector_as_objects_write_it() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "Exists"}],
    }
    assert matches_labels(selector, {"app": "web", "tier": ""})
    assert not matches_labels(selector, {"app": "web"})
    assert not matches_labels(None, {"app": "web"})
    assert matches_labels({}, {})
    assert as_text(selector) == "app=web,tier"


def test_one_term_of_a_node_selector_suffices_and_an_empty_one_matches_nothing() -> None:
    there = {"matchExpressions": [{"key": "at", "operator": "In", "values": ["edge"]}]}
    named = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}
    assert matches_nodes([there, named], {}, "n")
    assert not matches_nodes([there, {}], {}, "n")
    assert not matches_nodes([], {"at": "edge"}, "n")


@given(maps, maps)
def test_a_merge_twice_is_a_merge_once(value: dict[str, object], change: dict[str, object]) -> None:
    once = merge(value, change)
    assert merge(once, change) == once


@given(maps)
def test_a_merge_into_nothing_is_the_change(change: dict[str, object]) -> None:
    assert merge({}, change) == change


def test_a_strategic_merge_can_delete_an_item() -> None:
    value = {"containers": [{"name": "a"}, {"name": "b"}]}
    change = {"containers": [{"name": "a", "$patch": "delete"}]}
    assert strategic(value, change) == {"containers": [{"name": "b"}]}


def test_a_json_patch_changes_lists_and_escaped_names() -> None:
    value = {"list": [1, 3], "a/b": {"~": 1}}
    operations = [
        {"op": "add", "path": "/list/1", "value": 2},
        {"op": "add", "path": "/list/-", "value": 4},
        {"op": "remove", "path": "/list/0"},
        {"op": "replace", "path": "/a~1b/~0", "value": 2},
    ]
    assert json_patch(value, operations) == {"list": [2, 3, 4], "a/b": {"~": 2}}
    assert value == {"list": [1, 3], "a/b": {"~": 1}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/no", "value": 1},
        {"op": "remove", "path": "/list/7"},
        {"op": "test", "path": "/list", "value": []},
        {"op": "nonsense", "path": "/list"},
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(operation: dict[str, object]) -> None:
    with pytest.raises(PatchError):
        json_patch({"list": [1]}, [operation])


def test_defaults_are_filled_in_where_their_parent_is() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "integer", "default": 1}}}
    schema = Schema({"type": "object", "properties": {"a": inner, "c": {"default": {}, **inner}}})
    obj: dict[str, object] = {}
    schema.fill(obj)
    assert obj == {"c": {"b": 1}}


def test_what_may_be_null_may_be_null() -> None:
    schema = Schema({"properties": {"a": {"type": "string", "nullable": True}}})
    assert schema.problems({"a": None}) == ()
    assert [field for _, field, _ in schema.problems({"a": 1})] == ["a"]
