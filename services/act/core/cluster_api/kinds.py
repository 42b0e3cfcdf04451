"""The kinds of Cluster API that Act looks at, and the labels and annotations it goes by."""

from services.act.core.objects import Kind

GROUP = "cluster.x-k8s.io"
CONTROL_PLANE = f"controlplane.{GROUP}"
BOOTSTRAP = f"bootstrap.{GROUP}"
INFRASTRUCTURE = f"infrastructure.{GROUP}"
ADDONS = f"addons.{GROUP}"
VERSION = "v1beta2"
"""The only version of Cluster API's own groups that Act speaks."""

CLUSTER = Kind(group=GROUP, version=VERSION, name="Cluster", plural="clusters")
MACHINE = Kind(group=GROUP, version=VERSION, name="Machine", plural="machines")
MACHINE_DEPLOYMENT = Kind(
    group=GROUP, version=VERSION, name="MachineDeployment", plural="machinedeployments"
)

CLUSTER_NAME = f"{GROUP}/cluster-name"
DEPLOYMENT_NAME = f"{GROUP}/deployment-name"
PAUSED = f"{GROUP}/paused"
FEWEST = f"{GROUP}/cluster-api-autoscaler-node-group-min-size"
MOST = f"{GROUP}/cluster-api-autoscaler-node-group-max-size"
TOPOLOGY_OWNED = "topology.cluster.x-k8s.io/owned"
TOPOLOGY_NAME = "topology.cluster.x-k8s.io/deployment-name"

HOOK = "pre-drain.delete.hook.machine.cluster.x-k8s.io/crossloop"
"""On a Machine: it is not drained as long as this is there."""
RESIZE = "crossloop.dev/resize"
"""On what holds the size of a MachineDeployment: the change that is intended."""


def kind_named(name: str, group: str, version: str) -> Kind:
    """Return a kind of namespaced objects by its name; the plural follows Kubernetes' rule."""
    return Kind(group=group, version=version, name=name, plural=_plural(name.lower()))


def _plural(name: str) -> str:
    """Return the plural as API resources form it (k8s.io/gengo, namer `allLowercasePlural`)."""
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    if name.endswith("y") and name[-2:-1] not in tuple("aeiou"):
        return f"{name[:-1]}ies"
    return f"{name}s"
