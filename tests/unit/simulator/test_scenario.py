from pathlib import Path

import pytest

from simulator.scenario import ScenarioError, load, names


def test_every_scenario_that_comes_along_is_valid() -> None:
    assert names() == ("calm", "cluster-lost", "link-degrades", "thanos-partial", "users-move")
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
        ("{at: 1, kind: quake}", "'link', 'cluster-dies', 'cluster-returns', 'users'"),
        ("{at: 1, kind: link, between: [home, mars]}", "no link between home and mars"),
        ("{at: 1, kind: link, between: [home, metro], more: 1}", "more: Extra inputs"),
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
