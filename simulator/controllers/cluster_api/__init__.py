"""Plays the controllers and webhooks of Cluster API 1.14, where its CRDs are installed."""

from simulator.controllers.cluster_api.clusters import Clusters
from simulator.controllers.cluster_api.control_planes import ControlPlanes
from simulator.controllers.cluster_api.infrastructure import InfrastructureClusters
from simulator.controllers.cluster_api.kinds import CONTROL_PLANES, INFRASTRUCTURES
from simulator.controllers.cluster_api.machine_deployments import MachineDeployments
from simulator.controllers.cluster_api.machines import Machines
from simulator.controllers.cluster_api.webhooks import ClusterApiWebhooks
from simulator.controllers.loop import Controller, Time
from simulator.kubernetes.api import Api

__all__ = ["ClusterApiWebhooks", "cluster_api_controllers"]


def cluster_api_controllers(api: Api, time: Time) -> tuple[Controller, ...]:
    """Return the controllers of core, of the control planes and of the infrastructure."""
    return (
        Clusters(api),
        *(ControlPlanes(api, time, kind) for kind in CONTROL_PLANES),
        *(InfrastructureClusters(api, time, kind) for kind in INFRASTRUCTURES),
        MachineDeployments(api),
        Machines(api, time),
    )
