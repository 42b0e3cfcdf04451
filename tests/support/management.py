"""Declarations of a small fleet of its own on the shared real API server."""

from collections.abc import Mapping
from typing import Any

from console.real.client import Object

GROUP = "crossloop.dev/v1alpha1"
FLEET_LABEL = "crossloop.dev/fleet"


def declared(kind: str, name: str, fleet: str, spec: Mapping[str, Any], space: str = "") -> Object:
    """Return one of crossloop's objects of a fleet; in a namespace if `space` is given."""
    metadata: Object = {"name": name, "labels": {FLEET_LABEL: fleet}}
    if space:
        metadata["namespace"] = space
    return {"apiVersion": GROUP, "kind": kind, "metadata": metadata, "spec": dict(spec)}


def a_site(name: str, fleet: str, *, home: bool = False, access_ms: float = 2) -> Object:
    """Return a site that users of `venue` reach in that time."""
    spec = {
        "home": home,
        "tier": "metro",
        "region": "here",
        "owner": "us",
        "prices": {"coreHourUsd": 0.05},
        "access": [{"from": "venue", "milliseconds": access_ms}],
    }
    return declared("Site", name, fleet, spec)


def an_application(name: str, fleet: str, space: str, **changes: Any) -> Object:
    """Return `ingest` -> `render` in `auto`, 1 ms each, and users at `venue` with 15 ms."""
    spec = {
        "autonomy": "auto",
        "components": [
            {
                "name": component,
                "workload": {"kind": "Deployment", "name": component},
                "processing": {"milliseconds": 1},
                "replicas": {"min": 1, "max": 4},
            }
            for component in ("ingest", "render")
        ],
        "flows": [{"from": "ingest", "to": "render", "mbps": 100}],
        "users": [{"group": "visitors", "site": "venue", "path": ["ingest", "render"]}],
        **changes,
    }
    return declared("Application", name, fleet, spec, space)


def a_policy(fleet: str, **changes: Any) -> Object:
    """Return a policy under which one bad cycle is enough to act."""
    return declared("FleetPolicy", fleet, fleet, {"persistence": {"needed": 1, "of": 1}, **changes})
