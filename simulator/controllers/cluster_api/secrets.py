"""The Secrets Cluster API makes for a cluster: the kubeconfig, certificates, bootstrap data."""

from base64 import b64encode
from collections.abc import Mapping

import yaml

from simulator.controllers.cluster_api.kinds import CLUSTER_LABEL
from simulator.controllers.cluster_api.writing import MANAGER
from simulator.controllers.writing import owned_by
from simulator.kubernetes.api import Api, Writer
from simulator.kubernetes.objects import Object, annotations_of, dig, name_of, namespace_of
from simulator.kubernetes.resources import SECRETS

TYPE = "cluster.x-k8s.io/secret"
WORKLOAD_KUBECONFIG = "simulator.crossloop.dev/workload-kubeconfig"
"""Annotation of the infrastructure cluster: the text of a kubeconfig of an API server that is
there, to be handed out as the new cluster's."""

_FAKE_PEM = "-----BEGIN CERTIFICATE-----\nc2ltdWxhdGVk\n-----END CERTIFICATE-----\n"
_PAIRS = {
    "KubeadmControlPlane": ("ca", "etcd", "proxy", "sa"),
    "KThreesControlPlane": ("ca", "cca", "etcd"),
}


def make_secrets(api: Api, cluster: Object, control_plane: Object, infrastructure: Object) -> None:
    """Create what is missing of the kubeconfig and the certificates of a cluster.

    They are there as soon as the endpoint is known, long before anything answers at it.
    """
    pair = {"tls.crt": _FAKE_PEM, "tls.key": _FAKE_PEM}
    for purpose in _PAIRS[control_plane["kind"]]:
        _make(api, cluster, control_plane, f"{name_of(cluster)}-{purpose}", pair)
    text = annotations_of(infrastructure).get(WORKLOAD_KUBECONFIG) or _kubeconfig(cluster)
    _make(api, cluster, control_plane, f"{name_of(cluster)}-kubeconfig", {"value": text})


def make_bootstrap_data(api: Api, cluster: Object, machine: Object) -> None:
    """Create the Secret with what a machine runs when it starts."""
    data = {"value": "#cloud-config\n", "format": "cloud-config"}
    _make(api, cluster, machine, name_of(machine), data)


def _make(api: Api, cluster: Object, owner: Object, name: str, data: Mapping[str, str]) -> None:
    namespace = namespace_of(cluster)
    if api.store.get(SECRETS.key, (namespace, name)):
        return
    secret = {
        "metadata": {
            "name": name,
            "labels": {CLUSTER_LABEL: name_of(cluster)},
            "ownerReferences": [owned_by(owner)],
        },
        "type": TYPE,
        "data": {key: b64encode(value.encode()).decode() for key, value in data.items()},
    }
    api.create(SECRETS, namespace, secret, Writer(manager=MANAGER))


def _kubeconfig(cluster: Object) -> str:
    """Return a kubeconfig as Cluster API writes it, of a server that does not exist."""
    name = name_of(cluster)
    user, endpoint = f"{name}-admin", dig(cluster, "spec", "controlPlaneEndpoint")
    pem = b64encode(_FAKE_PEM.encode()).decode()
    server = {
        "server": f"https://{endpoint['host']}:{endpoint['port']}",
        "certificate-authority-data": pem,
    }
    context = f"{user}@{name}"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": user, "user": {"client-certificate-data": pem, "client-key-data": pem}}],
        "contexts": [{"name": context, "context": {"cluster": name, "user": user}}],
        "current-context": context,
    }
    return yaml.safe_dump(config)
