"""When a cluster counts as lost, and when as fit for something new."""

from dataclasses import replace
from typing import Any

import pytest

from services.act.core.live import Live
from shared.model.names import ClusterName
from tests.support.builders import NOW, later
from tests.support.objects_act import a_foreign_cluster, a_node, a_pod

HOME, METRO = ClusterName("home"), ClusterName("metro")


def networked(status: str) -> dict[str, Any]:
    """Return a peer with a tunnel in that state."""
    peer = a_foreign_cluster("metro")
    condition = {"type": "NetworkConnectionStatus", "status": status}
    peer["status"]["modules"] = {"networking": {"enabled": True, "conditions": [condition]}}
    return peer


def live(peer: dict[str, Any], *nodes: dict[str, Any]) -> Live:
    """Return a peer with its virtual nodes; one that is Ready unless told otherwise."""
    return Live(home=HOME, foreign_clusters=(peer,), nodes=nodes or (a_node("metro", "metro"),))


@pytest.mark.parametrize(
    ("seen", "lost", "unusable"),
    [
        (live(a_foreign_cluster("metro")), "", ""),
        (live(networked("Established")), "", ""),
        (live(networked("Pending")), "", "tunnel to metro is not established"),
        (live(networked("Error")), "tunnel to metro is down", "tunnel to metro is down"),
        (live(a_foreign_cluster("metro", "None")), "", "has not established the peering"),
        (live(a_foreign_cluster("metro", "Error")), "does not reach the API", "does not reach"),
        (live(a_foreign_cluster("metro"), a_node("m", "metro", ready=False)), "not Ready", "not"),
        (live(a_foreign_cluster("metro"), a_node("m", "metro", cordoned=True)), "", "cordoned"),
    ],
)
def test_what_liqo_says_of_a_provider_decides(seen: Live, lost: str, unusable: str) -> None:
    assert lost in seen.why_lost(METRO)
    assert bool(lost) is bool(seen.why_lost(METRO))
    assert unusable in seen.why_unusable(METRO)
    assert bool(unusable) is bool(seen.why_unusable(METRO))


def test_home_is_never_lost_and_always_fit() -> None:
    assert Live(home=HOME).why_lost(HOME) == ""
    assert Live(home=HOME).why_unusable(HOME) == ""


def test_one_ready_virtual_node_of_several_is_enough() -> None:
    nodes = a_node("m1", "metro", ready=False), a_node("m2", "metro")

    assert live(a_foreign_cluster("metro"), *nodes).why_unusable(METRO) == ""


def test_a_pod_stands_on_the_cluster_of_its_node() -> None:
    seen = live(a_foreign_cluster("metro"))
    unbound = a_pod("render-0", "metro")
    del unbound["spec"]["nodeName"]

    assert seen.cluster_of(a_pod("render-0", "metro")) == METRO
    assert seen.cluster_of(a_pod("render-0", "home-node-7")) == HOME
    assert seen.cluster_of(unbound) is None


def a_dated_node(name: str, *, made: float, ready: float, status: str = "True") -> dict[str, Any]:
    """Return a virtual node of metro that was made and became Ready so many seconds from NOW."""
    node = a_node(name, "metro")
    node["metadata"]["creationTimestamp"] = stamp(made)
    condition = {"type": "Ready", "status": status, "lastTransitionTime": stamp(ready)}
    node["status"]["conditions"] = [condition]
    return node


def stamp(seconds: float) -> str:
    """Return an instant as the API writes it."""
    return later(seconds).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("node", "seconds", "is_unsettled"),
    [
        (a_dated_node("metro", made=-900, ready=0), 14, True),
        (a_dated_node("metro", made=-900, ready=0), 15, False),
        (a_dated_node("metro", made=-900, ready=0, status="Unknown"), 1, False),
        (a_dated_node("metro", made=0, ready=5), 6, False),
        (a_node("metro", "metro"), 1, False),
    ],
)
def test_readiness_on_a_cluster_that_just_came_back_is_not_believed(
    node: dict[str, Any], seconds: float, is_unsettled: bool
) -> None:
    told = live(a_foreign_cluster("metro"), node).why_unsettled(METRO, later(seconds))

    assert ("metro came back a moment ago" in told) is is_unsettled


def a_lease(name: str, renewed: float) -> dict[str, Any]:
    """Return the lease of a node, renewed so many seconds from NOW."""
    return {"metadata": {"name": name}, "spec": {"renewTime": stamp(renewed)}}


@pytest.mark.parametrize(
    ("leases", "told"),
    [
        ((), ""),
        ((a_lease("metro", -40), a_lease("other", -90)), ""),
        ((a_lease("metro", -41),), "the virtual kubelet of metro is silent since 41 s"),
        (({"metadata": {"name": "metro"}, "spec": {}},), ""),
    ],
)
def test_a_dead_virtual_kubelet_shows_by_its_lease(
    leases: tuple[dict[str, Any], ...], told: str
) -> None:
    seen = replace(live(a_foreign_cluster("metro")), leases=leases)

    assert seen.why_kubelet_silent(METRO, NOW) == told
    assert seen.why_kubelet_silent(HOME, NOW) == ""


def test_one_virtual_kubelet_of_a_cluster_that_lives_is_enough() -> None:
    nodes = (a_node("metro", "metro"), a_node("metro-gpu", "metro"))
    leases = (a_lease("metro", -90), a_lease("metro-gpu", -1))
    seen = replace(live(a_foreign_cluster("metro"), *nodes), leases=leases)

    assert seen.why_kubelet_silent(METRO, NOW) == ""


@pytest.mark.parametrize(
    ("pool", "told"),
    [
        ("", ""),
        ("gpu", ""),
        ("nowhere", "metro has no virtual node nowhere"),
        ("down", "the virtual node down is not Ready"),
        ("closed", "the virtual node closed is cordoned"),
    ],
)
def test_a_pool_is_one_virtual_node_of_the_cluster_and_fit_for_pods(pool: str, told: str) -> None:
    nodes = (
        a_node("gpu", "metro"),
        a_node("down", "metro", ready=False),
        a_node("closed", "metro", cordoned=True),
        a_node("elsewhere", "edge-north"),
    )

    assert live(a_foreign_cluster("metro"), *nodes).why_no_pool(METRO, pool) == told


def test_a_pod_is_in_its_pool_on_that_very_node() -> None:
    seen, pod = live(a_foreign_cluster("metro")), a_pod("render-0", "gpu")

    assert [seen.is_in_pool(pod, pool) for pool in ("", "gpu", "metro")] == [True, True, False]
