"""What Cluster API's webhooks fill in and refuse, as it was observed on the real ones."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.runtime.clock import now
from simulator.controllers.cluster_api import ClusterApiWebhooks
from simulator.kubernetes import Api
from simulator.kubernetes.api import Ref, Writer
from simulator.kubernetes.objects import Object, name_of
from simulator.kubernetes.resources import CONFIG_MAPS, NAMESPACES
from simulator.kubernetes.status import StatusError
from tests.support.cluster_api import (
    CORE,
    SIZES,
    in_memory,
    install,
    k_threes_on_openstack,
    of_kind,
)
from tests.support.cluster_api_lab import BY, SPACE, Lab

MD = "MachineDeployment"


@pytest.fixture(scope="module")
def management() -> Lab:
    api = Api(now)
    install(api)
    api.create(NAMESPACES, "", {"metadata": {"name": SPACE}}, BY)
    api.webhooks.append(ClusterApiWebhooks())
    return Lab(api)


@pytest.fixture
def fleet(management: Lab) -> Lab:
    """The API server with a cluster that nobody works on: there are no controllers."""
    for manifest in in_memory("one", workers=3):
        if management.find(manifest["kind"], name_of(manifest)):
            management.delete(manifest["kind"], name_of(manifest))
        management.apply(manifest)
    return management


def workers(*, replicas: int | None = 3, sizes: bool = True) -> Object:
    """Return the MachineDeployment of the cluster, as it is applied."""
    manifest = of_kind(in_memory("one", workers=replicas or 0), MD)
    if replicas is None:
        del manifest["spec"]["replicas"]
    if not sizes:
        del manifest["metadata"]["annotations"]
    return manifest


def refused(write: Callable[[], None]) -> tuple[int, str]:
    """Return how a write is refused."""
    with pytest.raises(StatusError) as error:
        write()
    return error.value.code, str(error.value)


def replicas(fleet: Lab) -> int:
    return int(fleet.get(MD, "one-md-0")["spec"]["replicas"])


def fresh(fleet: Lab, manifest: Object) -> None:
    fleet.delete(MD, "one-md-0")
    fleet.apply(manifest)


def test_a_machine_deployment_gets_a_strategy_labels_and_a_time_limit(fleet: Lab) -> None:
    bare = workers()
    bare["spec"] |= {"selector": {}, "template": {"spec": bare["spec"]["template"]["spec"]}}
    bare["metadata"] = {"name": "one-md-0", "namespace": SPACE}
    fresh(fleet, bare)
    found = fleet.get(MD, "one-md-0")
    labels = {f"{CORE}/cluster-name": "one", f"{CORE}/deployment-name": "one-md-0"}
    assert found["spec"]["rollout"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
    }
    assert found["spec"]["selector"]["matchLabels"] == labels
    assert found["spec"]["template"]["metadata"]["labels"] == labels
    assert found["metadata"]["labels"] == {f"{CORE}/cluster-name": "one"}
    deletion = found["spec"]["template"]["spec"]["deletion"]
    assert deletion == {"nodeDrainTimeoutSeconds": 120, "nodeDeletionTimeoutSeconds": 10}


def test_a_version_gets_the_v_it_lacks(fleet: Lab) -> None:
    manifests = in_memory("one")
    control_plane, deployment = of_kind(manifests, "KubeadmControlPlane"), of_kind(manifests, MD)
    control_plane["spec"]["version"] = "1.35.1"
    deployment["spec"]["template"]["spec"]["version"] = "1.35.1"
    fleet.apply(control_plane, deployment)
    assert fleet.get("KubeadmControlPlane", "one-cp")["spec"]["version"] == "v1.35.1"
    template = fleet.get(MD, "one-md-0")["spec"]["template"]
    assert template["spec"]["version"] == "v1.35.1"


def test_dropping_replicas_makes_one_of_many(fleet: Lab) -> None:
    fresh(fleet, workers(sizes=False))
    assert replicas(fleet) == 3
    fleet.apply(workers(replicas=None, sizes=False))
    assert replicas(fleet) == 1


def test_dropping_replicas_keeps_them_where_an_autoscaler_may_have_set_them(fleet: Lab) -> None:
    fresh(fleet, workers())
    fleet.apply(workers(replicas=None))
    assert replicas(fleet) == 3


@pytest.mark.parametrize(("sizes", "begin"), [(True, 0), (False, 1)])
def test_a_size_that_was_never_told_is_the_least(fleet: Lab, sizes: bool, begin: int) -> None:
    fresh(fleet, workers(replicas=None, sizes=sizes))
    assert replicas(fleet) == begin


@settings(max_examples=25)
@given(st.integers(0, 40), st.integers(0, 10), st.integers(10, 30))
def test_what_is_kept_stays_between_least_and_most(
    management: Lab, before: int, least: int, most: int
) -> None:
    bounds = dict(zip(sorted(SIZES, reverse=True), map(str, (least, most)), strict=True))
    manifest = workers(replicas=before)
    manifest["metadata"]["annotations"] = bounds
    if management.find(MD, "one-md-0"):
        management.delete(MD, "one-md-0")
    management.apply(manifest)
    del manifest["spec"]["replicas"]
    management.apply(manifest)
    assert replicas(management) == max(least, min(before, most))


def test_scale_and_apply_by_one_manager_conflict_with_each_other(fleet: Lab) -> None:
    fresh(fleet, workers())
    fleet.scale(MD, "one-md-0", 4)
    code, message = refused(lambda: fleet.apply(workers(replicas=2)))
    assert code == 409
    assert 'conflict with "act" with subresource "scale"' in message
    fleet.apply(workers(replicas=4))
    fleet.apply(workers(replicas=2), force=True)
    assert replicas(fleet) == 2


def test_dropping_replicas_that_scale_owns_changes_nothing(fleet: Lab) -> None:
    fresh(fleet, workers(sizes=False))
    fleet.scale(MD, "one-md-0", 4)
    fleet.apply(workers(replicas=None, sizes=False))
    assert replicas(fleet) == 4


@pytest.mark.parametrize("kind", ["DevMachineTemplate", "OpenStackMachineTemplate"])
def test_a_template_of_machines_cannot_be_changed(fleet: Lab, kind: str) -> None:
    manifests = in_memory("one") if kind.startswith("Dev") else k_threes_on_openstack("one")
    template = of_kind(manifests, kind)
    fleet.apply(template)
    fleet.apply(template)
    fleet.annotate(kind, name_of(template), some="note")
    new = {**template["spec"]["template"]["spec"], "providerID": "dev://else"}
    write = lambda: fleet.patch(kind, name_of(template), template={"spec": new})  # noqa: E731
    code, message = refused(write)
    assert code == 422
    assert "spec.template.spec field is immutable" in message
    assert message.startswith(f'admission webhook "validation.{kind.lower()}.infrastructure.')
    fleet.delete(kind, name_of(template))


def test_a_selector_cannot_be_changed(fleet: Lab) -> None:
    labels = {f"{CORE}/cluster-name": "one", "other": "x"}
    template = fleet.get(MD, "one-md-0")["spec"]["template"]
    template = {**template, "metadata": {"labels": {**template["metadata"]["labels"], **labels}}}
    code, message = refused(
        lambda: fleet.patch(MD, "one-md-0", selector={"matchLabels": labels}, template=template)
    )
    assert (code, "spec.selector: Forbidden: field is immutable" in message) == (422, True)


def test_a_deployment_cannot_change_to_another_cluster(fleet: Lab) -> None:
    code, message = refused(lambda: fleet.patch(MD, "one-md-0", clusterName="two"))
    assert (code, "spec.clusterName: Forbidden: field is immutable" in message) == (422, True)


def test_a_selector_must_select_the_template(fleet: Lab) -> None:
    manifest = workers()
    manifest["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    fleet.delete(MD, "one-md-0")
    code, message = refused(lambda: fleet.apply(manifest))
    assert (code, "must match spec.template.metadata.labels" in message) == (422, True)


@pytest.mark.parametrize("size", [0, 2])
def test_etcd_sets_limits_to_the_size_of_a_control_plane(fleet: Lab, size: int) -> None:
    words = {
        0: "replicas should be greater than zero",
        2: "replicas cannot be an even number when etcd is stacked",
    }[size]
    code, message = refused(lambda: fleet.scale("KubeadmControlPlane", "one-cp", size))
    assert (code, message.endswith(f"denied the request: {words}")) == (403, True)
    code, message = refused(lambda: fleet.patch("KubeadmControlPlane", "one-cp", replicas=size))
    assert (code, words in message) == (422, True)
    fleet.scale("KubeadmControlPlane", "one-cp", 3)
    assert fleet.get("KubeadmControlPlane", "one-cp")["spec"]["replicas"] == 3


def test_a_deployment_cannot_have_less_than_nothing(fleet: Lab) -> None:
    assert refused(lambda: fleet.scale(MD, "one-md-0", -1))[0] == 422
    fleet.scale(MD, "one-md-0", 0)
    assert replicas(fleet) == 0


@pytest.mark.parametrize("version", ["v1.35", "1.35", "latest", "v01.2.3"])
def test_a_version_that_is_none_is_refused(fleet: Lab, version: str) -> None:
    manifest = of_kind(in_memory("one"), "KubeadmControlPlane")
    manifest["spec"]["version"] = version
    code, message = refused(lambda: fleet.apply(manifest))
    assert (code, "must be a valid semantic version" in message) == (422, True)
    deployment = workers()
    deployment["spec"]["template"]["spec"]["version"] = version
    assert refused(lambda: fleet.apply(deployment))[0] == 422


def test_what_is_wrong_in_several_ways_is_told_in_one_sentence(fleet: Lab) -> None:
    manifest = of_kind(in_memory("one"), "KubeadmControlPlane")
    manifest["spec"] |= {"version": "v1.35", "replicas": 2}
    code, message = refused(lambda: fleet.apply(manifest))
    assert code == 422
    assert "[spec.replicas: Forbidden" in message
    assert "spec.version: Invalid value" in message


def test_an_unknown_field_is_a_fault_of_the_server(fleet: Lab) -> None:
    manifest = workers()
    manifest["spec"]["bogus"] = 1
    code, message = refused(lambda: fleet.apply(manifest))
    assert code == 500
    assert ".spec.bogus: field not declared in schema" in message


def test_an_apply_of_the_size_alone_is_refused_and_loses_nothing(fleet: Lab) -> None:
    before = fleet.get(MD, "one-md-0")
    part = {
        "apiVersion": f"{CORE}/v1beta2",
        "kind": MD,
        "metadata": {"name": "one-md-0", "namespace": SPACE},
        "spec": {"replicas": 5},
    }
    assert refused(lambda: fleet.apply(part))[0] == 422
    assert fleet.get(MD, "one-md-0") == before
    fleet.apply(part, by="act-size", force=True)
    assert replicas(fleet) == 5


def test_the_k3s_provider_expects_a_cloud_controller_from_elsewhere(fleet: Lab) -> None:
    manifest = of_kind(k_threes_on_openstack("two"), "KThreesControlPlane")
    fleet.apply(manifest)
    server = fleet.get("KThreesControlPlane", "two-cp")["spec"]["kthreesConfigSpec"]["serverConfig"]
    assert server["disableCloudController"] is True
    assert server["cloudProviderName"] == "external"


def test_other_kinds_pass(fleet: Lab) -> None:
    body = {"metadata": {"name": "note"}, "data": {"version": "1.35"}}
    fleet.api.create(CONFIG_MAPS, SPACE, body, BY)
    ref = Ref(resource=CONFIG_MAPS, name="note", namespace=SPACE)
    fleet.api.patch(ref, lambda live: {**live, "data": {}}, Writer(manager="test"))
    assert "data" in fleet.api.get(ref)
