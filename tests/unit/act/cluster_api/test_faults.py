"""What is wrong with the manifests of a cluster is found before any of them is applied."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from services.act.core.cluster_api.faults import faults_of, warnings_of
from services.act.core.cluster_api.kinds import kind_named
from services.act.core.cluster_api.manifests import in_order, nodes_of, ref_of
from services.act.core.site import ClusterTemplate
from shared.model.names import ClusterName
from tests.support.cluster_api import TEMPLATES, in_memory, k_threes_on_openstack, of_kind

METRO = ClusterName("metro")
TEMPLATE = ClusterTemplate(site=METRO, name="small", namespace="fleet", nodes=2)
Json = dict[str, Any]
THE_ANNOTATIONS = "the annotations of the autoscaler's least and greatest size"


def a_topology() -> Json:
    """Return a cluster of a class: three of the control plane, two pools of workers."""
    pools = [{"class": "w", "name": "a", "replicas": 2}, {"class": "w", "name": "b", "replicas": 3}]
    topology = {
        "classRef": {"name": "in-memory"},
        "version": "v1.35.0",
        "controlPlane": {"replicas": 3},
        "workers": {"machineDeployments": pools},
    }
    return {
        "apiVersion": "cluster.x-k8s.io/v1beta2",
        "kind": "Cluster",
        "metadata": {"name": "metro"},
        "spec": {"topology": topology},
    }


def spoilt(kind: str, change: Callable[[Json], Any], make: Any = in_memory) -> tuple[Json, ...]:
    """Return manifests of which one is changed in place."""
    manifests = deepcopy(make("metro"))
    change(of_kind(manifests, kind))
    return tuple(manifests)


@pytest.mark.parametrize("make", TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_in_order_has_no_fault(make: Any) -> None:
    manifests = tuple(make("metro"))
    assert faults_of(manifests, METRO) == ()
    assert warnings_of(manifests, TEMPLATE) == ()
    assert nodes_of(manifests) == (1, 2)


def test_a_topology_needs_nothing_beside_it() -> None:
    assert faults_of((a_topology(),), METRO) == ()
    assert nodes_of((a_topology(),)) == (3, 5)


def _set(*path: str, to: Any) -> Callable[[Json], None]:
    def change(manifest: Json) -> None:
        place: Any = manifest
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


def _drop(*path: str) -> Callable[[Json], None]:
    def change(manifest: Json) -> None:
        place: Any = manifest
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


MACHINE = ("spec", "template", "spec")
FAULTS: tuple[tuple[str, Callable[[Json], Any], str], ...] = (
    ("Cluster", _drop("metadata", "name"), "Cluster (no name) lacks one of apiVersion, kind"),
    ("Cluster", _set("apiVersion", to="cluster.x-k8s.io/v1beta1"), "write it as cluster.x-k8s.io/"),
    ("DevCluster", _set("apiVersion", to="apps/v1"), "is nothing a cluster is made from"),
    ("DevCluster", _set("kind", to="Cluster"), "names DevCluster metro, which is not in"),
    ("Cluster", _set("kind", to="Clutter"), "there are 0 Clusters: a template makes exactly one"),
    ("Cluster", _set("metadata", "name", to="x"), "is not called as its Site, metro: write ${"),
    ("Cluster", _drop("spec", "controlPlaneRef"), "spec.controlPlaneRef is missing"),
    (
        "Cluster",
        _set("spec", "controlPlaneRef", "kind", to="Nope"),
        "names a Nope of controlplane.cluster.x-k8s.io: it must be a ControlPlane of",
    ),
    (
        "Cluster",
        _set("spec", "controlPlaneRef", "kind", to="KThreesControlPlane"),
        "names KThreesControlPlane metro-cp, which is not in the template",
    ),
    (
        "Cluster",
        _set("spec", "infrastructureRef", "apiVersion", to="x/v1"),
        "has apiGroup, apiVersion, kind, name: it must have apiGroup, kind, name",
    ),
    (
        "MachineDeployment",
        _set(*MACHINE, "infrastructureRef", "name", to="other"),
        "names DevMachineTemplate other, which is not in the template",
    ),
    (
        "MachineDeployment",
        _set(*MACHINE, "bootstrap", "configRef", "apiGroup", to="x"),
        "names a KubeadmConfigTemplate of x: it must be a ConfigTemplate of bootstrap.",
    ),
    ("MachineDeployment", _set("spec", "clusterName", to="x"), "spec.clusterName is x, not metro"),
    ("MachineDeployment", _set(*MACHINE, "version", to="1.35"), "must be like v1.35.0"),
    ("MachineDeployment", _drop("spec", "replicas"), "has no spec.replicas: write ${WORKER_"),
    (
        "MachineDeployment",
        _set("spec", "template", "metadata", "labels", to={}),
        "its selector does not match the labels of its template",
    ),
    ("KubeadmControlPlane", _set("spec", "version", to="v1.35"), "version v1.35 must be like"),
    (
        "KubeadmControlPlane",
        _drop("spec", "machineTemplate", "spec", "infrastructureRef"),
        "spec.machineTemplate.spec.infrastructureRef is missing",
    ),
)


@pytest.mark.parametrize(("kind", "change", "told"), FAULTS, ids=[told for _, _, told in FAULTS])
def test_a_fault_is_told(kind: str, change: Callable[[Json], Any], told: str) -> None:
    assert told in "; ".join(faults_of(spoilt(kind, change), METRO))


@pytest.mark.parametrize(
    ("kind", "change", "told"),
    [
        ("MachineDeployment", _set(*MACHINE, "version", to="v1.32.3"), "must end in +k3s and"),
        ("KThreesControlPlane", _set("spec", "version", to="v1.32.3"), "must end in +k3s and"),
        (
            "KThreesControlPlane",
            _drop("spec", "machineTemplate", "infrastructureRef", "apiVersion"),
            "has kind, name, namespace: it must have apiVersion, kind, name",
        ),
    ],
)
def test_a_fault_of_k3s_is_told(kind: str, change: Callable[[Json], Any], told: str) -> None:
    assert told in "; ".join(faults_of(spoilt(kind, change, k_threes_on_openstack), METRO))


def test_the_same_thing_twice_is_told() -> None:
    manifests = tuple(in_memory("metro"))
    assert faults_of((*manifests, manifests[0]), METRO) == ("DevCluster metro is there twice",)


def test_machines_may_come_with_a_secret_of_their_own() -> None:
    to = _set(*MACHINE, "bootstrap", to={"dataSecretName": "x"})
    assert faults_of(spoilt("MachineDeployment", to), METRO) == ()


def test_a_secret_is_not_part_of_a_template() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "clouds"}}
    assert faults_of((*in_memory("metro"), secret), METRO) == (
        "Secret clouds of v1 is nothing a cluster is made from",
    )


def test_what_is_only_unwise_is_a_warning() -> None:
    def change(manifest: Json) -> None:
        del manifest["metadata"]["annotations"]
        del manifest["spec"]["template"]["spec"]["deletion"]
        manifest["spec"]["replicas"] = 4

    manifests = spoilt("MachineDeployment", change)
    assert faults_of(manifests, METRO) == ()
    assert [told.partition(":")[0] for told in warnings_of(manifests, TEMPLATE)] == [
        f"MachineDeployment metro-md-0 lacks {THE_ANNOTATIONS}",
        "MachineDeployment metro-md-0 has no deletion.nodeDrainTimeoutSeconds",
        "the template makes 4 workers, and Site metro says 2",
    ]


@pytest.mark.parametrize("make", TEMPLATES.values(), ids=TEMPLATES)
def test_the_cluster_comes_before_all_that_only_it_takes_down(make: Any) -> None:
    kinds = [manifest["kind"] for manifest in in_order(tuple(reversed(make("metro"))))]
    at = kinds.index("Cluster")
    assert all(kind.endswith("Template") for kind in kinds[:at])
    assert kinds[at + 1].endswith("Cluster")
    assert kinds[at + 2].endswith("ControlPlane")
    assert kinds[at + 3 :] == ["MachineDeployment"]


@pytest.mark.parametrize(
    ("kind", "plural"),
    [
        ("MachineHealthCheck", "machinehealthchecks"),
        ("ClusterClass", "clusterclasses"),
        ("HelmChartProxy", "helmchartproxies"),
        ("Gateway", "gateways"),
        ("Mesh", "meshes"),
    ],
)
def test_a_kind_is_served_by_its_plural(kind: str, plural: str) -> None:
    assert kind_named(kind, "x", "v1").plural == plural


def test_the_address_of_a_manifest_follows_from_it() -> None:
    ref = ref_of(in_memory("metro")[0])
    assert str(ref) == "DevCluster fleet/metro"
    assert ref.kind.api_version == "infrastructure.cluster.x-k8s.io/v1beta2"
