"""Act's roles on a real API server, and the way in by its service account."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from console.real.client import Client
from console.real.credentials import User, write_kubeconfig
from console.real.kubernetes import RealKubernetes
from tests.support.kustomize import COMPONENTS, rendered

RBAC = ("Namespace", "ServiceAccount", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
ACCOUNTS = "/api/v1/namespaces/crossloop/serviceaccounts"


def install_roles(cluster: RealKubernetes, *folders: str) -> None:
    """Apply what folders of `deploy/kubernetes` say of who may do what; twice does no harm."""
    for folder in folders:
        for manifest in rendered(folder):
            if manifest["kind"] in RBAC:
                cluster.client.apply(manifest)


@contextmanager
def granted_in(cluster: RealKubernetes, space: str) -> Iterator[None]:
    """Apply the base, and for as long as the block lasts all components, one of them there."""
    install_roles(cluster, "base")
    for each in (o for c in COMPONENTS for o in rendered(c) if o["kind"].endswith("Role")):
        cluster.client.apply(each)
    found = [o for c in COMPONENTS for o in rendered(c) if o["kind"].endswith("RoleBinding")]
    bindings = [
        {**o, "metadata": {**o["metadata"], "namespace": space}}
        if o["metadata"].get("namespace") == "default"
        else o
        for o in found
    ]
    paths = [cluster.client.path_of(cluster.client.apply(binding)) for binding in bindings]
    try:
        yield
    finally:
        for path in paths:
            cluster.client.delete(path)


def token_of(cluster: RealKubernetes, account: str) -> str:
    """Return a token of a service's account, good for an hour."""
    path = f"{ACCOUNTS}/{account}/token"
    answer = cluster.client.call("POST", path, {"spec": {"expirationSeconds": 3600}})
    return str(answer["status"]["token"])


def client_of(cluster: RealKubernetes, account: str) -> Client:
    """Return a client that comes with a token of that service's account."""
    admin = cluster.client
    token = token_of(cluster, account)
    return Client(host=admin.host, port=admin.port, token=token, ca_file=admin.ca_file)


def kubeconfig_of(cluster: RealKubernetes, account: str, directory: Path) -> Path:
    """Write a kubeconfig with a token of that service's account."""
    file = directory / f"{account}.kubeconfig"
    user = User(name=account, token=token_of(cluster, account))
    write_kubeconfig(file, user=user, url=cluster.url, ca_file=cluster.ca_file)
    return file
