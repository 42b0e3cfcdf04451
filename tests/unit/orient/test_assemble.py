"""The fleet put together from inventory and readings."""

from services.orient.core.assemble import assemble
from shared.messages.inventory import ForeignCluster, Inventory, KubeNode, Pod
from shared.messages.readings import Reading, Readings, Signal
from shared.model.fleet import ClusterState
from shared.model.names import ClusterName
from shared.model.resources import Resources
from tests.support.builders import a_site, an_application, an_observation

HOME, METRO = ClusterName("home"), ClusterName("metro")


def a_node(name: str, cluster: ClusterName, **changes: bool) -> KubeNode:
    values = {"virtual": cluster != HOME, "ready": True, "unschedulable": False} | changes
    return KubeNode(name=name, cluster=cluster, allocatable=Resources(cpu_cores=8), **values)


def an_inventory(**changes: object) -> Inventory:
    values = {
        "sites": (a_site("home", home=True), a_site("metro")),
        "applications": (an_application(),),
        "nodes": (a_node("home-1", HOME), a_node("metro", METRO)),
        "foreign_clusters": (ForeignCluster(cluster=METRO, api_server="Established"),),
        "pods": (
            Pod(namespace="xr", name="i-1", workload="ingest", node="home-1", ready=True),
            Pod(namespace="xr", name="r-1", workload="render", node="metro", ready=True),
        ),
    } | changes
    return Inventory(**values)  # type: ignore[arg-type]


READINGS = Readings.from_rows(
    [
        Reading(Signal.LINK_RTT_MS, "home", "metro", 2.0, 1.0),
        Reading(Signal.LINK_CAPACITY_MBPS, "home", "metro", 1000.0, 1.0),
        Reading(Signal.NODE_ALLOCATABLE_CORES, "metro", "m-1", 16.0, 1.0),
        Reading(Signal.NODE_REQUESTED_CORES, "metro", "m-1", 4.0, 1.0),
        Reading(Signal.NODE_READY, "metro", "m-1", 1.0, 1.0),
    ]
)


def state_of_metro(**changes: object) -> tuple[ClusterState, str]:
    fleet = assemble(an_observation(inventory=an_inventory(**changes), readings=READINGS))
    metro = fleet.cluster(METRO)
    assert metro is not None
    return metro.state, metro.reason


def test_a_round_trip_is_halved_and_told_for_both_directions() -> None:
    fleet = assemble(an_observation(inventory=an_inventory(), readings=READINGS))
    assert [(x.source, x.target, x.latency_ms) for x in fleet.links] == [
        ("home", "metro", 1.0),
        ("metro", "home", 1.0),
    ]
    assert fleet.links[1].capacity_mbps is None


def test_pods_become_placements_where_their_nodes_stand() -> None:
    fleet = assemble(an_observation(inventory=an_inventory(), readings=READINGS))
    assert [(p.component, p.cluster, p.replicas, p.ready_replicas) for p in fleet.placements] == [
        ("ingest", "home", 1, 1),
        ("render", "metro", 1, 1),
    ]


def test_real_room_comes_from_the_providers_own_metrics() -> None:
    fleet = assemble(an_observation(inventory=an_inventory(), readings=READINGS))
    (node,) = next(c for c in fleet.clusters if c.name == METRO).nodes
    assert node.headroom.cpu_cores == 12.0
    assert node.ready


def test_a_terminating_pod_stands_nowhere() -> None:
    pod = Pod(
        namespace="xr", name="r", workload="render", node="metro", ready=True, terminating=True
    )
    fleet = assemble(an_observation(inventory=an_inventory(pods=(pod,)), readings=READINGS))
    assert fleet.placements == ()


def test_liqos_api_check_is_believed_before_the_node() -> None:
    peers = (ForeignCluster(cluster=METRO, api_server="Error"),)
    state, reason = state_of_metro(foreign_clusters=peers)
    assert state is ClusterState.UNREACHABLE
    assert "API server of metro" in reason


def test_pods_on_a_lost_cluster_do_not_count_as_ready() -> None:
    peers = (ForeignCluster(cluster=METRO, api_server="Error"),)
    inventory = an_inventory(foreign_clusters=peers)
    fleet = assemble(an_observation(inventory=inventory, readings=READINGS))
    assert [(p.cluster, p.replicas, p.ready_replicas) for p in fleet.placements][1] == (
        "metro",
        1,
        0,
    )


def test_the_states_of_a_cluster_follow_its_virtual_node() -> None:
    home = a_node("home-1", HOME)
    assert state_of_metro()[0] is ClusterState.READY
    assert state_of_metro(nodes=(home,))[0] is ClusterState.NOT_PEERED
    not_ready = a_node("metro", METRO, ready=False)
    assert state_of_metro(nodes=(home, not_ready))[0] is ClusterState.UNREACHABLE
    cordoned = a_node("metro", METRO, unschedulable=True)
    assert state_of_metro(nodes=(home, cordoned))[0] is ClusterState.CORDONED
