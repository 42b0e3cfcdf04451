"""Alert rules and dashboard ask for metrics that exist, and people can read them."""

import json
import re
from itertools import combinations
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from services.act import telemetry as act
from services.decide import telemetry as decide
from services.observe import telemetry as observe
from services.orient import telemetry as orient
from shared.bus import telemetry as bus
from tests.support.kustomize import KUBERNETES

DEPLOY = KUBERNETES.parent
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())["groups"]
    for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "loop.json").read_text())
TELLING = (bus, observe, orient, decide, act)
"""The modules that own the metrics; importing them makes them known."""

by_name = pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])


def known() -> dict[str, set[str]]:
    """Return the labels of each series of ours, by its name in Prometheus."""
    found: dict[str, set[str]] = {}
    for collector in set(REGISTRY._names_to_collectors.values()):
        for metric in collector.describe() if hasattr(collector, "describe") else ():
            labels = set(getattr(collector, "_labelnames", ()))
            endings = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
            for ending in endings.get(metric.type, ("",)):
                extra = {"le"} if ending == "_bucket" else set()
                found[metric.name + ending] = labels | extra
    return {name: labels for name, labels in found.items() if name.startswith("crossloop_")}


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Return each series of ours that an expression asks for, with the labels it selects by."""
    found = re.findall(r"(crossloop_\w+)(?:\{([^}]*)\})?", expression)
    return [(name, set(re.findall(r"(\w+)(?==|!=|=~|!~)", inside))) for name, inside in found]


def groupings(expression: str) -> set[str]:
    """Return the labels an expression groups by."""
    return {
        label.strip()
        for labels in re.findall(r"by \(([^)]*)\)", expression)
        for label in labels.split(",")
        if label.strip()
    }


def check(expression: str) -> None:
    """Assert that an expression asks for nothing that does not exist."""
    series = known()
    asked = selectors(expression)
    assert asked
    for name, labels in asked:
        assert name in series, name
        assert labels <= series[name], name
    assert groupings(expression) <= set().union(*(series[name] for name, _ in asked))


def expressions() -> list[str]:
    """Return every expression of the dashboard."""
    found = [t["expr"] for panel in BOARD["panels"] for t in panel["targets"]]
    return found + [a["expr"] for a in BOARD["annotations"]["list"]]


@by_name
def test_a_rule_asks_for_what_the_services_tell(rule: dict[str, Any]) -> None:
    check(rule["expr"])


@by_name
def test_a_rule_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Crossloop[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in ("warning", "critical")
    for annotation in (rule["annotations"]["summary"], rule["annotations"]["action"]):
        assert re.search(r"[.?]$", annotation)
    named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert named <= groupings(rule["expr"]) | set(re.findall(r'"(stage)"', rule["expr"]))


def test_no_two_rules_have_one_name() -> None:
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names))


def test_the_loop_is_watched_for_what_can_go_wrong_with_it() -> None:
    assert {r["alert"] for r in RULES} >= {
        "CrossloopStalled",
        "CrossloopFlapping",
        "CrossloopFailing",
        "CrossloopDeadMessages",
    }


@pytest.mark.parametrize("expression", expressions())
def test_the_dashboard_asks_for_what_the_services_tell(expression: str) -> None:
    check(expression)


def test_the_dashboard_goes_left_to_right_like_the_loop() -> None:
    first_row = sorted(
        (p["gridPos"]["x"], p["title"]) for p in BOARD["panels"] if p["gridPos"]["y"] == 0
    )
    assert [title for _, title in first_row] == ["Observe", "Orient", "Decide", "Act"]


def test_no_two_panels_lie_on_each_other() -> None:
    for a, b in combinations([p["gridPos"] for p in BOARD["panels"]], 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above


def test_each_panel_says_what_it_shows() -> None:
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in BOARD["panels"]:
        assert panel["description"].endswith((".", "?"))
        assert panel["datasource"]["uid"] == "${datasource}"
