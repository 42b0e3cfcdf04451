"""When a cluster counts as lost, and when as fit for something new."""

from typing import Any

import pytest

from services.act.core.live import Live
from shared.model.names import ClusterName
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
