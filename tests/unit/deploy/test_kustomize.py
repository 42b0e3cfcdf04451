"""The objects of `deploy/kubernetes`: valid, contained, and in step with the code."""

import tomllib
from importlib import import_module

import kubernetes_validate
import pytest

from shared.runtime.settings import PREFIX, CommonSettings
from tests.support.kustomize import (
    FOLDERS,
    KUBERNETES,
    environment_of,
    of_kind,
    pod_of,
    rendered,
    selects,
    workloads,
)

SERVICES = ("observe", "orient", "decide", "act")
PROJECT = tomllib.loads((KUBERNETES.parents[1] / "pyproject.toml").read_text())

each_folder = pytest.mark.parametrize("folder", FOLDERS)
each_service = pytest.mark.parametrize("service", SERVICES)


def settings_of(service: str) -> type[CommonSettings]:
    """Return the settings class of a service."""
    found: type[CommonSettings] = import_module(f"services.{service}.settings").Settings
    return found


@each_folder
def test_each_object_is_valid(folder: str) -> None:
    for manifest in rendered(folder):
        kubernetes_validate.validate(manifest, "1.37", strict=True)


@each_folder
def test_there_is_a_deployment_per_service_and_a_bus(folder: str) -> None:
    assert set(of_kind(folder, "Deployment")) == set(SERVICES)
    assert set(of_kind(folder, "StatefulSet")) == {"nats"}


@each_folder
def test_everything_in_a_namespace_is_in_ours(folder: str) -> None:
    namespaces = {o["metadata"].get("namespace") for o in rendered(folder)}
    assert namespaces == {"crossloop", None}
    (own,) = of_kind(folder, "Namespace").values()
    assert own["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_folder
def test_each_pod_keeps_to_the_restricted_profile(folder: str) -> None:
    for workload in workloads(folder).values():
        pod = pod_of(workload)
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"].keys() == {"requests", "limits"}


@each_folder
def test_no_two_processes_of_a_service_run_side_by_side(folder: str) -> None:
    for deployment in of_kind(folder, "Deployment").values():
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "Recreate"}


@each_folder
@each_service
def test_a_service_is_probed_where_it_listens(folder: str, service: str) -> None:
    deployment = of_kind(folder, "Deployment")[service]
    (container,) = pod_of(deployment)["containers"]
    (port,) = container["ports"]
    paths = {p: container[p]["httpGet"] for p in container if p.endswith("Probe")}
    assert paths == {
        "startupProbe": {"path": "/livez", "port": port["name"]},
        "livenessProbe": {"path": "/livez", "port": port["name"]},
        "readinessProbe": {"path": "/readyz", "port": port["name"]},
    }
    listens = int(environment_of(folder, deployment)["CROSSLOOP_HTTP_PORT"])
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert listens == port["containerPort"] == int(annotations["prometheus.io/port"])


@each_folder
@each_service
def test_a_service_gets_an_environment_that_it_understands(
    folder: str, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = environment_of(folder, of_kind(folder, "Deployment")[service])
    settings = settings_of(service)
    known = {f"{PREFIX}{field.upper()}" for field in settings.model_fields}
    assert environment.keys() - known == set()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")  # as in each pod
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    settings()


@each_folder
def test_images_have_the_version_of_the_project(folder: str) -> None:
    version = PROJECT["project"]["version"]
    for name, deployment in of_kind(folder, "Deployment").items():
        (container,) = pod_of(deployment)["containers"]
        assert container["image"] == f"crossloop/{name}:{version}"


@each_folder
def test_each_workload_may_be_evicted_one_pod_at_a_time(folder: str) -> None:
    budgets = of_kind(folder, "PodDisruptionBudget")
    assert set(budgets) == set(workloads(folder))
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert selects(budget["spec"]["selector"], workloads(folder)[name])
