from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load, names


def test_every_scenario_that_comes_along_is_valid() -> None:
    assert names() == (
        *("calm", "cluster-lost", "cpu-starved", "gateway-saturated", "kubelet-dies"),
        *("link-degrades", "link-jitters", "link-loses", "link-squeezed", "memory-leak"),
        *("node-lost", "provider-full", "tenant-cordoned", "thanos-partial", "users-move"),
        "users-surge",
    )
    for name in names():
        assert load(name).about


def test_a_wrong_name_tells_what_there_is() -> None:
    with pytest.raises(ScenarioError, match="no scenario 'clam'; there are calm, cluster-lost"):
        load("clam")


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ("{at: -1, kind: cluster-dies, cluster: metro}", "events.0.cluster-dies.at: Input should"),
        ("{at: 1, kind: cluster-dies, cluster: mars}", r"events\[0\]: there is no cluster 'mars'"),
        ("{at: 1, kind: cluster-dies, cluster: home}", "management cluster cannot be lost"),
        ("{at: 1, kind: quake}", "'link', 'gateway-saturated', 'gateway-free', 'cluster-dies'"),
        ("{at: 1, kind: link, between: [home, mars]}", "no link between home and mars"),
        ("{at: 1, kind: link, between: [home, metro], more: 1}", "more: Extra inputs"),
        ("{at: 1, kind: node-lost, node: metro-9}", "no node 'metro-9'; there are cloud-1"),
        ("{at: 1, kind: tenant-cordoned, cluster: home}", "management cluster is no provider"),
        ("{at: 1, kind: provider-full, cluster: mars}", "there is no cluster 'mars'"),
        ("{at: 1, kind: node-lost, node: home-1}", "node of the management cluster cannot be lost"),
        ("{at: 1, kind: cpu-starved, node: metro-1, share: 1}", "share: Input should be less than"),
        ("{at: 1, kind: memory-leak, workload: track}", "workload: String should match pattern"),
        ("{at: 1, kind: gateway-free, cluster: mars}", "no cluster 'mars'"),
        ("{at: 1, kind: users, group: north, site: mars}", "no user site 'mars'; there are venue"),
    ],
)
def test_a_wrong_event_is_told_with_file_place_and_what_is_allowed(
    tmp_path: Path, event: str, complaint: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"about: Something.\nevents: [{event}]\n")

    with pytest.raises(ScenarioError, match=complaint) as raised:
        load(str(file))

    assert str(raised.value).startswith("mine.yaml: ")


def test_copies_get_room_and_bandwidth_of_their_own() -> None:
    one, four = load("calm").fleet, load("calm", copies=4).fleet
    assert four.clusters["metro"].nodes == 4 * one.clusters["metro"].nodes
    assert four.links[0].gbps == 4 * one.links[0].gbps
