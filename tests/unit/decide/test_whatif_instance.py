"""Changes to the document of an instance file."""

from typing import Any

import pytest

from services.decide.core.whatif.change import ChangeError, lost, parse
from services.decide.core.whatif.on_instance import changed


def a_document(**changes: Any) -> dict[str, Any]:
    """Return two clusters with a link, one component and one flow."""
    document: dict[str, Any] = {
        "format": "decide-instance/1",
        "clusters": [
            {"id": name, "usd_core_h": 0.1, "usd_gib_h": 0.01, "usd_gpu_h": 1.0, "usd_kwh": 0.2}
            for name in ("c0", "c1", "c2")
        ],
        "nodes": [
            {"id": "n0", "cluster": "c0", "cpu_m": 8000, "mem_mi": 32000, "gpu": 1, "idle_w": 90},
            {"id": "n1", "cluster": "c0", "cpu_m": 4000, "mem_mi": 16000, "gpu": 0, "idle_w": 90},
            {"id": "n2", "cluster": "c1", "cpu_m": 9000, "mem_mi": 9000, "gpu": 0, "ready": False},
        ],
        "links": {"rows": [[0, 1, 2.0, 1000, 0.01, 0.02, 1], [1, 2, 5.0, 500, 0.0, 0.02, 1]]},
        "access_points": [{"id": "ap0"}, {"id": "ap1"}],
        "components": [{"id": "s0.render", "replicas": 2}, {"id": "s0.ingest", "replicas": 1}],
        "flows": [{"id": "s0.f0", "ap": "ap0", "budget_ms": 15.0}],
    }
    return {**document, **changes}


def with_change(*texts: str) -> Any:
    return changed(a_document(), [parse(text) for text in texts])


def rows(*texts: str) -> list[list[float]]:
    found: list[list[float]] = with_change(*texts)["links"]["rows"]
    return found


def nodes(*texts: str) -> dict[str, tuple[str, int, int]]:
    return {n["id"]: (n["cluster"], n["cpu_m"], n["mem_mi"]) for n in with_change(*texts)["nodes"]}


@pytest.mark.parametrize("name", ["c0-c1", "c1-c0", "c0>c1", "c1>c0"])
def test_a_link_is_one_row_whatever_its_direction(name: str) -> None:
    assert rows(f"link:{name}.latency=+3ms")[0] == [0, 1, 5.0, 1000, 0.01, 0.02, 1]
    assert rows(f"link:{name}.latency=+3ms")[1] == a_document()["links"]["rows"][1]


def test_capacity_loss_and_a_link_that_is_down() -> None:
    made = rows("link:c0-c1.capacity=+10%", "link:c0-c1.loss=2%", "link:c0-c1.up=true")
    assert made[0] == pytest.approx([0, 1, 2.0, 1100, 0.02, 0.02, 1])
    assert rows("link:c0-c1.up=false") == a_document()["links"]["rows"][1:]


def test_a_lost_cluster_has_no_nodes_and_a_ready_one_all_of_them() -> None:
    document = changed(a_document(), [lost("c0")])
    assert [n["id"] for n in document["nodes"]] == ["n2"]
    ready = with_change("cluster:c1.state=ready")["nodes"]
    assert [n.get("ready", True) for n in ready] == [True, True, True]


def test_cores_come_with_a_node_like_the_others_and_go_from_the_largest() -> None:
    assert nodes("cluster:c0.cores=+3")["c0-what-if-3"] == ("c0", 3000, 12000)
    assert nodes("cluster:c2.cores=2")["c2-what-if-3"] == ("c2", 2000, 8192)
    less = nodes("cluster:c0.cores=-9")
    assert (less["n0"][1], less["n1"][1]) == (0, 3000)
    assert with_change("cluster:c0.cores=+3")["nodes"][-1]["idle_w"] == 90


def test_prices_users_and_replicas() -> None:
    document = with_change(
        "site:c1.price.core=+50%",
        "users:s0.f0.site=ap1",
        "users:s0.f0.budget=-3ms",
        "app:s0.render.replicas=3",
    )
    assert [c["usd_core_h"] for c in document["clusters"]] == pytest.approx([0.1, 0.15, 0.1])
    assert document["flows"] == [{"id": "s0.f0", "ap": "ap1", "budget_ms": 12.0}]
    assert [c["replicas"] for c in document["components"]] == [3, 1]


def test_the_document_given_stays_as_it_was() -> None:
    document = a_document()
    changed(document, [parse("cluster:c0.cores=-9"), parse("link:c0-c1.latency=9ms")])
    assert document == a_document()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("link:c0-c2.latency=1ms", "there is no such link; c0 has links to c1"),
        ("link:c0-c1.jitter=1ms", "an instance file does not tell it of its links"),
        ("cluster:c9.cores=+1", "there is no cluster 'c9'; there is: c0, c1, c2"),
        ("cluster:c0.state=cordoned", "possible: ready, unreachable"),
        ("site:c0.price.egress=1", "tells the price of traffic by link, not by cluster"),
        ("users:s0.f1.budget=1ms", "there is no flow 's0.f1'; did you mean 's0.f0'?"),
        ("users:s0.f0.site=ap2", "possible: ap0, ap1"),
        ("app:s0.rendr.replicas=3", "there is no component 's0.rendr'; did you mean 's0.render'?"),
    ],
)
def test_what_cannot_be_made_is_said(text: str, sentence: str) -> None:
    with pytest.raises(ChangeError) as caught:
        with_change(text)
    assert sentence in str(caught.value)
    assert text in str(caught.value)
