"""The objects of a peering written out, as Liqo's guide to declarative peering asks for them."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from services.act.core.live import CLUSTER_LABEL
from services.act.core.objects import Object
from services.act.core.peering.kinds import GATEWAY_RESOURCE, TENANT_NAMESPACE
from services.act.core.peering.pairs import LIQO, Pair, Side

NETWORKING = "networking.liqo.io/v1beta1"
PORT = 51840
MTU = 1340
"""Port and MTU that Liqo itself chooses for its tunnel."""
CONTROL_PLANE_ROLE = "liqo-remote-controlplane"
"""Liqo's ClusterRole for what a consumer's control plane does in its tenant namespace."""
IDENTITY_TYPE = "liqo.io/identity-type"
CLUSTER_LABEL_TENANT = "liqo.io/remote-tenant-namespace"


def space_body(side: Side) -> Object:
    """Return the tenant namespace for the other cluster."""
    return {"metadata": {"labels": {CLUSTER_LABEL: side.peer, TENANT_NAMESPACE: "true"}}}


def configuration_body(side: Side, pods: str, external: str) -> Object:
    """Return the Configuration that tells a cluster the address ranges of the other."""
    cidr = {"pod": [pods], "external": [external]}
    return {**_about(side), "spec": {"remote": {"cidr": cidr}}}


def server_body(side: Side) -> Object:
    """Return the GatewayServer. Liqo makes its key, for no secret is named."""
    return {
        **_about(side),
        "spec": {
            "endpoint": {"port": PORT, "serviceType": "LoadBalancer"},
            "mtu": MTU,
            "serverTemplateRef": _template("WgGatewayServerTemplate", "wireguard-server"),
        },
    }


def client_body(side: Side, endpoint: Mapping[str, Any]) -> Object:
    """Return the GatewayClient for a server. Liqo makes its key, for no secret is named."""
    return {
        **_about(side),
        "spec": {
            "endpoint": endpoint,
            "mtu": MTU,
            "clientTemplateRef": _template("WgGatewayClientTemplate", "wireguard-client"),
        },
    }


def public_key_body(side: Side, key: str) -> Object:
    """Return what tells a cluster the public key of the other's gateway, in base64."""
    labels = {CLUSTER_LABEL: side.peer, GATEWAY_RESOURCE: "true"}
    return {"metadata": {"labels": labels}, "spec": {"publicKey": key}}


def account_name(provider: Side) -> str:
    """Return the name of the ServiceAccount by which the consumer enters the provider."""
    return f"crossloop-{provider.peer}"


def token_name(provider: Side) -> str:
    """Return the name of the Secret with its token."""
    return f"{account_name(provider)}-token"


def token_body(provider: Side) -> Object:
    """Return the Secret that Kubernetes fills with a token, which does not expire."""
    body = _about(provider)
    account = {"kubernetes.io/service-account.name": account_name(provider)}
    return {
        "metadata": {**body["metadata"], "annotations": account},
        "type": "kubernetes.io/service-account-token",
    }


def binding_body(provider: Side, space: str) -> Object:
    """Return the RoleBinding that lets the consumer ask for resources in its tenant namespace."""
    account = {
        "kind": "ServiceAccount",
        "name": account_name(provider),
        "namespace": space,
    }
    role = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": CONTROL_PLANE_ROLE,
    }
    return {**_about(provider), "roleRef": role, "subjects": [account]}


def tenant_body(provider: Side) -> Object:
    """Return the Tenant that accepts what the consumer asks for without a handshake."""
    spec = {
        "clusterID": provider.peer,
        "authzPolicy": "TolerateNoHandshake",
        "tenantCondition": "Active",
    }
    return {**_about(provider), "spec": spec}


def account_body(provider: Side) -> Object:
    """Return the ServiceAccount by which the consumer enters the provider."""
    return _about(provider)


def control_plane_body(consumer: Side, remote_space: str, kubeconfig: str) -> Object:
    """Return the Secret by which the consumer's Liqo enters the provider. `kubeconfig`: base64."""
    labels = {CLUSTER_LABEL: consumer.peer, IDENTITY_TYPE: "ControlPlane"}
    metadata = {"labels": labels, "annotations": {CLUSTER_LABEL_TENANT: remote_space}}
    return {"metadata": metadata, "data": {"kubeconfig": kubeconfig}}


def slice_body(pair: Pair, cores: float | None) -> Object:
    """Return the ResourceSlice: what the consumer asks the provider for.

    Without cores it is what the provider's default class grants.
    """
    peer = pair.provider.name
    labels = {CLUSTER_LABEL: peer, "liqo.io/remoteID": peer, "liqo.io/replication": "true"}
    annotations = {"liqo.io/create-virtual-node": "true"}
    spec: dict[str, Any] = {"class": "default", "providerClusterID": peer}
    if cores:
        whole = float(cores).is_integer()
        spec["resources"] = {"cpu": str(int(cores)) if whole else f"{round(cores * 1000)}m"}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def kubeconfig_of_token(name: str, cluster: Mapping[str, Any], token: str) -> str:
    """Return a kubeconfig with a token, in base64; JSON is YAML too."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return base64.b64encode(json.dumps(config).encode()).decode()


def _about(side: Side) -> dict[str, Any]:
    return {"metadata": {"labels": {CLUSTER_LABEL: side.peer}}}


def _template(kind: str, name: str) -> Object:
    return {"apiVersion": NETWORKING, "kind": kind, "name": name, "namespace": LIQO}
