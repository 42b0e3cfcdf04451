"""Cluster API's part of an API server: its kinds, and the manifests a cluster is made from."""

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.runtime.clock import now
from simulator.kubernetes import Api
from simulator.kubernetes.api import Writer
from simulator.kubernetes.resources import CRDS, Resource

Object = dict[str, Any]

FOLDER = Path(__file__).parents[3] / "shared" / "crds"
CORE = "cluster.x-k8s.io"
CONTROL_PLANE = f"controlplane.{CORE}"
BOOTSTRAP = f"bootstrap.{CORE}"
INFRASTRUCTURE = f"infrastructure.{CORE}"

NAMES = (
    "clusters",
    "machinedeployments",
    "machinesets",
    "machines",
    "machinehealthchecks",
    "kubeadmcontrolplanes",
    "kubeadmconfigtemplates",
    "kthreescontrolplanes",
    "kthreesconfigtemplates",
    "devclusters",
    "devmachinetemplates",
    "openstackclusters",
    "openstackmachinetemplates",
)
"""Of those kinds that crossloop or the simulator reads or writes."""

BOTH = {f"{CORE}/v1beta1": "v1beta1", f"{CORE}/v1beta2": "v1beta2"}
CONTRACTS = {
    "KThrees": {f"{CORE}/v1beta1": "v1beta1_v1beta2"},
    "OpenStack": {f"{CORE}/v1beta1": "v1beta1"},
}
"""Labels of the CRDs by how their kinds begin; of all other providers: `BOTH`."""
SIZES = {
    f"{CORE}/cluster-api-autoscaler-node-group-min-size": "0",
    f"{CORE}/cluster-api-autoscaler-node-group-max-size": "25",
}


@cache
def _definitions() -> tuple[Object, ...]:
    files = sorted(
        file
        for name in ("cluster-api", "k3s", "openstack")
        for file in (FOLDER / name).glob("*.yaml")
        if file.stem.rpartition("_")[2] in NAMES
    )
    # the fast loader loses its tags while a tracer (coverage) looks on
    loader = yaml.SafeLoader if sys.gettrace() else yaml.CSafeLoader
    return tuple(yaml.load(file.read_text(), loader) for file in files)


def definitions() -> list[Object]:
    """Return the CRDs with the labels that tell controllers which version keeps which contract.

    Skips the test where the folder with the CRDs is missing.
    """
    if not _definitions():
        pytest.skip(f"the CRDs of Cluster API are not in {FOLDER.name}")
    return [_labelled(crd) for crd in _definitions()]


def install(api: Api) -> None:
    """Install the kinds of Cluster API on a simulated API server."""
    definitions()
    for crd, resources in _installed():
        api.store.put(CRDS.key, crd)
        api.registry.serve(*resources)


@cache
def _installed() -> tuple[tuple[Object, tuple[Resource, ...]], ...]:
    """Return the CRDs as a server stores them and what it serves of them: made once, it is slow."""
    api = Api(now)
    for crd in definitions():
        api.create(CRDS, "", crd, Writer(manager="clusterctl"))
    return tuple(
        (crd, tuple(r for r in api.registry if r.key == _key(crd)))
        for crd in api.store.all(CRDS.key)
    )


def _key(crd: Object) -> tuple[str, str]:
    return crd["spec"]["group"], crd["spec"]["names"]["plural"]


def in_memory(name: str, *, namespace: str = "fleet", workers: int = 2) -> list[Object]:
    """Return a cluster by kubeadm on the in-memory provider, as Cluster API's book has it."""
    return [
        _dev_cluster(name, namespace),
        _dev_template(f"{name}-cp", namespace),
        _dev_template(f"{name}-md-0", namespace),
        *_kubeadm(name, namespace, "DevMachineTemplate"),
        _cluster(name, namespace, "KubeadmControlPlane", "DevCluster"),
        _workers(name, namespace, workers, ("KubeadmConfigTemplate", "DevMachineTemplate")),
    ]


def kubeadm_on_openstack(name: str, *, namespace: str = "fleet", workers: int = 2) -> list[Object]:
    """Return a cluster by kubeadm on OpenStack (CAPO 0.14, whose API is v1beta1)."""
    return [
        *_openstack(name, namespace),
        *_kubeadm(name, namespace, "OpenStackMachineTemplate"),
        _cluster(name, namespace, "KubeadmControlPlane", "OpenStackCluster"),
        _workers(name, namespace, workers, ("KubeadmConfigTemplate", "OpenStackMachineTemplate")),
    ]


def k_threes_on_openstack(name: str, *, namespace: str = "fleet", workers: int = 2) -> list[Object]:
    """Return a cluster by k3s on OpenStack."""
    return [
        *_openstack(name, namespace),
        *_k_threes(name, namespace),
        _cluster(name, namespace, "KThreesControlPlane", "OpenStackCluster"),
        _workers(name, namespace, workers, ("KThreesConfigTemplate", "OpenStackMachineTemplate")),
    ]


TEMPLATES = {
    "kubeadm in memory": in_memory,
    "kubeadm on OpenStack": kubeadm_on_openstack,
    "k3s on OpenStack": k_threes_on_openstack,
}


def of_kind(manifests: list[Object], kind: str) -> Object:
    """Return the first manifest of a kind."""
    return next(manifest for manifest in manifests if manifest["kind"] == kind)


def _labelled(crd: Object) -> Object:
    group = crd["spec"]["group"]
    if group == CORE:
        return crd
    kind = crd["spec"]["names"]["kind"]
    labels = next((own for begin, own in CONTRACTS.items() if kind.startswith(begin)), BOTH)
    metadata = {**crd["metadata"]}
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    return {**crd, "metadata": metadata}


def _thing(group: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    version = "v1beta1" if kind.startswith("OpenStack") else "v1beta2"
    return {
        "apiVersion": f"{group}/{version}",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _template(group: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    return _thing(group, kind, name, namespace, {"template": {"spec": spec}})


def _ref(group: str, kind: str, name: str) -> Object:
    return {"apiGroup": group, "kind": kind, "name": name}


def _cluster(name: str, namespace: str, control_plane: str, infrastructure: str) -> Object:
    network = {
        "pods": {"cidrBlocks": ["192.168.0.0/16"]},
        "services": {"cidrBlocks": ["10.128.0.0/12"]},
        "serviceDomain": "cluster.local",
    }
    spec = {
        "clusterNetwork": network,
        "controlPlaneRef": _ref(CONTROL_PLANE, control_plane, f"{name}-cp"),
        "infrastructureRef": _ref(INFRASTRUCTURE, infrastructure, name),
    }
    return _thing(CORE, "Cluster", name, namespace, spec)


def _workers(name: str, namespace: str, replicas: int, kinds: tuple[str, str]) -> Object:
    workers, (bootstrap, infrastructure) = f"{name}-md-0", kinds
    labels = {f"{CORE}/cluster-name": name, f"{CORE}/deployment-name": workers}
    machine = {
        "clusterName": name,
        "version": "v1.32.3+k3s1" if bootstrap.startswith("KThrees") else "v1.35.0",
        "bootstrap": {"configRef": _ref(BOOTSTRAP, bootstrap, workers)},
        "infrastructureRef": _ref(INFRASTRUCTURE, infrastructure, workers),
        "deletion": {"nodeDrainTimeoutSeconds": 120},
    }
    spec = {
        "clusterName": name,
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": machine},
    }
    thing = _thing(CORE, "MachineDeployment", workers, namespace, spec)
    thing["metadata"] |= {"labels": {f"{CORE}/cluster-name": name}, "annotations": {**SIZES}}
    return thing


def _kubeadm(name: str, namespace: str, machine: str) -> Iterator[Object]:
    node = {"nodeRegistration": {"criSocket": "unix:///var/run/containerd/containerd.sock"}}
    spec = {
        "replicas": 1,
        "version": "v1.35.0",
        "machineTemplate": {
            "spec": {"infrastructureRef": _ref(INFRASTRUCTURE, machine, f"{name}-cp")}
        },
        "kubeadmConfigSpec": {
            "clusterConfiguration": {"apiServer": {"certSANs": ["localhost", "127.0.0.1"]}},
            "initConfiguration": node,
            "joinConfiguration": node,
        },
    }
    yield _thing(CONTROL_PLANE, "KubeadmControlPlane", f"{name}-cp", namespace, spec)
    join = {"joinConfiguration": node}
    yield _template(BOOTSTRAP, "KubeadmConfigTemplate", f"{name}-md-0", namespace, join)


def _k_threes(name: str, namespace: str) -> Iterator[Object]:
    machine = {
        "apiVersion": f"{INFRASTRUCTURE}/v1beta1",
        "kind": "OpenStackMachineTemplate",
        "name": f"{name}-cp",
        "namespace": namespace,
    }
    agent = {"agentConfig": {"nodeName": "{{ ds.meta_data.local_hostname }}"}}
    spec = {
        "replicas": 1,
        "version": "v1.32.3+k3s1",
        "machineTemplate": {"infrastructureRef": machine, "nodeDrainTimeout": "120s"},
        "kthreesConfigSpec": {"serverConfig": {"disableComponents": ["traefik"]}, **agent},
    }
    yield _thing(CONTROL_PLANE, "KThreesControlPlane", f"{name}-cp", namespace, spec)
    yield _template(BOOTSTRAP, "KThreesConfigTemplate", f"{name}-md-0", namespace, agent)


def _dev_cluster(name: str, namespace: str) -> Object:
    spec: Object = {"backend": {"inMemory": {}}}
    thing = _thing(INFRASTRUCTURE, "DevCluster", name, namespace, spec)
    # without any annotation the real provider panics
    thing["metadata"]["annotations"] = {"crossloop.dev/site": name}
    return thing


def _dev_template(name: str, namespace: str) -> Object:
    parts = ("vm", "node", "apiServer", "etcd") if name.endswith("-cp") else ("vm", "node")
    quick = {"provisioning": {"startupDuration": "1s"}}
    spec = {"backend": {"inMemory": dict.fromkeys(parts, quick)}}
    return _template(INFRASTRUCTURE, "DevMachineTemplate", name, namespace, spec)


def _openstack(name: str, namespace: str) -> Iterator[Object]:
    spec = {
        "apiServerLoadBalancer": {"enabled": True},
        "externalNetwork": {"id": "11111111-2222-4333-8444-555555555555"},
        "identityRef": {
            "type": "Secret",
            "name": f"{name}-cloud-config",
            "cloudName": "openstack",
        },
        "managedSecurityGroups": {"allowAllInClusterTraffic": True},
        "managedSubnets": [{"cidr": "10.6.0.0/24", "dnsNameservers": ["9.9.9.9"]}],
    }
    yield _thing(INFRASTRUCTURE, "OpenStackCluster", name, namespace, spec)
    machine = {
        "flavor": "m1.medium",
        "image": {"filter": {"name": "ubuntu-2404"}},
        "sshKeyName": "fleet",
    }
    for part in ("cp", "md-0"):
        named = f"{name}-{part}"
        yield _template(INFRASTRUCTURE, "OpenStackMachineTemplate", named, namespace, machine)
