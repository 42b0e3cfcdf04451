"""The real API server takes what kustomize renders, and pods in the restricted profile."""

import pytest

from console.real.client import ApiError, Object
from console.real.kubernetes import RealKubernetes
from tests.support.kustomize import FOLDERS, of_kind, rendered, workloads

pytestmark = pytest.mark.real

each_folder = pytest.mark.parametrize("folder", FOLDERS)


@pytest.fixture(scope="module")
def server(real_kubernetes: RealKubernetes) -> RealKubernetes:
    """The API server with our namespace, which admits the restricted profile only."""
    (own,) = of_kind("base", "Namespace").values()
    real_kubernetes.client.apply(own)
    return real_kubernetes


def take(server: RealKubernetes, manifest: Object) -> None:
    """Have the server judge an object, without storing it."""
    path = server.client.path_of(manifest)
    query = "fieldManager=operator&force=true&dryRun=All&fieldValidation=Strict"
    server.client.patch(f"{path}?{query}", manifest, kind="apply")


def pod_from(name: str, workload: Object) -> Object:
    """Return a pod as the workload's controller would make it."""
    template = workload["spec"]["template"]
    claims = workload["spec"].get("volumeClaimTemplates", ())
    volumes = [{"name": c["metadata"]["name"], "emptyDir": {}} for c in claims]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "crossloop", **template["metadata"]},
        "spec": template["spec"] | {"volumes": [*template["spec"].get("volumes", ()), *volumes]},
    }


@each_folder
def test_each_object_is_taken(server: RealKubernetes, folder: str) -> None:
    for manifest in rendered(folder):
        take(server, manifest)


@each_folder
def test_each_pod_is_admitted_in_the_restricted_profile(
    server: RealKubernetes, folder: str
) -> None:
    for name, workload in workloads(folder).items():
        take(server, pod_from(name, workload))


def test_another_pod_is_not(server: RealKubernetes) -> None:
    pod = pod_from("act", workloads("base")["act"])
    with pytest.raises(ApiError) as refused:
        take(server, pod | {"spec": pod["spec"] | {"hostNetwork": True}})
    assert refused.value.status == 403
