"""Nothing that takes an application's pods away is ever sent, whatever is decided or goes wrong."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.act.core.cluster_api.kinds import CLUSTER
from services.act.core.guard import DESTRUCTIVE, why_forbidden
from services.act.core.liqo import admits
from services.act.core.objects import (
    NAMESPACE,
    NAMESPACE_OFFLOADING,
    NODE,
    POD,
    Kind,
    Manner,
    Query,
    Ref,
    Write,
    dig,
)
from services.act.core.peering.kinds import RESOURCE_SLICE, TENANT, VIRTUAL_NODE
from services.act.core.seen import Seen
from services.act.guarding import send
from shared.errors import PermanentError, TransientError
from shared.model.names import ClusterName
from tests.support.fakes_act import FakeClusterApi, a_world
from tests.support.faulty import Fault, FaultyApi
from tests.support.objects_act import Json, a_node, a_pod, an_offloading
from tests.support.peered import ACTIONS, Play

OFFLOADING = Ref(kind=NAMESPACE_OFFLOADING, namespace="xr", name="offloading")
ON_METRO = Query(kind=POD, fields="spec.nodeName=metro")
KINDS = (NAMESPACE, NAMESPACE_OFFLOADING, RESOURCE_SLICE, VIRTUAL_NODE, TENANT, CLUSTER)
LABEL = "liqo.io/remote-cluster-id"
CLUSTERS = ("metro", "edge-north", "cloud")


def deletion(kind: Kind, *emptied: Query) -> Write:
    """Return the write that deletes an object of a kind."""
    ref = Ref(kind=kind, namespace="xr" if kind.namespaced else "", name="metro")
    return Write(ref=ref, manner=Manner.DELETE, body={}, purpose="delete it", emptied=emptied)


def test_the_kinds_that_are_guarded_are_those_of_act() -> None:
    assert {(kind.group, kind.name) for kind in KINDS} == DESTRUCTIVE


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
async def test_none_of_them_is_deleted_without_a_proof(kind: Kind) -> None:
    api = a_world()

    with pytest.raises(PermanentError, match="not deleted without a proof that no pod runs there"):
        await send(api, deletion(kind))

    assert api.writes == []


async def test_a_proof_is_looked_at_again_right_before_the_deletion() -> None:
    api = a_world()

    with pytest.raises(PermanentError, match=r"xr/metro is still in use: 3 pods, as xr/render-"):
        await send(api, deletion(TENANT, ON_METRO))

    assert api.writes == []


async def test_what_is_proven_empty_is_deleted() -> None:
    api = a_world(stands_on="edge-north")
    ended = a_pod("ended-1", "metro")
    api.put(Ref(kind=POD, namespace="xr", name="ended-1"), ended | {"status": {"phase": "Failed"}})

    await send(api, deletion(TENANT, ON_METRO))

    assert [write.ref.kind for write in api.writes] == [TENANT]


async def test_where_a_cluster_does_not_tell_nothing_is_deleted() -> None:
    api = FaultyApi(a_world(stands_on="edge-north"), Fault.UNAVAILABLE, at=1)
    there = replace(ON_METRO, cluster=ClusterName("metro"))

    with pytest.raises(TransientError, match="whether Tenant xr/metro is in use is not known"):
        await send(api, deletion(TENANT, there))

    assert why_forbidden(
        deletion(TENANT, there), Seen(refused={ClusterName("metro"): "it is another cluster"})
    ).endswith("it is another cluster")


@pytest.mark.parametrize("manner", [Manner.APPLY, Manner.MERGE])
@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (an_offloading("metro")["spec"], "would take in edge-north no more"),
        (an_offloading("metro", "edge-north")["spec"] | {"podOffloadingStrategy": "Local"}, "let"),
        (an_offloading("metro", "edge-north", "cloud")["spec"], ""),
        ({"clusterSelector": None}, ""),
        (None, ""),
    ],
)
async def test_a_selector_is_only_widened(manner: Manner, spec: Any, told: str) -> None:
    api = a_world()
    body = {"spec": spec} if spec is not None else {"metadata": {"labels": {"a": "b"}}}
    write = Write(ref=OFFLOADING, manner=manner, body=body, purpose="stretch it")
    if told:
        with pytest.raises(PermanentError, match=told):
            await send(api, write)
    else:
        await send(api, write)
    assert len(api.writes) == (not told)


async def test_a_namespace_not_stretched_yet_is_stretched_over_anything() -> None:
    api = a_world()
    del api.objects[OFFLOADING]

    await send(
        api,
        Write(
            ref=OFFLOADING,
            manner=Manner.APPLY,
            body={"spec": an_offloading("cloud")["spec"]},
            purpose="stretch it",
        ),
    )

    assert len(api.writes) == 1


expressions = st.fixed_dictionaries(
    {
        "key": st.sampled_from([LABEL, "liqo.io/type", "region"]),
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt"]),
        "values": st.lists(st.sampled_from([*CLUSTERS, "virtual-node", "north"]), max_size=3),
    }
)
terms = st.fixed_dictionaries({"matchExpressions": st.lists(expressions, max_size=2)})
selectors = st.none() | st.fixed_dictionaries({"nodeSelectorTerms": st.lists(terms, max_size=3)})


@given(before=selectors, after=selectors, manner=st.sampled_from([Manner.APPLY, Manner.MERGE]))
@settings(max_examples=300, deadline=None)
def test_whatever_selector_is_sent_takes_in_what_the_one_before_did(
    before: Json | None, after: Json | None, manner: Manner
) -> None:
    api = FakeClusterApi()
    for name in CLUSTERS:
        node = a_node(name, name)
        node["metadata"]["labels"]["region"] = "north" if name == "metro" else "south"
        api.put(Ref(kind=NODE, name=name), node)
    spec = an_offloading("metro")["spec"]
    api.put(OFFLOADING, {"metadata": {"name": "offloading"}, "spec": {**spec}})
    api.objects[OFFLOADING]["spec"]["clusterSelector"] = before
    body = {"spec": {**spec, "clusterSelector": after}}
    taken_in = [n for n in CLUSTERS if admits(api.objects[OFFLOADING], labels(api, n))]

    try:
        asyncio.run(
            send(api, Write(ref=OFFLOADING, manner=manner, body=body, purpose="stretch it"))
        )
    except PermanentError:
        assert api.writes == []

    assert all(admits(api.objects[OFFLOADING], labels(api, name)) for name in taken_in)


def labels(api: FakeClusterApi, node: str) -> dict[str, str]:
    found: dict[str, str] = dig(api.objects[Ref(kind=NODE, name=node)], "metadata", "labels")
    return found


moves_of_the_world = st.one_of(
    st.tuples(st.just("decide"), st.integers(0, len(ACTIONS) - 1)),
    st.tuples(st.just("go on"), st.integers(1, 12)),
    st.tuples(st.just("fault"), st.tuples(st.sampled_from(Fault), st.integers(1, 20))),
    st.tuples(
        st.sampled_from(
            ["approve", "decline", "restart", "lose", "return", "pod", "pod ends", "replay"]
        ),
        st.none(),
    ),
)


@given(story=st.lists(moves_of_the_world, min_size=3, max_size=25))
@settings(max_examples=60, deadline=None)
def test_no_story_takes_away_what_a_pod_stands_on(story: list[tuple[str, Any]]) -> None:
    asyncio.run(told(story))


async def told(story: list[tuple[str, Any]]) -> Play:
    """Play a story; whoever deletes or narrows under a pod fails it."""
    play = Play()
    for what, how in story:
        await play.do(what, how)
    return play


def ordered(action: int) -> list[tuple[str, Any]]:
    """Return the story of an action that is decided, approved and carried out."""
    return [("decide", action), ("approve", None), ("go on", 80)]


async def test_an_empty_provider_is_parted_from_and_then_deleted() -> None:
    play = await told([("leave", None), *ordered(5), *ordered(6)])

    deleted = [write.ref.kind for write in play.world.writes if write.manner is Manner.DELETE]
    assert RESOURCE_SLICE in deleted
    assert CLUSTER in deleted


async def test_a_provider_in_use_is_neither_parted_from_nor_deleted() -> None:
    play = await told([*ordered(5), *ordered(6)])

    assert [w for w in play.world.writes if w.manner is Manner.DELETE] == []
