"""Real Kubernetes servers with Liqo's objects played by hand, the bus, and Act as a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.acting.fleet import EDGE, FLEET, HOME, METRO, RENDER, REPLICAS
from console.real.client import Client, Object
from console.real.credentials import User, write_kubeconfig
from console.real.kubernetes import RealKubernetes
from console.real.kwok import VIRTUAL_TOLERATION, PodTimes, node
from console.real.processes import Child, free_ports, running
from console.stack import nats_child, service_child
from shared.model.names import ApplicationName, ClusterName

ROOT = Path(__file__).parents[2]
CRDS = ROOT / "deploy" / "kubernetes" / "crds"
LIQO_CRDS = ROOT / "simulator" / "liqo_crds.yaml"
ACT = "crossloop-act"
POD_TIMES = PodTimes(start_seconds=1.0, stop_seconds=0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """What runs, and how it is reached."""

    kubernetes: RealKubernetes
    directory: Path
    """Of the API server."""
    nats_url: str
    act: Child

    @property
    def client(self) -> Client:
        """Return the administrator's client."""
        return self.kubernetes.client


@contextmanager
def servers(directory: Path, *, controllers: bool) -> Iterator[Servers]:
    """Run everything but Act, which is to be started by `running(act)`."""
    (port,) = free_ports(1)
    user = User(name="act", groups=("system:masters",))
    with (
        running(nats_child(directory, port)),
        RealKubernetes.start(
            directory / "kubernetes",
            controllers=controllers,
            nodes=controllers,
            users=(user,),
            audited=(user.name,),
            pods=POD_TIMES,
        ) as kubernetes,
    ):
        kubernetes.install_crds(manifests(LIQO_CRDS, *sorted(CRDS.glob("*.yaml"))))
        for name in (HOME, METRO, EDGE):
            kubernetes.client.create(_site(name))
        config = directory / "act.kubeconfig"
        write_kubeconfig(config, user=user, url=kubernetes.url, ca_file=kubernetes.ca_file)
        nats_url = f"nats://127.0.0.1:{port}"
        environment = {
            "CROSSLOOP_NATS_URL": nats_url,
            "CROSSLOOP_FLEET": FLEET,
            "CROSSLOOP_HTTP_HOST": "127.0.0.1",
            "CROSSLOOP_HTTP_PORT": "0",
            "CROSSLOOP_KUBECONFIG": str(config),
        }
        act = service_child("act", directory, environment)
        where = directory / "kubernetes"
        yield Servers(kubernetes=kubernetes, directory=where, nats_url=nats_url, act=act)


def manifests(*files: Path) -> Iterator[Object]:
    """Yield all objects of YAML files."""
    for file in files:
        yield from (document for document in yaml.safe_load_all(file.read_text()) if document)


def declare(client: Client, name: ApplicationName) -> None:
    """Declare an application."""
    space, _, short = name.partition("/")
    component = {
        "name": RENDER,
        "workload": {"kind": "Deployment", "name": RENDER},
        "processing": {"milliseconds": 1},
        "replicas": {"min": REPLICAS, "max": REPLICAS},
    }
    users = [{"group": "visitors", "site": "venue", "path": [RENDER]}]
    spec = {"autonomy": "auto", "components": [component], "users": users}
    client.create(_declared("Application", short, spec, space))


def make_space(client: Client, space: str) -> None:
    """Make a namespace."""
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})


def peer(kubernetes: RealKubernetes, *providers: ClusterName) -> None:
    """Make virtual nodes, and say that all is well with their providers."""
    kubernetes.add_nodes(*(node(p, cores=64, remote_cluster=p) for p in providers))
    for provider in providers:
        manifest = {
            "apiVersion": "core.liqo.io/v1beta1",
            "kind": "ForeignCluster",
            "metadata": {"name": provider, "labels": {"liqo.io/remote-cluster-id": provider}},
            "spec": {"clusterID": provider},
        }
        _with_status(kubernetes.client, manifest, foreign_status("Established"))


def foreign_status(api_server: str) -> Object:
    """Return Liqo's view of a provider whose API server is `Established`, or in `Error`."""
    condition = {"type": "APIServerStatus", "status": api_server, "reason": "Told"}
    on: Object = {"enabled": True, "conditions": []}
    off: Object = {"enabled": False, "conditions": []}
    return {
        "role": "Provider",
        "conditions": [condition],
        "modules": {"networking": off, "authentication": on, "offloading": on},
    }


def stretch(client: Client, space: str, *providers: ClusterName) -> None:
    """Stretch a namespace over providers."""
    label = {"metadata": {"labels": {"liqo.io/scheduling-enabled": "true"}}}
    client.patch(f"/api/v1/namespaces/{space}", label)
    term = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": list(providers)}
    manifest = {
        "apiVersion": "offloading.liqo.io/v1beta1",
        "kind": "NamespaceOffloading",
        "metadata": {"name": "offloading", "namespace": space},
        "spec": {
            "namespaceMappingStrategy": "DefaultName",
            "podOffloadingStrategy": "LocalAndRemote",
            "clusterSelector": {"nodeSelectorTerms": [{"matchExpressions": [term]}]},
        },
    }
    ready = [{"type": "Ready", "status": "True", "reason": "RemoteNamespaceCreated"}]
    status = {
        "offloadingPhase": "Ready",
        "observedGeneration": 1,
        "remoteNamespaceName": space,
        "remoteNamespacesConditions": dict.fromkeys(providers, ready),
    }
    _with_status(client, manifest, status)


def deploy(client: Client, space: str, provider: ClusterName) -> None:
    """Deploy the component on a provider, as after an earlier move: the affinity is Act's."""
    manifest = _deployment(space)
    client.apply({**manifest, "spec": {**manifest["spec"], "replicas": 0}})
    pin(client, space, provider)
    client.apply({**manifest, "spec": {**manifest["spec"], "replicas": REPLICAS}})


def pin(client: Client, space: str, provider: ClusterName) -> None:
    """Apply the affinity that a move applies, and nothing else: a plain rollout."""
    there = {"key": "liqo.io/remote-cluster-id", "operator": "In", "values": [provider]}
    required = {"nodeSelectorTerms": [{"matchExpressions": [there]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    spec = {"template": {"spec": {"affinity": affinity}}}
    client.apply({**_head(space), "spec": spec}, manager=ACT)


def _deployment(space: str) -> Object:
    container = {
        "name": RENDER,
        "image": "example.invalid/none",
        "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}},
    }
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": RENDER}},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {"app": RENDER}},
            "spec": {"tolerations": [VIRTUAL_TOLERATION], "containers": [container]},
        },
    }
    return {**_head(space), "spec": spec}


def _head(space: str) -> Object:
    metadata = {"name": RENDER, "namespace": space}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def _site(name: ClusterName) -> Object:
    spec = {
        "home": name == HOME,
        "tier": "metro",
        "region": "here",
        "owner": "us",
        "prices": {"coreHourUsd": 0.04},
        "access": [{"from": "venue", "milliseconds": 2}],
    }
    return _declared("Site", name, spec)


def _declared(kind: str, name: str, spec: Object, space: str = "") -> Object:
    metadata: Object = {"name": name, "labels": {"crossloop.dev/fleet": FLEET}}
    if space:
        metadata["namespace"] = space
    return {
        "apiVersion": "crossloop.dev/v1alpha1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec,
    }


def _with_status(client: Client, manifest: Object, status: Object) -> None:
    path = client.path_of(client.create(manifest))
    client.patch(f"{path}/status", {"status": status})
