from typing import Any

import pytest

from simulator.liqo_objects import foreign_cluster_status, offloading_status
from simulator.peers import Peer, Readiness, peer_at
from simulator.world import Outage

LOST = Outage(lost_at=100.0)
BACK = Outage(lost_at=100.0, returned_at=700.0)
LABELS = {name: {"liqo.io/remote-cluster-id": name} for name in ("metro", "cloud")}
AT, LATER = "2026-11-24T07:00:00Z", "2026-11-24T07:01:00Z"


@pytest.mark.parametrize(
    ("outage", "seconds", "peer"),
    [
        (None, 0.0, Peer()),
        (LOST, 103.1, Peer(pods=False)),
        (LOST, 103.2, Peer(pods=False, api=False)),
        (LOST, 160.9, Peer(pods=False, api=False, network=False)),
        (LOST, 161.0, Peer(pods=False, api=False, network=False, node=False)),
        (BACK, 700.0, Peer(api=False, network=False, node=False, pods=False)),
        (BACK, 713.6, Peer(node=False, pods=False)),
        (BACK, 773.0, Peer(pods=False, readiness=Readiness.STALE_YES)),
        (BACK, 774.0, Peer(pods=False, readiness=Readiness.STALE_NO)),
        (BACK, 775.0, Peer(readiness=Readiness.STALE_NO)),
        (BACK, 787.0, Peer()),
        (Outage(lost_at=100.0, returned_at=130.0), 170.0, Peer(pods=False)),
    ],
)
def test_home_learns_of_a_loss_as_late_as_it_really_does(
    outage: Outage | None, seconds: float, peer: Peer
) -> None:
    assert peer_at(outage, seconds) == peer


@pytest.mark.parametrize(
    ("seconds", "peer"),
    [
        (154.9, Peer(kubelet=False)),
        (155.0, Peer(kubelet=False, node=False)),
        (700.3, Peer(kubelet=False, node=False)),
        (700.4, Peer()),
    ],
)
def test_a_dead_virtual_kubelet_shows_nowhere_for_long_and_is_mended_at_once(
    seconds: float, peer: Peer
) -> None:
    assert peer_at(None, seconds, BACK) == peer


def test_a_lost_provider_shows_in_the_conditions_of_its_foreign_cluster() -> None:
    kinds = (
        "APIServerStatus",
        "NetworkConnectionStatus",
        "OffloadingNodeStatus",
        "OffloadingVirtualNodeStatus",
    )
    status = foreign_cluster_status("metro", Peer(api=False), dict.fromkeys(kinds, AT))
    assert status["conditions"][0]["status"] == "Error"
    assert status["modules"]["networking"]["conditions"][0]["status"] == "Established"
    assert status["modules"]["offloading"]["conditions"][1]["status"] == "Ready"


def an_offloading(*clusters: str, status: Any = None) -> dict[str, Any]:
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(clusters)}
    return {
        "metadata": {"name": "offloading", "namespace": "xr", "generation": 3},
        "spec": {"clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [term]}]}},
        "status": status or {},
    }


def status_of(offloading: dict[str, Any], *, alive: set[str], at: str = AT) -> dict[str, Any]:
    return offloading_status(offloading, LABELS, alive=alive, home="home", at=at)


def test_a_namespace_becomes_ready_on_the_clusters_selected() -> None:
    status = status_of(an_offloading("metro"), alive={"metro", "cloud"})
    assert status["offloadingPhase"] == "Ready"
    assert status["remoteNamespaceName"] == "xr-home"
    assert status["observedGeneration"] == 3
    assert list(status["remoteNamespacesConditions"]) == ["metro"]


def test_a_namespace_widened_to_a_dead_cluster_waits_and_one_that_was_there_stays_ready() -> None:
    before = status_of(an_offloading("metro"), alive={"metro", "cloud"})
    lost = status_of(an_offloading("metro", status=before), alive={"cloud"}, at=LATER)
    assert lost == before
    wider = status_of(an_offloading("metro", "cloud", status=before), alive=set(), at=LATER)
    assert wider["offloadingPhase"] == "InProgress"


def test_a_selector_that_matches_nothing_says_so() -> None:
    status = status_of(an_offloading("mars"), alive={"metro"})
    assert status["offloadingPhase"] == "NoClusterSelected"


def test_a_narrowed_selector_takes_the_cluster_away() -> None:
    before = status_of(an_offloading("metro", "cloud"), alive={"metro", "cloud"})
    status = status_of(an_offloading("metro", status=before), alive={"metro", "cloud"}, at=LATER)
    gone = {c["type"]: c["reason"] for c in status["remoteNamespacesConditions"]["cloud"]}
    assert gone == {"OffloadingRequired": "ClusterNotSelected", "Ready": "Terminating"}
    assert status["offloadingPhase"] == "Ready"


def test_no_terms_select_every_cluster() -> None:
    offloading = {**an_offloading(), "spec": {}}
    assert set(status_of(offloading, alive=set(LABELS))["remoteNamespacesConditions"]) == set(
        LABELS
    )
