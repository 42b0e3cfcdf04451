"""What an installation of Liqo brings with it: its namespace, the cluster's id, its networks."""

from simulator.kubernetes.objects import Object
from simulator.liqo_peering.sides import Side, made
from simulator.objects import LIQO, path_of_object

NAMESPACE = "liqo"
CLUSTER_ID = "liqo-clusterid-configmap"
CONTROL_PLANE_ROLE = "liqo-remote-controlplane"
"""ClusterRole of what another cluster's Liqo does here; peers bind it in the tenant namespace."""


def cidrs(number: int) -> dict[str, str]:
    """Return the networks of an installation, no two of which overlap."""
    return {"pod-cidr": f"10.{100 + number}.0.0/16", "external-cidr": f"10.{200 + number}.0.0/16"}


def identity(cluster: str) -> tuple[Object, Object]:
    """Return Liqo's namespace, and what tells the id of its cluster."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    known = {**made("ConfigMap", CLUSTER_ID, NAMESPACE), "data": {"CLUSTER_ID": cluster}}
    return space, known


async def install(side: Side, number: int) -> None:
    """Install Liqo on a cluster, one of several."""
    for obj in identity(side.name):
        await side.api.apply(path_of_object(obj), obj, manager=LIQO)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": CONTROL_PLANE_ROLE},
        "rules": [
            {
                "apiGroups": ["authentication.liqo.io", "offloading.liqo.io"],
                "resources": ["resourceslices", "renews", "namespacemaps"],
                "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
            }
        ],
    }
    await side.api.apply(path_of_object(role), role, manager=LIQO)
    for name, cidr in cidrs(number).items():
        kind = {"ipam.liqo.io/network-type": name}
        network = {**made("Network", name, NAMESPACE, **kind), "spec": {"cidr": cidr}}
        await side.api.apply(path_of_object(network), network, manager=LIQO)
        status = {"status": {"cidr": cidr}}
        await side.api.patch_status(path_of_object(network), status, manager=LIQO)
