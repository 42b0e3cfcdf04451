"""Names of things, so that a cluster is never taken for a component."""

from typing import NewType

ClusterName = NewType("ClusterName", str)
"""A workload cluster: the name of its Site, and its Liqo cluster id."""

ApplicationName = NewType("ApplicationName", str)
"""`namespace/name` of the Application object."""

ComponentName = NewType("ComponentName", str)
CAPACITY = ApplicationName("_capacity")
"""Stands for the fleet itself: what its decisions are about are its clusters. No Application can be
called so, since the names of Kubernetes hold no underscore."""

GroupName = NewType("GroupName", str)
FleetName = NewType("FleetName", str)

CycleId = NewType("CycleId", str)
"""One turn of the loop, minted by Observe: a UTC instant, `20261124T070611123Z`. Sorts by time."""

DecisionId = NewType("DecisionId", str)
"""`<cycle>_<application token>`: unique, one token of a subject, and easy to read."""


def application_token(application: ApplicationName) -> str:
    """Return the application as one token of a subject: `xr/arena` becomes `xr_arena`.

    Unambiguous, since the names of Kubernetes hold no underscore.
    """
    return application.replace("/", "_")


def decision_id(cycle: CycleId, application: ApplicationName) -> DecisionId:
    """Return the id of the one decision a cycle makes for an application."""
    return DecisionId(f"{cycle}_{application_token(application)}")
