"""The roles of `deploy/kubernetes` on a real API server: each may what it does, and no more."""

import pytest

from console.real.client import ApiError, Object
from console.real.kubernetes import RealKubernetes
from services.act.core.permitting.permissions import permissions
from services.act.core.permitting.roles import Role
from tests.support.real_parts import namespace
from tests.support.roles import client_of, install_roles

pytestmark = pytest.mark.real

SPACE = "roles"
READ = ("applications", "deployments", "foreignclusters", "namespaceoffloadings", "pods", "nodes")
WATCHED = {
    "applications": "crossloop.dev",
    "sites": "crossloop.dev",
    "fleetpolicies": "crossloop.dev",
    "deployments": "apps",
    "statefulsets": "apps",
    "foreignclusters": "core.liqo.io",
    "namespaceoffloadings": "offloading.liqo.io",
}
GROUPS = WATCHED | {p.resource.partition("/")[0]: p.group for p in permissions()}

EVERYWHERE = [p for p in sorted(permissions()) if p.role is Role.ALWAYS]
ALLOWED = [
    *(("observe", verb, kind) for kind in (*READ, *WATCHED) for verb in ("list", "watch")),
    *(
        ("act", p.verb, p.resource)
        for p in sorted(permissions())
        if p.role is Role.ALWAYS and not p.name
    ),
]
FORBIDDEN = [
    *(
        (who, verb, kind)
        for who in ("observe", "orient", "decide")
        for kind in ("applications", "applications/status", "deployments", "pods", "namespaces")
        for verb in ("create", "update", "patch", "delete")
    ),
    *((who, "list", kind) for who in ("orient", "decide") for kind in READ),
    *((who, "list", "secrets") for who in ("observe", "orient", "decide", "act")),
    *(("act", "delete", kind) for kind in (*READ, "namespaces") if kind != "pods"),
    *(("act", "create", kind) for kind in ("deployments", "pods", "namespaces", "applications")),
    *(("act", "patch", kind) for kind in ("applications", "sites", "pods", "foreignclusters")),
    ("act", "create", "namespaceoffloadings"),
]


@pytest.fixture(scope="module")
def cluster(management: RealKubernetes) -> RealKubernetes:
    """A management cluster with the roles of the base, and an empty namespace."""
    install_roles(management, "base")
    namespace(management, SPACE)
    return management


def may(cluster: RealKubernetes, who: str, verb: str, kind: str) -> bool:
    """Ask the API server whether a service may do that in any namespace."""
    resource, _, subresource = kind.partition("/")
    asked = {
        "verb": verb,
        "group": GROUPS.get(resource, ""),
        "resource": resource,
        "subresource": subresource,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:crossloop:{who}",
            "groups": ["system:serviceaccounts", "system:authenticated"],
            "resourceAttributes": asked,
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return bool(cluster.client.call("POST", path, review)["status"]["allowed"])


def offloading(name: str) -> tuple[str, Object]:
    """Return the path and the body of an apply of a NamespaceOffloading."""
    selector: Object = {"nodeSelectorTerms": []}
    body = {
        "apiVersion": "offloading.liqo.io/v1beta1",
        "kind": "NamespaceOffloading",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {"clusterSelector": selector},
    }
    path = f"/apis/offloading.liqo.io/v1beta1/namespaces/{SPACE}/namespaceoffloadings/{name}"
    return f"{path}?fieldManager=crossloop-act", body


@pytest.mark.parametrize(("who", "verb", "kind"), ALLOWED)
def test_a_service_may_what_it_does(
    cluster: RealKubernetes, who: str, verb: str, kind: str
) -> None:
    assert may(cluster, who, verb, kind)


@pytest.mark.parametrize(("who", "verb", "kind"), FORBIDDEN)
def test_a_service_may_no_more(cluster: RealKubernetes, who: str, verb: str, kind: str) -> None:
    assert not may(cluster, who, verb, kind)


def test_act_stretches_a_namespace_by_an_apply_that_creates(cluster: RealKubernetes) -> None:
    act = client_of(cluster, "act")
    path, body = offloading("offloading")
    assert act.patch(path, body, kind="apply")["metadata"]["name"] == "offloading"
    assert act.patch(path, body, kind="apply")["metadata"]["generation"] == 1


def test_act_creates_no_namespace_offloading_of_another_name(cluster: RealKubernetes) -> None:
    path, body = offloading("another")
    with pytest.raises(ApiError) as refused:
        client_of(cluster, "act").patch(path, body, kind="apply")
    assert refused.value.status == 403
