"""The real API server takes good objects of our kinds, and refuses bad ones with a sentence."""

from pathlib import Path

import pytest

from console.real.client import ApiError, Object
from console.real.kubernetes import RealKubernetes
from tests.support.custom_resources import BAD, GOOD, GROUP, SPACE, application
from tests.support.real_parts import manifests, namespace

pytestmark = pytest.mark.real

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture(scope="module")
def server(real_kubernetes: RealKubernetes) -> RealKubernetes:
    """The API server with our kinds and an empty namespace."""
    real_kubernetes.install_crds(manifests(DEPLOY / "kubernetes" / "crds"))
    namespace(real_kubernetes, SPACE)
    return real_kubernetes


def create(server: RealKubernetes, manifest: Object) -> Object:
    """Return the object as the server would store it, without storing it."""
    path = server.client.path_of(manifest, named=False)
    return server.client.call("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)


@pytest.mark.parametrize("manifest", GOOD.values(), ids=GOOD)
def test_a_good_object_is_taken(server: RealKubernetes, manifest: Object) -> None:
    assert (
        create(server, manifest)["spec"].items()
        >= {
            key: value
            for key, value in manifest["spec"].items()
            if not isinstance(value, dict | list)
        }.items()
    )


@pytest.mark.parametrize(("manifest", "words"), BAD.values(), ids=BAD)
def test_a_bad_object_is_refused_with_a_sentence(
    server: RealKubernetes, manifest: Object, words: str
) -> None:
    with pytest.raises(ApiError) as refused:
        create(server, manifest)
    assert (refused.value.status, words in str(refused.value)) == (422, True), refused.value


def test_what_is_left_out_has_its_default(server: RealKubernetes) -> None:
    spec = create(server, application())["spec"]
    assert spec["autonomy"] == "approve"
    assert spec["components"][0] == {
        "name": "render",
        "workload": {"kind": "Deployment", "name": "render"},
        "movable": True,
        "stateMiB": 0,
    }
    assert spec["flows"][0]["protocol"] == "UDP"
    assert spec["users"][0] == GROUP | {"budgetMs": 15, "weight": 1, "targetRatio": 0.99}


def test_the_examples_are_taken(server: RealKubernetes) -> None:
    ours = {"Application", "Site", "FleetPolicy"}
    examples = [m for m in manifests(DEPLOY / "examples") if m["kind"] in ours]
    for manifest in examples:
        manifest["metadata"].pop("namespace", None)
        if manifest["kind"] == "Application":
            manifest["metadata"]["namespace"] = SPACE
        create(server, manifest)
    assert {m["kind"] for m in examples} == ours


def test_a_status_is_written_apart_from_the_specification(server: RealKubernetes) -> None:
    client = server.client
    path = client.path_of(client.create(application("status")))
    status = {
        "summary": {"quality": "north 12.4 of 15 ms", "placement": "render at metro", "next": "-"},
        "quality": [{"group": "north", "latencyMs": 12.4, "budgetMs": 15, "met": True}],
        "plan": {"decision": "d", "anything": [{"goes": 1}]},
        "conditions": [
            {
                "type": "QualityMet",
                "status": "Unknown",
                "reason": "NotMeasured",
                "message": "The link is not measured.",
                "lastTransitionTime": "2026-11-24T07:00:00Z",
            }
        ],
    }
    client.patch(path, {"status": status})
    assert "status" not in client.get(path)
    client.patch(f"{path}/status", {"status": status, "spec": {"autonomy": "auto"}})
    stored = client.get(path)
    assert (stored["status"], stored["spec"]["autonomy"]) == (status, "approve")
