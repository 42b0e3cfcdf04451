from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from simulator.applications import DEPLOY, custom_resources, declared
from simulator.scenario import load
from simulator.start import LIQO_CRDS

SHARED_LIQO = Path(__file__).parents[4] / "shared" / "crds" / "liqo"
SCHEMAS = {
    crd["spec"]["names"]["kind"]: crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for crd in custom_resources()
}
EXAMPLES = declared(copies=1, speed=1.0)
LIQO_KINDS = list(yaml.safe_load_all(LIQO_CRDS.read_text()))


def unknown_fields(value: Any, schema: dict[str, Any], path: str = "") -> list[str]:
    """Return the fields that an API server would prune."""
    if isinstance(value, list):
        return [f for item in value for f in unknown_fields(item, schema.get("items", {}), path)]
    known = schema.get("properties")
    if not isinstance(value, dict) or known is None:
        return []
    unknown = [f"{path}.{name}" for name in value if name not in known]
    inner = (unknown_fields(v, known[k], f"{path}.{k}") for k, v in value.items() if k in known)
    return unknown + [field for fields in inner for field in fields]


@pytest.mark.parametrize(
    "obj",
    [obj for obj in EXAMPLES.fleet + EXAMPLES.arenas if obj["kind"] in SCHEMAS],
    ids=lambda obj: f"{obj['kind']}/{obj['metadata']['name']}",
)
def test_an_example_is_valid_and_has_no_field_that_would_be_dropped(obj: dict[str, Any]) -> None:
    schema = SCHEMAS[obj["kind"]]
    jsonschema.Draft4Validator(schema).validate(obj)
    assert unknown_fields(obj["spec"], schema["properties"]["spec"]) == []


def test_physics_and_declarations_name_the_same_clusters_and_user_sites() -> None:
    fleet = load("calm").fleet
    sites = {obj["metadata"]["name"] for obj in EXAMPLES.fleet if obj["kind"] == "Site"}
    assert sites == set(fleet.clusters)
    assert set(EXAMPLES.access_ms()) == {(u, c) for u in fleet.user_sites for c in sites}
    assert {g.name for a in EXAMPLES.applications() for g in a.users} == set(fleet.users)


def test_every_deployment_can_be_moved_without_an_outage() -> None:
    deployments = [obj for obj in EXAMPLES.arenas if obj["kind"] == "Deployment"]
    assert len(deployments) == 5
    for deployment in deployments:
        spec = deployment["spec"]
        resources = spec["template"]["spec"]["containers"][0]["resources"]
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert resources["requests"] == resources["limits"]


def test_copies_are_the_same_application_in_namespaces_of_their_own() -> None:
    names = [application.name for application in declared(copies=3, speed=1.0).applications()]
    assert names == ["xr/arena", "xr-2/arena", "xr-3/arena"]


def test_a_fast_world_divides_durations_and_multiplies_what_is_counted_per_hour() -> None:
    fast = declared(copies=1, speed=10.0)
    policy = next(obj["spec"] for obj in fast.fleet if obj["kind"] == "FleetPolicy")
    assert policy["moveTimeoutSeconds"] == 18
    assert policy["decisionLifetimeSeconds"] == 12
    assert policy["defaultLimits"] == {"movesPerHour": 60, "cooldownSeconds": 30}
    assert policy["horizonHours"] == 1
    (application,) = (obj["spec"] for obj in fast.arenas if obj["kind"] == "Application")
    assert application["limits"] == {"movesPerHour": 60, "cooldownSeconds": 30}


def test_real_processes_keep_time_to_react_however_fast_the_world_is() -> None:
    fast = declared(copies=1, speed=1000.0)
    policy = next(obj["spec"] for obj in fast.fleet if obj["kind"] == "FleetPolicy")
    assert policy["moveTimeoutSeconds"] == 15
    assert policy["decisionLifetimeSeconds"] == 10


def test_without_definitions_the_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="kubernetes/crds"):
        custom_resources(tmp_path)
    assert DEPLOY.is_dir()


@pytest.mark.parametrize("crd", LIQO_KINDS, ids=lambda crd: crd["spec"]["names"]["kind"])
def test_what_we_play_of_liqo_agrees_with_its_own_definitions(crd: dict[str, Any]) -> None:
    group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
    if not SHARED_LIQO.is_dir():
        pytest.skip("Liqo's definitions are not at hand")
    theirs = yaml.safe_load((SHARED_LIQO / f"{group}_{plural}.yaml").read_text())
    ours_version, their_version = crd["spec"]["versions"][0], theirs["spec"]["versions"][0]
    assert crd["spec"]["scope"] == theirs["spec"]["scope"]
    assert ours_version["name"] == their_version["name"]
    assert ours_version["subresources"] == their_version["subresources"]
    ours = ours_version["schema"]["openAPIV3Schema"]
    assert differences(ours, their_version["schema"]["openAPIV3Schema"]) == []


def differences(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """Return where a schema of ours says what theirs does not. Ours may leave fields out."""
    words = ("type", "enum", "default", "required", "pattern", "x-kubernetes-list-type")
    found = [
        f"{path}: {word} {ours[word]} is {theirs.get(word)}"
        for word in words
        if word in ours and ours[word] != theirs.get(word)
    ]
    if isinstance(ours.get("items"), dict):
        found += differences(ours["items"], theirs["items"], f"{path}[]")
    for name, schema in ours.get("properties", {}).items():
        if name not in theirs["properties"]:
            found.append(f"{path}.{name}: Liqo has no such field")
        else:
            found += differences(schema, theirs["properties"][name], f"{path}.{name}")
    return found
