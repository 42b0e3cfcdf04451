"""The example for Alertmanager speaks of alerts, labels and receivers that there are."""

import re
from typing import Any

import pytest
import yaml

from services.act.core.telling.firing import NAMES
from tests.support.kustomize import KUBERNETES

DEPLOY = KUBERNETES.parent
EXAMPLE: dict[str, Any] = yaml.safe_load(
    (DEPLOY / "alertmanager" / "alertmanager.yaml").read_text()
)
RULES = yaml.safe_load((DEPLOY / "prometheus" / "rules.yaml").read_text())
OF_PROMETHEUS = {rule["alert"] for group in RULES["groups"] for rule in group["rules"]}
LABELS = {"alertname", "application", "cluster", "fleet", "incident", "severity"}
ROUTES = (EXAMPLE["route"], *EXAMPLE["route"]["routes"])
MATCHERS: list[str] = [
    *(matcher for route in ROUTES for matcher in route.get("matchers", ())),
    *(
        matcher
        for rule in EXAMPLE["inhibit_rules"]
        for side in ("source_matchers", "target_matchers")
        for matcher in rule[side]
    ),
]


def parsed(matcher: str) -> tuple[str, str, str]:
    """Return label, operator and value of a matcher."""
    found = re.fullmatch(r'(\w+) (=|!=|=~|!~) "([^"]*)"', matcher)
    assert found is not None, matcher
    return found[1], found[2], found[3]


@pytest.mark.parametrize("matcher", MATCHERS)
def test_a_matcher_speaks_of_alerts_that_there_are(matcher: str) -> None:
    label, operator, value = parsed(matcher)
    assert label in LABELS
    if label != "alertname":
        return
    names = value.split("|") if operator.endswith("~") else [value]
    for name in names:
        assert any(re.fullmatch(name, known) for known in NAMES | OF_PROMETHEUS), name


def test_alerts_are_grouped_by_application_and_incident_and_inhibited_within_one_fleet() -> None:
    assert EXAMPLE["route"]["group_by"] == ["fleet", "application", "incident"]
    for rule in EXAMPLE["inhibit_rules"]:
        assert set(rule["equal"]) <= LABELS
        assert "fleet" in rule["equal"]


def test_each_receiver_is_there_and_used_and_waits_for_its_address() -> None:
    receivers = {receiver["name"]: receiver for receiver in EXAMPLE["receivers"]}
    assert {route["receiver"] for route in ROUTES} == set(receivers)
    for receiver in receivers.values():
        for webhook in receiver.get("webhook_configs", ()):
            assert ".example.invalid/" in webhook["url"]


def test_what_prometheus_tells_is_never_taken_for_the_same_plan() -> None:
    """Its alerts have no incident: two that lack a label have it equal."""
    for rule in EXAMPLE["inhibit_rules"]:
        named = [parsed(matcher)[0] for matcher in rule["source_matchers"]]
        assert "alertname" in named or "incident" in named
