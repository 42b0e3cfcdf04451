"""Instance files: what is read, and what is said about each thing that cannot be."""

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.decide.core.instance import read_instance
from services.decide.core.instance_checks import InstanceError
from services.decide.core.placing.engine import start
from services.decide.core.placing.kernels.compiled import interpreted

Document = dict[str, Any]


def document() -> Document:
    """Return two clusters, three nodes, a path of two components and a store beside it."""
    prices = {"usd_core_h": 0.1, "usd_gib_h": 0.01, "usd_gpu_h": 1.0, "usd_kwh": 0.2}
    watts = {"idle_w": 50, "core_w": 4.0, "gpu_w": 100}
    place = {"allow_regions": None, "allow_providers": None, "pin_clusters": None}
    return {
        "format": "decide-instance/1",
        "objective": {"horizon_h": 2.0, "intra_cluster_move_factor": 0.2},
        "clusters": [
            {"id": "edge", "region": "R0", "provider": "p0", "intra_latency_ms": 0.1, **prices},
            {"id": "cloud", "region": "R1", "provider": "p1", "intra_latency_ms": 0.3, **prices},
        ],
        "nodes": [
            {"id": "c1", "cluster": "cloud", "cpu_m": 9000, "mem_mi": 9000, "gpu": 1, **watts},
            {"id": "e1", "cluster": "edge", "cpu_m": 4000, "mem_mi": 4000, "gpu": 0, **watts},
            {
                "id": "e2",
                "cluster": "edge",
                "cpu_m": 4000,
                "mem_mi": 4000,
                "gpu": 0,
                "ready": False,
                **watts,
            },
        ],
        "links": {"rows": [[0, 1, 3.0, 1000, 0.001, 0.01, 1]]},
        "access_points": [{"id": "ap", "latency_ms": [[0, 1.0], [1, 4.0]]}],
        "components": [
            {
                "id": f"s.{name}",
                "service": "s",
                "cpu_m": 1000,
                "mem_mi": 512,
                "gpu": 0,
                "replicas": replicas,
                "proc_ms": 2.0,
                "migration_usd": 0.5,
                "max_per_node": None,
                "movable": True,
                **place,
            }
            for name, replicas in (("in", 1), ("out", 1), ("store", 2))
        ],
        "edges": [
            {"u": "s.in", "v": "s.out", "mbps": 100, "max_latency_ms": 5, "max_loss": 0.1, "udp": 1}
        ],
        "flows": [
            {
                "id": "f",
                "ap": "ap",
                "path": ["s.in", "s.out"],
                "return": True,
                "budget_ms": 15,
                "weight": 2,
            }
        ],
        "current": {"s.in": ["e1"], "s.out": ["e2"], "s.store": ["gone", "c1"]},
    }


def test_everything_is_read_with_nodes_sorted_by_cluster() -> None:
    instance = read_instance(document())
    arrays = instance.arrays
    assert instance.nodes == ("e1", "e2", "c1")
    assert arrays.nodes_of.tolist() == [0, 2, 3]
    assert arrays.node_room.tolist() == [[4000, 4000, 0], [0, 0, 0], [9000, 9000, 1]]
    assert arrays.latency_ms.tolist() == [[0.1, 3.0], [3.0, 0.3]]
    assert arrays.traffic_usd[0, 1] == pytest.approx(0.01 * 0.45 * 2.0)
    assert arrays.node_usd[0].tolist() == pytest.approx(
        [2 * (0.1 + 4 * 0.2 / 1000) / 1000, 2 * 0.01 / 1024, 2 * (1.0 + 100 * 0.2 / 1000)]
    )
    assert arrays.flow_processing_ms.tolist() == [4.0]
    assert arrays.access_ms.tolist() == [[1.0, 4.0]]
    assert instance.problems == ()


def test_what_stood_on_a_dead_node_has_a_home_and_does_not_stand() -> None:
    arrays = read_instance(document()).arrays
    assert arrays.unit_home.tolist() == [0, 1, 2, -1]
    assert arrays.unit_stands.tolist() == [True, False, True, False]


def test_make_before_break_takes_the_room_of_what_stands() -> None:
    arrays = read_instance(document(), is_home_free=True).arrays
    assert arrays.is_home_free
    assert arrays.node_room.tolist() == [[3000, 3488, 0], [0, 0, 0], [8000, 8488, 1]]


def test_a_component_that_must_not_move_goes_nowhere_when_its_node_is_dead() -> None:
    given = document()
    given["components"][1]["movable"] = False
    instance = read_instance(given)
    search = start(instance.arrays, interpreted())
    search.run(200)
    assert instance.placement(search.nodes)["s.out"] == [None]


def test_pins_that_contradict_are_told_and_the_others_are_planned() -> None:
    given = document()
    given["components"][2].update(pin_clusters=["edge"], allow_regions=["R1"])
    instance = read_instance(given)
    assert instance.problems == (
        (
            "components[s.store]: allow_regions, allow_providers, pin_clusters together leave no "
            "cluster; it stays unplaced"
        ),
    )
    search = start(instance.arrays, interpreted())
    search.run(200)
    placement = instance.placement(search.nodes)
    assert placement["s.store"] == [None, None]
    assert None not in placement["s.in"] + placement["s.out"]
    assert search.score.unplaced == 2


def test_a_cluster_without_nodes_is_left_alone() -> None:
    given = document()
    given["nodes"] = given["nodes"][:1]
    instance = read_instance(given)
    search = start(instance.arrays, interpreted())
    assert set(np.unique(search.nodes)) == {0}


Change = Callable[[Document], object]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.update(format="x/9"), 'does not say "format": "decide-instance/1"'),
        (lambda d: d.pop("objective"), "objective is missing"),
        (lambda d: d["objective"].update(horizon_h=-1), "objective.horizon_h is -1"),
        (lambda d: d.update(nodes={}), "nodes is not a list of objects"),
        (lambda d: d["clusters"][0].update(id="cloud"), r"clusters\[cloud\] is there twice"),
        (lambda d: d["clusters"][0].update(id=7), r"clusters\[0\].id is 7, not a text"),
        (lambda d: d["nodes"][1].update(cluster="moon"), r"\[e1\].cluster names 'moon'"),
        (lambda d: d["nodes"][1].pop("cluster"), r"nodes\[e1\].cluster is missing"),
        (lambda d: d["nodes"][1].update(cpu_m=math.nan), r"nodes\[e1\].cpu_m is nan"),
        (lambda d: d["components"][0].update(cpu_m=-5), r"components\[s.in\].cpu_m is -5"),
        (lambda d: d["components"][0].update(gpu="two"), r"components\[s.in\].gpu is 'two'"),
        (lambda d: d["components"][0].pop("replicas"), r"components\[s.in\].replicas is missing"),
        (
            lambda d: d["components"][0].update(pin_clusters=["moon"]),
            r"\[s.in\].pin_clusters names 'moon'",
        ),
        (lambda d: d["edges"][0].update(v="s.none"), r"edges\[s.in->s.none\].v names 's.none'"),
        (lambda d: d["edges"][0].update(v="s.in"), "joins a component to itself"),
        (lambda d: d["edges"][0].update(mbps=math.inf), r"edges\[s.in->s.out\].mbps is inf"),
        (lambda d: d["flows"][0].update(path=["s.in", "s.none"]), r"\[f\].path names 's.none'"),
        (lambda d: d["flows"][0].update(path=[]), r"\[f\].path is empty"),
        (lambda d: d["flows"][0].update(ap="sea"), r"\[f\].ap names 'sea'"),
        (lambda d: d["flows"][0].pop("path"), r"flows\[f\].path is missing"),
        (lambda d: d["links"]["rows"].append([0, 5, 1, 1, 0, 0, 1]), r"links.rows\[1\] joins"),
        (lambda d: d["links"]["rows"].append([0, 0, 1, 1, 0, 0, 1]), r"links.rows\[1\] joins"),
        (lambda d: d["links"]["rows"][0].pop(), "each row has 7 numbers"),
        (lambda d: d["links"]["rows"][0].__setitem__(2, -1), r"links.rows\[0\].latency_ms is -1"),
        (lambda d: d.pop("links"), "links.rows is missing"),
        (
            lambda d: d["access_points"][0]["latency_ms"].append([9, 1.0]),
            r"\[ap\].latency_ms names a cluster that is not there",
        ),
        (
            lambda d: d["access_points"][0]["latency_ms"].append([1, -1.0]),
            r"\[ap\].latency_ms holds one that is not 0 or more",
        ),
        (lambda d: d.update(current=[]), "current is neither null nor an object"),
        (lambda d: d["current"].update({"s.none": []}), "current names 's.none'"),
    ],
)
def test_what_cannot_be_is_named_with_object_and_field(change: Change, sentence: str) -> None:
    given = copy.deepcopy(document())
    change(given)
    with pytest.raises(InstanceError, match=sentence):
        read_instance(given)


def test_a_list_is_no_instance() -> None:
    with pytest.raises(InstanceError, match="does not say"):
        read_instance([])


def test_without_current_and_flows_there_is_still_a_problem() -> None:
    given = document()
    given.update(current=None, flows=[], edges=[])
    arrays = read_instance(given).arrays
    assert arrays.unit_home.tolist() == [-1, -1, -1, -1]
    assert len(arrays.flow_weight) == 0
