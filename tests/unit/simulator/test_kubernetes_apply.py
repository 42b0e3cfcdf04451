"""Field sets and server-side apply of the simulated API server: what holds for any object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.kubernetes.fields import Fields, applied_fields, decoded, encoded, shown, without
from simulator.kubernetes.managed import APPLY, Manager, apply, shares_of, traced, with_shares
from simulator.kubernetes.objects import Object
from simulator.kubernetes.shapes import BuiltIn, Declared
from simulator.kubernetes.status import StatusError

names = st.sampled_from(["a", "b", "c"])
paths = st.frozensets(
    st.lists(names.map("f:{}".format), min_size=1, max_size=4).map(tuple), max_size=8
)
labels = st.dictionaries(names, st.sampled_from(["x", "y"]), min_size=1)
containers = st.lists(
    st.builds(lambda name, image: {"name": name, "image": image}, names, names),
    unique_by=lambda container: container["name"],
    max_size=3,
)


def an_object(labelled: dict[str, str], inside: list[dict[str, str]]) -> Object:
    spec = {"spec": {"containers": inside}} if inside else {}
    return {"metadata": {"name": "web", "labels": labelled}, **spec}


objects = st.builds(an_object, labels, containers)


def applied(live: Object, config: Object, manager: str = "me", *, force: bool = False) -> Object:
    who = Manager(name=manager, operation=APPLY, api_version="v1")
    result = apply(live, config, BuiltIn(), who, at="now", force=force)
    return with_shares(result.obj, result.shares)


def fields_of(obj: Object, manager: str) -> Fields:
    found = (share.fields for who, share in shares_of(obj).items() if who.name == manager)
    return next(found, frozenset())


def bare(obj: Object) -> Object:
    metadata = {k: v for k, v in obj["metadata"].items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


@given(paths)
def test_fields_survive_their_encoding(fields: frozenset[Any]) -> None:
    assert frozenset(decoded(encoded(fields))) == fields


@given(objects, objects)
def test_an_apply_leaves_what_it_says(live: Object, config: Object) -> None:
    fields = applied_fields(config, BuiltIn())
    assert fields <= applied_fields(applied(live, config), BuiltIn())


@given(objects, objects)
def test_an_apply_twice_is_an_apply_once(live: Object, config: Object) -> None:
    once = applied(live, config)
    assert applied(once, config) == once


@given(objects, objects)
def test_what_was_added_goes_when_it_is_no_longer_applied(live: Object, config: Object) -> None:
    owner = Manager(name="owner", operation="Update", api_version="v1")
    live = traced(None, live, BuiltIn(), owner, "then")
    mine = applied_fields(config, BuiltIn()) - applied_fields(live, BuiltIn())
    added = without(config, BuiltIn(), applied_fields(config, BuiltIn()) - mine)
    config = {**added, "metadata": {"name": "web", **added.get("metadata", {})}}
    try:
        merged = applied(live, config)
    except StatusError:
        return
    assert bare(applied(merged, {"metadata": {"name": "web"}})) == bare(live)


@given(objects, objects, objects)
def test_only_force_changes_what_others_applied(live: Object, one: Object, other: Object) -> None:
    first = applied(live, one, "first")
    try:
        second = applied(first, other, "second")
    except StatusError:
        second = applied(first, other, "second", force=True)
        assert fields_of(second, "first") < fields_of(first, "first")
    else:
        assert fields_of(second, "first") == fields_of(first, "first")


def test_an_atomic_list_is_owned_as_a_whole() -> None:
    obj = {"spec": {"tolerations": [{"key": "a"}], "nodeSelector": {"x": "y"}}}
    fields = applied_fields(obj, BuiltIn())
    assert fields == {("f:spec", "f:tolerations"), ("f:spec", "f:nodeSelector")}


def test_a_map_without_schema_is_owned_by_its_leaves() -> None:
    node = {"properties": {"free": {"x-kubernetes-preserve-unknown-fields": True}}}
    fields = applied_fields({"free": {"a": {"b": [1]}}}, Declared(node, is_root=True))
    assert {path[-1] for path in fields} == {"f:a", "f:b"}


def test_maps_that_become_empty_go_too() -> None:
    obj = {"spec": {"affinity": {"nodeAffinity": {"x": 1}}, "replicas": 1}}
    path = ("f:spec", "f:affinity", "f:nodeAffinity", "f:x")
    assert without(obj, BuiltIn(), frozenset({path})) == {"spec": {"replicas": 1}}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("f:spec", 'k:{"name":"x"}', "f:image"), '.spec[name="x"].image'),
        (('k:{"containerPort":80,"protocol":"TCP"}',), '[containerPort=80,protocol="TCP"]'),
        (("f:finalizers", 'v:"a"'), '.finalizers[="a"]'),
    ],
)
def test_paths_are_shown_as_the_real_server_shows_them(path: tuple[str, ...], text: str) -> None:
    assert shown(path) == text
