"""The CustomResourceDefinitions say the same as the model, and say it to people."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
import yaml

from services.act.core.telling.status import Standing, status_of
from services.observe.core.fields import Fields
from services.observe.core.parse_application import parse_application
from services.observe.core.parse_site import DAYS, parse_policy, parse_site
from shared.messages.readings import Signal
from shared.model.application import Autonomy, Limits, Protocol, WorkloadKind
from shared.model.policy import Detector, FleetPolicy, Missing
from shared.model.site import Site, Tier
from tests.support.builders import ARENA, NOW
from tests.support.kustomize import KUBERNETES
from tests.support.objects_act import a_decision, an_insight_of

Schema = dict[str, Any]

CRDS = {
    crd["spec"]["names"]["kind"]: crd
    for crd in (yaml.safe_load(f.read_text()) for f in sorted((KUBERNETES / "crds").glob("*.yaml")))
}
KINDS = pytest.mark.parametrize("kind", CRDS)


def version_of(kind: str) -> Schema:
    """Return the one version of a kind."""
    (version,) = CRDS[kind]["spec"]["versions"]
    return dict(version)


def schema_of(kind: str) -> Schema:
    """Return the schema of a kind."""
    return dict(version_of(kind)["schema"]["openAPIV3Schema"])


def walk(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield each schema inside a schema with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from walk(inner, f"{path}.{name}")
    if "items" in schema:
        yield from walk(schema["items"], f"{path}[]")


def at(kind: str, path: str) -> Schema:
    """Return the schema at a path, as `spec.users[].path`."""
    return dict(walk(schema_of(kind)))[f".{path}"]


def with_defaults(schema: Schema, value: Any) -> Any:
    """Return the value as the API server stores it: with the defaults of what is left out."""
    if isinstance(value, list):
        return [with_defaults(schema["items"], item) for item in value]
    if not isinstance(value, dict):
        return value
    full = dict(value)
    for name, inner in schema.get("properties", {}).items():
        if name in full:
            full[name] = with_defaults(inner, full[name])
        elif "default" in inner:
            full[name] = inner["default"]
    return full


def stored(kind: str, spec: Schema) -> tuple[Fields, Fields]:
    """Return an object as its owner wrote it, and as the API server gives it back."""
    written = {"metadata": {"name": "x", "namespace": "y"}, "spec": spec}
    return Fields(written), Fields(with_defaults(schema_of(kind), written))


@KINDS
def test_a_kind_belongs_to_our_group_and_has_a_status_of_its_own(kind: str) -> None:
    crd, version = CRDS[kind], version_of(kind)
    names = crd["spec"]["names"]
    assert crd["metadata"]["name"] == f"{names['plural']}.crossloop.dev"
    assert (crd["spec"]["group"], version["name"]) == ("crossloop.dev", "v1alpha1")
    assert names["categories"] == ["crossloop"]
    assert version["subresources"] == {"status": {}}


def test_only_applications_live_in_a_namespace() -> None:
    scopes = {kind: crd["spec"]["scope"] for kind, crd in CRDS.items()}
    assert scopes == {"Application": "Namespaced", "Site": "Cluster", "FleetPolicy": "Cluster"}


def test_a_listing_tells_whether_it_is_good_where_it_is_and_what_is_next() -> None:
    columns = version_of("Application")["additionalPrinterColumns"]
    assert [c["name"] for c in columns] == ["Quality", "Where", "Next", "Autonomy", "Age"]


@KINDS
def test_each_column_shows_a_field_that_exists(kind: str) -> None:
    paths = {path for path, _ in walk(schema_of(kind))} | {".metadata.creationTimestamp"}
    assert {c["jsonPath"] for c in version_of(kind)["additionalPrinterColumns"]} <= paths


@KINDS
def test_each_field_is_described(kind: str) -> None:
    undescribed = [
        path
        for path, schema in walk(schema_of(kind))
        if path not in ("", ".metadata")
        and not path.endswith("[]")
        and not schema.get("description", "").endswith(".")
    ]
    assert undescribed == []


@KINDS
def test_what_people_write_has_bounds(kind: str) -> None:
    """Without them the API server cannot tell what a CEL rule costs, and refuses it."""
    for path, schema in walk(at(kind, "spec")):
        match schema["type"]:
            case "array":
                assert "maxItems" in schema, path
                assert "x-kubernetes-list-type" in schema, path
            case "string":
                assert schema.keys() & {"enum", "maxLength", "format"}, path
            case "number" | "integer":
                rules = "x-kubernetes-validations" in schema
                assert "minimum" in schema, path
                assert "maximum" in schema or rules, path
            case kind_of_value:
                assert kind_of_value in ("object", "boolean"), path


@KINDS
def test_the_schema_is_structural(kind: str) -> None:
    for path, schema in walk(schema_of(kind)):
        assert "type" in schema, path
        assert not schema.keys() & {"allOf", "anyOf", "oneOf", "not", "$ref"}, path
        for required in schema.get("required", ()):
            assert required in schema["properties"], path
        for key in schema.get("x-kubernetes-list-map-keys", ()):
            assert key in schema["items"]["required"], path
        if "default" in schema and "enum" in schema:
            assert schema["default"] in schema["enum"], path
        re.compile(schema.get("pattern", ""))


@KINDS
def test_each_rule_has_a_sentence_that_says_what_to_do(kind: str) -> None:
    rules = [r for _, s in walk(schema_of(kind)) for r in s.get("x-kubernetes-validations", ())]
    assert rules
    for rule in rules:
        assert re.search(r"[:;,] .+\.$", rule["message"]), rule["message"]
        assert "\n" not in rule["message"]


@pytest.mark.parametrize(
    ("kind", "path", "choices"),
    [
        ("Application", "spec.autonomy", Autonomy),
        ("Application", "spec.flows[].protocol", Protocol),
        ("Application", "spec.components[].workload.kind", WorkloadKind),
        ("Site", "spec.tier", Tier),
        ("FleetPolicy", "spec.capacityAutonomy", Autonomy),
        ("FleetPolicy", "spec.missing[].signal", Signal),
        ("FleetPolicy", "spec.missing[].meaning", Missing),
        ("FleetPolicy", "spec.detectors.node", Detector),
        ("FleetPolicy", "spec.detectors.link", Detector),
        ("FleetPolicy", "spec.detectors.component", Detector),
        ("FleetPolicy", "spec.detectors.cluster", Detector),
    ],
)
def test_a_choice_offers_what_the_model_knows(kind: str, path: str, choices: type[StrEnum]) -> None:
    assert at(kind, path)["enum"] == [choice.value for choice in choices]


@pytest.mark.parametrize(
    ("kind", "limits"), [("Application", "limits"), ("FleetPolicy", "defaultLimits")]
)
def test_a_window_is_on_the_days_that_the_model_knows(kind: str, limits: str) -> None:
    days = at(kind, f"spec.{limits}.maintenanceWindows[].days[]")
    assert tuple(days["enum"]) == DAYS


def test_limits_are_declared_alike_for_an_application_and_for_the_fleet() -> None:
    ours = at("Application", "spec.limits")["properties"]
    fleet = at("FleetPolicy", "spec.defaultLimits")["properties"]
    for schema in fleet.values():
        schema.pop("default", None)
    assert ours == fleet


def test_the_defaults_of_an_application_are_those_of_the_model() -> None:
    written, full = stored(
        "Application",
        {
            "components": [
                {"name": "a", "workload": {"name": "a"}, "replicas": {}},
                {"name": "b", "workload": {"name": "b"}},
            ],
            "flows": [{"from": "a", "to": "b", "mbps": 1}],
            "users": [{"group": "g", "site": "s", "path": ["a"]}],
            "limits": {},
        },
    )
    assert full != written
    assert parse_application(full, Limits()) == parse_application(written, Limits())


def test_the_limits_of_an_application_have_no_defaults_since_the_fleet_has_them() -> None:
    assert not any("default" in schema for _, schema in walk(at("Application", "spec.limits")))


def test_the_defaults_of_a_site_are_those_of_the_model() -> None:
    node = {"cores": 8, "memoryGib": 32}
    growth = {"namespace": "n", "machineDeployment": "m", "maxNodes": 3, "node": node}
    template = {"name": "t", "node": node}
    peerings = [{"consumer": "home", "milliseconds": 2}]
    spec = {"growth": growth, "template": template, "peerings": peerings}
    written, full = stored("Site", spec)
    assert full != written
    assert parse_site(full) == parse_site(written)
    assert parse_site(stored("Site", {})[1]) == Site(name=parse_site(written).name)


def test_the_defaults_of_a_policy_are_those_of_the_model() -> None:
    spec: Schema = {"weights": {}, "persistence": {}, "defaultLimits": {}, "detectors": {}}
    assert parse_policy(stored("FleetPolicy", spec)[1]) == FleetPolicy()
    assert parse_policy(stored("FleetPolicy", {})[1]) == FleetPolicy()


def undeclared(schema: Schema, value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of what the API server would drop."""
    if isinstance(value, list):
        for item in value:
            yield from undeclared(schema["items"], item, f"{path}[]")
    if isinstance(value, dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        for name, inner in value.items():
            if name in schema["properties"]:
                yield from undeclared(schema["properties"][name], inner, f"{path}.{name}")
            else:
                yield f"{path}.{name}"


@pytest.mark.parametrize("latency_ms", [12.4, 21.0, None])
def test_all_that_act_tells_has_a_place_in_the_status(latency_ms: float | None) -> None:
    standing = Standing(
        application=ARENA,
        insight=an_insight_of(at=NOW, latency_ms=latency_ms),
        decision=a_decision(),
        ledger=None,
    )
    status = status_of(standing, {}, now=NOW)
    schema = at("Application", "status")
    assert list(undeclared(schema, status)) == []
    assert status.keys() == schema["properties"].keys() - {"plan"}
