"""How a namespace is stretched: only ever further."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.act.core.ledger import Entry
from services.act.core.liqo import admits, next_stretch, why_not_stretched
from services.act.core.live import Live
from services.act.core.moving.offload import next_of_offload
from services.act.core.objects import Object, Write
from services.act.core.steps import Context, Next, Progress, Step, Wait
from shared.messages.outcome import Status
from shared.model.names import ClusterName
from shared.model.plan import OffloadNamespace
from tests.support.builders import ARENA, NOW, an_insight, later
from tests.support.objects_act import a_decision, a_node, an_offloading

HOME = ClusterName("home")
METRO, CLOUD = ClusterName("metro"), ClusterName("cloud")
LABELLED = {"metadata": {"name": "xr", "labels": {"liqo.io/scheduling-enabled": "true"}}}
BARE = {"metadata": {"name": "xr"}}


def stretch(
    offloading: Object | None, *clusters: str, namespace: Object = LABELLED
) -> Write | None:
    """Return the next write towards these clusters."""
    live = Live(home=HOME, namespace=namespace, offloading=offloading)
    return next_stretch(live, "xr", [ClusterName(c) for c in clusters])


def terms_written(write: Write | None) -> list[Any]:
    """Return the selector terms of a write."""
    assert write is not None
    terms: list[Any] = write.body["spec"]["clusterSelector"]["nodeSelectorTerms"]
    return terms


def names(*clusters: str) -> dict[str, Any]:
    """Return a term that names clusters."""
    expression = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(clusters)}
    return {"matchExpressions": [expression]}


def selecting(*terms: dict[str, Any], strategy: str = "LocalAndRemote") -> dict[str, Any]:
    """Return a NamespaceOffloading with these terms."""
    offloading = an_offloading("metro")
    offloading["spec"]["clusterSelector"]["nodeSelectorTerms"] = list(terms)
    offloading["spec"]["podOffloadingStrategy"] = strategy
    return offloading


def test_the_namespace_is_labelled_before_liqo_is_told_the_clusters() -> None:
    write = stretch(None, "metro", namespace=BARE)

    assert write is not None
    assert write.body == {"metadata": {"labels": {"liqo.io/scheduling-enabled": "true"}}}


def test_a_namespace_that_was_never_stretched_gets_one_term_with_the_clusters() -> None:
    write = stretch(None, "metro", "cloud")

    assert terms_written(write) == [names("cloud", "metro")]
    assert write is not None
    assert write.body["spec"]["podOffloadingStrategy"] == "LocalAndRemote"


def test_the_term_that_names_clusters_gets_longer_and_others_stay() -> None:
    gold = {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}]}

    assert terms_written(stretch(selecting(gold, names("metro")), "cloud")) == [
        gold,
        names("cloud", "metro"),
    ]
    assert terms_written(stretch(selecting(gold), "cloud")) == [gold, names("cloud")]


@pytest.mark.parametrize(
    "offloading",
    [
        selecting(),
        selecting(names("cloud", "metro")),
        selecting({"matchExpressions": [{"key": "liqo.io/type", "operator": "Exists"}]}),
        selecting({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}),
        selecting({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}),
    ],
)
def test_a_selector_that_takes_the_clusters_in_is_left_alone(offloading: dict[str, Any]) -> None:
    assert stretch(offloading, "cloud", "home") is None


def test_a_selector_is_read_against_the_labels_of_the_virtual_node() -> None:
    node = a_node("cloud", "cloud")
    node["metadata"]["labels"]["tier"] = "gold"
    gold = selecting({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}]})
    live = Live(home=HOME, namespace=LABELLED, offloading=gold, nodes=(node,))

    assert next_stretch(live, "xr", [CLOUD]) is None


def test_pods_that_may_only_run_in_one_place_are_allowed_both() -> None:
    write = stretch(selecting(names("metro"), strategy="Remote"), "metro")

    assert write is not None
    assert write.body["spec"]["podOffloadingStrategy"] == "LocalAndRemote"
    assert terms_written(write) == [names("metro")]


clusters = st.lists(st.sampled_from(["metro", "cloud", "edge"]), min_size=1, max_size=3)
foreign = st.sampled_from(
    [
        {"matchExpressions": [{"key": "tier", "operator": "In", "values": ["gold"]}]},
        {"matchExpressions": [{"key": "gpu", "operator": "Exists"}]},
        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["metro"]}]},
    ]
)
terms = st.lists(clusters.map(lambda c: names(*c)) | foreign, max_size=3)
labels = st.dictionaries(
    st.sampled_from(["tier", "gpu", "liqo.io/remote-cluster-id"]),
    st.sampled_from(["gold", "metro", "cloud"]),
)


@given(terms, clusters, labels)
def test_whatever_was_taken_in_stays_in(
    before: list[dict[str, Any]], wanted: list[str], node: dict[str, str]
) -> None:
    found = selecting(*before)
    write = stretch(found, *wanted)
    after = write.body if write else found

    assert not admits(found, node) or admits(after, node)
    for cluster in wanted:
        assert admits(after, {"liqo.io/remote-cluster-id": cluster, "liqo.io/type": "virtual-node"})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"spec": {"podOffloadingStrategy": "Local"}}, "may only run at home"),
        ({"metadata": {"generation": 2}}, "has not seen the newest"),
        ({"status": {"offloadingPhase": "Terminating"}}, "is being ended"),
        ({"status": {"observedGeneration": 1}}, "is not Ready on metro"),
    ],
)
def test_a_namespace_not_ready_on_a_cluster_says_why(changes: dict[str, Any], reason: str) -> None:
    offloading = {**an_offloading("metro"), **changes}

    assert reason in why_not_stretched(Live(home=HOME, offloading=offloading), METRO)


def offload(entry: Entry, live: Live, seconds: float = 1.0) -> Next:
    """Return what comes next for stretching xr over metro."""
    context = Context(
        now=later(seconds), decision=a_decision().id, deadline_at=later(120), insight=an_insight()
    )
    assert isinstance(entry.action, OffloadNamespace)
    return next_of_offload(entry.action, entry, live, context)


OFFLOAD = Entry(action=OffloadNamespace(application=ARENA, clusters=(METRO,)))
BEGUN = Entry(action=OFFLOAD.action, status=Status.RUNNING, started_at=NOW)


def test_stretching_is_done_when_liqo_says_ready_for_the_clusters_named() -> None:
    slow = an_offloading("metro")
    slow["status"] = {"observedGeneration": 1, "offloadingPhase": "InProgress"}
    ready = Live(home=HOME, namespace=LABELLED, offloading=an_offloading("metro"))
    waiting = Live(home=HOME, namespace=LABELLED, offloading=slow)

    assert isinstance(offload(BEGUN, Live(home=HOME, namespace=LABELLED)), Step)
    assert offload(BEGUN, waiting) == Wait(reason="the namespace is not Ready on metro")
    done, late = offload(BEGUN, ready), offload(BEGUN, waiting, seconds=181)
    assert isinstance(done, Progress)
    assert done.entry.status is Status.SUCCEEDED
    assert isinstance(late, Progress)
    assert late.entry.status is Status.FAILED


def test_a_namespace_that_does_not_exist_is_refused() -> None:
    refused = offload(OFFLOAD, Live(home=HOME))

    assert isinstance(refused, Progress)
    assert refused.entry.message == "namespace xr does not exist"


def test_what_cannot_be_changed_of_a_stretching_is_kept_as_found() -> None:
    selected = an_offloading("metro")
    fixed = {"namespaceMappingStrategy": "SelectedName", "remoteNamespaceName": "theirs"}
    selected["spec"] |= fixed

    write = stretch(selected, "cloud")

    assert write is not None
    assert fixed.items() <= write.body["spec"].items()
