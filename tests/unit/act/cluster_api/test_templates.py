"""Manifests are rendered from typed values; what cannot be is told in one sentence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.cluster_api.templates import render
from services.act.core.site import ClusterTemplate
from shared.errors import PermanentError
from shared.model.names import ClusterName


def a_template(nodes: int = 3, **values: Any) -> ClusterTemplate:
    return ClusterTemplate(
        site=ClusterName("metro"), name="small", namespace="fleet", nodes=nodes, values=values
    )


def rendered(value: Any, **values: Any) -> Any:
    """Return one field of a manifest, rendered."""
    manifest = {"metadata": {"name": "x"}, "spec": {"field": value}}
    return render((manifest,), a_template(**values))[0]["spec"].get("field")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${CLUSTER_NAME}", "metro"),
        ("${ CLUSTER_NAME }-cp", "metro-cp"),
        ("${NAMESPACE}", "fleet"),
        ("${WORKER_MACHINE_COUNT}", 3),
        ("${CONTROL_PLANE_MACHINE_COUNT}", 1),
        ("${CLUSTER_NAME}-${WORKER_MACHINE_COUNT}", "metro-3"),
        ("${A:=7}", 7),
        ("${A=true}", True),
        ("${A:-text}", "text"),
        ("${A:=}", ""),
        ('${A:=["10.0.0.0/16", "b]"]}', ["10.0.0.0/16", "b]"]),
        ('${A:={"a": {"b": 1}}}', {"a": {"b": 1}}),
        ("${A:=1.30}", "1.30"),
        ("${A:=1.5}", 1.5),
        ("${A:=v1.35.0}", "v1.35.0"),
        ("x ${A:=true} y ${B:=[1]}", "x true y [1]"),
        ("$${A} and $A and {{ local_hostname }}", "${A} and $A and {{ local_hostname }}"),
        ("${unfinished", "${unfinished"),
        ("", ""),
        (5, 5),
        (["${CLUSTER_NAME}", None], ["metro", None]),
    ],
)
def test_a_variable_becomes_what_it_stands_for(text: Any, expected: Any) -> None:
    found = rendered(text)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("value", [5, True, 1.5, "text", ["a", "b"], {"a": 1}])
def test_a_value_keeps_its_type_where_it_stands_alone(value: Any) -> None:
    assert rendered("${A}", A=value) == value
    assert rendered("${A:=7}", A=value) == value


def test_a_default_counts_where_the_value_is_empty() -> None:
    assert rendered("${A:=7}", A="") == 7
    assert rendered("${A}", A="") == ""


def test_keys_are_filled_in_too_and_nulls_are_dropped() -> None:
    assert rendered({"${CLUSTER_NAME}/x": "1", "matchLabels": None}) == {"metro/x": "1"}


def test_labels_and_annotations_are_texts_whatever_their_variables_hold() -> None:
    held = {"annotations": {"a": "${A:=25}", "b": "${B}"}, "labels": ["${A:=25}"]}
    assert rendered(held, B=True) == {"annotations": {"a": "25", "b": "true"}, "labels": [25]}


def test_null_inside_a_text_is_nothing() -> None:
    assert rendered("a${A:=null}b") == "ab"


def test_everything_is_put_where_the_site_says() -> None:
    found = render(({"kind": "A", "metadata": {"name": "x", "namespace": "y"}},), a_template())
    assert found == ({"kind": "A", "metadata": {"name": "x", "namespace": "fleet"}},)


def test_counts_may_be_given_though_the_template_does_not_name_them() -> None:
    values = {"WORKER_MACHINE_COUNT": 5, "CONTROL_PLANE_MACHINE_COUNT": 3}
    assert rendered("${WORKER_MACHINE_COUNT}", **values) == 5
    assert rendered("plain", **values) == "plain"


def test_all_missing_values_are_told_at_once() -> None:
    with pytest.raises(PermanentError) as error:
        rendered("${B}-${A}-${C:=1}-${A}")
    assert str(error.value) == (
        "template small has no value for A, B: add it to spec.template.values of Site metro"
    )


def test_a_value_that_nothing_asks_for_is_told_with_those_that_are_known() -> None:
    with pytest.raises(PermanentError) as error:
        rendered("${IMAGE} ${FLAVOR:=x}", IMAGE="i", FLAVOUR="y")
    assert str(error.value) == (
        "template small knows no FLAVOUR of spec.template.values of Site metro; "
        "it knows FLAVOR, IMAGE"
    )


def test_the_name_of_a_cluster_cannot_be_given() -> None:
    with pytest.raises(PermanentError, match="CLUSTER_NAME follows from the Site: drop it from"):
        rendered("${CLUSTER_NAME}", CLUSTER_NAME="other")


@pytest.mark.parametrize("text", ["${}", "${a b}", "${A#x}", "${1A}", "${Ä}"])
def test_what_is_no_variable_is_told(text: str) -> None:
    with pytest.raises(PermanentError, match="is no variable that can be filled in"):
        rendered(text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(value=VALUES.filter(lambda value: value is not None))
def test_any_value_arrives_as_it_was_given(value: Any) -> None:
    assert rendered("${A}", A=value) == value


@given(text=st.text().filter(lambda text: "${" not in text))
def test_text_without_variables_stays_as_it_is(text: str) -> None:
    assert rendered(text) == text
