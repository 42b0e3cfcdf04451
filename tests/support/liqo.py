"""Liqo's part of a real API server, played by hand: peers that are there, namespaces stretched."""

from pathlib import Path

from console.real.client import Object
from console.real.kubernetes import RealKubernetes
from tests.support.real_parts import manifests, virtual_node

CRDS = Path(__file__).parents[3] / "shared" / "crds" / "liqo"
NAMES = ("foreignclusters", "namespaceoffloadings", "resourceslices", "virtualnodes")


def install_liqo(cluster: RealKubernetes) -> None:
    """Install those of Liqo's kinds that crossloop reads or writes."""
    crds = [crd for crd in manifests(CRDS) if crd["spec"]["names"]["plural"] in NAMES]
    cluster.install_crds(crds)


def peer_with(cluster: RealKubernetes, *providers: str, cores: float = 16) -> None:
    """Make providers known: a virtual node each, named like it, and a ForeignCluster in order."""
    cluster.add_nodes(*(virtual_node(provider, cores=cores) for provider in providers))
    for provider in providers:
        _create_with_status(cluster, _foreign_cluster(provider))


def stretch(cluster: RealKubernetes, space: str, *providers: str) -> None:
    """Stretch a namespace over providers, as far as its objects tell."""
    label = {"metadata": {"labels": {"liqo.io/scheduling-enabled": "true"}}}
    cluster.client.patch(f"/api/v1/namespaces/{space}", label)
    _create_with_status(cluster, _offloading(space, providers))


def _create_with_status(cluster: RealKubernetes, manifest: Object) -> None:
    path = cluster.client.path_of(cluster.client.create(manifest))
    cluster.client.patch(f"{path}/status", {"status": manifest["status"]})


def _foreign_cluster(provider: str) -> Object:
    on = {"enabled": True, "conditions": []}
    off = {"enabled": False, "conditions": []}
    return {
        "apiVersion": "core.liqo.io/v1beta1",
        "kind": "ForeignCluster",
        "metadata": {
            "name": provider,
            "labels": {"liqo.io/remote-cluster-id": provider},
        },
        "spec": {"clusterID": provider},
        "status": {
            "role": "Provider",
            "conditions": [
                {"type": "APIServerStatus", "status": "Established", "reason": "APIServerReady"}
            ],
            "modules": {"networking": off, "authentication": on, "offloading": on},
        },
    }


def _offloading(space: str, providers: tuple[str, ...]) -> Object:
    named = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(providers)}
    ready = [{"type": "Ready", "status": "True", "reason": "RemoteNamespaceCreated"}]
    return {
        "apiVersion": "offloading.liqo.io/v1beta1",
        "kind": "NamespaceOffloading",
        "metadata": {"name": "offloading", "namespace": space},
        "spec": {
            "namespaceMappingStrategy": "DefaultName",
            "podOffloadingStrategy": "LocalAndRemote",
            "clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [named]}]},
        },
        "status": {
            "offloadingPhase": "Ready",
            "observedGeneration": 1,
            "remoteNamespaceName": f"{space}-home",
            "remoteNamespacesConditions": dict.fromkeys(providers, ready),
        },
    }
